#include "simulator/emulator/translate/edits.h"

#include <algorithm>
#include <string>

#include "reference/core/errors.h"

namespace attnlab::emulator::translate {

bool Edits::touches(std::size_t token) const {
  auto next = changes_.upper_bound(token);
  return next != changes_.begin() && (--next)->second.end > token;
}

void Edits::replace(std::size_t begin, std::size_t end, std::string replacement) {
  const auto next = changes_.lower_bound(begin);
  const bool overlaps =
      touches(begin) || (next != changes_.end() && next->first < end && next->second.end > 0);
  if (overlaps) {  // of text that no compiler would take
    const Token& token = source_.tokens[begin];
    throw FileError(source_.files[token.file].name + ":" + std::to_string(token.line),
                    "cannot be translated: two constructs overlap here");
  }
  Change& change = changes_[begin];
  change.end = end;
  change.replacement = std::move(replacement);
}

std::string Edits::apply() const {
  std::string out;
  out.reserve(source_.text.size() + 64 * changes_.size());
  std::size_t copied = 0;
  for (const auto& [index, change] : changes_) {
    const std::size_t begin = source_.tokens[index].begin;
    out += source_.text.substr(copied, begin - copied);
    copied = begin;
    out += change.inserted;
    if (change.end == 0) continue;
    out += change.replacement;
    const Token& last = source_.tokens[change.end - 1];
    const std::string_view removed = source_.text.substr(begin, last.end - begin);
    copied = last.end;
    if (removed.find('\n') == std::string_view::npos) continue;
    const auto within = source_.text.substr(last.begin, last.end - last.begin);
    const auto line = last.line + std::count(within.begin(), within.end(), '\n');
    const SourceFile& file = source_.files[last.file];
    out += "\n# " + std::to_string(line) + " " + file.spelled + (file.system ? " 3\n" : "\n");
  }
  out += source_.text.substr(copied);
  return out;
}

}  // namespace attnlab::emulator::translate
