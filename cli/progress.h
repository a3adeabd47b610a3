// A progress bar on stderr: on a terminal only, so that a pipe or a file stays clean.
#pragma once

#include <string>

namespace attnlab::cli {

class Progress {
 public:
  explicit Progress(std::string title);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();  // erases the bar

  // share in [0, 1].
  void show(double share);

 private:
  std::string title_;
  bool terminal_;
};

}  // namespace attnlab::cli
