#include "oracle/mistakes/honest.h"

#include "reference/core/random.h"

namespace attnlab::oracle {
namespace {

template <class T>
void run_reference(attention::Algorithm algorithm, const Call& call) {
  const auto in = [](const Tensor& t) { return view_of<const T>(t); };
  const auto out = [](const OutputTensor& t) { return view_of<T>(t.read()); };
  attention::Options options;
  options.threads = 1;
  if (attention::info(algorithm).block_mask) options.tiles = {32, 32};
  if (call.backward()) {
    attention::backward<T>(algorithm, call.problem,
                           {in(call.q), in(call.k), in(call.v), in(call.saved_o), in(call.saved_lse),
                            in(call.dout), out(call.dq), out(call.dk), out(call.dv)},
                           options);
  } else {
    attention::forward<T>(algorithm, call.problem,
                          {in(call.q), in(call.k), in(call.v), out(call.o), out(call.lse)}, options);
  }
}

}  // namespace

ZooCase random_case(std::uint64_t n) {
  Random random(n + 1000, 9);
  const auto below = [&](Index bound) { return random.below(bound); };
  ZooCase c;
  constexpr DType kTypes[] = {DType::f32, DType::f16, DType::bf16, DType::e4m3, DType::e5m2, DType::f64};
  c.dtype = kTypes[n % 6];
  attention::Problem& p = c.problem;
  p.batch = 1 + below(2);
  p.num_kv_heads = 1 + below(2), p.num_heads = p.num_kv_heads * (1 + below(2));
  p.seqlen_q = 1 + below(90), p.seqlen_kv = 1 + below(140);
  constexpr Index kDims[] = {16, 32, 64, 80, 128};
  p.head_dim = kDims[below(5)], p.head_dim_v = below(3) == 0 ? kDims[below(5)] : p.head_dim;
  p.causal = below(2) == 0;
  if (below(4) == 0) p.window.left = below(60);
  if (below(4) == 0) p.window.right = below(30);
  if (below(4) == 0) p.softcap = 2 + static_cast<double>(below(30));
  if (below(4) == 0) p.alibi_slopes.assign(static_cast<std::size_t>(p.num_heads), 0.05);
  if (below(4) == 0) p.sinks.assign(static_cast<std::size_t>(p.num_heads), 0.5);
  if (below(4) == 0) p.dropout = {0.1, n, 1};
  if (below(4) == 0) p.kv_lens.assign(static_cast<std::size_t>(p.batch), below(p.seqlen_kv + 1));
  constexpr Index kTiles[] = {16, 32, 64, 128};
  c.br = kTiles[below(4)], c.bc = kTiles[below(4)];
  c.data = below(2) == 0 ? ZooData::normal : ZooData::edges;
  c.heads_inside = below(2) == 0;
  c.backward = n % 4 == 3 && bits(c.dtype) > 8 && p.sinks.empty();
  if (n % 5 == 1 && c.dtype == DType::f32) {
    c.kernel_class = usual_class(DType::f32);
    c.kernel_class.operands = c.kernel_class.p = tf32(), c.kernel_class.truncating = true;
    c.kernel_class.name = "TF32";
  }
  if (n % 5 == 2 && bits(c.dtype) == 16) {
    c.kernel_class = usual_class(c.dtype);
    c.kernel_class.accumulator = float_format(DType::f16);
    c.kernel_class.name = "fp16 accumulation";
  }
  c.seed = n;
  return c;
}

bool narrow(const ZooCase& c) { return c.kernel_class.name == "fp16 accumulation"; }

std::vector<ZooCase> long_cases() {
  std::vector<ZooCase> cases;
  for (const Index keys : {8192, 16384, 32768, 65536}) {
    for (const DType dtype : {DType::f64, DType::f32, DType::f16, DType::bf16, DType::e4m3, DType::e5m2}) {
      for (const bool causal : {false, true}) {
        ZooCase c;
        c.name = std::to_string(keys) + "-" + std::string(name(dtype)) + (causal ? "-causal" : "");
        c.dtype = dtype, c.bc = 128;
        c.problem.seqlen_q = 16, c.problem.seqlen_kv = keys - (causal ? 7 : 0);
        c.problem.head_dim = c.problem.head_dim_v = 32, c.problem.causal = causal;
        c.data = causal ? ZooData::normal : ZooData::edges;
        c.seed = cases.size() + 1;
        cases.push_back(std::move(c));
      }
    }
  }
  return cases;
}

Kernel reference_kernel(attention::Algorithm algorithm) {
  return [algorithm](const Call& call) {
    if (call.q.dtype == DType::f64) {
      run_reference<double>(algorithm, call);
    } else {
      run_reference<float>(algorithm, call);
    }
  };
}

Verdict judge(const Kernel& kernel, ZooTensors& tensors, const KernelClass* declared, int threads) {
  const Outputs& outputs = tensors.run(kernel);
  CheckOptions options;
  options.threads = threads, options.diagnose = false;
  return check(tensors.problem(), tensors.inputs(), outputs,
               declared != nullptr ? *declared : tensors.kernel_class(), options);
}

Kernel honest_kernel(const ZooCase& c, const ZooTensors& tensors) {
  TileKernelOptions options;
  options.kernel_class = tensors.kernel_class();
  options.br = c.br, options.bc = c.bc, options.threads = 1, options.seed = 5;
  return tile_kernel(options);
}

}  // namespace attnlab::oracle
