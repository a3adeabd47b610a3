// The stacks of fibers.
#include <sys/mman.h>

#include <atomic>
#include <new>

#include "simulator/emulator/runtime/lane.h"

namespace attnlab::emulator {
namespace {

constexpr unsigned kMostGuards = 30000;
std::atomic<unsigned> guarded_pages = 0;  // of all workers

}  // namespace

Stacks::Stacks() {
  void* at = mmap(nullptr, kCount * kStride, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (at == MAP_FAILED) throw std::bad_alloc();
  base_ = static_cast<std::byte*>(at);
}

Stacks::~Stacks() {
  munmap(base_, kCount * kStride);
  guarded_pages -= guarded_;
}

void Stacks::guard(unsigned threads) {
  for (; guarded_ < threads; ++guarded_) {
    if (guarded_pages.fetch_add(1) >= kMostGuards ||
        mprotect(base_ + guarded_ * kStride, kGuardBytes, PROT_NONE) != 0) {
      --guarded_pages;
      return;
    }
  }
}

}  // namespace attnlab::emulator
