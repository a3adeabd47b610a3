// A call of the CUDA runtime, or a launch, that failed.
#pragma once

#include <stdexcept>
#include <string>

namespace attnlab::cuda {

class CudaError : public std::runtime_error {
 public:
  // code: the cudaError_t; name: cudaGetErrorName's
  CudaError(const std::string& call, int code, const std::string& name, const char* file, int line)
      : std::runtime_error(std::string(file) + ":" + std::to_string(line) + ": " + call + ": " + name + " (" +
                           std::to_string(code) + ")"),
        call_(call),
        code_(code) {}
  const std::string& call() const { return call_; }
  int code() const { return code_; }

 private:
  std::string call_;
  int code_;
};

}  // namespace attnlab::cuda
