#include "reference/kv/virtual_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

#include "reference/core/checked.h"

namespace attnlab::kv {
namespace {

[[noreturn]] void fail(const char* call) { throw std::system_error(errno, std::generic_category(), call); }

std::size_t checked_page(std::size_t page_bytes) {
  const auto system = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  if (page_bytes == 0 || page_bytes % system != 0) {
    throw InvalidArgument("page_bytes", std::to_string(page_bytes),
                          "a multiple of the system's page of " + std::to_string(system));
  }
  return page_bytes;
}

}  // namespace

PhysicalMemory::PhysicalMemory(std::size_t page_bytes, Index num_pages)
    : page_bytes_(checked_page(page_bytes)), pages_(num_pages) {
  const std::uint64_t bytes =
      checked_multiply(page_bytes, static_cast<std::uint64_t>(num_pages), "num_pages");
  file_ = memfd_create("attnlab-kv", MFD_CLOEXEC);
  if (file_ < 0) fail("memfd_create");
  if (ftruncate(file_, static_cast<off_t>(bytes)) != 0) {
    const int error = errno;
    close(file_);
    throw std::system_error(error, std::generic_category(), "ftruncate");
  }
}

PhysicalMemory::~PhysicalMemory() { close(file_); }

VirtualArray::VirtualArray(PhysicalMemory& memory, std::size_t max_bytes)
    : memory_(memory),
      max_bytes_(max_bytes),
      reserved_bytes_(divide_up(max_bytes, memory.page_bytes_) * memory.page_bytes_) {
  if (max_bytes == 0) throw InvalidArgument("max_bytes", "0", "1 or more");
  void* addresses =
      mmap(nullptr, reserved_bytes_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (addresses == MAP_FAILED) fail("mmap");
  data_ = static_cast<std::byte*>(addresses);
}

VirtualArray::~VirtualArray() {
  munmap(data_, reserved_bytes_);
  for (const BlockId page : mapped_) memory_.pages_.release(page);
}

void VirtualArray::grow(std::size_t bytes) {
  if (bytes > max_bytes_) {
    throw InvalidArgument("bytes", std::to_string(bytes), "at most " + std::to_string(max_bytes_));
  }
  const auto needed = static_cast<Index>(divide_up(bytes, memory_.page_bytes_));
  const Index more = needed - static_cast<Index>(mapped_.size());
  if (more > memory_.pages_.free()) throw OutOfBlocks(more, memory_.pages_.free());
  for (Index n = 0; n < more; ++n) {
    const BlockId page = memory_.pages_.allocate();
    const auto offset = static_cast<off_t>(page) * static_cast<off_t>(memory_.page_bytes_);
    if (mmap(data_ + mapped_bytes(), memory_.page_bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
             memory_.file_, offset) == MAP_FAILED) {
      memory_.pages_.release(page);
      fail("mmap");
    }
    mapped_.push_back(page);
  }
}

}  // namespace attnlab::kv
