// A launch that takes long says how far it is, and how long the rest may take.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

namespace attnlab::emulator {

// On stderr: after some seconds a line where a minute or more is left, once; on a terminal, the share every second.
class Patience {
 public:
  // kernel: its name.
  Patience(std::string kernel, std::uint64_t blocks);
  ~Patience();  // erases what stands on the terminal
  Patience(const Patience&) = delete;
  Patience& operator=(const Patience&) = delete;

  // Another block has ended. From any thread.
  void one_more();

 private:
  void say(double seconds);

  const std::string kernel_;
  const std::uint64_t blocks_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  const bool terminal_;
  std::mutex mutex_;
  std::uint64_t done_ = 0;
  double next_;  // seconds from the start
  bool said_ = false;
};

// "scores: 120 of 4,194,304 blocks after 5 s, about 48 h for the rest": by the blocks so far.
std::string patience_text(const std::string& kernel, std::uint64_t done, std::uint64_t blocks,
                          double seconds);

}  // namespace attnlab::emulator
