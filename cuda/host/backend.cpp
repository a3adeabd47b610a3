#include "cuda/host/backend.h"

#include "reference/core/errors.h"

namespace attnlab::cuda {

// The build defines ATTNLAB_CUDA_EMULATOR and ATTNLAB_CUDA_GPU for the backends that it compiles in.
#ifdef ATTNLAB_CUDA_EMULATOR
namespace emulator {
const BackendFunctions& functions();
}
#endif
#ifdef ATTNLAB_CUDA_GPU
namespace gpu {
const BackendFunctions& functions();
}
#endif

const char* name(Backend backend) { return backend == Backend::gpu ? "gpu" : "emulator"; }

const BackendFunctions& functions(Backend backend) {
#ifdef ATTNLAB_CUDA_EMULATOR
  if (backend == Backend::emulator) return emulator::functions();
#endif
#ifdef ATTNLAB_CUDA_GPU
  if (backend == Backend::gpu) return gpu::functions();
#endif
  throw InvalidArgument("backend", name(backend), "one that this program was built with");
}

std::vector<Backend> backends() {
  std::vector<Backend> all;
#ifdef ATTNLAB_CUDA_EMULATOR
  if (functions(Backend::emulator).present()) all.push_back(Backend::emulator);
#endif
#ifdef ATTNLAB_CUDA_GPU
  if (functions(Backend::gpu).present()) all.push_back(Backend::gpu);
#endif
  return all;
}

}  // namespace attnlab::cuda
