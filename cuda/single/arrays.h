// The arrays behind a kernel's parameters, for a launch whose numbers come from a file: each function calls
// visit(pointer, role) for every pointer of the struct, in the order in which the file holds the arrays.
#pragma once

#include "cuda/host/backward_params.h"
#include "cuda/host/params.h"

namespace attnlab::cuda {

enum class Role { input, output };

template <class Visit>
void for_each_array(SoftmaxParams& p, const Visit& visit) {
  visit(p.x, Role::input);
  visit(p.y, Role::output);
}

// results: of O and lse, which a backward pass reads.
template <class Visit>
void for_each_array(AttentionParams& p, const Visit& visit, Role results = Role::output) {
  visit(p.q.data, Role::input);
  visit(p.k.data, Role::input);
  visit(p.v.data, Role::input);
  visit(p.o.data, results);
  visit(p.lse.data, results);
  visit(p.cu_seqlens_q, Role::input);
  visit(p.cu_seqlens_kv, Role::input);
  visit(p.lens_q, Role::input);
  visit(p.lens_kv, Role::input);
  visit(p.alibi_slopes, Role::input);
}

template <class Visit>
void for_each_array(BackwardParams& p, const Visit& visit) {
  for_each_array(p.forward, visit, Role::input);
  visit(p.dout.data, Role::input);
  visit(p.dq.data, Role::output);
  visit(p.dk.data, Role::output);
  visit(p.dv.data, Role::output);
}

inline AttentionParams& attention_of(AttentionParams& p) { return p; }
inline AttentionParams& attention_of(BackwardParams& p) { return p.forward; }

}  // namespace attnlab::cuda
