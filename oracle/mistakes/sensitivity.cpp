#include "oracle/mistakes/sensitivity.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>

#include "oracle/golden.h"
#include "oracle/mistakes/zoo.h"

namespace attnlab::oracle {
namespace {

constexpr Index kLength = 256, kHeads = 2, kHeadDim = 64;

ZooCase case_of(const HonestClass& honest, bool backward) {
  ZooCase c;
  c.problem.num_heads = c.problem.num_kv_heads = kHeads;
  c.problem.seqlen_q = c.problem.seqlen_kv = kLength;
  c.problem.head_dim = c.problem.head_dim_v = kHeadDim;
  c.dtype = honest.inputs, c.kernel_class = honest.kernel, c.kernel_class.name = honest.name;
  c.data = ZooData::normal, c.backward = backward;
  return c;
}

std::vector<double> values_of(const Tensor& t) {
  std::vector<double> values(static_cast<std::size_t>(t.batch * t.heads * t.seqlen * t.dim));
  double* to = values.data();
  for (Index h = 0; h < t.heads; ++h, to += t.seqlen * t.dim)
    read(t, 0, h, {0, t.seqlen}, {to, t.seqlen, t.dim, t.dim});
  return values;
}

// The smallest power of 2^(1/4) that is caught, 0 where 2^24 is not.
double smallest(const std::function<bool(double)>& caught) {
  constexpr int kSteps = 4, kMost = 24 * kSteps;
  const auto factor = [](int step) { return std::exp2(static_cast<double>(step) / kSteps); };
  int low = -1, high = kMost;
  if (!caught(factor(high))) return 0;
  while (high - low > 1) {
    const int middle = (low + high + 1) / 2;
    (caught(factor(middle)) ? high : low) = middle;
  }
  return factor(high);
}

// One output of a run, with errors of another size.
class Enlarged {
 public:
  Enlarged(const ZooTensors& run, const KernelClass& declared, Tensor Outputs::*which, const Tensor& got,
           const GoldenTensor& golden, int threads)
      : run_(run), declared_(declared), which_(which), golden_(golden.values), threads_(threads) {
    // Outputs are stored in float64, so that errors of any size can be; the class says what they had been
    // rounded to.
    if (!declared_.output) declared_.output = float_format(got.dtype);
    errors_ = values_of(got);
    double squares = 0;
    for (std::size_t n = 0; n < errors_.size(); ++n) {
      errors_[n] -= golden_[n];
      squares += errors_[n] * errors_[n];
    }
    rms_ = std::sqrt(squares / static_cast<double>(errors_.size()));
    values_.resize(errors_.size());
    tensor_ = bhsd(values_.data(), DType::f64, 1, got.heads, got.seqlen, got.dim);
  }

  SmallestCaught operator()(const char* name) {
    const auto row = static_cast<std::size_t>(tensor_.dim * (kLength + 200));  // of the second head
    const auto size = static_cast<std::size_t>(tensor_.dim);
    const auto enlarged = [&](std::size_t first, std::size_t count, double factor) {
      return [this, first, count, factor](std::size_t n) {
        return errors_[n] * (n - first < count ? factor : 1);
      };
    };
    SmallestCaught result{name, 0, 0, 0};
    result.everywhere = smallest([&](double f) { return wrong(enlarged(0, values_.size(), f)); });
    result.row = smallest([&](double f) { return wrong(enlarged(row, size, f)); });
    result.element = smallest([&](double f) {
      return wrong(
          [&](std::size_t n) { return n == row ? std::copysign(f * rms_, errors_[n]) : errors_[n]; });
    });
    return result;
  }

 private:
  template <class Error>
  bool wrong(const Error& error) {
    for (std::size_t n = 0; n < values_.size(); ++n) values_[n] = golden_[n] + error(n);
    Outputs outputs;
    outputs.*which_ = tensor_;
    CheckOptions options;
    options.threads = threads_, options.diagnose = false;
    return !check(run_.problem(), run_.inputs(), outputs, declared_, options).right;
  }

  const ZooTensors& run_;
  KernelClass declared_;
  Tensor Outputs::*which_;
  const std::vector<double>& golden_;
  int threads_;
  std::vector<double> errors_, values_;
  double rms_ = 0;
  Tensor tensor_;
};

FloatFormat narrower(FloatFormat format, int bits) {
  format.mantissa_bits -= bits;
  return format;
}

// The class' kernel with a term that has lost bits; nothing where it has none to lose.
std::optional<KernelClass> with_lost_bits(const HonestClass& honest, Term term, int bits) {
  KernelClass kernel = honest.kernel;
  const FloatFormat stored = float_format(
      honest.inputs == DType::e4m3 || honest.inputs == DType::e5m2 ? DType::bf16 : honest.inputs);
  const auto lose = [&](FloatFormat format) -> std::optional<FloatFormat> {
    if (format.mantissa_bits - bits < 1) return std::nullopt;
    return narrower(format, bits);
  };
  std::optional<FloatFormat> lost;
  switch (term) {
    case Term::operands:
      lost = lose(kernel.operands ? *kernel.operands : float_format(honest.inputs));
      kernel.operands = lost;
      break;
    case Term::p:
      lost = lose(kernel.p);
      kernel.p = lost.value_or(kernel.p);
      break;
    case Term::accumulator:
      lost = lose(kernel.accumulator);
      kernel.accumulator = lost.value_or(kernel.accumulator);
      break;
    case Term::output:
      lost = lose(kernel.output ? *kernel.output : stored);
      kernel.output = lost;
      break;
  }
  return lost ? std::optional(kernel) : std::nullopt;
}

std::optional<int> lost_bits_caught(const HonestClass& honest, Term term, ZooTensors& tensors, int threads) {
  for (int bits = 1;; ++bits) {
    const std::optional<KernelClass> kernel = with_lost_bits(honest, term, bits);
    if (!kernel) return std::nullopt;
    TileKernelOptions options;
    options.kernel_class = *kernel, options.threads = threads;
    const Outputs& outputs = tensors.run(tile_kernel(options));
    CheckOptions check_options;
    check_options.threads = threads, check_options.diagnose = false;
    if (!check(tensors.problem(), tensors.inputs(), outputs, honest.kernel, check_options).right) return bits;
  }
}

std::vector<HonestClass> make_classes() {
  std::vector<HonestClass> list;
  const auto add = [&](const char* name, DType type, auto change) {
    KernelClass kernel = usual_class(type);
    change(kernel);
    kernel.name = name;
    list.push_back({name, type, kernel});
  };
  const auto as_usual = [](KernelClass&) {};
  add("fp64", DType::f64, as_usual);
  add("fp32", DType::f32, as_usual);
  add("fp32-truncated", DType::f32, [](KernelClass& k) { k.truncating = true; });
  add("tf32", DType::f32, [](KernelClass& k) {
    k.operands = k.p = tf32();
    k.truncating = true;
  });
  add("fp16", DType::f16, as_usual);
  add("fp16-nearest", DType::f16, [](KernelClass& k) { k.truncating = false; });
  add("fp16-sums", DType::f16, [](KernelClass& k) { k.accumulator = float_format(DType::f16); });
  add("bf16", DType::bf16, as_usual);
  add("bf16-scores", DType::bf16, [](KernelClass& k) { k.scores = float_format(DType::bf16); });
  add("bf16-sums", DType::bf16, [](KernelClass& k) { k.accumulator = float_format(DType::bf16); });
  add("bf16-p-fp8", DType::bf16, [](KernelClass& k) {
    k.p = float_format(DType::e4m3);
    k.p_scale = 256;
  });
  add("fp8", DType::e4m3, as_usual);
  add("fp8-fp22", DType::e4m3, [](KernelClass& k) { k.accumulator = parse_format("accumulate", "fp22"); });
  return list;
}

}  // namespace

const std::vector<HonestClass>& honest_classes() {
  static const std::vector<HonestClass> classes = make_classes();
  return classes;
}

std::string name(Term term) {
  switch (term) {
    case Term::operands:
      return "operands";
    case Term::p:
      return "P";
    case Term::accumulator:
      return "sums";
    default:
      return "output";
  }
}

std::span<const Term> terms() {
  static constexpr std::array kTerms = {Term::operands, Term::p, Term::accumulator, Term::output};
  return kTerms;
}

Sensitivity sensitivity_of(const HonestClass& honest, int threads) {
  Sensitivity result;
  result.name = honest.name;
  TileKernelOptions kernel;
  kernel.kernel_class = honest.kernel, kernel.threads = threads;
  for (const bool backward : {false, true}) {
    if (backward && bits(honest.inputs) == 8) continue;
    ZooTensors tensors(case_of(honest, backward));
    const Outputs outputs = tensors.run(tile_kernel(kernel));
    const Golden exact = golden(tensors.problem(), tensors.inputs(), threads);
    const auto add = [&](const char* name, Tensor Outputs::*which, const GoldenTensor& values) {
      if (!(outputs.*which)) return;
      Enlarged enlarged(tensors, honest.kernel, which, outputs.*which, values, threads);
      result.caught.push_back(enlarged(name));
    };
    add("o", &Outputs::o, exact.o);
    add("lse", &Outputs::lse, exact.lse);
    add("dq", &Outputs::dq, exact.dq);
    add("dk", &Outputs::dk, exact.dk);
    add("dv", &Outputs::dv, exact.dv);
    if (backward) continue;
    for (const Term term : terms()) {
      result.lost.push_back({term, lost_bits_caught(honest, term, tensors, threads)});
    }
  }
  return result;
}

}  // namespace attnlab::oracle
