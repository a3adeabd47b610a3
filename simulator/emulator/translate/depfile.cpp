#include "simulator/emulator/translate/depfile.h"

#include <string_view>

namespace attnlab::emulator::translate {

// A backslash takes the next character as it is, a line's end being a space; a dollar is written twice. The target
// may hold colons: the rule's own is followed by a space.
std::vector<std::filesystem::path> prerequisites(const std::string& rule) {
  std::vector<std::filesystem::path> files;
  std::string word;
  bool behind_colon = false;
  for (std::size_t i = 0; i <= rule.size(); ++i) {
    const char c = i < rule.size() ? rule[i] : ' ', next = i + 1 < rule.size() ? rule[i + 1] : ' ';
    if (c == '\\' && next != '\n') {
      word += next, ++i;
    } else if (c == '$' && next == '$') {
      word += c, ++i;
    } else if (std::string_view(" \t\n\\").find(c) == std::string_view::npos) {
      word += c;
    } else if (!word.empty()) {
      if (behind_colon) files.emplace_back(word);
      behind_colon |= word.back() == ':';
      word.clear();
    }
  }
  return files;
}

}  // namespace attnlab::emulator::translate
