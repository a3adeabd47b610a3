// Options that take a count, a size or a share (answers/quantity.h).
#pragma once

#include <cstdint>
#include <string>

#include "answers/quantity.h"
#include "cli/cli11.h"

namespace attnlab::cli {

// Options whose text is read by the functions above, into a variable that keeps its value when the option is
// absent. The variable must outlive the parse. What is less than `least` is refused.
CLI::Option* add_count(CLI::App& app, const std::string& option, std::uint64_t& count,
                       const std::string& help, std::uint64_t least = 0);
CLI::Option* add_bytes(CLI::App& app, const std::string& option, std::uint64_t& bytes,
                       const std::string& help, std::uint64_t least = 0);
CLI::Option* add_share(CLI::App& app, const std::string& option, answers::Share& share,
                       const std::string& help);

}  // namespace attnlab::cli
