#include "answers/error.h"

#include "reference/core/errors.h"

namespace attnlab::answers {

Json error_json(const std::exception& error) {
  Json parts = {{"argument", nullptr}, {"got", error.what()}, {"expected", nullptr}};
  if (const auto* refused = dynamic_cast<const InvalidArgument*>(&error)) {
    parts = {{"argument", refused->argument()}, {"got", refused->value()}, {"expected", refused->expected()}};
  } else if (const auto* file = dynamic_cast<const FileError*>(&error)) {
    parts["argument"] = file->path(), parts["got"] = file->problem();
  }
  return {{"error", parts}};
}

std::string spelled(const std::string& text, const std::function<std::string(const std::string&)>& spell) {
  std::string result;
  std::size_t from = 0;
  for (std::size_t open; (open = text.find('`', from)) != std::string::npos;) {
    const std::size_t close = text.find('`', open + 1);
    if (close == std::string::npos) break;
    result.append(text, from, open - from).append(spell(text.substr(open + 1, close - open - 1)));
    from = close + 1;
  }
  return result.append(text, from);
}

}  // namespace attnlab::answers
