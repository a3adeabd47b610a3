#include "answers/tensor_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "answers/check_scales.h"
#include "files/tensor_file.h"
#include "reference/core/errors.h"

namespace attnlab::answers {
namespace {

const RoleInfo* role_of(const std::string& name) {
  const auto* found = std::ranges::find_if(
      kRoles, [&](const RoleInfo& r) { return name == r.name || (*r.alias != '\0' && name == r.alias); });
  return found == kRoles.end() ? nullptr : found;
}

}  // namespace

const RoleInfo& info(Role role) { return kRoles[static_cast<std::size_t>(role)]; }

bool is_scale(Role role) { return role == Role::q_scale || role == Role::k_scale || role == Role::v_scale; }

std::vector<os::NamedFile> TensorNames::named_files() const {
  std::vector<os::NamedFile> named{{"`input`", input}};
  for (const RoleInfo& role : kRoles) named.push_back({fmt::format("`{}`", role.name), file(role.role)});
  return named;
}

TensorFiles open_tensors(const TensorNames& names, const std::function<bool(Role)>& wanted,
                         std::optional<DType> raw_as,
                         const std::function<std::optional<DType>(Role)>& patterns_of) {
  TensorFiles opened;
  if (!names.input.empty()) {
    const std::shared_ptr<const files::Archive> file = files::open(names.input, raw_as);
    for (const files::TensorInfo& tensor : file->tensors()) {
      const RoleInfo* known = role_of(tensor.name);
      if (known == nullptr || !wanted(known->role)) {
        opened.unused.push_back(tensor.name);
        continue;
      }
      TensorSource& source = opened.of(known->role);
      const std::string label = fmt::format("{}: {}", names.input, tensor.name);
      if (source) throw InvalidArgument(label, "a tensor", fmt::format("one of {} alone", source.name));
      source = {file, tensor.name, label, patterns_of(known->role)};
    }
  }
  for (const RoleInfo& role : kRoles) {
    const std::string& path = names.file(role.role);
    TensorSource& source = opened.of(role.role);
    if (path.empty()) continue;
    if (source) throw InvalidArgument(role.name, path, fmt::format("nothing beside {}", source.label));
    if (is_scale(role.role) && parse_number(path)) continue;
    source = open_single(role.name, path, patterns_of(role.role));
  }
  return opened;
}

Sizes sizes_of(const TensorSource& q, const TensorSource& k, const TensorSource& v, Form::Order order) {
  Sizes s;
  s.form = form_of(q.label, q.info().shape, order);
  s.q = extents_in(s.form, q.label, q.info().shape, {});
  s.k = extents_in(s.form, k.label, k.info().shape, {s.q.batch, {}, {}, s.q.dim, s.q.heads});
  s.v = extents_in(s.form, v.label, v.info().shape, {s.q.batch, s.k.heads, s.k.seqlen, {}, {}});
  return s;
}

}  // namespace attnlab::answers
