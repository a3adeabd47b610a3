#include "python/src/declared.h"

#include <optional>
#include <type_traits>
#include <variant>

#include "python/src/argument.h"

namespace attnlab::python {
namespace {

template <class T>
void take(const oracle::DeclarationField& field, nb::handle value, T& to) {
  to = argument_as<T>(field.name, value);
}
template <class T>
void take(const oracle::DeclarationField& field, nb::handle value, std::optional<T>& to) {
  to = argument_as<T>(field.name, value);
}

}  // namespace

oracle::Declaration declaration_of(const nb::dict& declared) {
  oracle::Declaration declaration;
  for (const oracle::DeclarationField& field : oracle::declaration_fields()) {
    if (!declared.contains(field.name)) continue;
    const nb::object value = declared[field.name];
    if (value.is_none()) continue;
    std::visit([&](auto member) { take(field, value, declaration.*member); }, field.member);
  }
  return declaration;
}

}  // namespace attnlab::python
