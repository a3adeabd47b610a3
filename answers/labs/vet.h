// What a student's program may not contain, found before it runs: a look at its preprocessed text and at the names that
// its object file asks for. The sandbox keeps a program from harm; this keeps it from being something else than an
// answer, and says so by name.
#pragma once

#include <filesystem>
#include <optional>
#include <set>
#include <string>

namespace attnlab::answers::labs {

// text: by `g++ -E` of `source`, and what is compiled. readable: the headers that it may include, and folders of them.
// What is refused, in one line that begins with file and line.
std::optional<std::string> refused_text(const std::string& text, const std::filesystem::path& source,
                                        const std::set<std::filesystem::path>& readable);

// names: by `nm -u --format=posix` of the object file, a name and a type per line.
std::optional<std::string> refused_names(const std::string& names);

}  // namespace attnlab::answers::labs
