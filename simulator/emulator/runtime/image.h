// The running program's own image: code addresses to source lines, the symbol table, and where its
// thread-local storage, constants and device variables lie.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace attnlab::emulator {

struct SourceLine {
  std::string file;
  unsigned line = 0;
};

struct Symbol {
  std::string name;     // mangled
  std::uint64_t begin;  // link-time address; for a thread-local variable, its offset in the TLS segment
  std::uint64_t bytes;
};

// [begin, end) of addresses.
struct Range {
  std::uintptr_t begin = 0, end = 0;
  bool contains(std::uintptr_t address) const { return address - begin < end - begin; }
};

class Image {
 public:
  static const Image& instance();  // read once, on first use

  // The full address of a code address's low 32 bits, less the bias that the loader added.
  std::uint64_t link_address(std::uint32_t code) const;
  std::uint64_t link_address(const void* address) const {
    return reinterpret_cast<std::uintptr_t>(address) - bias_;
  }
  // The function that holds a link-time address, or null.
  const Symbol* function_at(std::uint64_t link_address) const;
  const std::vector<Symbol>& thread_locals() const { return thread_locals_; }
  const std::string& path() const { return path_; }

  // This OS thread's copy of the program's thread-local variables.
  static Range thread_storage();
  // Read-only and other data of the program: legal for device code to read only if constant.
  const Range& readonly_data() const { return readonly_; }

  // Source lines of many code addresses at once (addr2line): of an inlined call chain the innermost place
  // that is not in a header of the emulator. Unknown ones have an empty file.
  std::map<std::uint32_t, SourceLine> lines(const std::vector<std::uint32_t>& codes) const;

 private:
  Image();
  std::string path_;
  std::uint64_t bias_ = 0, low_ = 0;
  Range readonly_;
  std::vector<Symbol> functions_, thread_locals_;  // by begin
};

std::string demangled(const std::string& name);

}  // namespace attnlab::emulator
