#include "simulator/device/device.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include "reference/core/data_dir.h"
#include "reference/core/errors.h"
#include "reference/core/json_object.h"

namespace attnlab::device {
namespace {

constexpr std::array<std::pair<Arithmetic, std::string_view>, 7> kArithmetics{{
    {Arithmetic::fp64, "fp64"},
    {Arithmetic::fp32, "fp32"},
    {Arithmetic::tf32, "tf32"},
    {Arithmetic::fp16, "fp16"},
    {Arithmetic::bf16, "bf16"},
    {Arithmetic::fp8, "fp8"},
    {Arithmetic::int8, "int8"},
}};

// The figures that are one number, where they go, under which key, and the most that can be meant: models count with
// them, and keep a state for each SM.
struct CountRow {
  const char* key;
  std::uint64_t Device::*member;
  std::uint64_t most;
};
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 50, kMostInSm = 1 << 16;
constexpr std::array<CountRow, 9> kCounts{{
    {"hbm_bytes", &Device::hbm_bytes, kMostBytes},
    {"l2_bytes", &Device::l2_bytes, kMostBytes},
    {"sms", &Device::sms, 1 << 14},
    {"sram_bytes_per_sm", &Device::sram_bytes_per_sm, kMostBytes},
    {"shared_bytes_per_sm", &Device::shared_bytes_per_sm, kMostBytes},
    {"shared_bytes_per_block", &Device::shared_bytes_per_block, kMostBytes},
    {"register_bytes_per_sm", &Device::register_bytes_per_sm, kMostBytes},
    {"threads_per_sm", &Device::threads_per_sm, kMostInSm},
    {"warps_per_sm", &Device::warps_per_sm, kMostInSm},
}};

constexpr std::array<std::pair<const char*, double Device::*>, 4> kRates{{
    {"hbm_bandwidth", &Device::hbm_bandwidth},
    {"clock_hz", &Device::clock_hz},
    {"interconnect_bandwidth", &Device::interconnect_bandwidth},
    {"exp_rate", &Device::exp_rate},
}};

// Calls read(object, key) where the number of a figure stands, and notes its source.
template <class Read>
auto figure(const JsonObject& object, const std::string& prefix, const std::string& key, Device& device,
            Read read) {
  if (!object.is_object(key)) return read(object, key);
  const JsonObject detail = object.object(key);
  detail.allow_only({"value", "source"});
  device.sources[prefix + key] = detail.text("source");
  return read(detail, std::string("value"));
}

const auto read_count = [](const JsonObject& object, const std::string& key) { return object.count(key); };
const auto read_rate = [](const JsonObject& object, const std::string& key) { return object.rate(key); };

std::map<Arithmetic, double> read_rates(const JsonObject& file, const std::string& key, Device& device) {
  const JsonObject rates = file.object(key);
  std::vector<std::string> names;
  for (const auto& [arithmetic, name] : kArithmetics) names.emplace_back(name);
  rates.allow_only(names);
  std::map<Arithmetic, double> result;
  for (const auto& [arithmetic, name] : kArithmetics) {
    const std::string type(name);
    if (rates.has(type)) result[arithmetic] = figure(rates, key + ".", type, device, read_rate);
  }
  if (result.empty()) file.refuse(key, "empty, expected a rate for at least one of fp16, bf16, ...");
  return result;
}

void refuse_contradictions(const JsonObject& file, const Device& device) {
  const auto demand = [&](bool holds, const char* key, const char* problem) {
    if (!holds) file.refuse(key, problem);
  };
  demand(device.shared_bytes_per_sm <= device.sram_bytes_per_sm, "shared_bytes_per_sm",
         "more than sram_bytes_per_sm, of which it is a part");
  demand(device.shared_bytes_per_block <= device.shared_bytes_per_sm, "shared_bytes_per_block",
         "more than shared_bytes_per_sm");
  demand(device.warps_per_sm <= device.threads_per_sm, "warps_per_sm", "more than threads_per_sm");
  demand(device.vector_flops.contains(Arithmetic::fp32), "vector_flops.fp32", "missing");
}

Device read(const std::filesystem::path& path) {
  const JsonObject file = JsonObject::read(path);
  std::vector<std::string> known{"name", "aliases", "description", "tensor_flops", "vector_flops"};
  for (const CountRow& row : kCounts) known.emplace_back(row.key);
  for (const auto& [key, member] : kRates) known.emplace_back(key);
  file.allow_only(known);

  Device device;
  device.name = file.text("name");
  if (file.has("aliases")) device.aliases = file.texts("aliases");
  device.description = file.text("description");
  for (const auto& [key, member, most] : kCounts) {
    device.*member = figure(file, "", key, device, read_count);
    if (device.*member > most)
      file.refuse(key, fmt::format("got {}, expected a whole number of at most {}", device.*member, most));
  }
  for (const auto& [key, member] : kRates) device.*member = figure(file, "", key, device, read_rate);
  device.tensor_flops = read_rates(file, "tensor_flops", device);
  device.vector_flops = read_rates(file, "vector_flops", device);
  refuse_contradictions(file, device);
  return device;
}

bool is_path(const std::string& text) {
  return text.ends_with(".json") || text.find('/') != std::string::npos;
}

bool answers_to(const Device& device, const std::string& name) {
  return device.name == name ||
         std::find(device.aliases.begin(), device.aliases.end(), name) != device.aliases.end();
}

}  // namespace

std::string_view name(Arithmetic arithmetic) {
  for (const auto& [value, text] : kArithmetics)
    if (value == arithmetic) return text;
  throw InvalidArgument("arithmetic", std::to_string(static_cast<int>(arithmetic)),
                        "a value of the enumeration");
}

Arithmetic arithmetic_of(DType type) {
  switch (type) {
    case DType::f64:
      return Arithmetic::fp64;
    case DType::f32:
      return Arithmetic::fp32;
    case DType::f16:
      return Arithmetic::fp16;
    case DType::bf16:
      return Arithmetic::bf16;
    case DType::e4m3:
    case DType::e5m2:
      return Arithmetic::fp8;
    case DType::i8:
      return Arithmetic::int8;
    default:
      throw InvalidArgument("dtype", std::string(attnlab::name(type)),
                            "a type that a GPU multiplies: fp64, fp32, fp16, bf16, fp8 or int8");
  }
}

Device load(const std::string& name_or_path) {
  if (is_path(name_or_path)) return read(name_or_path);
  std::string names;
  for (Device& device : list()) {
    if (answers_to(device, name_or_path)) return std::move(device);
    names += (names.empty() ? "" : ", ") + device.name;
    for (const std::string& alias : device.aliases) names += fmt::format(" (or {})", alias);
  }
  throw InvalidArgument("device", "'" + name_or_path + "'",
                        "one of " + names + ", or the path of a .json file");
}

std::vector<Device> list() {
  std::vector<Device> devices;
  for (const auto& entry : std::filesystem::directory_iterator(data_dir("simulator/device/data")))
    if (entry.path().extension() == ".json") devices.push_back(read(entry.path()));
  std::sort(devices.begin(), devices.end(), [](const Device& a, const Device& b) { return a.name < b.name; });
  return devices;
}

}  // namespace attnlab::device
