#include "reference/core/json_keys.h"

#include <nlohmann/json.hpp>
#include <unordered_set>
#include <vector>

namespace attnlab {
namespace {

using Json = nlohmann::json;

// The keys of the objects that are open; all else is passed over. nlohmann-json's own callback would do, but it goes
// through all members of an object whenever one of them ends.
class Keys : public nlohmann::json_sax<Json> {
 public:
  std::optional<std::string> duplicate;

  bool start_object(std::size_t) override { return open_.emplace_back(), true; }
  bool end_object() override { return open_.pop_back(), true; }
  bool key(string_t& name) override {
    if (!open_.back().insert(name).second) duplicate = name;
    return !duplicate;
  }
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

 private:
  std::vector<std::unordered_set<std::string>> open_;
};

}  // namespace

std::optional<std::string> duplicate_key(std::string_view json_text) {
  Keys keys;
  Json::sax_parse(json_text, &keys);
  return keys.duplicate;
}

}  // namespace attnlab
