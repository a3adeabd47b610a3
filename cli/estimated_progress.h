// A bar on a terminal for work that does not report how far it is: the share of its estimate that has passed.
#pragma once

#include <string>
#include <thread>

namespace attnlab::cli {

class EstimatedProgress {
 public:
  // Shows nothing where stderr is no terminal, or the estimate is a few seconds.
  EstimatedProgress(const std::string& title, double seconds);

 private:
  std::jthread bar_;
};

}  // namespace attnlab::cli
