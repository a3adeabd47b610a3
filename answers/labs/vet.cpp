#include "answers/labs/vet.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <initializer_list>
#include <regex>
#include <sstream>
#include <string_view>
#include <vector>

namespace attnlab::answers::labs {
namespace {

namespace fs = std::filesystem;

// "# 12 "file" 1": where the lines that follow come from.
struct Marker {
  std::size_t line = 0;
  std::string file;
  bool enters = false, returns = false;
};

std::optional<Marker> marker_of(const std::string& line) {
  static const std::regex kForm(R"re(# (\d{1,9}) "((?:[^"\\]|\\.)*)"((?: \d)*))re");
  if (line.size() < 2 || line[0] != '#' || line[1] != ' ' || line.size() > 1024) return std::nullopt;
  std::smatch match;
  if (!std::regex_match(line, match, kForm)) return std::nullopt;
  const std::string flags = match[3];
  return Marker{std::stoul(match[1]), match[2], flags.find('1') != std::string::npos,
                flags.find('2') != std::string::npos};
}

bool is_below(const fs::path& path, const std::set<fs::path>& folders) {
  const std::string text = path.lexically_normal().string();
  return std::ranges::any_of(folders, [&](const fs::path& folder) {
    return text == folder.string() || text.starts_with(folder.string() + "/");
  });
}

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

constexpr std::string_view kRawString = "R\"";

// The words of a line of C++ that are not in quotes. A raw string, which could hide what follows, is the word R".
std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  for (std::size_t n = 0; n < line.size();) {
    if (line[n] == '"' || line[n] == '\'') {
      const char quote = line[n++];
      while (n < line.size() && line[n] != quote) n += line[n] == '\\' ? 2 : 1;
      ++n;
    } else if (is_word(line[n])) {
      const std::size_t begin = n;
      // A number has digit separators: 1'000.
      const bool number = std::isdigit(static_cast<unsigned char>(line[n])) != 0;
      while (n < line.size() &&
             (is_word(line[n]) || (number && line[n] == '\'' && n + 1 < line.size() && is_word(line[n + 1]))))
        ++n;
      const std::string_view word = line.substr(begin, n - begin);
      const bool raw = !number && word.back() == 'R' && n < line.size() && line[n] == '"';
      words.push_back(raw ? kRawString : word);
    } else {
      ++n;
    }
  }
  return words;
}

bool is_among(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::ranges::find(words, word) != words.end();
}

// Words whose code no list of names would show: assembly, and the emulator's own rooms. `gnu` begins an attribute.
bool is_refused_word(std::string_view word) {
  if (is_among(word, {"asm", "__asm", "__asm__", "gnu", "_Pragma", kRawString})) return true;
  const auto begins = [&](std::string_view with) { return word.starts_with(with); };
  return begins("attnlab") || begins("ATTNLAB") || begins("__tsan") || begins("__sanitizer") ||
         begins("__asan") || begins("__ubsan");
}

// An attribute changes what is compiled: counts nothing, runs before main. Those of a line that may stand there; what
// else is in its parentheses, or goes on in the next line, is refused.
std::optional<std::string_view> refused_attribute(const std::vector<std::string_view>& words,
                                                  std::string_view line) {
  const auto attribute = std::ranges::find_if(words, [](std::string_view word) {
    return is_among(word, {"__attribute__", "__attribute"});
  });
  if (attribute == words.end()) return std::nullopt;
  const std::string_view rest = line.substr(static_cast<std::size_t>(attribute->data() - line.data()));
  std::size_t depth = 0, end = 0;
  for (bool began = false; end < rest.size() && (!began || depth > 0); ++end) {
    if (rest[end] == '(') ++depth, began = true;
    if (rest[end] == ')' && depth > 0) --depth;
  }
  if (depth > 0 || rest.find('(') == std::string_view::npos) return *attribute;
  for (const std::string_view word : words_of(rest.substr(attribute->size(), end - attribute->size()))) {
    const bool number = std::isdigit(static_cast<unsigned char>(word[0])) != 0;
    if (!number &&
        !is_among(word, {"aligned", "noinline", "always_inline", "unused", "const", "pure", "packed"}))
      return word;
  }
  return refused_attribute(words_of(rest.substr(end)), rest.substr(end));
}

// Of a line "#pragma ...": only what concerns loops and headers.
bool is_refused_pragma(const std::vector<std::string_view>& words, std::string_view line) {
  const std::size_t first = line.find_first_not_of(" \t");
  if (first == std::string_view::npos || line[first] != '#' || words.empty()) return false;
  return words[0] != "pragma" || words.size() < 2 || !is_among(words[1], {"unroll", "once", "nounroll"});
}

// What programs need of C and C++: files and text, memory, sorting, mathematics; of CUDA what is instrumented.
bool is_allowed_name(const std::string& name) {
  static const std::regex kAllowed(
      "(f(open|close|read|write|getc|putc|gets|puts|scanf|seek|tell|flush|printf|error)(64)?|feof|rewind|"
      "getc|ungetc|"
      "(__isoc(99|23)_)?[fs]?scanf|(__isoc(99|23)_)?v[fs]scanf|s?n?printf|vs?n?f?printf|puts|putchar|perror|"
      "std(in|out|err)|__[a-z_]*printf_chk|__[a-z]*_chk|__stack_chk_fail|"
      "malloc|calloc|realloc|free|aligned_alloc|posix_memalign|"
      "mem(cpy|move|set|cmp|chr)|str(n?cmp|n?cpy|n?cat|len|r?chr|str|error|spn|cspn|n?dup)|"
      "(__isoc23_)?strto(l|ul|ll|ull|f|d|ld)|ato(i|l|f|ll)|abs|labs|qsort|bsearch|rand|srand|exit|abort|__"
      "assert_fail|"
      "__errno_location|clock|time|getline|getdelim|"
      "(__)?(a?(sin|cos|tan)h?|atan2|exp|exp2|exp10|expm1|log|log2|log10|log1p|sqrt|rsqrt|cbrt|hypot|pow|fma|"
      "fmax|fmin|"
      "fabs|fmod|remainder|ceil|floor|trunc|l?l?r(ound|int)|round|nearbyint|ldexp|frexp|modf|erf|erfc|tgamma|"
      "lgamma|"
      "copysign|isnan|isinf|sincos|scalbn|logb|ilogb|nan|fdim)(f|l|_finite|f_finite)?|"
      "_Z(N|NK|)St.*|_ZS[a-z]?.*|_ZNKS.*|_ZNS.*|_ZTV.*|_ZTI.*|_ZTS.*|_Zn[wa].*|_Zd[la].*|__cxa_.*|__gxx_"
      "personality_v0|"
      "_Unwind_Resume|__dso_handle|_GLOBAL_OFFSET_TABLE_|__tls_get_addr|__gmon_start__|"
      "__asan_.*|__ubsan_.*|_ZN?K?7attnlab8emulator.*|attnlab_emulator_.*|__tsan_.*|__sanitizer_cov_.*)");
  // Of the standard library: files and folders by more than their names, threads that sleep, other libraries.
  static const std::regex kRefused(
      ".*(10filesystem|6thread|11this_thread|12random_device|_Fork|5async|18condition_variable|14__shared_"
      "future).*");
  return name.size() < 4096 && std::regex_match(name, kAllowed) && !std::regex_match(name, kRefused);
}

}  // namespace

std::optional<std::string> refused_text(const std::string& text, const fs::path& source,
                                        const std::set<fs::path>& readable) {
  std::istringstream lines(text);
  std::vector<std::string> files = {source.string()};  // the innermost last
  bool began = false;  // the source's own text: what was before is the compiler's
  std::size_t number = 0;
  const auto place = [&] { return fmt::format("{}:{}: ", source.filename().string(), number); };
  for (std::string line; std::getline(lines, line);) {
    if (const auto marker = marker_of(line)) {
      if (marker->enters) {
        if (began && files.size() == 1 && !is_below(marker->file, readable))
          return place() + "includes " + marker->file +
                 ", expected CUDA's and the standard library's headers";
        files.push_back(marker->file);
        continue;
      }
      if (marker->returns && files.size() > 1) files.pop_back();
      if (files.size() > 1) continue;
      if (marker->file == source.string()) {
        began |= marker->line > 0;
        number = marker->line;
      } else if (began) {
        return place() + "names another file for its lines (#line)";
      }
      continue;
    }
    if (files.size() > 1) continue;
    const std::vector<std::string_view> words = words_of(line);
    const auto refused = std::ranges::find_if(words, is_refused_word);
    if (refused != words.end())
      return place() + "uses `" + std::string(*refused) + "`, which a submission may not";
    if (const auto attribute = refused_attribute(words, line))
      return place() + "uses the attribute `" + std::string(*attribute) + "`, which a submission may not";
    if (is_refused_pragma(words, line)) return place() + "has a #pragma other than unroll";
    ++number;
  }
  return std::nullopt;
}

std::optional<std::string> refused_names(const std::string& names) {
  std::istringstream lines(names);
  for (std::string line; std::getline(lines, line);) {
    const std::string name = line.substr(0, line.find(' '));
    if (!name.empty() && !is_allowed_name(name))
      return "calls `" + name +
             "`, which a submission may not: it reads its input, computes, writes its output";
  }
  return std::nullopt;
}

}  // namespace attnlab::answers::labs
