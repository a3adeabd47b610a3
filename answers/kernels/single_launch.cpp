#include "answers/kernels/single_launch.h"

#include <fmt/format.h>

#include <cctype>
#include <fstream>
#include <span>

#include "answers/kernels/emulated_work.h"
#include "answers/kernels/kernel_io.h"
#include "answers/kernels/rungs.h"
#include "answers/random_tensors.h"
#include "cuda/host/attention.h"
#include "cuda/single/arrays.h"
#include "oracle/check.h"
#include "oracle/softmax_rows.h"
#include "reference/core/errors.h"
#include "reference/core/shape.h"
#include "simulator/emulator/translate/toolchain.h"

namespace attnlab::answers {
namespace {

namespace fs = std::filesystem;

// "kForward04" of "cuda/forward/04_flash2.h": how collect.sh finds a file's rows.
std::string rows_of(const cuda::Kernel& kernel) {
  std::string family = cuda::name(kernel.family);
  family[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(family[0])));
  return "k" + family + fs::path(kernel.header).filename().string().substr(0, 2);
}

DType dtype_of(const std::string& text) { return parse_float_type("dtype", text).value_or(DType::f32); }

std::vector<int> ints(const std::vector<Index>& values) { return {values.begin(), values.end()}; }

}  // namespace

SingleLaunch::SingleLaunch(const LaunchQuestion& question, const cuda::DeviceLimits& device,
                           const Permit& permit)
    : kernel_(cuda::find_kernel(question.kernel)),
      tiles_{static_cast<int>(question.br), static_cast<int>(question.bc)},
      dtype_(dtype_of(question.dtype)) {
  if (kernel_.pass == cuda::Pass::softmax) {
    cuda::require(kernel_, cuda::need_of(problem_of(question.problem), dtype_), device);
    cuda::require_tiles(kernel_, 0, tiles_, device);
    set_softmax(question, permit);
  } else {
    set_attention(question, device, permit);
  }
}

template <class T>
cuda::Strided<T> SingleLaunch::on_host(files::Tensor& tensor, const Extents& extents) {
  const Tensor view = inputs_.form.tensor(tensor, extents);
  bytes_[tensor.data.data()] = tensor.data.size();
  return {reinterpret_cast<T*>(tensor.data.data()), view.batch_stride, view.head_stride, view.row_stride};
}

template <class T>
const T* SingleLaunch::list(const std::vector<T>& values) {
  if (values.empty()) return nullptr;
  bytes_[values.data()] = std::span(values).size_bytes();
  return values.data();
}

files::Tensor SingleLaunch::output(const Extents& e, DType dtype) const {
  return files::Tensor::from(std::vector<float>(static_cast<std::size_t>(e.elements())),
                             inputs_.form.shape(e), dtype);
}

void SingleLaunch::set_softmax(const LaunchQuestion& question, const Permit& permit) {
  const Index rows = question.problem.num_heads.value_or(1), cols = question.problem.seqlen_kv.value_or(0);
  if (cols == 0) throw InvalidArgument("seqlen_kv", "0", "at least 1");
  cuda::Shape shape;
  shape.heads = rows, shape.seqlen_kv = cols, shape.type = dtype_;
  permit(work_of(shape));
  const auto numbers = random_normal(1, 1, rows, cols, dtype_, question.seed, 0);
  x_ = files::Tensor::from(std::span<const float>(numbers.values), {rows, cols}, dtype_);
  y_ = files::Tensor::from(std::vector<float>(numbers.values.size()), {rows, cols}, dtype_);
  bytes_ = {{x_.data.data(), x_.data.size()}, {y_.data.data(), y_.data.size()}};
  params_ = cuda::SoftmaxParams{
      dtype_, x_.data.data(), y_.data.data(), static_cast<int>(rows), static_cast<int>(cols), cols, cols};
}

void SingleLaunch::set_attention(const LaunchQuestion& question, const cuda::DeviceLimits& device,
                                 const Permit& permit) {
  RunSources sources;
  sources.dtype = name(dtype_);
  sources.seed = question.seed;
  sources.backward = kernel_.pass == cuda::Pass::backward;
  inputs_ = read_inputs(sources, question.problem, [&](const attention::Problem& problem, DType dtype) {
    cuda::params_of(problem, dtype);  // refuses what no kernel is given
    cuda::require(kernel_, cuda::need_of(problem, dtype), device);
    cuda::require_tiles(kernel_, static_cast<int>(problem.head_dim), tiles_, device);
    if (problem.tensor_rows_q() == 0) throw InvalidArgument("seqlen_q", "0", "at least 1: no row, no block");
    cuda::Shape shape{problem.seqlen_q, problem.seqlen_kv, problem.head_dim,    problem.causal, dtype,
                      problem.batch,    problem.num_heads, problem.num_kv_heads};
    permit(work_of(shape));
  });
  const attention::Problem& problem = inputs_.problem;
  const Extents oe = inputs_.o_extents(), lse{oe.batch, oe.heads, oe.seqlen, 1};
  o_ = output(oe, dtype_);
  lse_ = output(lse, DType::f32);
  lse_.shape = inputs_.form.lse_shape(oe);

  cuda::AttentionParams p = cuda::params_of(problem, dtype_);
  p.q = on_host<const void>(inputs_.q, inputs_.q_extents());
  p.k = on_host<const void>(inputs_.k, inputs_.k_extents());
  p.v = on_host<const void>(inputs_.v, inputs_.v_extents());
  p.o = on_host<void>(o_, oe);
  p.lse = {reinterpret_cast<float*>(lse_.data.data()), oe.heads * oe.seqlen, oe.seqlen, 1};
  bytes_[p.lse.data] = lse_.data.size();
  cu_seqlens_q_ = ints(problem.cu_seqlens_q), cu_seqlens_kv_ = ints(problem.cu_seqlens_kv);
  q_lens_ = ints(problem.q_lens), kv_lens_ = ints(problem.kv_lens);
  slopes_.assign(problem.alibi_slopes.begin(), problem.alibi_slopes.end());
  p.cu_seqlens_q = list(cu_seqlens_q_), p.cu_seqlens_kv = list(cu_seqlens_kv_);
  p.lens_q = list(q_lens_), p.lens_kv = list(kv_lens_);
  p.alibi_slopes = list(slopes_);
  if (kernel_.pass != cuda::Pass::backward) {
    params_ = p;
    return;
  }
  cuda::BackwardParams both{p, {}, {}, {}, {}};
  set_backward(both);
  params_ = both;
}

// O and lse of a forward pass in float64, rounded to their types; room for the gradients.
void SingleLaunch::set_backward(cuda::BackwardParams& params) {
  const Extents qe = inputs_.q_extents(), ke = inputs_.k_extents(), oe = inputs_.o_extents();
  const Form& form = inputs_.form;
  const std::vector<double> q = inputs_.q.to_double(), k = inputs_.k.to_double(), v = inputs_.v.to_double();
  std::vector<double> o(static_cast<std::size_t>(oe.elements())),
      lse(static_cast<std::size_t>(oe.batch * oe.heads * oe.seqlen));
  attention::forward<double>(attention::Algorithm::flash2, inputs_.problem,
                             {form.view(q.data(), qe), form.view(k.data(), ke), form.view(v.data(), ke),
                              form.view(o.data(), oe), bhsd(lse.data(), oe.batch, oe.heads, oe.seqlen, 1)});
  // In place: the parameters know where they lie.
  const auto fill = [](files::Tensor& tensor, const std::vector<double>& values) {
    const auto rounded = files::Tensor::from(std::span<const double>(values), tensor.shape, tensor.dtype);
    std::ranges::copy(rounded.data, tensor.data.begin());
  };
  fill(o_, o), fill(lse_, lse);
  dq_ = output(qe, dtype_), dk_ = output(ke, dtype_), dv_ = output(ke, dtype_);
  params.dout = on_host<const void>(*inputs_.dout, oe);
  params.dq = on_host<void>(dq_, qe);
  params.dk = on_host<void>(dk_, ke);
  params.dv = on_host<void>(dv_, ke);
}

std::string SingleLaunch::title() const {
  std::string text = fmt::format("{}: {}; {} ", kernel_.name, kernel_.title, name(dtype_));
  if (kernel_.pass == cuda::Pass::softmax) return text + shape_text(x_.shape);
  const attention::Problem& p = inputs_.problem;
  text += fmt::format("q {}, k {}", shape_text(inputs_.q.shape), shape_text(inputs_.k.shape));
  for (const std::string& option : cuda::names(cuda::need_of(p, dtype_).options))
    if (option != "grouped_heads") text += ", " + option;
  const cuda::Geometry own = kernel_.geometry(static_cast<int>(p.head_dim), tiles_);
  return own.bc > 1 ? text + fmt::format(", tiles {} x {}", own.br, own.bc) : text;
}

// Numbers are drawn in fp32 and stored in the kernel's type; a backward pass also has O and gradients in float64.
Work SingleLaunch::work_of(const cuda::Shape& shape) const {
  const Launch launch{&kernel_, shape};
  const double per_number = kernel_.pass == cuda::Pass::backward ? 32 : 8;
  const double numbers =
      kernel_.pass == cuda::Pass::softmax
          ? 2 * static_cast<double>(shape.heads) * static_cast<double>(shape.seqlen_kv)
          : 2 * static_cast<double>(shape.batch * shape.head_dim) *
                (static_cast<double>(shape.heads) * static_cast<double>(shape.seqlen_q) +
                 static_cast<double>(shape.kv_heads) * static_cast<double>(shape.seqlen_kv));
  require_memory(numbers * per_number);
  return {emulated_seconds(std::span(&launch, 1)), numbers * per_number};
}

std::vector<std::string> SingleLaunch::compile_words(const fs::path& source) const {
  const fs::path root = emulator::translate::installation().root;
  const auto macro = [](const char* macro_name, const auto& value) {
    return fmt::format("-D{}={}", macro_name, value);
  };
  return {source.empty() ? (root / kernel_.file).string() : source.string(),
          (root / "cuda/single/main.cu").string(),
          "-std=c++20",
          "-I" + root.string(),
          "-DATTNLAB_CUDA_EMULATOR",
          macro("ATTNLAB_CUDA_BACKEND", "emulator"),
          macro("ATTNLAB_CUDA_DTYPE", static_cast<int>(dtype_)),
          macro("ATTNLAB_CUDA_HEAD_DIM", inputs_.problem.head_dim),
          macro("ATTNLAB_CUDA_BR", tiles_.br),
          macro("ATTNLAB_CUDA_BC", tiles_.bc),
          macro("ATTNLAB_KERNEL_HEADER", fmt::format("\"{}\"", kernel_.header)),
          macro("ATTNLAB_KERNEL_ROWS", rows_of(kernel_))};
}

std::vector<std::string> SingleLaunch::program_words(const fs::path& problem, const fs::path& results) const {
  return {kernel_.name, problem.string(), results.string()};
}

void SingleLaunch::write_problem(const fs::path& file) {
  std::ofstream out(file, std::ios::binary);
  const auto write = [&](const void* data, std::size_t bytes) {
    out.write(static_cast<const char*>(data), static_cast<std::streamsize>(bytes));
  };
  std::visit(
      [&](auto params) {
        write(&params, sizeof params);
        cuda::for_each_array(params, [&](const auto& pointer, cuda::Role role) {
          const std::uint64_t bytes = pointer == nullptr ? 0 : bytes_.at(pointer);
          write(&bytes, sizeof bytes);
          if (role == cuda::Role::input) write(pointer, bytes);
        });
      },
      params_);
  if (!out.flush()) throw FileError(file.string(), "cannot be written");
}

LaunchVerdict SingleLaunch::judge(const fs::path& results) {
  std::ifstream in(results, std::ios::binary);
  std::visit(
      [&](auto params) {
        cuda::for_each_array(params, [&](const auto& pointer, cuda::Role role) {
          if (role == cuda::Role::input || pointer == nullptr) return;
          in.read(reinterpret_cast<char*>(const_cast<void*>(static_cast<const void*>(pointer))),
                  static_cast<std::streamsize>(bytes_.at(pointer)));
        });
      },
      params_);
  if (!in) throw FileError(results.string(), "the program left no results, or less than all");

  if (kernel_.pass == cuda::Pass::softmax) {
    const auto x = x_.to_float(), y = y_.to_float();
    const Index rows = x_.shape[0], cols = x_.shape[1];
    const double error =
        oracle::softmax_error({x.data(), rows, cols, cols}, {y.data(), rows, cols, cols}, dtype_);
    return {error <= 1,
            fmt::format("{}: max error/budget {:.3g}\n", error <= 1 ? "RIGHT" : "WRONG", error),
            {{"verdict", error <= 1 ? "right" : "wrong"}, {"max_error_over_budget", error}}};
  }
  const Form& form = inputs_.form;
  const Extents qe = inputs_.q_extents(), ke = inputs_.k_extents(), oe = inputs_.o_extents();
  oracle::Inputs given{
      form.tensor(inputs_.q, qe), form.tensor(inputs_.k, ke), form.tensor(inputs_.v, ke), {}};
  oracle::Outputs written;
  if (kernel_.pass != cuda::Pass::backward) {
    written.o = form.tensor(o_, oe);
    written.lse = bhsd(lse_.data.data(), DType::f32, oe.batch, oe.heads, oe.seqlen, 1);
  } else {
    given.dout = form.tensor(*inputs_.dout, oe);
    written.dq = form.tensor(dq_, qe), written.dk = form.tensor(dk_, ke), written.dv = form.tensor(dv_, ke);
  }
  const oracle::Verdict verdict = oracle::check(inputs_.problem, given, written, rung_class(kernel_, dtype_));
  return {verdict.right, oracle::to_text(verdict), Json::parse(oracle::to_json(verdict))};
}

std::optional<emulator::Ideal> SingleLaunch::ideal() const {
  if (kernel_.algorithm == nullptr) return std::nullopt;
  const cuda::Geometry geometry = kernel_.geometry(static_cast<int>(inputs_.problem.head_dim), tiles_);
  const auto bytes = closed_form_bytes(kernel_, inputs_.problem, dtype_, geometry);
  return emulator::Ideal{fmt::format("{}, {} x {}", kernel_.algorithm, geometry.br, geometry.bc),
                         static_cast<std::uint64_t>(bytes)};
}

}  // namespace attnlab::answers
