// Options that take a count, a size or a share (answers/quantity.h).
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "answers/quantity.h"
#include "cli/options.h"

namespace attnlab::cli {

// Options whose text is read by the functions above, into a variable that keeps its value when the option is
// absent, or to be taken by a function. The variable must outlive the parse. What is less than `least` is
// refused.
Option add_count(Command& app, const std::string& option, std::uint64_t& count, const std::string& help,
                 std::uint64_t least = 0);
Option add_count(Command& app, const std::string& option, const std::string& help, std::uint64_t least,
                 const std::function<void(std::uint64_t)>& take);
Option add_bytes(Command& app, const std::string& option, std::uint64_t& bytes, const std::string& help,
                 std::uint64_t least = 0);
Option add_bytes(Command& app, const std::string& option, const std::string& help, std::uint64_t least,
                 const std::function<void(std::uint64_t)>& take);
Option add_share(Command& app, const std::string& option, answers::Share& share, const std::string& help);

}  // namespace attnlab::cli
