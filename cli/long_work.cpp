#include "cli/long_work.h"

#include <fmt/format.h>

#include "reference/core/errors.h"

namespace attnlab::cli {

void LongWork::add_option(Command& command) {
  command.add_flag("--yes", yes_,
                   fmt::format("Begins work even if it takes longer than about {}", duration(kMostSeconds)));
}

void LongWork::permit(const answers::Work& work, const std::string& less) const {
  answers::require_memory(work.bytes);
  if (yes_ || work.seconds <= kMostSeconds) return;
  throw InvalidArgument("--yes", "nothing",
                        fmt::format("it for work of about {}, or {}", duration(work.seconds), less));
}

std::string duration(double seconds) {
  struct Unit {
    double seconds, until;  // said of less than so many
    const char* name;
  };
  constexpr Unit kUnits[] = {{1, 120, "s"},
                             {60, 120, "minutes"},
                             {3600, 48, "hours"},
                             {86400, 730, "days"},
                             {31557600, 1e300, "years"}};
  for (const auto& [unit, until, name] : kUnits) {
    const double count = seconds / unit;
    if (count >= until) continue;
    return count >= 100 && count < 1e4 ? fmt::format("{:.0f} {}", count, name)
                                       : fmt::format("{:.2g} {}", count, name);
  }
  return "longer than can be said";
}

}  // namespace attnlab::cli
