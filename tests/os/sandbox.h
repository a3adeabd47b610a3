// Tests of what needs a sandbox: skipped, with the reason, where the system makes none.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#include "os/sandbox.h"
#include "reference/core/errors.h"

// Why there is no sandbox here; empty: there is one.
inline std::string no_sandbox() {
  try {
    attnlab::os::require_sandbox();
    return {};
  } catch (const attnlab::FileError& error) {
    return error.what();
  }
}

#define SKIP_WITHOUT_SANDBOX() \
  if (const std::string why = no_sandbox(); !why.empty()) GTEST_SKIP() << why

// Whether a process runs that has the word in its command line.
inline bool runs_with(const std::string& word) {
  for (const auto& process : std::filesystem::directory_iterator("/proc")) {
    std::ifstream file(process.path() / "cmdline");
    const std::string line(std::istreambuf_iterator<char>(file), {});
    if (line.find(word) != std::string::npos) return true;
  }
  return false;
}

inline bool ends_with_word(const std::string& word) {
  for (int tries = 0; tries < 500 && runs_with(word); ++tries)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  return !runs_with(word);
}
