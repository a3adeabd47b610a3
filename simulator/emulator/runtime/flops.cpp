#include "simulator/emulator/runtime/flops.h"

#include <fmt/format.h>

#include <cstdlib>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <unordered_set>

#include "simulator/emulator/runtime/binutils.h"
#include "simulator/emulator/runtime/block_table.h"
#include "simulator/emulator/runtime/image.h"

namespace attnlab::emulator {
namespace {

bool begins(std::string_view text, std::string_view with) { return text.substr(0, with.size()) == with; }

void add_instruction(BlockFlops& flops, std::string_view name) {
  if (name.size() < 5 || name.substr(name.size() - 2) != "ss") return;  // scalar single precision
  if (begins(name, "vfmadd") || begins(name, "vfmsub") || begins(name, "vfnmadd") || begins(name, "vfnmsub"))
    ++flops.fma;
  else if (name == "vaddss" || name == "vsubss" || name == "addss" || name == "subss")
    ++flops.add;
  else if (name == "vmulss" || name == "mulss")
    ++flops.mul;
  else if (name == "vsqrtss" || name == "sqrtss" || name == "vdivss" || name == "divss")
    ++flops.special;  // MUFU.RSQ, MUFU.RCP
}

}  // namespace

std::map<std::uint32_t, BlockFlops> block_flops(const std::vector<std::uint32_t>& codes) {
  std::map<std::uint32_t, BlockFlops> result;
  const Image& image = Image::instance();
  // Only the functions that hold one of the addresses are disassembled.
  std::map<std::uint64_t, std::uint32_t> by_address;
  std::set<const Symbol*> functions;
  static const auto& begins = *[&] {
    auto* all = new std::unordered_set<std::uint64_t>;  // for ever, as the table
    for (const std::uint32_t block : block_table().begins) all->insert(image.link_address(block));
    return all;
  }();
  for (const std::uint32_t code : codes) {
    by_address[image.link_address(code)] = code;
    if (const Symbol* function = image.function_at(image.link_address(code))) functions.insert(function);
  }
  for (const Symbol* function : functions) {
    std::istringstream code(
        said_by({"objdump", "-d", "--no-show-raw-insn", fmt::format("--start-address={:#x}", function->begin),
                 fmt::format("--stop-address={:#x}", function->begin + function->bytes), image.path()}));
    BlockFlops* current = nullptr;
    bool after_trace = false;
    for (std::string line; std::getline(code, line);) {
      char* end = nullptr;
      const std::uint64_t address = std::strtoull(line.c_str(), &end, 16);
      if (end == line.c_str() || *end != ':') continue;
      const std::string_view text(end + 1);
      // A block goes from the return of its trace call to the next one.
      if (after_trace || begins.count(address) != 0) {
        const auto at = by_address.find(address);
        current = at == by_address.end() ? nullptr : &result[at->second];
        after_trace = false;
      }
      if (text.find("__sanitizer_cov_trace_pc") != std::string_view::npos) {
        after_trace = true;
        continue;
      }
      if (current == nullptr) continue;
      const auto name = text.find_first_not_of(" \t");
      if (name == std::string_view::npos) continue;
      add_instruction(*current, text.substr(name, text.find_first_of(" \t\n", name) - name));
    }
  }
  return result;
}

}  // namespace attnlab::emulator
