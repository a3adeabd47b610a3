#include "answers/kernels/kernel_io.h"

#include "simulator/io/registry.h"

namespace attnlab::answers {
namespace {

io::Question question_of(const io::Entry& entry, const cuda::Kernel& kernel,
                         const attention::Problem& problem, const cuda::Geometry& geometry) {
  io::Question question;
  question.problem = problem;
  question.pass = kernel.pass == cuda::Pass::backward ? io::Pass::backward : io::Pass::forward;
  question.tiles.br = geometry.br;
  question.tiles.bc = geometry.bc;
  question.sram_elements = std::int64_t{1} << 40;
  question.tiles = entry.tiles(entry, question);
  return question;
}

}  // namespace

io::Count closed_form_bytes(const cuda::Kernel& kernel, const attention::Problem& problem, DType dtype,
                            const cuda::Geometry& geometry) {
  const io::Entry& entry = io::find(kernel.algorithm);
  return io::bytes(entry.closed(entry, question_of(entry, kernel, problem, geometry)),
                   io::ElementSizes(dtype))
      .total();
}

std::optional<io::Count> metered_bytes(const cuda::Kernel& kernel, const attention::Problem& problem,
                                       DType dtype, const cuda::Geometry& geometry) {
  const io::Entry& entry = io::find(kernel.algorithm);
  const auto sample = entry.metered(entry, question_of(entry, kernel, problem, geometry));
  if (!sample) return std::nullopt;
  return io::bytes(sample->traffic, io::ElementSizes(dtype)).total();
}

}  // namespace attnlab::answers
