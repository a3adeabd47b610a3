// The tensors that commands are given, by what they are: found in files that are named one by one or hold several,
// and measured. Data are not read yet.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "answers/form.h"
#include "answers/tensor_source.h"
#include "os/output_file.h"

namespace attnlab::answers {

// A tensor that commands know: its name in an `input`, another one that is taken for it, and what it is.
enum class Role { q, k, v, o, lse, dout, dq, dk, dv, mask, bias, block_table, q_scale, k_scale, v_scale };
struct RoleInfo {
  Role role;
  const char* name;
  const char* alias;  // "" for none
  const char* what;
};
inline constexpr std::array<RoleInfo, 15> kRoles{{
    {Role::q, "q", "", "Queries"},
    {Role::k, "k", "", "Keys"},
    {Role::v, "v", "", "Values"},
    {Role::o, "o", "out", "What the kernel wrote: attention's output"},
    {Role::lse, "lse", "", "and its log-sum-exp, [batch, heads, seqlen_q] [packed: heads, total]"},
    {Role::dout, "dout", "do", "The gradient of the output that a backward pass was given"},
    {Role::dq, "dq", "", "and what it wrote: the gradient of q,"},
    {Role::dk, "dk", "", "of k,"},
    {Role::dv, "dv", "", "of v"},
    {Role::mask, "mask", "",
     "A file of bool or integers, 0 where a key is hidden, that broadcasts to [batch, heads, seqlen_q, "
     "seqlen_kv]"},
    {Role::bias, "bias", "", "A file of numbers added to the scores, broadcast like a mask"},
    {Role::block_table, "block_table", "",
     "A paged KV cache: a file of integers [batch, pages]; row j of a sequence is row j % page size of page "
     "[j / page size]. k and v are then [pages, page size, heads, dim]"},
    {Role::q_scale, "q_scale", "",
     "Factor of the stored q (FP8): a number, or a file of [batch, heads] or of what broadcasts to q"},
    {Role::k_scale, "k_scale", "", "Of k"},
    {Role::v_scale, "v_scale", "", "Of v"},
}};
const RoleInfo& info(Role role);

bool is_scale(Role role);

// As typed; empty: not given.
struct TensorNames {
  std::string input;                             // a file of several tensors
  std::array<std::string, kRoles.size()> files;  // by role; of scales a number or a file

  const std::string& file(Role role) const { return files[static_cast<std::size_t>(role)]; }
  std::string& file(Role role) { return files[static_cast<std::size_t>(role)]; }
  // What nothing may be written over.
  std::vector<os::NamedFile> named_files() const;
};

// Opened files by role, and what an input holds besides.
struct TensorFiles {
  std::array<TensorSource, kRoles.size()> sources;
  std::vector<std::string> unused;

  TensorSource& of(Role role) { return sources[static_cast<std::size_t>(role)]; }
  const TensorSource& of(Role role) const { return sources[static_cast<std::size_t>(role)]; }
};

// Opens what is named. `wanted`: whether a tensor of the input plays a part. `raw_as`: the type of elements
// that the input leaves untyped; `patterns_of`: what the integers of a tensor are. Throws InvalidArgument
// where a tensor is given twice, and FileError.
TensorFiles open_tensors(const TensorNames& names, const std::function<bool(Role)>& wanted,
                         std::optional<DType> raw_as,
                         const std::function<std::optional<DType>(Role)>& patterns_of);

// The sizes that the shapes of Q, K and V say.
struct Sizes {
  Form form;
  Extents q, k, v;
};
// Throws InvalidArgument unless the three belong to one problem.
Sizes sizes_of(const TensorSource& q, const TensorSource& k, const TensorSource& v, Form::Order order);

}  // namespace attnlab::answers
