// The tensors of `attnlab check`: what a kernel was given and what it wrote, from files, as the oracle takes
// them.
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "answers/form.h"
#include "answers/problem_fields.h"
#include "answers/tensor_source.h"
#include "files/tensor.h"
#include "oracle/tensor.h"

namespace attnlab::answers {

// A tensor that check knows: its name in an --input, another one that is taken for it, and what it is.
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

// As typed; empty: not given.
struct CheckSources {
  std::string input;
  std::array<std::string, kRoles.size()> files;  // by role; of scales a number or a file
  std::string layout, page_layout;
  std::string dtype, kv_dtype, out_dtype;

  const std::string& file(Role role) const { return files[static_cast<std::size_t>(role)]; }
  std::string& file(Role role) { return files[static_cast<std::size_t>(role)]; }
};

// Numbers of a tensor that are NaN or infinite.
struct NonFinite {
  std::string tensor;
  std::uint64_t count = 0;
};

// A problem with what was given and written. Not copied, since it points into its own storage.
struct CheckInputs {
  CheckInputs() = default;
  CheckInputs(CheckInputs&&) = default;

  Form form;
  attention::Problem problem;
  oracle::Inputs inputs;
  oracle::Outputs outputs;
  std::vector<NonFinite> not_finite;  // of q, k, v and dout
  std::vector<std::string> unused;    // tensors of the input that play no part

  // What the views above point into.
  std::list<files::Tensor> tensors;
  MaskAndBias mask_and_bias;
  std::vector<std::int32_t> block_table;
  std::list<std::vector<float>> scales;
};

// Reads everything; shapes and types are checked before data are read. Throws InvalidArgument naming the
// field or tensor, what it is and what was expected, and FileError.
CheckInputs read_check_inputs(const CheckSources& sources, const ProblemFields& fields);

}  // namespace attnlab::answers
