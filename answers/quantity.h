// Quantities as people write them: how counts, sizes and shares are read and printed. Reading is exact: a
// value that is not a whole number, or does not fit 64 bits, is refused with InvalidArgument.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace attnlab::answers {

// A count: 1000, 64k, 1M, 1.5k. k, M, G and T are powers of 1024, in either case.
std::uint64_t parse_count(const std::string& argument, std::string_view text);

// A size in bytes: 4096, 192KiB, 80GB, 1.5TB, 192k. With B the prefixes are the SI's and IEC's, kB = 10^3 and
// KiB = 2^10 (a GPU sold as "80 GB" holds 80 GiB); without B they are those of a count, so 192k = 192KiB.
std::uint64_t parse_bytes(const std::string& argument, std::string_view text);

// An exact share of a whole, between 0 and 1.
struct Share {
  std::uint64_t numerator = 0;
  std::uint64_t denominator = 1;

  std::uint64_t of(std::uint64_t whole) const;  // rounded down
  double value() const { return static_cast<double>(numerator) / static_cast<double>(denominator); }
};

// A share: 12.5%, 0.125.
Share parse_share(const std::string& argument, std::string_view text);

// 34560 as "34,560".
std::string format_count(std::uint64_t count);

// Binary and decimal, for a reader who must not confuse them: 327680 as "320.00 KiB (327.68 kB)". Below
// 1000 bytes: "576 B".
std::string format_bytes(std::uint64_t bytes);

}  // namespace attnlab::answers
