// One launch of a kernel of cuda/ as a program for the emulator: compiled from its file with the tiles that are asked
// for, given random numbers, and judged by what it wrote. The program is cuda/single/main.cu.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "answers/json.h"
#include "answers/run_tensors.h"
#include "answers/work.h"
#include "cuda/counters/launch_once.h"
#include "cuda/host/backward_params.h"
#include "cuda/host/registry.h"
#include "simulator/emulator/report/html.h"

namespace attnlab::answers {

struct LaunchQuestion {
  std::string kernel;
  ProblemFields problem;  // softmax: num_heads rows of seqlen_kv numbers
  std::string dtype = "fp32";
  std::uint64_t seed = 0;  // of the random numbers
  Index br = 0, bc = 0;    // 0: the kernel's own
};

// What the oracle says of the results.
struct LaunchVerdict {
  bool right = false;
  std::string text;
  Json json;
};

// Called with the estimate before anything is drawn; throws to refuse it.
using Permit = std::function<void(const Work&)>;

class SingleLaunch {
 public:
  // Draws the inputs. Throws InvalidArgument naming the field for what the kernel does not take on this device.
  SingleLaunch(const LaunchQuestion& question, const cuda::DeviceLimits& device, const Permit& permit);
  SingleLaunch(const SingleLaunch&) = delete;
  SingleLaunch& operator=(const SingleLaunch&) = delete;

  // "flash2-04: FlashAttention-2, one thread per row; fp32 [1, 2, 512, 64], causal, tiles 128 x 16"
  std::string title() const;
  // The compiler's words: sources, macros, where the headers are. source: in place of the kernel's own file, if not
  // empty.
  std::vector<std::string> compile_words(const std::filesystem::path& source) const;
  // The program's words, once its problem is written.
  std::vector<std::string> program_words(const std::filesystem::path& problem,
                                         const std::filesystem::path& results) const;
  void write_problem(const std::filesystem::path& file);
  // Once the program has ended. Throws FileError when results are missing or of another size.
  LaunchVerdict judge(const std::filesystem::path& results);
  // The closed form of the kernel's algorithm with these tiles; nothing where there is none.
  std::optional<emulator::Ideal> ideal() const;

 private:
  void set_softmax(const LaunchQuestion& question, const Permit& permit);
  void set_attention(const LaunchQuestion& question, const cuda::DeviceLimits& device, const Permit& permit);
  Work work_of(const cuda::Shape& shape) const;
  void set_backward(cuda::BackwardParams& params);
  // A tensor's pointer and strides for the kernel, and its bytes for the problem's file.
  template <class T>
  cuda::Strided<T> on_host(files::Tensor& tensor, const Extents& extents);
  template <class T>
  const T* list(const std::vector<T>& values);
  files::Tensor output(const Extents& extents, DType dtype) const;

  const cuda::Kernel& kernel_;
  cuda::Tiles tiles_;  // as asked
  DType dtype_ = DType::f32;
  RunInputs inputs_;
  files::Tensor x_, y_;  // softmax
  files::Tensor o_, lse_, dq_, dk_, dv_;
  std::vector<int> cu_seqlens_q_, cu_seqlens_kv_, q_lens_, kv_lens_;
  std::vector<float> slopes_;
  // With pointers to the tensors above, and how many bytes each has.
  std::variant<cuda::SoftmaxParams, cuda::AttentionParams, cuda::BackwardParams> params_;
  std::map<const void*, std::size_t> bytes_;
};

}  // namespace attnlab::answers
