#include "reference/core/json_object.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "reference/core/errors.h"
#include "reference/core/json_keys.h"

namespace attnlab {

using nlohmann::json;

struct JsonObject::Node {
  std::shared_ptr<const json> document;  // owns `value`
  const json* value;
  std::string file;
  std::string prefix;  // of the keys in messages: "tensor_flops."
};

namespace {

json parse_without_duplicates(std::string_view text) {
  if (const auto key = duplicate_key(text))
    throw std::invalid_argument("the key \"" + *key + "\" is given twice");
  return json::parse(text);
}

std::string shown(const json& value) {
  std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  return text.size() <= 60 ? text : text.substr(0, 57) + "...";
}

// A number without a fraction counts as whole however it is written: 2.0, 1e12.
std::optional<std::uint64_t> as_count(const json& value) {
  if (value.is_number_unsigned()) return value.get<std::uint64_t>();
  if (!value.is_number_float()) return std::nullopt;
  const double number = value.get<double>();
  const bool whole = number >= 0 && number < 9007199254740992.0 && number == std::floor(number);  // 2^53
  return whole ? std::optional(static_cast<std::uint64_t>(number)) : std::nullopt;
}

constexpr const char* kMissing = "missing";

}  // namespace

JsonObject JsonObject::read(const std::filesystem::path& file) {
  std::error_code unreadable;
  if (!std::filesystem::exists(file, unreadable)) throw FileError(file.string(), "no such file");
  if (!std::filesystem::is_regular_file(file, unreadable))
    throw FileError(file.string(), "is not a regular file");
  std::ifstream stream(file, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  if (!stream) throw FileError(file.string(), "cannot be read");
  return parse(text, file.string());
}

JsonObject JsonObject::parse(std::string_view text, const std::string& origin) {
  std::shared_ptr<const json> document;
  try {
    document = std::make_shared<json>(parse_without_duplicates(text));
  } catch (const json::parse_error& error) {
    throw FileError(origin, "not JSON: syntax error at byte " + std::to_string(error.byte));
  } catch (const std::exception& error) {
    const std::string text = error.what();  // "[json.exception.out_of_range.406] number overflow ..."
    const std::size_t id = text.starts_with('[') ? text.find("] ") : std::string::npos;
    throw FileError(origin, "not usable JSON: " + (id == std::string::npos ? text : text.substr(id + 2)));
  }
  if (!document->is_object()) throw FileError(origin, "expected a JSON object, got " + shown(*document));
  const json* value = document.get();
  return JsonObject(std::make_shared<const Node>(Node{std::move(document), value, origin, ""}));
}

void JsonObject::refuse(const std::string& key, const std::string& problem) const {
  throw FileError(node_->file, node_->prefix + key + ": " + problem);
}

const std::string& JsonObject::file() const { return node_->file; }

bool JsonObject::has(const std::string& key) const {
  const auto found = node_->value->find(key);
  return found != node_->value->end() && !found->is_null();
}

bool JsonObject::is_null(const std::string& key) const {
  const auto found = node_->value->find(key);
  return found != node_->value->end() && found->is_null();
}

bool JsonObject::is_object(const std::string& key) const {
  return has(key) && node_->value->at(key).is_object();
}

bool JsonObject::is_array(const std::string& key) const {
  return has(key) && node_->value->at(key).is_array();
}

bool JsonObject::is_text(const std::string& key) const {
  return has(key) && node_->value->at(key).is_string();
}

std::uint64_t JsonObject::count(const std::string& key, std::uint64_t least) const {
  if (!has(key)) refuse(key, kMissing);
  const json& value = node_->value->at(key);
  const std::optional<std::uint64_t> count = as_count(value);
  if (!count || *count < least) {
    refuse(key, "got " + shown(value) + ", expected a whole number of at least " + std::to_string(least));
  }
  return *count;
}

double JsonObject::rate(const std::string& key) const {
  if (!has(key)) refuse(key, kMissing);
  const json& value = node_->value->at(key);
  const bool valid = value.is_number() && std::isfinite(value.get<double>()) && value.get<double>() > 0;
  if (!valid) refuse(key, "got " + shown(value) + ", expected a positive number");
  return value.get<double>();
}

bool JsonObject::boolean(const std::string& key) const {
  if (!has(key)) refuse(key, kMissing);
  const json& value = node_->value->at(key);
  if (!value.is_boolean()) refuse(key, "got " + shown(value) + ", expected true or false");
  return value.get<bool>();
}

std::string JsonObject::text(const std::string& key) const {
  if (!has(key)) refuse(key, kMissing);
  const json& value = node_->value->at(key);
  if (!value.is_string() || value.get_ref<const std::string&>().empty()) {
    refuse(key, "got " + shown(value) + ", expected a text");
  }
  return value.get<std::string>();
}

JsonObject JsonObject::child(const void* value, const std::string& key) const {
  const auto* object = static_cast<const json*>(value);
  if (!object->is_object()) refuse(key, "got " + shown(*object) + ", expected an object");
  return JsonObject(
      std::make_shared<const Node>(Node{node_->document, object, node_->file, node_->prefix + key + "."}));
}

JsonObject JsonObject::object(const std::string& key) const {
  if (!has(key)) refuse(key, kMissing);
  return child(&node_->value->at(key), key);
}

std::vector<JsonObject> JsonObject::objects(const std::string& key) const {
  if (!has(key)) refuse(key, kMissing);
  const json& value = node_->value->at(key);
  if (!value.is_array()) refuse(key, "got " + shown(value) + ", expected a list of objects");
  std::vector<JsonObject> result;
  for (std::size_t i = 0; i < value.size(); ++i) {
    result.push_back(child(&value[i], key + "[" + std::to_string(i) + "]"));
  }
  return result;
}

std::vector<std::string> JsonObject::texts(const std::string& key) const {
  if (!has(key)) refuse(key, kMissing);
  const json& value = node_->value->at(key);
  const bool valid = value.is_array() && std::all_of(value.begin(), value.end(),
                                                     [](const json& item) { return item.is_string(); });
  if (!valid) refuse(key, "got " + shown(value) + ", expected a list of texts");
  return value.get<std::vector<std::string>>();
}

std::vector<std::uint64_t> JsonObject::counts(const std::string& key) const {
  if (!has(key)) refuse(key, kMissing);
  const json& value = node_->value->at(key);
  if (!value.is_array()) refuse(key, "got " + shown(value) + ", expected a list of whole numbers");
  std::vector<std::uint64_t> result;
  for (const json& item : value) {
    const std::optional<std::uint64_t> count = as_count(item);
    if (!count) refuse(key, "got " + shown(item) + ", expected whole numbers");
    result.push_back(*count);
  }
  return result;
}

std::optional<std::uint64_t> JsonObject::maybe_count(const std::string& key) const {
  return has(key) ? std::optional(count(key)) : std::nullopt;
}

std::optional<bool> JsonObject::maybe_boolean(const std::string& key) const {
  return has(key) ? std::optional(boolean(key)) : std::nullopt;
}

std::vector<std::string> JsonObject::keys() const {
  std::vector<std::string> keys;
  for (const auto& item : node_->value->items()) keys.push_back(item.key());
  return keys;
}

void JsonObject::allow_only(const std::vector<std::string>& known) const {
  std::string names;
  for (const std::string& name : known) names += (names.empty() ? "" : ", ") + name;
  for (const std::string& key : keys()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      refuse(key, "unknown key, expected one of " + names);
    }
  }
}

}  // namespace attnlab
