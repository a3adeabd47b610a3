#include "cli/declaration_options.h"

#include <variant>

#include "cli/field_options.h"
#include "cli/problem_options.h"
#include "cli/quantity_options.h"

namespace attnlab::cli {
namespace {

template <class T>
void add(Command& app, const oracle::DeclarationField& field, T& value) {
  app.add_option(option_like(field.name), value, field.what);
}
void add(Command& app, const oracle::DeclarationField& field, std::optional<Index>& size) {
  const std::string option = option_like(field.name);
  add_count(app, option, field.what, 1,
            [option, &size](std::uint64_t count) { size = extent(option, count); });
}

}  // namespace

void add_declaration_options(Command& app, oracle::Declaration& declaration) {
  for (const oracle::DeclarationField& field : oracle::declaration_fields()) {
    std::visit([&](auto member) { add(app, field, declaration.*member); }, field.member);
  }
}

}  // namespace attnlab::cli
