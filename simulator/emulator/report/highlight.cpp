// Escaping, and colours for source text.
#include "simulator/emulator/report/highlight.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>

namespace attnlab::emulator {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

// How many bytes the UTF-8 character at the start of text takes; 0 when there is none.
std::size_t character_bytes(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  const std::size_t length = first < 0x80   ? 1
                             : first < 0xC2 ? 0
                             : first < 0xE0 ? 2
                             : first < 0xF0 ? 3
                             : first < 0xF5 ? 4
                                            : 0;
  if (length == 0 || length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xC0) != 0x80) return 0;
  // Overlong forms, surrogates, and what lies beyond U+10FFFF.
  if (length == 3 && ((first == 0xE0 && byte(1) < 0xA0) || (first == 0xED && byte(1) > 0x9F))) return 0;
  if (length == 4 && ((first == 0xF0 && byte(1) < 0x90) || (first == 0xF4 && byte(1) > 0x8F))) return 0;
  return length;
}

bool starts_word(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool continues_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

constexpr std::array<std::string_view, 51> kKeywords{
    "alignas",  "asm",      "auto",          "bool",        "break",     "case",   "char",
    "class",    "const",    "constexpr",     "continue",    "default",   "delete", "do",
    "double",   "else",     "enum",          "extern",      "false",     "float",  "for",
    "if",       "inline",   "int",           "long",        "namespace", "new",    "noexcept",
    "nullptr",  "operator", "private",       "public",      "return",    "short",  "signed",
    "sizeof",   "static",   "static_assert", "static_cast", "struct",    "switch", "template",
    "this",     "true",     "typename",      "union",       "unsigned",  "using",  "void",
    "volatile", "while"};
static_assert(std::is_sorted(kKeywords.begin(), kKeywords.end()));

constexpr std::array<std::string_view, 5> kCudaWords{"blockDim", "blockIdx", "gridDim", "threadIdx",
                                                     "warpSize"};

// Words that begin with two underscores are CUDA's: __global__, __shared__, __syncthreads, __shfl_xor_sync.
std::string_view mark_of(std::string_view word) {
  if (std::binary_search(kKeywords.begin(), kKeywords.end(), word)) return "b";
  if (word.starts_with("__")) return "u";
  return std::find(kCudaWords.begin(), kCudaWords.end(), word) != kCudaWords.end() ? "u" : "";
}

std::string marked(std::string_view mark, std::string_view text) {
  if (mark.empty() || text.empty()) return escaped(text);
  std::string result = "<";
  result += mark;
  result += ">" + escaped(text) + "</";
  result += mark;
  return result + ">";
}

// Where the literal that begins with this quote ends: behind its closing quote, or at the end of the line.
std::size_t end_of_literal(std::string_view text, std::size_t begin) {
  for (std::size_t i = begin + 1; i < text.size(); ++i) {
    if (text[i] == '\\')
      ++i;
    else if (text[i] == text[begin])
      return i + 1;
  }
  return text.size();
}

std::size_t end_of_word(std::string_view text, std::size_t begin) {
  const auto end =
      std::find_if_not(text.begin() + static_cast<std::ptrdiff_t>(begin), text.end(), continues_word);
  return static_cast<std::size_t>(end - text.begin());
}

// 1.5e-3f, 0x1p-2, 1'000: a sign belongs to it only behind an exponent.
std::size_t end_of_number(std::string_view text, std::size_t begin) {
  const bool hex = text.size() > begin + 1 && (text[begin + 1] == 'x' || text[begin + 1] == 'X');
  std::size_t i = begin;
  for (; i < text.size(); ++i) {
    const char c = text[i], before = i > begin ? text[i - 1] : ' ';
    const bool exponent = hex ? before == 'p' || before == 'P' : before == 'e' || before == 'E';
    const bool belongs = continues_word(c) || c == '.' || ((c == '+' || c == '-') && exponent) ||
                         (c == '\'' && i + 1 < text.size() && continues_word(text[i + 1]));
    if (!belongs) break;
  }
  return i;
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = character_bytes(text);
    const char c = text.front();
    if (length == 0 || (length == 1 && std::iscntrl(static_cast<unsigned char>(c)) != 0 && c != '\t'))
      result += kReplacement;
    else if (c == '&')
      result += "&amp;";
    else if (c == '<')
      result += "&lt;";
    else if (c == '>')
      result += "&gt;";
    else if (c == '"')
      result += "&#34;";
    else
      result += text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return result;
}

std::string Highlighter::line(std::string_view text) {
  std::string result;
  std::size_t i = 0;
  const auto take = [&](std::string_view mark, std::size_t end) {
    result += marked(mark, text.substr(i, end - i));
    i = end;
  };
  while (i < text.size()) {
    const std::string_view rest = text.substr(i);
    const char c = rest.front();
    if (in_comment_ || rest.starts_with("/*")) {
      const std::size_t end = text.find("*/", in_comment_ ? i : i + 2);
      in_comment_ = end == std::string_view::npos;
      take("i", in_comment_ ? text.size() : end + 2);
    } else if (rest.starts_with("//")) {
      take("i", text.size());
    } else if (c == '"' || c == '\'') {
      take("s", end_of_literal(text, i));
    } else if (starts_word(c)) {
      const std::size_t end = end_of_word(text, i);
      take(mark_of(text.substr(i, end - i)), end);
    } else if (c == '#') {
      take("b", end_of_word(text, i + 1));
    } else if (std::isdigit(static_cast<unsigned char>(c)) != 0) {
      take("s", end_of_number(text, i));
    } else {  // up to what might begin something else
      std::size_t end = i + 1;
      while (end < text.size() && !continues_word(text[end]) &&
             std::string_view("/\"'#").find(text[end]) == std::string_view::npos)
        ++end;
      take("", end);
    }
  }
  return result;
}

}  // namespace attnlab::emulator
