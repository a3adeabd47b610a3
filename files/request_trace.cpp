#include "files/request_trace.h"

#include <charconv>
#include <chrono>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

#include "reference/core/errors.h"
#include "reference/core/json_object.h"

namespace attnlab::files {
namespace {

constexpr std::uint64_t kMostTokens = std::uint64_t{1} << 40, kMostName = std::uint64_t{1} << 62;

std::string place(const std::filesystem::path& path, Index line) {
  return path.string() + ":" + std::to_string(line);
}

std::uint64_t at_most(const JsonObject& json, const char* key, std::uint64_t value, std::uint64_t most) {
  if (value > most)
    json.refuse(key, "is " + std::to_string(value) + ", expected at most " + std::to_string(most));
  return value;
}

TracedRequest mooncake_request(const std::string& line, const std::string& origin) {
  const JsonObject json = JsonObject::parse(line, origin);
  TracedRequest request;
  request.arrival =
      static_cast<double>(at_most(json, "timestamp", json.count("timestamp", 0), kMostName)) / 1000;
  request.prompt =
      static_cast<Index>(at_most(json, "input_length", json.count("input_length", 0), kMostTokens));
  request.output =
      static_cast<Index>(at_most(json, "output_length", json.count("output_length", 0), kMostTokens));
  for (const std::uint64_t name : json.counts("hash_ids")) {
    request.blocks.push_back(static_cast<std::int64_t>(at_most(json, "hash_ids", name, kMostName)));
  }
  return request;
}

// All of the text as a number, or nothing.
template <class T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "2023-11-16 18:17:03.9799600" in seconds, from any fixed day.
std::optional<double> seconds(std::string_view text) {
  if (text.size() < 19 || text[4] != '-' || text[7] != '-' || text[10] != ' ' || text[13] != ':' ||
      text[16] != ':') {
    return std::nullopt;
  }
  const auto year = number<int>(text.substr(0, 4)), hour = number<int>(text.substr(11, 2)),
             minute = number<int>(text.substr(14, 2));
  const auto month = number<unsigned>(text.substr(5, 2)), day = number<unsigned>(text.substr(8, 2));
  const auto second = number<double>(text.substr(17));
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(*month),
                                         std::chrono::day(*day)};
  const bool in_range =
      *hour >= 0 && *hour < 24 && *minute >= 0 && *minute < 60 && *second >= 0 && *second < 61;
  if (!date.ok() || !in_range) return std::nullopt;
  const auto days = std::chrono::sys_days(date).time_since_epoch().count();
  return static_cast<double>(days) * 86400 + *hour * 3600 + *minute * 60 + *second;
}

TracedRequest azure_request(std::string_view line, const std::string& origin) {
  const std::size_t first = line.find(','), second = first == line.npos ? first : line.find(',', first + 1);
  if (second == line.npos) throw FileError(origin, "expected TIMESTAMP,ContextTokens,GeneratedTokens");
  const auto time = seconds(line.substr(0, first));
  const auto prompt = number<std::uint64_t>(line.substr(first + 1, second - first - 1));
  const auto output = number<std::uint64_t>(line.substr(second + 1));
  if (!time) throw FileError(origin, "expected a time such as 2023-11-16 18:17:03.97");
  if (!prompt || !output || *prompt > kMostTokens || *output > kMostTokens) {
    throw FileError(origin, "expected two numbers of tokens after the time");
  }
  return {*time, static_cast<Index>(*prompt), static_cast<Index>(*output), {}};
}

}  // namespace

std::vector<TracedRequest> read_request_trace(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) throw FileError(path.string(), "cannot be read");
  std::vector<TracedRequest> requests;
  std::string line;
  Index number = 0;
  bool csv = false;
  while (std::getline(file, line)) {
    ++number;
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
    if (line.empty()) continue;
    if (number == 1 && line == "TIMESTAMP,ContextTokens,GeneratedTokens") {
      csv = true;
    } else if (csv) {
      requests.push_back(azure_request(line, place(path, number)));
    } else if (line.front() == '{') {
      requests.push_back(mooncake_request(line, place(path, number)));
    } else {
      throw FileError(place(path, number),
                      "expected a JSON object, or the header TIMESTAMP,ContextTokens,GeneratedTokens");
    }
  }
  if (file.bad()) throw FileError(path.string(), "cannot be read to its end");
  if (requests.empty()) throw FileError(path.string(), "has no request");
  const double begin = requests.front().arrival;
  for (TracedRequest& request : requests) request.arrival -= begin;
  return requests;
}

}  // namespace attnlab::files
