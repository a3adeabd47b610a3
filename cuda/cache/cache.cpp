#include "cuda/cache/cache.h"

#include "cuda/host/checks.h"

namespace attnlab::cuda {

ATTNLAB_CUDA_LAUNCHERS(append_tokens, AppendParams);
ATTNLAB_CUDA_LAUNCHERS(copy_the_pages, CopyPagesParams);
ATTNLAB_CUDA_LAUNCHERS(gather_sequences, GatherParams);

namespace {

template <class Params>
void start(Backend backend, const Launchers<Params>& launchers, const Params& params, void* stream) {
  const auto launch = backend == Backend::gpu ? launchers.gpu : launchers.emulator;
  if (launch == nullptr)
    throw InvalidArgument("backend", name(backend), "one that this program was built with");
  launch(params, stream);
}

}  // namespace

void append(Backend backend, const AppendParams& p, void* stream) {
  for (const CacheScales* s : {&p.k_cache.scales, &p.v_cache.scales}) {
    if (s->data != nullptr && p.cache_type == p.type)
      throw InvalidArgument("scales", "values", "none in a cache of the tokens' type");
  }
  start(backend, append_tokens, p, stream);
}

void copy_pages(Backend backend, const CopyPagesParams& p, void* stream) {
  start(backend, copy_the_pages, p, stream);
}

void gather(Backend backend, const GatherParams& p, void* stream) {
  start(backend, gather_sequences, p, stream);
}

}  // namespace attnlab::cuda
