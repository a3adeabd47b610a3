#include "cli/quantity_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "reference/core/errors.h"

namespace attnlab::cli {
namespace {

// "--seqlen" of "--seqlen,-N".
std::string first_name(const std::string& option) { return option.substr(0, option.find(',')); }

std::uint64_t at_least(std::uint64_t least, const std::string& argument, std::string_view text,
                       std::uint64_t value) {
  if (value < least) {
    throw InvalidArgument(argument, "'" + std::string(text) + "'", fmt::format("at least {}", least));
  }
  return value;
}

}  // namespace

CLI::Option* add_count(CLI::App& app, const std::string& option, std::uint64_t& count,
                       const std::string& help, std::uint64_t least) {
  const auto read = [name = first_name(option), &count, least](const std::string& text) {
    count = at_least(least, name, text, answers::parse_count(name, text));
  };
  return app.add_option_function<std::string>(option, read, help)->type_name("COUNT");
}

CLI::Option* add_bytes(CLI::App& app, const std::string& option, std::uint64_t& bytes,
                       const std::string& help, std::uint64_t least) {
  const auto read = [name = first_name(option), &bytes, least](const std::string& text) {
    bytes = at_least(least, name, text, answers::parse_bytes(name, text));
  };
  return app.add_option_function<std::string>(option, read, help)->type_name("BYTES");
}

CLI::Option* add_share(CLI::App& app, const std::string& option, answers::Share& share,
                       const std::string& help) {
  return app
      .add_option_function<std::string>(
          option,
          [name = first_name(option), &share](const std::string& text) {
            share = answers::parse_share(name, text);
          },
          help)
      ->type_name("SHARE");
}

}  // namespace attnlab::cli
