// Work that takes long is begun only by who says so: --yes.
#pragma once

#include <string>

#include "answers/work.h"
#include "cli/options.h"

namespace attnlab::cli {

class LongWork {
 public:
  static constexpr double kMostSeconds = 120;  // that are begun without --yes

  // Adds --yes. The object must outlive the parse.
  void add_option(Command& command);
  // Throws InvalidArgument for work that takes longer than that, unless --yes was typed, and for more bytes than the
  // machine has even so. `less`: what would make it shorter.
  void permit(const answers::Work& work, const std::string& less = "smaller sizes") const;

 private:
  bool yes_ = false;
};

// "5 s", "3 minutes", "2 hours", "4 days", "30 years".
std::string duration(double seconds);

}  // namespace attnlab::cli
