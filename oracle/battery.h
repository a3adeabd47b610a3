// The battery: problems, data and exact checks that a kernel must survive, drawn around what usually breaks
// kernels. Deterministic for a seed. Stops early, with a minimal example. docs/battery.md is its
// manual.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "oracle/check.h"
#include "oracle/kernel.h"

namespace attnlab::oracle {

// What a kernel can be asked for. Cases outside are not drawn; a kernel may still decline one (Unsupported).
struct Schema {
  std::vector<DType> dtypes = {DType::f32};
  std::vector<Index> head_dims = {64};
  bool causal = true, gqa = true, cross = true;  // cross: seqlen_q != seqlen_kv
  bool window = false, softcap = false, alibi = false, dropout = false, padding = false, packed = false;
  bool mask = false, bias = false, sinks = false;
  bool scale = true;                                // another one than 1 / sqrt(head_dim)
  bool dim_v = false;                               // head_dim_v != head_dim
  bool lse = true, backward = false, empty = true;  // empty: length 0
  bool strides = true;     // other layouts than contiguous [batch, heads, seqlen, dim]
  bool hidden_nan = true;  // NaN behind a causal mask or a window must not matter (in padding it never may)
  bool huge = false;       // tensors of more than 2^31 elements; needs 9 GB of memory in 16-bit types
  std::vector<Index>
      page_sizes;           // rows per page of a paged KV cache, such as 16 and 64; empty: no paged caches
  Index max_seqlen = 1040;  // times a head_dim of 64: beyond 2^16
};

// One case: a problem, its tensors, and what is looked at (cases/case.h).
struct Case;
// Its inputs (buffers/data.h), and an exact check at work (exact/trial.h).
struct Data;
class Trial;

// One data profile: how Q, K, V and dO are drawn. A registry: "normal", "offset-mean", "large-logits", ...
struct Profile {
  const char* name;
  const char* what;
  bool (*suits)(const Case&);
  Data (*draw)(const Case&);
};
std::span<const Profile> profiles();
const Profile& find_profile(const std::string& name);  // Throws InvalidArgument listing the names.

// One exact check: what must hold to the bit, or within bounds that need no reference. A registry: "one-hot",
// "integers", "needle", ...
struct ExactCheck {
  const char* name;
  const char* what;
  bool (*suits)(const Case&);
  std::optional<std::string> (*find)(Trial&);  // what is wrong, in one line
};
std::span<const ExactCheck> exact_checks();
const ExactCheck& find_exact_check(const std::string& name);  // Throws InvalidArgument listing the names.

// Inputs of a real model, for the profile "real": contiguous [batch, heads, rows, dim], all three alike.
struct Activations {
  std::string name;
  Index batch = 0, heads = 0, rows = 0, dim = 0;
  std::vector<float> q, k, v;
};

struct BatteryOptions {
  Schema schema;
  std::optional<KernelClass> kernel_class;  // absent: the usual one of each type
  std::uint64_t seed = 0;
  double time_limit_s = 60;
  Index cases = 0;  // 0: the plan, which holds every shape, profile and exact check; more: random ones behind
  Index first_case = 0;  // to resume
  int stop_after = 3;    // failures
  bool shrink = true;    // look for the smallest problem that still fails
  int threads = 0;
  const Activations* activations = nullptr;  // absent: the profile "real" is left out
  std::function<void(Index done, Index total, int failures)> progress;
};

struct CaseFailure {
  Index index = 0;
  std::string problem;  // "b 1, h 2/1, q 65, kv 129, d 64, causal, fp16, large-logits"
  std::string check;    // "values", "exception", or an exact check's name
  std::string what;     // one line
  Verdict verdict;      // of "values"
  std::string shrunk;   // the minimal problem, where one was found
};

struct BatteryReport {
  bool right = false;  // no failure, and at least one case was run
  Index run = 0, skipped = 0, planned = 0;
  Index next_case = 0;  // where to resume; planned when all is done
  bool complete = false;
  bool deterministic = true;
  double max_error_over_budget = 0;
  std::string hardest;  // the case with the largest error over budget
  std::vector<std::string>
      left_out;  // profiles and checks without a case, and why the kernel declined others
  std::vector<CaseFailure> failures;
  double seconds = 0;
};

// Throws InvalidArgument where the schema makes no sense. An exception of the kernel is a failure of its
// case.
BatteryReport battery(const Kernel& kernel, const BatteryOptions& options = {});

std::string to_text(const BatteryReport& report);
std::string to_json(const BatteryReport& report);

}  // namespace attnlab::oracle
