// A strict reader of JSON objects, for the data files of this project: each field is asked for by name and
// type, and every refusal is a FileError that names the file and the field.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace attnlab {

class JsonObject {
 public:
  // The object a file holds. Refuses an unreadable file, malformed JSON, a key given twice in one object, and
  // anything but an object at the top.
  static JsonObject read(const std::filesystem::path& file);

  // The same from text; `origin` stands for the file in messages.
  static JsonObject parse(std::string_view text, const std::string& origin);

  // Whether the key is there with a value other than null, with null, with an object, a list, a text.
  bool has(const std::string& key) const;
  bool is_null(const std::string& key) const;
  bool is_object(const std::string& key) const;
  bool is_array(const std::string& key) const;
  bool is_text(const std::string& key) const;

  // The field; refused when missing or of another type. A count is a whole number below 2^64, a rate a finite
  // number above 0.
  std::uint64_t count(const std::string& key, std::uint64_t least = 1) const;
  double rate(const std::string& key) const;
  bool boolean(const std::string& key) const;
  std::string text(const std::string& key) const;
  JsonObject object(const std::string& key) const;
  std::vector<JsonObject> objects(const std::string& key) const;
  std::vector<std::string> texts(const std::string& key) const;
  std::vector<std::uint64_t> counts(const std::string& key) const;

  // The field, or nothing when it is missing or null.
  std::optional<std::uint64_t> maybe_count(const std::string& key) const;
  std::optional<bool> maybe_boolean(const std::string& key) const;

  std::vector<std::string> keys() const;

  // Refuses a key that is not among `known`.
  void allow_only(const std::vector<std::string>& known) const;

  // A FileError about a field of this object.
  [[noreturn]] void refuse(const std::string& key, const std::string& problem) const;

  const std::string& file() const;

 private:
  struct Node;  // hides the JSON library
  explicit JsonObject(std::shared_ptr<const Node> node) : node_(std::move(node)) {}
  JsonObject child(const void* value, const std::string& key) const;

  std::shared_ptr<const Node> node_;
};

}  // namespace attnlab
