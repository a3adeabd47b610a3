#include "simulator/emulator/runtime/image.h"

#include <cxxabi.h>
#include <elf.h>
#include <fmt/format.h>
#include <link.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <span>
#include <sstream>

#include "simulator/emulator/runtime/binutils.h"

namespace attnlab::emulator {
namespace {

struct Program {
  std::uint64_t bias = 0, low = ~0ull;
  Range readonly, thread_storage;
  bool found = false;
};

// The first object that the loader names is the program itself.
int visit(dl_phdr_info* info, std::size_t, void* out) {
  auto& program = *static_cast<Program*>(out);
  program.found = true;
  program.bias = info->dlpi_addr;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& header = info->dlpi_phdr[i];
    const std::uintptr_t begin = info->dlpi_addr + header.p_vaddr;
    if (header.p_type == PT_LOAD) {
      program.low = std::min<std::uint64_t>(program.low, begin);
      if (!(header.p_flags & PF_W)) {  // from the first to the last segment that cannot be written
        if (program.readonly.end == 0) program.readonly.begin = begin;
        program.readonly.end = begin + header.p_memsz;
      }
    }
    if (header.p_type == PT_TLS && info->dlpi_tls_data != nullptr) {
      const auto data = reinterpret_cast<std::uintptr_t>(info->dlpi_tls_data);
      program.thread_storage = {data, data + header.p_memsz};
    }
  }
  return 1;
}

Program program() {
  Program found;
  dl_iterate_phdr(visit, &found);
  return found;
}

std::string program_path() {
  std::string path(4096, '\0');
  const ssize_t length = readlink("/proc/self/exe", path.data(), path.size());
  path.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
  return path;
}

template <class T>
std::vector<T> read_at(std::ifstream& file, std::uint64_t offset, std::uint64_t bytes) {
  std::vector<T> values(bytes / sizeof(T));
  file.seekg(static_cast<std::streamoff>(offset));
  file.read(reinterpret_cast<char*>(values.data()), static_cast<std::streamsize>(values.size() * sizeof(T)));
  if (!file) values.clear();
  return values;
}

// Code of ours and the system's: its lines are those of who called it.
bool is_ours(const std::string& file) {
  return file.find("/emulator/cuda_headers/") != std::string::npos ||
         file.find("/simulator/emulator/") != std::string::npos || file.rfind("/usr/include/", 0) == 0 ||
         file.rfind("/usr/lib/", 0) == 0;
}

// What addr2line says of the addresses: of each the chain of inlined calls, innermost first.
void read_lines(const std::string& text, std::span<const std::uint32_t> codes,
                std::map<std::uint32_t, SourceLine>& result) {
  std::istringstream in(text);
  std::size_t index = 0;
  bool settled = true;
  SourceLine* current = nullptr;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("0x")) {  // the next address's chain
      if (index >= codes.size()) break;
      current = &result[codes[index++]];
      settled = false;
      continue;
    }
    if (settled || current == nullptr) continue;
    if (const auto note = line.find(" ("); note != std::string::npos)
      line.resize(note);  // "(discriminator 2)"
    const std::size_t colon = line.rfind(':');
    if (colon == std::string::npos || line[0] == '?') continue;
    current->file = line.substr(0, colon);
    current->line = static_cast<unsigned>(std::strtoul(line.c_str() + colon + 1, nullptr, 10));
    settled = !is_ours(current->file);
  }
}

}  // namespace

const Image& Image::instance() {
  static const auto* const image = new Image;  // the report is made while the process ends
  return *image;
}

Image::Image() : path_(program_path()) {
  const Program self = program();
  bias_ = self.bias;
  low_ = self.low;
  readonly_ = self.readonly;

  std::ifstream file(path_, std::ios::binary);
  const auto header = read_at<Elf64_Ehdr>(file, 0, sizeof(Elf64_Ehdr));
  if (header.empty() || std::memcmp(header[0].e_ident, ELFMAG, SELFMAG) != 0) return;
  const auto sections =
      read_at<Elf64_Shdr>(file, header[0].e_shoff, std::uint64_t{header[0].e_shnum} * sizeof(Elf64_Shdr));
  for (const auto& section : sections) {
    if (section.sh_type != SHT_SYMTAB || section.sh_link >= sections.size()) continue;
    const auto symbols = read_at<Elf64_Sym>(file, section.sh_offset, section.sh_size);
    const auto& names_at = sections[section.sh_link];
    auto names = read_at<char>(file, names_at.sh_offset, names_at.sh_size);
    if (names.empty()) continue;
    names.back() = '\0';
    for (const auto& symbol : symbols) {
      const auto type = ELF64_ST_TYPE(symbol.st_info);
      if ((type != STT_FUNC && type != STT_TLS) || symbol.st_shndx == SHN_UNDEF || symbol.st_size == 0 ||
          symbol.st_name >= names.size())
        continue;
      (type == STT_FUNC ? functions_ : thread_locals_)
          .push_back({names.data() + symbol.st_name, symbol.st_value, symbol.st_size});
    }
  }
  const auto by_begin = [](const Symbol& a, const Symbol& b) { return a.begin < b.begin; };
  std::sort(functions_.begin(), functions_.end(), by_begin);
  std::sort(thread_locals_.begin(), thread_locals_.end(), by_begin);
}

std::uint64_t Image::link_address(std::uint32_t code) const {
  std::uint64_t address = (low_ & ~0xffffffffull) | code;
  if (address < low_) address += 1ull << 32;
  return address - bias_;
}

const Symbol* Image::function_at(std::uint64_t address) const {
  auto after = std::upper_bound(functions_.begin(), functions_.end(), address,
                                [](std::uint64_t a, const Symbol& s) { return a < s.begin; });
  while (after != functions_.begin()) {
    --after;
    if (address < after->begin + after->bytes) return &*after;
    if (address - after->begin > (1u << 24)) break;
  }
  return nullptr;
}

Range Image::thread_storage() { return program().thread_storage; }

std::map<std::uint32_t, SourceLine> Image::lines(const std::vector<std::uint32_t>& codes) const {
  constexpr std::size_t kAtOnce = 20000;  // the system limits a command's length
  std::map<std::uint32_t, SourceLine> result;
  if (path_.empty()) return result;
  for (std::size_t first = 0; first < codes.size(); first += kAtOnce) {
    const auto portion = std::span(codes).subspan(first, std::min(kAtOnce, codes.size() - first));
    std::vector<std::string> command{"addr2line", "-a", "-i", "-e", path_};
    // A return address lies behind its call, which may be the line's last instruction: look one byte before.
    for (const std::uint32_t code : portion) command.push_back(fmt::format("{:x}", link_address(code) - 1));
    read_lines(said_by(command), portion, result);
  }
  return result;
}

std::string demangled(const std::string& name) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> text(
      abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status), std::free);
  return status == 0 && text ? text.get() : name;
}

}  // namespace attnlab::emulator
