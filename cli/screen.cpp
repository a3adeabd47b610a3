#include "cli/screen.h"

#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <clocale>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "reference/core/errors.h"

namespace attnlab::cli {
namespace {

constexpr int kShades = 5;
constexpr std::array<const char*, kShades> kUnicodeShades{"\u00b7", "\u2591", "\u2592", "\u2593", "\u2588"};
constexpr std::array<const char*, kShades> kAsciiShades{".", "-", "+", "x", "#"};

bool utf8_locale() {
  std::setlocale(LC_CTYPE, "");
  return std::strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

int columns() {
  winsize size{};
  const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40;
  return known ? std::min<int>(size.ws_col, 160) : 80;
}

}  // namespace

std::string Screen::painted(const std::string& text, const char* code) const {
  return colour ? std::string("\033[") + code + "m" + text + "\033[0m" : text;
}

std::string Screen::bar(double share, int width) const {
  const int length = share <= 0 ? 0 : std::max(1, static_cast<int>(std::lround(share * width)));
  std::string text;
  for (int n = 0; n < length; ++n) text += unicode ? "\u2588" : "#";
  return text;
}

std::string Screen::shade(double share) const {
  const int level = share <= 0 ? 0 : std::min(kShades - 1, 1 + static_cast<int>(share * (kShades - 1)));
  const auto& shades = unicode ? kUnicodeShades : kAsciiShades;
  const std::string text = shades[static_cast<std::size_t>(level)];
  return level == 0 ? text : red(text);
}

Screen screen(const std::string& option, const std::string& picture) {
  if (picture != "auto" && picture != "unicode" && picture != "ascii") {
    throw InvalidArgument(option, picture, "auto, unicode or ascii");
  }
  Screen result;
  result.unicode = picture == "unicode" || (picture == "auto" && utf8_locale());
  result.colour = isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr;
  result.columns = columns();
  return result;
}

}  // namespace attnlab::cli
