// The typed exceptions of attnlab. Bad input is refused before work starts, naming the argument, its value
// and what was expected.
#pragma once

#include <stdexcept>
#include <string>

namespace attnlab {

// An argument that cannot be computed with. what() reads "<argument>: got <value>, expected <expected>".
class InvalidArgument : public std::invalid_argument {
 public:
  InvalidArgument(const std::string& argument, const std::string& value, const std::string& expected)
      : std::invalid_argument(argument + ": got " + value + ", expected " + expected),
        argument_(argument),
        value_(value),
        expected_(expected) {}
  const std::string& argument() const { return argument_; }
  const std::string& value() const { return value_; }
  const std::string& expected() const { return expected_; }

 private:
  std::string argument_, value_, expected_;
};

// A file that cannot be read, parsed or written. what() reads "<path>: <problem>".
class FileError : public std::runtime_error {
 public:
  FileError(const std::string& path, const std::string& problem)
      : std::runtime_error(path + ": " + problem), path_(path), problem_(problem) {}
  const std::string& path() const { return path_; }
  const std::string& problem() const { return problem_; }

 private:
  std::string path_, problem_;
};

}  // namespace attnlab
