#include "answers/quantity.h"

#include <fmt/format.h>

#include <array>
#include <limits>
#include <optional>

#include "reference/core/errors.h"

namespace attnlab::answers {
namespace {

using Wide = unsigned __int128;

constexpr std::string_view kCountForm = "a whole number such as 4096, 64k or 1M (k = 1024)";
constexpr std::string_view kBytesForm = "a whole number of bytes such as 4096, 192KiB or 80GB";
constexpr std::string_view kShareForm = "a share such as 12.5% or 0.125, at most 100%";

[[noreturn]] void refuse(const std::string& argument, std::string_view text, std::string_view expected) {
  throw InvalidArgument(argument, "'" + std::string(text) + "'", std::string(expected));
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// An unsigned decimal number as digits * 10^-places, and what follows it.
struct Decimal {
  Wide digits = 0;
  Wide scale = 1;  // 10^places
  std::string_view suffix;
};

// Nothing if the text does not start with a digit or has more than 30 digits (10^30 < 2^128).
std::optional<Decimal> split(std::string_view text) {
  Decimal number;
  std::size_t at = 0;
  int digits = 0;
  const auto take_digits = [&](bool fraction) {
    const std::size_t first = at;
    for (; at < text.size() && is_digit(text[at]); ++at) {
      if (++digits > 30) return false;
      number.digits = number.digits * 10 + static_cast<Wide>(text[at] - '0');
      if (fraction) number.scale *= 10;
    }
    return at > first;
  };
  if (!take_digits(false)) return std::nullopt;
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (!take_digits(true)) return std::nullopt;
  }
  number.suffix = text.substr(at);
  return number;
}

std::optional<int> prefix_power(char letter) {
  switch (letter) {
    case 'k':
    case 'K':
      return 1;
    case 'm':
    case 'M':
      return 2;
    case 'g':
    case 'G':
      return 3;
    case 't':
    case 'T':
      return 4;
    default:
      return std::nullopt;
  }
}

Wide power(Wide base, int exponent) {
  Wide result = 1;
  for (int i = 0; i < exponent; ++i) result *= base;
  return result;
}

// The factor of a suffix: "" or a prefix (1024); with_bytes also allows "B", "kB" (1000) and "KiB" (1024).
std::optional<Wide> factor(std::string_view suffix, bool with_bytes) {
  if (suffix.empty()) return 1;
  if (with_bytes && (suffix == "B" || suffix == "b")) return 1;
  const std::optional<int> exponent = prefix_power(suffix.front());
  if (!exponent) return std::nullopt;
  const std::string_view rest = suffix.substr(1);
  if (rest.empty()) return power(1024, *exponent);
  if (with_bytes && (rest == "B" || rest == "b")) return power(1000, *exponent);
  if (with_bytes && (rest == "iB" || rest == "ib")) return power(1024, *exponent);
  return std::nullopt;
}

std::uint64_t parse_whole(const std::string& argument, std::string_view text, bool with_bytes,
                          std::string_view form) {
  const std::optional<Decimal> number = split(text);
  const std::optional<Wide> unit = number ? factor(number->suffix, with_bytes) : std::nullopt;
  if (!unit) refuse(argument, text, form);
  constexpr Wide kMax = std::numeric_limits<std::uint64_t>::max();
  if (number->digits / number->scale > kMax) refuse(argument, text, "less than 2^64");
  const Wide whole = number->digits / number->scale * *unit;  // below 2^64 * 1024^4: fits
  const Wide fraction = number->digits % number->scale;
  if (fraction != 0 && number->scale > power(10, 18)) refuse(argument, text, "at most 18 decimal places");
  if (fraction * *unit % number->scale != 0) refuse(argument, text, form);
  const Wide value = whole + fraction * *unit / number->scale;
  if (value > kMax) refuse(argument, text, "less than 2^64");
  return static_cast<std::uint64_t>(value);
}

// In the largest unit that leaves a value of at least 1.
std::string scaled(std::uint64_t bytes, double base, const std::array<std::string_view, 7>& units) {
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= base && unit + 1 < units.size(); ++unit) value /= base;
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.2f} {}", value, units[unit]);
}

}  // namespace

std::uint64_t parse_count(const std::string& argument, std::string_view text) {
  return parse_whole(argument, text, false, kCountForm);
}

std::uint64_t parse_bytes(const std::string& argument, std::string_view text) {
  return parse_whole(argument, text, true, kBytesForm);
}

std::uint64_t Share::of(std::uint64_t whole) const {
  return static_cast<std::uint64_t>(static_cast<Wide>(whole) * numerator / denominator);
}

Share parse_share(const std::string& argument, std::string_view text) {
  std::optional<Decimal> number = split(text);
  if (!number || (number->suffix != "" && number->suffix != "%")) refuse(argument, text, kShareForm);
  if (number->scale > power(10, 15)) refuse(argument, text, kShareForm);
  if (number->suffix == "%") number->scale *= 100;
  if (number->digits > number->scale) refuse(argument, text, kShareForm);
  return {static_cast<std::uint64_t>(number->digits), static_cast<std::uint64_t>(number->scale)};
}

std::string format_count(std::uint64_t count) {
  std::string text = std::to_string(count);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
  return text;
}

std::string format_bytes(std::uint64_t bytes) {
  static constexpr std::array<std::string_view, 7> kBinary{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  static constexpr std::array<std::string_view, 7> kDecimal{"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  if (bytes < 1000) return fmt::format("{} B", bytes);
  return fmt::format("{} ({})", scaled(bytes, 1024, kBinary), scaled(bytes, 1000, kDecimal));
}

}  // namespace attnlab::answers
