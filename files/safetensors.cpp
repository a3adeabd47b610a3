#include "files/safetensors.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "files/input_file.h"
#include "files/place.h"
#include "os/output_file.h"
#include "reference/core/errors.h"
#include "reference/core/json_keys.h"
#include "reference/core/shape.h"

namespace attnlab::files {
namespace {

using nlohmann::json;

constexpr std::uint64_t kLengthBytes = 8;
constexpr std::size_t kAlignment = 8;                   // of the data, for the widest type
constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;  // the format's own limit
constexpr const char* kMetadataKey = "__metadata__";

struct TypeName {
  std::string_view text;
  DType type;
};

constexpr TypeName kTypeNames[] = {
    {"F64", DType::f64},      {"F32", DType::f32},      {"F16", DType::f16},      {"BF16", DType::bf16},
    {"F8_E4M3", DType::e4m3}, {"F8_E5M2", DType::e5m2}, {"I64", DType::i64},      {"I32", DType::i32},
    {"I16", DType::i16},      {"I8", DType::i8},        {"U64", DType::u64},      {"U32", DType::u32},
    {"U16", DType::u16},      {"U8", DType::u8},        {"BOOL", DType::boolean},
};

// A tensor's bytes, counted from the header's end.
struct Extent {
  std::uint64_t begin;
  std::uint64_t end;
};

struct Entry {
  TensorInfo info;
  Extent extent;
};

class Safetensors : public Archive {
 public:
  Safetensors(std::unique_ptr<InputFile> file, std::uint64_t data_begin, std::vector<TensorInfo> tensors,
              std::vector<Extent> extents, Metadata metadata)
      : Archive(file->path(), std::move(tensors), std::move(metadata)),
        file_(std::move(file)),
        data_begin_(data_begin),
        extents_(std::move(extents)) {}

 private:
  void read_data(std::size_t index, std::span<std::byte> data) const override {
    file_->read(data_begin_ + extents_[index].begin, data);
  }

  std::unique_ptr<InputFile> file_;
  std::uint64_t data_begin_;
  std::vector<Extent> extents_;
};

json parse_header(const std::string& text, const Place& place) {
  if (const auto key = duplicate_key(text))
    place.fail(fmt::format("bad header: \"{}\" is given twice", *key));
  try {
    json header = json::parse(text);
    if (header.is_object()) return header;
  } catch (const json::exception&) {
    place.fail("bad header: not JSON");
  }
  place.fail("bad header: not a JSON object");
}

Metadata read_metadata(const json& value, const Place& place) {
  Metadata metadata;
  if (!value.is_object()) place.fail("bad header: __metadata__ is not an object");
  for (const auto& [key, text] : value.items()) {
    if (!text.is_string()) place.fail(fmt::format("bad header: __metadata__.{} is not a string", key));
    metadata[key] = text.get<std::string>();
  }
  return metadata;
}

Entry read_entry(const std::string& tensor_name, const json& value, const Place& file) {
  const Place place{file.path, fmt::format("tensor {}", tensor_name)};
  const auto field = [&](const char* key) -> const json& {
    if (!value.is_object() || !value.contains(key)) place.fail(fmt::format("has no {}", key));
    return value[key];
  };
  const auto counts = [&](const char* key) {
    const json& list = field(key);
    std::vector<Index> numbers;
    if (!list.is_array()) place.fail(fmt::format("{} is not a list", key));
    for (const json& number : list) {
      if (!number.is_number_unsigned() || number.get<std::uint64_t>() > std::numeric_limits<Index>::max()) {
        place.fail(fmt::format("{} has an element that is not a count below 2^63", key));
      }
      numbers.push_back(number.get<Index>());
    }
    return numbers;
  };

  const json& type = field("dtype");
  if (!type.is_string()) place.fail("dtype is not a string");
  const auto* known = std::ranges::find(kTypeNames, type.get<std::string>(), &TypeName::text);
  if (known == std::end(kTypeNames))
    place.fail(fmt::format("type {} is not supported", type.get<std::string>()));
  Entry entry{{tensor_name, known->type, counts("shape")}, {}};

  const std::vector<Index> offsets = counts("data_offsets");
  if (offsets.size() != 2 || offsets[0] > offsets[1]) place.fail("data_offsets are not a begin and an end");
  const std::optional<Index> bytes = byte_count(entry.info);
  if (!bytes) place.fail(fmt::format("shape {} is too large", shape_text(entry.info.shape)));
  if (offsets[1] - offsets[0] != *bytes) {
    place.fail(fmt::format("has {} bytes of data, {} {} takes {}", offsets[1] - offsets[0],
                           name(entry.info.dtype), shape_text(entry.info.shape), *bytes));
  }
  entry.extent = {static_cast<std::uint64_t>(offsets[0]), static_cast<std::uint64_t>(offsets[1])};
  return entry;
}

// The entries in the order of their data, once these cover [0, data_bytes) without hole or overlap.
std::vector<Entry> in_data_order(std::vector<Entry> entries, std::uint64_t data_bytes, const Place& place) {
  std::ranges::stable_sort(entries, {},
                           [](const Entry& e) { return std::pair(e.extent.begin, e.extent.end); });
  std::uint64_t covered = 0;
  for (const Entry& entry : entries) {
    if (entry.extent.begin != covered) {
      place.fail(fmt::format("tensor {}: data begin at {}, {} the data before, which end at {}",
                             entry.info.name, entry.extent.begin,
                             entry.extent.begin < covered ? "overlapping" : "apart from", covered));
    }
    covered = entry.extent.end;
  }
  if (covered != data_bytes) {
    place.fail(fmt::format("{}: {} bytes of data, the tensors take {}",
                           covered > data_bytes ? "is truncated" : "is too long", data_bytes, covered));
  }
  return entries;
}

std::string json_text(const std::string& text) {
  try {
    return json(text).dump();
  } catch (const json::exception&) {
    throw InvalidArgument("tensors", "a name or metadata that is not UTF-8",
                          "UTF-8, which .safetensors demands");
  }
}

std::string header_text(std::span<const TensorInfo> tensors, const std::vector<std::size_t>& order,
                        const Metadata& metadata) {
  std::vector<std::string> fields;
  if (!metadata.empty()) {
    std::vector<std::string> pairs;
    for (const auto& [key, value] : metadata) pairs.push_back(json_text(key) + ":" + json_text(value));
    fields.push_back(fmt::format("\"{}\":{{{}}}", kMetadataKey, fmt::join(pairs, ",")));
  }
  Index begin = 0;
  for (std::size_t i : order) {
    const TensorInfo& info = tensors[i];
    const Index end = begin + byte_count(info).value();
    fields.push_back(fmt::format(R"({}:{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})",
                                 json_text(info.name),
                                 std::ranges::find(kTypeNames, info.dtype, &TypeName::type)->text,
                                 fmt::join(info.shape, ","), begin, end));
    begin = end;
  }
  std::string text = fmt::format("{{{}}}", fmt::join(fields, ","));
  text.append((kAlignment - text.size() % kAlignment) % kAlignment, ' ');
  if (text.size() > kMaxHeaderBytes)
    throw InvalidArgument("tensors", fmt::format("a header of {} bytes", text.size()), "at most 100000000");
  return text;
}

std::string shown(const TensorInfo& info) {
  return fmt::format("{} {} {}", info.name, name(info.dtype), shape_text(info.shape));
}

using WriteData = std::function<void(std::size_t, os::OutputFile&)>;

void write_file(const std::filesystem::path& path, std::span<const TensorInfo> tensors,
                const Metadata& metadata, const WriteData& write_data) {
  check_tensors(tensors);
  for (const TensorInfo& info : tensors) {
    if (info.name != kMetadataKey) continue;
    throw InvalidArgument("tensors", "a tensor named __metadata__", "another name");
  }
  std::vector<std::size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::greater(), [&](std::size_t i) { return bits(tensors[i].dtype); });
  const std::string header = header_text(tensors, order, metadata);
  const std::uint64_t header_bytes = header.size();

  os::OutputFile file(path);
  file.write(std::as_bytes(std::span(&header_bytes, 1)));
  file.write(header);
  for (std::size_t i : order) write_data(i, file);
  file.commit();
}

}  // namespace

std::unique_ptr<Archive> open_safetensors(const std::filesystem::path& path) {
  auto file = std::make_unique<InputFile>(path);
  const Place place{path, ""};
  std::array<std::byte, kLengthBytes> length;
  file->read(0, length);
  const auto header_bytes = std::bit_cast<std::uint64_t>(length);
  if (header_bytes > kMaxHeaderBytes) place.fail(fmt::format("bad header: {} bytes long", header_bytes));
  std::string text(header_bytes, '\0');
  file->read(kLengthBytes, std::as_writable_bytes(std::span(text)));
  if (!text.starts_with('{')) place.fail("bad header: not a JSON object");

  Metadata metadata;
  std::vector<Entry> entries;
  const json header = parse_header(text, place);
  for (const auto& [key, value] : header.items()) {
    if (key == kMetadataKey)
      metadata = read_metadata(value, place);
    else
      entries.push_back(read_entry(key, value, place));
  }
  const std::uint64_t data_begin = kLengthBytes + header_bytes;
  std::vector<TensorInfo> tensors;
  std::vector<Extent> extents;
  for (Entry& entry : in_data_order(std::move(entries), file->size() - data_begin, place)) {
    tensors.push_back(std::move(entry.info));
    extents.push_back(entry.extent);
  }
  return std::make_unique<Safetensors>(std::move(file), data_begin, std::move(tensors), std::move(extents),
                                       std::move(metadata));
}

void write_safetensors(const std::filesystem::path& path, std::span<const TensorInfo> tensors,
                       const std::function<Tensor(std::size_t)>& load, const Metadata& metadata) {
  const auto write_loaded = [&](std::size_t i, os::OutputFile& file) {
    const Tensor tensor = load(i);
    if (static_cast<const TensorInfo&>(tensor) != tensors[i])
      throw InvalidArgument("tensors", shown(tensor), shown(tensors[i]) + ", as announced");
    check_data(tensor);
    file.write(tensor.data);
  };
  write_file(path, tensors, metadata, write_loaded);
}

void write_safetensors(const std::filesystem::path& path, std::span<const Tensor> tensors,
                       const Metadata& metadata) {
  for (const Tensor& tensor : tensors) check_data(tensor);
  const auto write_held = [&](std::size_t i, os::OutputFile& file) { file.write(tensors[i].data); };
  write_file(path, std::vector<TensorInfo>(tensors.begin(), tensors.end()), metadata, write_held);
}

}  // namespace attnlab::files
