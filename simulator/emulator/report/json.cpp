// Reports to JSON and back.
#include "simulator/emulator/report/json.h"

#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <utility>

#include "os/output_file.h"
#include "reference/core/errors.h"

namespace attnlab::emulator {
namespace {

using Json = nlohmann::ordered_json;

// --- writing -------------------------------------------------------------------------------------------

Json json_of(const Index3& index) { return Json::array({index.x, index.y, index.z}); }

enum class Zeros { keep, drop };

Json json_of(const Counters& counters, Zeros zeros) {
  Json object = Json::object();
  for (const MetricInfo& info : metrics()) {
    const std::uint64_t count = counters[static_cast<std::size_t>(info.metric)];
    if (count != 0 || zeros == Zeros::keep) object[std::string(info.name)] = count;
  }
  return object;
}

Json json_of(const std::vector<Finding>& findings) {
  Json array = Json::array();
  for (const Finding& finding : findings) {
    array.push_back({{"kind", name(finding.kind)},
                     {"kernel", finding.kernel},
                     {"file", finding.file},
                     {"line", finding.line},
                     {"block", json_of(finding.block)},
                     {"thread", json_of(finding.thread)},
                     {"address", finding.address},
                     {"message", finding.message},
                     {"count", finding.count}});
  }
  return array;
}

Json json_of(const KernelReport& kernel) {
  Json lines = Json::array();
  for (const LineReport& line : kernel.lines) {
    lines.push_back(
        {{"file", line.file}, {"line", line.line}, {"metrics", json_of(line.counters, Zeros::drop)}});
  }
  return {{"name", kernel.name},
          {"gpu", kernel.gpu},
          {"grid", json_of(kernel.grid)},
          {"block", json_of(kernel.block)},
          {"static_shared_bytes", kernel.static_shared_bytes},
          {"dynamic_shared_bytes", kernel.dynamic_shared_bytes},
          {"resident_blocks", kernel.resident_blocks},
          {"seconds", kernel.seconds},
          {"metrics", json_of(kernel.counters, Zeros::keep)},
          {"lines", std::move(lines)},
          {"findings", json_of(kernel.findings)}};
}

// --- reading -------------------------------------------------------------------------------------------

// A value of the file and its place in it, for messages.
class Cursor {
 public:
  Cursor(const Json& value, std::string file, std::string where)
      : value_(value), file_(std::move(file)), where_(std::move(where)) {}

  [[noreturn]] void refuse(const std::string& problem) const {
    throw FileError(file_, (where_.empty() ? "the whole" : where_) + ": " + problem);
  }

  Cursor at(const std::string& key) const {
    if (!value_.is_object()) refuse("not an object");
    const auto found = value_.find(key);
    if (found == value_.end()) refuse("has no \"" + key + "\"");
    return {*found, file_, where_.empty() ? key : where_ + "." + key};
  }

  std::string text() const {
    if (!value_.is_string()) refuse("not a text");
    return value_.get<std::string>();
  }

  template <class Integer = std::uint64_t>
  Integer count() const {
    if (!value_.is_number_unsigned() || value_.get<std::uint64_t>() > std::numeric_limits<Integer>::max())
      refuse("not a whole number below 2^" + std::to_string(std::numeric_limits<Integer>::digits));
    return value_.get<Integer>();
  }

  double seconds() const {
    if (!value_.is_number() || !(value_.get<double>() >= 0)) refuse("not a time");
    return value_.get<double>();
  }

  template <class Read>
  auto list(Read read) const {
    if (!value_.is_array()) refuse("not a list");
    std::vector<decltype(read(*this))> result;
    result.reserve(value_.size());
    for (std::size_t i = 0; i < value_.size(); ++i)
      result.push_back(read(Cursor(value_[i], file_, where_ + "[" + std::to_string(i) + "]")));
    return result;
  }

  Index3 index3() const {
    const auto parts = list([](const Cursor& part) { return part.count<unsigned>(); });
    if (parts.size() != 3) refuse("not three numbers");
    return {parts[0], parts[1], parts[2]};
  }

  std::vector<std::pair<std::string, Cursor>> members() const {
    if (!value_.is_object()) refuse("not an object");
    std::vector<std::pair<std::string, Cursor>> result;
    for (const auto& item : value_.items()) result.emplace_back(item.key(), at(item.key()));
    return result;
  }

 private:
  const Json& value_;
  std::string file_, where_;
};

Counters read_counters(const Cursor& cursor, Zeros zeros) {
  static const auto index = [] {
    std::unordered_map<std::string, std::size_t> result;
    for (const MetricInfo& info : metrics()) result.emplace(info.name, static_cast<std::size_t>(info.metric));
    return result;
  }();
  Counters counters{};
  const auto members = cursor.members();
  for (const auto& [key, value] : members) {
    const auto found = index.find(key);
    if (found == index.end()) value.refuse("no counter of this version");
    counters[found->second] = value.count();
  }
  if (zeros == Zeros::keep && members.size() != kMetricCount)
    for (const MetricInfo& info : metrics()) cursor.at(std::string(info.name));  // refuses the missing one
  return counters;
}

FindingKind read_kind(const Cursor& cursor) {
  const std::string text = cursor.text();
  for (int i = 0; i < static_cast<int>(FindingKind::count_); ++i)
    if (name(static_cast<FindingKind>(i)) == text) return static_cast<FindingKind>(i);
  cursor.refuse("no kind of finding: " + text);
}

Finding read_finding(const Cursor& cursor) {
  return {.kind = read_kind(cursor.at("kind")),
          .kernel = cursor.at("kernel").text(),
          .file = cursor.at("file").text(),
          .line = cursor.at("line").count<unsigned>(),
          .block = cursor.at("block").index3(),
          .thread = cursor.at("thread").index3(),
          .address = cursor.at("address").count(),
          .message = cursor.at("message").text(),
          .count = cursor.at("count").count()};
}

LineReport read_line(const Cursor& cursor) {
  return {.file = cursor.at("file").text(),
          .line = cursor.at("line").count<unsigned>(),
          .counters = read_counters(cursor.at("metrics"), Zeros::drop)};
}

KernelReport read_kernel(const Cursor& cursor) {
  return {.name = cursor.at("name").text(),
          .grid = cursor.at("grid").index3(),
          .block = cursor.at("block").index3(),
          .static_shared_bytes = cursor.at("static_shared_bytes").count(),
          .dynamic_shared_bytes = cursor.at("dynamic_shared_bytes").count(),
          .resident_blocks = cursor.at("resident_blocks").count<unsigned>(),
          .gpu = cursor.at("gpu").text(),
          .seconds = cursor.at("seconds").seconds(),
          .counters = read_counters(cursor.at("metrics"), Zeros::keep),
          .lines = cursor.at("lines").list(read_line),
          .findings = cursor.at("findings").list(read_finding)};
}

}  // namespace

std::string to_json(const Report& report) {
  const auto text = [](const Json& json) { return json.dump(1, ' ', false, Json::error_handler_t::replace); };
  // Kernel after kernel: a program may launch thousands, and the library's objects take ten times their text.
  std::string whole = "{\n\"program\": " + text(report.program) + ",\n\"kernels\": [";
  for (const KernelReport& kernel : report.kernels)
    whole += (&kernel == &report.kernels.front() ? "\n" : ",\n") + text(json_of(kernel));
  return whole + "],\n\"findings\": " + text(json_of(report.findings)) + "\n}\n";
}

void write_json(const Report& report, const std::filesystem::path& path) {
  os::write_file(path, to_json(report));
}

Report read_json(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw FileError(path.string(), "cannot be opened");
  Json whole;
  try {
    whole = Json::parse(file);
  } catch (const Json::exception& error) {
    throw FileError(path.string(), error.what());
  }
  const Cursor cursor(whole, path.string(), "");
  return {.program = cursor.at("program").text(),
          .kernels = cursor.at("kernels").list(read_kernel),
          .findings = cursor.at("findings").list(read_finding)};
}

}  // namespace attnlab::emulator
