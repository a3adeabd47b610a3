#include "cli/quantity_options.h"

#include <fmt/format.h>

#include "reference/core/errors.h"

namespace attnlab::cli {
namespace {

std::uint64_t at_least(std::uint64_t least, const std::string& argument, std::string_view text,
                       std::uint64_t value) {
  if (value < least) {
    throw InvalidArgument(argument, "'" + std::string(text) + "'", fmt::format("at least {}", least));
  }
  return value;
}

}  // namespace

Option add_count(Command& app, const std::string& option, const std::string& help, std::uint64_t least,
                 const std::function<void(std::uint64_t)>& take) {
  const auto read = [name = first_name(option), take, least](const std::string& text) {
    take(at_least(least, name, text, answers::parse_count(name, text)));
  };
  return app.add_option(option, read, help).type_name("COUNT");
}

Option add_count(Command& app, const std::string& option, std::uint64_t& count, const std::string& help,
                 std::uint64_t least) {
  return add_count(app, option, help, least, [&count](std::uint64_t value) { count = value; });
}

Option add_bytes(Command& app, const std::string& option, const std::string& help, std::uint64_t least,
                 const std::function<void(std::uint64_t)>& take) {
  const auto read = [name = first_name(option), take, least](const std::string& text) {
    take(at_least(least, name, text, answers::parse_bytes(name, text)));
  };
  return app.add_option(option, read, help).type_name("BYTES");
}

Option add_bytes(Command& app, const std::string& option, std::uint64_t& bytes, const std::string& help,
                 std::uint64_t least) {
  return add_bytes(app, option, help, least, [&bytes](std::uint64_t value) { bytes = value; });
}

Option add_share(Command& app, const std::string& option, answers::Share& share, const std::string& help) {
  const auto read = [name = first_name(option), &share](const std::string& text) {
    share = answers::parse_share(name, text);
  };
  return app.add_option(option, read, help).type_name("SHARE");
}

}  // namespace attnlab::cli
