#include "simulator/io/metered_attention.h"

#include "reference/attention/run_tensors.h"
#include "simulator/io/metered.h"

namespace attnlab::io {
namespace {

using attention::Algorithm;
using attention::BackwardTensors;
using attention::ForwardTensors;
using attention::Options;
using attention::Problem;

template <class T>
Traffic total(const attention::Workers<Metered, T>& workers) {
  Traffic sum;
  for (const auto& worker : workers.all()) sum += worker->memory.traffic();
  return sum;
}

}  // namespace

template <class T>
Traffic metered_forward(Algorithm algorithm, const Problem& p, const ForwardTensors<T>& tensors,
                        const Options& options, std::int64_t sram_elements) {
  attention::Workers<Metered, T> workers(p.batch * p.num_heads, options.threads, sram_elements);
  forward_on(workers, plan_forward(algorithm, p, tensors, options), p, tensors);
  return total(workers);
}

template <class T>
Traffic metered_backward(Algorithm algorithm, const Problem& p, const BackwardTensors<T>& tensors,
                         const Options& options, std::int64_t sram_elements) {
  attention::Workers<Metered, T> workers(p.batch * p.num_kv_heads, options.threads, sram_elements);
  backward_on(workers, plan_backward(algorithm, p, tensors, options), p, tensors);
  return total(workers);
}

#define ATTNLAB_INSTANTIATE(T)                                                                            \
  template Traffic metered_forward(Algorithm, const Problem&, const ForwardTensors<T>&, const Options&,   \
                                   std::int64_t);                                                         \
  template Traffic metered_backward(Algorithm, const Problem&, const BackwardTensors<T>&, const Options&, \
                                    std::int64_t);
ATTNLAB_INSTANTIATE(float)
ATTNLAB_INSTANTIATE(double)
#undef ATTNLAB_INSTANTIATE

}  // namespace attnlab::io
