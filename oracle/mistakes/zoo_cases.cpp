#include "oracle/mistakes/zoo.h"

namespace attnlab::oracle {
namespace {

ZooCase make(const char* name, DType dtype, Index batch, Index heads, Index kv_heads, Index seqlen_q,
             Index seqlen_kv, Index head_dim) {
  ZooCase c;
  c.name = name;
  c.dtype = dtype;
  c.problem.batch = batch, c.problem.num_heads = heads, c.problem.num_kv_heads = kv_heads;
  c.problem.seqlen_q = seqlen_q, c.problem.seqlen_kv = seqlen_kv;
  c.problem.head_dim = c.problem.head_dim_v = head_dim;
  return c;
}

}  // namespace

std::vector<ZooCase> zoo_cases() {
  std::vector<ZooCase> cases;
  const auto add = [&](ZooCase c, auto change) {
    change(c);
    c.seed = cases.size() + 1;
    cases.push_back(std::move(c));
  };
  const auto plain = [](ZooCase&) {};

  add(make("plain", DType::f32, 1, 2, 2, 150, 170, 64), plain);
  add(make("tf32", DType::f32, 1, 2, 1, 130, 150, 80), [](ZooCase& c) {
    c.problem.head_dim_v = 48, c.bc = 32;
    c.kernel_class = usual_class(DType::f32);
    c.kernel_class.operands = c.kernel_class.p = tf32(), c.kernel_class.truncating = true;
    c.kernel_class.name = "fp32 in, TF32 products, fp32 accumulation";
  });
  add(make("causal", DType::bf16, 2, 4, 2, 200, 200, 64),
      [](ZooCase& c) { c.problem.causal = true, c.bc = 32; });
  add(make("causal-longer-kv", DType::f16, 1, 2, 2, 100, 228, 64),
      [](ZooCase& c) { c.problem.causal = true; });
  add(make("causal-longer-q", DType::f16, 1, 2, 2, 150, 100, 64),
      [](ZooCase& c) { c.problem.causal = true, c.heads_inside = true; });
  add(make("window", DType::f16, 1, 2, 2, 120, 190, 64), [](ZooCase& c) {
    c.problem.window = {40, 10}, c.bc = 32;
  });
  add(make("causal-window-softcap-alibi", DType::bf16, 1, 4, 2, 130, 170, 64), [](ZooCase& c) {
    c.problem.causal = true, c.problem.window.left = 50, c.problem.softcap = 3, c.bc = 32;
    c.data = ZooData::normal;
    c.problem.alibi_slopes = {0.25, 0.06, 0.015, 0.004};
  });
  add(make("bias-mask", DType::f32, 1, 2, 2, 100, 130, 64),
      [](ZooCase& c) { c.with_bias = c.with_mask = true; });
  add(make("dropout", DType::f16, 2, 2, 2, 100, 150, 64), [](ZooCase& c) {
    c.problem.dropout = {0.2, 7, 3};
  });
  add(make("sink-softcap", DType::bf16, 1, 2, 2, 100, 150, 64), [](ZooCase& c) {
    c.problem.sinks = {1.5, -0.5}, c.problem.softcap = 2, c.problem.causal = true;
    c.data = ZooData::normal;
  });
  add(make("padded", DType::f16, 3, 2, 1, 90, 160, 64), [](ZooCase& c) {
    c.problem.kv_lens = {160, 97, 130}, c.problem.causal = true;
  });
  add(make("packed", DType::bf16, 3, 2, 2, 80, 90, 64), [](ZooCase& c) {
    c.problem.cu_seqlens_q = {0, 80, 117, 180}, c.problem.cu_seqlens_kv = {0, 90, 150, 220};
    c.problem.causal = true;
  });
  add(make("paged", DType::f16, 2, 4, 2, 30, 200, 64), [](ZooCase& c) {
    c.page_size = 16, c.problem.kv_lens = {200, 150}, c.problem.causal = true;
  });
  add(make("fp8", DType::e4m3, 1, 4, 2, 130, 300, 64), plain);
  add(make("fp8-causal", DType::e5m2, 1, 2, 2, 150, 150, 64), [](ZooCase& c) { c.problem.causal = true; });
  add(make("bf16-noise", DType::bf16, 1, 2, 2, 64, 256, 128), [](ZooCase& c) { c.data = ZooData::normal; });
  add(make("negative-scores", DType::f32, 1, 2, 2, 70, 100, 64),
      [](ZooCase& c) { c.data = ZooData::negative; });
  add(make("very-negative-scores", DType::f32, 1, 2, 2, 70, 100, 64),
      [](ZooCase& c) { c.data = ZooData::very_negative; });
  add(make("long-head", DType::f16, 1, 2, 2, 40, 1500, 64), plain);
  add(make("far-heads", DType::bf16, 1, 3, 3, 40, 100, 64), [](ZooCase& c) { c.far_heads = true; });
  add(make("64k-decode", DType::bf16, 1, 1, 1, 8, 65536, 64), plain);
  add(make("64k-causal", DType::f16, 1, 2, 1, 20, 65536, 64),
      [](ZooCase& c) { c.problem.causal = true, c.bc = 128; });
  add(make("64k-fp32", DType::f32, 1, 1, 1, 8, 65500, 32), [](ZooCase& c) { c.data = ZooData::normal; });
  add(make("64k-fp8", DType::e4m3, 1, 1, 1, 8, 65536, 64), plain);

  const auto backward = [](auto change) {
    return [change](ZooCase& c) {
      c.backward = true;
      change(c);
    };
  };
  add(make("backward", DType::f32, 1, 4, 2, 100, 130, 32), backward([](ZooCase& c) { c.bc = c.br = 32; }));
  add(make("backward-causal", DType::bf16, 2, 2, 1, 110, 140, 64),
      backward([](ZooCase& c) { c.problem.causal = true; }));
  add(make("backward-dropout-softcap", DType::f16, 1, 4, 2, 90, 100, 32), backward([](ZooCase& c) {
        c.problem.dropout = {0.2, 7, 3}, c.problem.softcap = 4, c.br = c.bc = 32;
      }));
  add(make("backward-window-alibi", DType::f32, 2, 2, 2, 100, 120, 64), backward([](ZooCase& c) {
        c.problem.window = {30, 8}, c.problem.alibi_slopes = {0.1, 0.02}, c.bc = 32;
      }));
  return cases;
}

}  // namespace attnlab::oracle
