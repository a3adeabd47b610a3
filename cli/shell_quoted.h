// Words of a command that is printed for somebody to run.
#pragma once

#include <string>

namespace attnlab::cli {

// In single quotes where a shell would see more in it than a word.
std::string shell_quoted(const std::string& word);

}  // namespace attnlab::cli
