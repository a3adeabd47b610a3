// Runs the built attnlab program as a user would, and keeps what it said.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

struct Outcome {
  int exit_code = -1;
  std::string out, err;
};

// `arguments` is a piece of shell text; `environment` is put before the command ("NAME=value ").
inline Outcome attnlab_program(const std::string& arguments, const std::string& environment = "") {
  const std::string base =
      (std::filesystem::temp_directory_path() / ("attnlab_cli_test_" + std::to_string(getpid()))).string();
  const std::string command = environment + "'" + ATTNLAB_PROGRAM + "' " + arguments + " >" + base +
                              ".out 2>" + base + ".err </dev/null";
  const int status = std::system(command.c_str());
  const auto take = [](const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    std::filesystem::remove(path);
    return text;
  };
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, take(base + ".out"), take(base + ".err")};
}
