#include "files/npy_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <string_view>
#include <vector>

#include "reference/core/errors.h"
#include "reference/core/shape.h"

namespace attnlab::files {
namespace {

constexpr std::string_view kMagic("\x93NUMPY", 6);
constexpr std::size_t kMaxHeaderBytes = 1 << 20;  // a plain array's takes about 100

struct Descriptor {
  std::string_view text;  // as written; on reading, '|' and '<' are one
  DType type;
};

constexpr Descriptor kDescriptors[] = {
    {"<f8", DType::f64},
    {"<f4", DType::f32},
    {"<f2", DType::f16},
    {"bfloat16", DType::bf16},
    {"float8_e4m3fn", DType::e4m3},
    {"float8_e5m2", DType::e5m2},
    {"<i8", DType::i64},
    {"<i4", DType::i32},
    {"<i2", DType::i16},
    {"|i1", DType::i8},
    {"<u8", DType::u64},
    {"<u4", DType::u32},
    {"<u2", DType::u16},
    {"|u1", DType::u8},
    {"|b1", DType::boolean},
};

bool is_byte_order(char c) { return c == '<' || c == '|' || c == '>' || c == '='; }

DType dtype_of(const std::string& text, std::optional<DType> raw_as, const Place& place) {
  const bool has_order = !text.empty() && is_byte_order(text.front());
  const std::string kind_and_size = has_order ? text.substr(1) : text;
  if (kind_and_size == "V2" || kind_and_size == "V1" || kind_and_size == "f1") {
    const int raw_bits = kind_and_size == "V2" ? 16 : 8;
    if (!raw_as) {
      place.fail(fmt::format("elements are '{}', untyped {}-bit ones: say which type they are ({})", text,
                             raw_bits, raw_bits == 16 ? "bf16" : "fp8_e4m3 or fp8_e5m2"));
    }
    if (bits(*raw_as) != raw_bits) {
      place.fail(
          fmt::format("elements are '{}', {}-bit ones: they cannot be {}", text, raw_bits, name(*raw_as)));
    }
    return *raw_as;
  }
  for (const Descriptor& known : kDescriptors) {
    const bool named = !is_byte_order(known.text.front());
    if (named ? text != known.text : kind_and_size != known.text.substr(1)) continue;
    const bool one_byte = bits(known.type) == 8;
    if (has_order && text.front() == '>' && !one_byte)
      place.fail(fmt::format("elements are big-endian ('{}'): save them as '<{}'", text, kind_and_size));
    return known.type;
  }
  std::string list;
  for (const Descriptor& known : kDescriptors) list += (list.empty() ? "" : " ") + std::string(known.text);
  place.fail(fmt::format("elements of type '{}' are not supported, only {}", text, list));
}

// Reads the header's text: a Python dictionary of a string, a Boolean and a tuple of integers.
class HeaderText {
 public:
  HeaderText(std::string_view text, const Place& place) : text_(text), place_(place) {}

  void expect(char c) {
    if (!accept(c)) fail(fmt::format("expected '{}'", c));
  }

  bool accept(char c) {
    skip_blanks();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  std::string string() {
    skip_blanks();
    if (at_ == text_.size() || (text_[at_] != '\'' && text_[at_] != '"')) fail("expected a string");
    const char quote = text_[at_++];
    const std::size_t end = text_.find(quote, at_);
    if (end == std::string_view::npos) fail("expected the string's end");
    const std::string found(text_.substr(at_, end - at_));
    at_ = end + 1;
    return found;
  }

  bool boolean() {
    skip_blanks();
    for (const bool value : {true, false}) {
      const std::string_view word = value ? "True" : "False";
      if (!text_.substr(at_).starts_with(word)) continue;
      at_ += word.size();
      return value;
    }
    fail("expected True or False");
  }

  std::vector<Index> tuple() {
    std::vector<Index> dimensions;
    expect('(');
    while (!accept(')')) {
      dimensions.push_back(integer());
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return dimensions;
  }

  void expect_end() {
    skip_blanks();
    if (at_ != text_.size()) fail("expected nothing more");
  }

  [[noreturn]] void fail(const std::string& problem) const {
    place_.fail(fmt::format("bad .npy header: {} at character {}", problem, at_));
  }

 private:
  void skip_blanks() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos)
      ++at_;
  }

  Index integer() {
    skip_blanks();
    Index value = 0;
    const char* begin = text_.data() + at_;
    const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), value);
    if (error == std::errc::result_out_of_range) fail("a dimension is too large");
    if (error != std::errc() || value < 0) fail("expected a dimension");
    at_ += static_cast<std::size_t>(end - begin);
    return value;
  }

  std::string_view text_;
  const Place& place_;
  std::size_t at_ = 0;
};

std::uint64_t little_endian(std::span<const std::byte> bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) value |= std::to_integer<std::uint64_t>(bytes[i]) << (8 * i);
  return value;
}

NpyHeader parse(std::string_view text, std::optional<DType> raw_as, const Place& place) {
  NpyHeader header{};
  bool descr = false, fortran_order = false, shape = false;
  HeaderText in(text, place);
  const auto first = [&in](bool& seen, const std::string& key) {
    if (seen) in.fail("'" + key + "' is given twice");
    seen = true;
  };
  in.expect('{');
  while (!in.accept('}')) {
    const std::string key = in.string();
    in.expect(':');
    if (key == "descr") {
      first(descr, key);
      if (in.accept('[')) place.fail("structured elements are not supported");
      header.info.dtype = dtype_of(in.string(), raw_as, place);
    } else if (key == "fortran_order") {
      first(fortran_order, key);
      header.fortran_order = in.boolean();
    } else if (key == "shape") {
      first(shape, key);
      header.info.shape = in.tuple();
    } else {
      in.fail("unknown key '" + key + "'");
    }
    if (!in.accept(',')) {
      in.expect('}');
      break;
    }
  }
  in.expect_end();
  if (!descr || !fortran_order || !shape) in.fail("expected descr, fortran_order and shape");
  return header;
}

}  // namespace

NpyHeader read_npy_header(const ReadNext& read_next, std::optional<DType> raw_as, const Place& place) {
  std::array<std::byte, 8> start;  // magic, major and minor version
  read_next(start);
  if (std::memcmp(start.data(), kMagic.data(), kMagic.size()) != 0)
    place.fail("is not a .npy file: wrong magic number");
  const int major = std::to_integer<int>(start[6]), minor = std::to_integer<int>(start[7]);
  if (major < 1 || major > 3 || minor != 0)
    place.fail(fmt::format("is a .npy file of version {}.{}, not of 1.0 to 3.0", major, minor));
  std::vector<std::byte> length(major == 1 ? 2 : 4);
  read_next(length);
  const std::uint64_t text_bytes = little_endian(length);
  if (text_bytes > kMaxHeaderBytes) place.fail(fmt::format("bad .npy header: {} bytes long", text_bytes));
  std::string text(text_bytes, '\0');
  read_next(std::as_writable_bytes(std::span(text)));

  NpyHeader header = parse(text, raw_as, place);
  header.bytes = start.size() + length.size() + text_bytes;
  if (!byte_count(header.info))
    place.fail(fmt::format("shape {} is too large", shape_text(header.info.shape)));
  return header;
}

std::string npy_header(const TensorInfo& info) {
  const auto* known = std::ranges::find(kDescriptors, info.dtype, &Descriptor::type);
  if (known == std::end(kDescriptors))
    throw InvalidArgument("dtype", std::string(name(info.dtype)), "a type that .npy holds");
  std::string shape;
  for (Index dimension : info.shape) shape += fmt::format("{}, ", dimension);
  if (info.shape.size() > 1) shape.resize(shape.size() - 2);  // Python's tuple of one keeps its comma
  std::string text =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", known->text, shape);
  constexpr std::size_t kBefore = 10, kAlignment = 64;
  const std::size_t unpadded = kBefore + text.size() + 1;
  text.append((kAlignment - unpadded % kAlignment) % kAlignment, ' ');
  text += '\n';
  if (text.size() > 0xffff) {
    throw InvalidArgument("shape", fmt::format("{} dimensions", info.shape.size()),
                          "fewer, for a .npy header");
  }
  const std::array<char, 4> version_and_length = {1, 0, static_cast<char>(text.size() & 0xff),
                                                  static_cast<char>(text.size() >> 8)};
  return std::string(kMagic) + std::string(version_and_length.data(), version_and_length.size()) + text;
}

void from_fortran_order(const TensorInfo& info, std::span<const std::byte> column_major,
                        std::span<std::byte> row_major) {
  const std::size_t rank = info.shape.size();
  const auto element = static_cast<std::size_t>(bits(info.dtype) / 8);
  std::vector<std::size_t> stride(rank), position(rank, 0);  // stride in bytes, of the column-major source
  std::size_t next_stride = element;
  for (std::size_t d = 0; d < rank; ++d) {
    stride[d] = next_stride;
    next_stride *= static_cast<std::size_t>(info.shape[d]);
  }
  std::size_t source = 0;
  for (std::size_t target = 0; target < row_major.size(); target += element) {
    std::memcpy(&row_major[target], &column_major[source], element);
    for (std::size_t d = rank; d-- > 0;) {  // the next row-major position, as an odometer
      source += stride[d];
      if (++position[d] < static_cast<std::size_t>(info.shape[d])) break;
      source -= stride[d] * position[d];
      position[d] = 0;
    }
  }
}

}  // namespace attnlab::files
