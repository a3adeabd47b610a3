// Inline PTX looked at before anything runs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace attnlab::emulator::ptx {

// Whether an asm statement's text can be executed here. constraints: of its operands in order, as written
// ("=f", "+r", "l"). Returns why not, in one line that names the instruction; empty: it can. Texts with "C"
// operands are not known before they run and pass.
std::string problem(std::string_view text, const std::vector<std::string>& constraints);

}  // namespace attnlab::emulator::ptx
