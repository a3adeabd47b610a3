// What the translator makes of kernel<<<grid, block, bytes, stream>>>(arguments):
//
//   launch_site({"kernel", address unknown, "file.cu", 12},
//               [&](auto tag) -> decltype(function_pointer<decltype(tag)>(kernel)) { return kernel; },
//               [&](auto&... a) <not instrumented> { kernel(a...); })
//       .shape(grid, block, bytes, stream)(arguments)
//
// The first lambda gives the kernel's address, and so its parameters' types; it is not callable where
// `kernel` alone does not name one function (a template whose arguments are deduced, an overloaded name). The
// second calls it, for those. A launch that fails leaves its error for cudaGetLastError.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <type_traits>
#include <utility>

#include "simulator/emulator/launch.h"

#if defined(__clang__)
#define ATTNLAB_EMULATOR_BARE __attribute__((no_sanitize("thread", "coverage")))
#else
#define ATTNLAB_EMULATOR_BARE __attribute__((no_sanitize("thread"), no_sanitize_coverage))
#endif

namespace attnlab::emulator {

void set_last_error(int error);  // the runtime API's (api/errors.h)

// Fails to deduce unless `function` names one function. Tag only delays the check to a template's
// instantiation.
template <class Tag, class Result, class... Parameters>
constexpr auto function_pointer(Result (*function)(Parameters...)) -> Result (*)(Parameters...) {
  return function;
}
struct LaunchTag {};

// The arguments of a launch. A struct of one's own, since reading a std::tuple calls functions that would be
// instrumented.
template <std::size_t i, class T>
struct LaunchArgument {
  T value;
};
template <class Call, class Indices, class... T>
struct LaunchArguments;
template <class Call, std::size_t... i, class... T>
struct LaunchArguments<Call, std::index_sequence<i...>, T...> : LaunchArgument<i, T>... {
  Call call;

  template <class... Given>
  explicit LaunchArguments(const Call& called, Given&&... given)
      : LaunchArgument<i, T>{std::forward<Given>(given)}..., call(called) {}
  ATTNLAB_EMULATOR_BARE static void run(void* all) {
    auto& self = *static_cast<LaunchArguments*>(all);
    self.call(static_cast<LaunchArgument<i, T>&>(self).value...);
  }
};

// A call of a kernel, some of whose parameters have a copy constructor or destructor of their own. CUDA
// copies such arguments to the device bit by bit and calls neither there. In the C++ ABI they are passed as
// the address of an object, which here is each thread's own copy of the bits.
template <class P>
inline constexpr bool kPassedByAddress =
    !std::is_reference_v<P> &&
    !(std::is_trivially_copy_constructible_v<P> && std::is_trivially_move_constructible_v<P> &&
      std::is_trivially_destructible_v<P>);
template <class P>
class BitwiseCopy {
 public:
  ATTNLAB_EMULATOR_BARE explicit BitwiseCopy(const P& value) {
    __builtin_memcpy(bytes_, static_cast<const void*>(&value), sizeof value);
  }
  ATTNLAB_EMULATOR_BARE operator void*() { return bytes_; }

 private:
  alignas(P) unsigned char bytes_[sizeof(P)];
};
template <class Result, class... P>
struct BitwiseCall {
  Result (*function)(P...);

  ATTNLAB_EMULATOR_BARE void operator()(P&... values) const {
    using Address = Result (*)(std::conditional_t<kPassedByAddress<P>, void*, P>...);
    reinterpret_cast<Address>(reinterpret_cast<void*>(function))(
        std::conditional_t<kPassedByAddress<P>, BitwiseCopy<P>, P&>(values)...);
  }
};
template <class Result, class... P>
auto device_call(Result (*function)(P...)) {
  if constexpr ((kPassedByAddress<P> || ...))
    return BitwiseCall<Result, P...>{function};
  else
    return function;
}

class LaunchBase {
 protected:
  LaunchBase(const LaunchShape& shape, const KernelIdentity& kernel) : shape_(shape), kernel_(kernel) {}

  template <class... T, class Call, class... Given>
  void run(const void* address, const Call& call, Given&&... given) const {
    LaunchArguments<Call, std::index_sequence_for<T...>, T...> all(call, std::forward<Given>(given)...);
    KernelIdentity kernel = kernel_;
    kernel.address = address;
    const int error = launch(shape_, kernel, &decltype(all)::run, &all, sizeof all);
    if (error != 0) set_last_error(error);
  }

 private:
  LaunchShape shape_;
  KernelIdentity kernel_;
};

// A kernel whose template arguments follow from the launch's arguments.
template <class Call>
class DeducedLaunch : LaunchBase {
 public:
  DeducedLaunch(const LaunchShape& shape, const KernelIdentity& kernel, Call call)
      : LaunchBase(shape, kernel), call_(call) {}
  template <class... Given>
  void operator()(Given&&... given) const {
    run<std::decay_t<Given>...>(nullptr, call_, std::forward<Given>(given)...);
  }

 private:
  Call call_;
};

// A kernel of known parameters: arguments convert as in a call, 0 and NULL to pointers included. A reference
// is an address, of managed memory if all is well.
template <class Call, class Result, class... Parameters>
class TypedLaunch : LaunchBase {
 public:
  TypedLaunch(const LaunchShape& shape, const KernelIdentity& kernel, Result (*function)(Parameters...),
              Call call)
      : LaunchBase(shape, kernel), function_(function), call_(call) {}

  void operator()(Parameters... given) const {
    run<Parameters...>(reinterpret_cast<const void*>(function_), device_call(function_to_run(function_)),
                       std::forward<Parameters>(given)...);
  }
  // With default arguments, which a pointer does not know.
  template <class... Given, std::enable_if_t<(sizeof...(Given) < sizeof...(Parameters)), int> = 0>
  void operator()(Given&&... given) const {
    run<std::decay_t<Given>...>(reinterpret_cast<const void*>(function_), call_,
                                std::forward<Given>(given)...);
  }

 private:
  Result (*function_)(Parameters...);
  Call call_;
};

template <class Known, class Call>
class LaunchSite {
 public:
  LaunchSite(const KernelIdentity& kernel, Known known, Call call)
      : kernel_(kernel), known_(known), call_(call) {}

  auto shape(dim3 grid, dim3 block = dim3(1), std::size_t bytes = 0, cudaStream_t = nullptr) const {
    LaunchShape shape;
    shape.grid = {grid.x, grid.y, grid.z};
    shape.block = {block.x, block.y, block.z};
    shape.dynamic_shared_bytes = bytes;
    if constexpr (std::is_invocable_v<Known, LaunchTag>)
      return typed(shape, known_(LaunchTag{}));
    else
      return DeducedLaunch<Call>(shape, kernel_, call_);
  }

 private:
  template <class Result, class... Parameters>
  auto typed(const LaunchShape& shape, Result (*function)(Parameters...)) const {
    return TypedLaunch<Call, Result, Parameters...>(shape, kernel_, function, call_);
  }

  KernelIdentity kernel_;
  Known known_;
  Call call_;
};

template <class Known, class Call>
LaunchSite<Known, Call> launch_site(const KernelIdentity& kernel, Known known, Call call) {
  return {kernel, known, call};
}

// Registers a kernel that is no template by its name (cuda_launch_api.h); an overloaded name stays unknown.
template <class Known>
bool describe_kernel_of(Known known, const char* name, int max_threads_per_block) {
  if constexpr (std::is_invocable_v<Known, LaunchTag>)
    return describe_kernel(known(LaunchTag{}), name, max_threads_per_block);
  else
    return false;
}

}  // namespace attnlab::emulator
