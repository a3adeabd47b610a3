// vAttention's storage on a GPU: caches that are contiguous in addresses, whose pages are mapped as sequences grow,
// read by a kernel that knows nothing of pages. Says what mapping costs, that the results are those of caches in one
// piece, to the bit, and how fast the decode step is on both.
//
// Prabhu et al., "vAttention: Dynamic Memory Management for Serving LLMs without PagedAttention" (2024). build.sh makes
// it: FOLDER/virtual_memory. Prints one line per fact; exit code 1 when a result differs.
#include <cuda.h>
#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

#include "cuda/bench/decode.h"

namespace {

void check(CUresult code, const char* call) {
  if (code == CUDA_SUCCESS) return;
  const char* name = nullptr;
  cuGetErrorName(code, &name);
  std::fprintf(stderr, "virtual_memory: %s: %s\n", call, name != nullptr ? name : "unknown error");
  std::exit(2);
}
void check(cudaError_t code, const char* call) {
  if (code == cudaSuccess) return;
  std::fprintf(stderr, "virtual_memory: %s: %s\n", call, cudaGetErrorName(code));
  std::exit(2);
}
#define CHECK(call) check(call, #call)

// Addresses for keys or values of all sequences, `room` bytes for each, and pages behind the first of them.
class Arrays {
 public:
  Arrays(int sequences, std::size_t room) : room_(room), mapped_(static_cast<std::size_t>(sequences), 0) {
    where_.type = CU_MEM_ALLOCATION_TYPE_PINNED;
    where_.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
    where_.location.id = 0;
    CHECK(cuMemGetAllocationGranularity(&page_, &where_, CU_MEM_ALLOC_GRANULARITY_MINIMUM));
    CHECK(cuMemAddressReserve(&base_, room * mapped_.size(), 0, 0, 0));
  }
  ~Arrays() {
    for (std::size_t s = 0; s < mapped_.size(); ++s) {
      if (mapped_[s] != 0) cuMemUnmap(base_ + s * room_, mapped_[s]);
    }
    for (const CUmemGenericAllocationHandle page : pages_) cuMemRelease(page);
    cuMemAddressFree(base_, room_ * mapped_.size());
  }
  Arrays(const Arrays&) = delete;
  Arrays& operator=(const Arrays&) = delete;

  // The first `bytes` bytes of a sequence's array can be used. Returns how many pages that took.
  int grow(int sequence, std::size_t bytes) {
    const auto s = static_cast<std::size_t>(sequence);
    int pages = 0;
    for (; mapped_[s] < bytes; mapped_[s] += page_, ++pages) {
      const CUdeviceptr at = base_ + s * room_ + mapped_[s];
      CUmemGenericAllocationHandle page;
      CHECK(cuMemCreate(&page, page_, &where_, 0));
      pages_.push_back(page);
      CHECK(cuMemMap(at, page_, 0, page, 0));
      const CUmemAccessDesc access{where_.location, CU_MEM_ACCESS_FLAGS_PROT_READWRITE};
      CHECK(cuMemSetAccess(at, page_, &access, 1));
    }
    return pages;
  }
  __nv_bfloat16* data() const { return reinterpret_cast<__nv_bfloat16*>(base_); }
  std::size_t page() const { return page_; }

 private:
  std::size_t room_, page_ = 0;
  CUdeviceptr base_ = 0;
  CUmemAllocationProp where_ = {};
  std::vector<std::size_t> mapped_;  // bytes of each sequence
  std::vector<CUmemGenericAllocationHandle> pages_;
};

constexpr int kBatch = 64, kHeads = 32, kKvHeads = 8, kDim = 128;
constexpr int kTokens = 4096, kMostTokens = 131072, kRounds = 20;
constexpr std::size_t kRow = std::size_t{kKvHeads} * kDim;  // numbers of one token

template <class T>
T* on_device(std::size_t count) {
  void* data = nullptr;
  CHECK(cudaMalloc(&data, count * sizeof(T)));
  return static_cast<T*>(data);
}

// Microseconds of a decode step, the median.
float timed(const AttnlabDecode& call) {
  cudaEvent_t start, end;
  CHECK(cudaEventCreate(&start));
  CHECK(cudaEventCreate(&end));
  std::vector<float> times;
  for (int n = 0; n < kRounds; ++n) {
    CHECK(cudaEventRecord(start));
    if (attnlab_decode("ring-03", &call, nullptr) != 0) {
      std::fprintf(stderr, "virtual_memory: %s\n", attnlab_decode_error());
      std::exit(2);
    }
    CHECK(cudaEventRecord(end));
    CHECK(cudaEventSynchronize(end));
    float milliseconds = 0;
    CHECK(cudaEventElapsedTime(&milliseconds, start, end));
    times.push_back(milliseconds * 1000);
  }
  std::nth_element(times.begin(), times.begin() + kRounds / 2, times.end());
  return times[kRounds / 2];
}

}  // namespace

int main() {
  CHECK(cudaFree(nullptr));
  int multiprocessors = 0;
  CHECK(cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, 0));
  const std::size_t room = kRow * kMostTokens * sizeof(__nv_bfloat16);  // of one sequence's keys
  Arrays k(kBatch, room), v(kBatch, room);

  // Token by token, as sequences grow: a page is mapped when a token is the first on it.
  int pages = 0;
  const auto begin = std::chrono::steady_clock::now();
  for (int token = 0; token < kTokens; ++token) {
    const std::size_t bytes = kRow * static_cast<std::size_t>(token + 1) * sizeof(__nv_bfloat16);
    for (int s = 0; s < kBatch; ++s) pages += k.grow(s, bytes) + v.grow(s, bytes);
  }
  const std::chrono::duration<double, std::micro> mapping = std::chrono::steady_clock::now() - begin;
  std::printf("page of %zu KiB = %zu tokens of one layer's keys; %.1f us to map one (%d mapped)\n",
              k.page() / 1024, k.page() / sizeof(__nv_bfloat16) / kRow, mapping.count() / pages, pages);

  const std::size_t numbers = kRow * kTokens * kBatch;
  std::vector<__nv_bfloat16> values(numbers + kRow * kBatch);
  std::mt19937 random(1);
  for (__nv_bfloat16& x : values) x = __float2bfloat16(static_cast<float>(random()) / 2147483648.0f - 1.0f);
  auto *whole_k = on_device<__nv_bfloat16>(numbers), *whole_v = on_device<__nv_bfloat16>(numbers);
  CHECK(cudaMemcpy(whole_k, values.data(), numbers * 2, cudaMemcpyHostToDevice));
  CHECK(cudaMemcpy(whole_v, values.data() + kRow * kBatch, numbers * 2, cudaMemcpyHostToDevice));
  for (std::size_t s = 0; s < kBatch; ++s) {
    const std::size_t from = s * kRow * kTokens, to = s * room / 2, bytes = kRow * kTokens * 2;
    CHECK(cudaMemcpy(k.data() + to, whole_k + from, bytes, cudaMemcpyDeviceToDevice));
    CHECK(cudaMemcpy(v.data() + to, whole_v + from, bytes, cudaMemcpyDeviceToDevice));
  }

  AttnlabDecode call = {};
  constexpr long long kQuery = static_cast<long long>(kHeads) * kDim;
  auto* q = on_device<__nv_bfloat16>(kQuery * kBatch);
  CHECK(cudaMemcpy(q, values.data(), kQuery * kBatch * 2, cudaMemcpyHostToDevice));
  std::vector<__nv_bfloat16> results[2];
  float microseconds[2];
  for (int mapped = 0; mapped < 2; ++mapped) {
    auto* o = on_device<__nv_bfloat16>(kQuery * kBatch);
    CHECK(cudaMemset(o, 0xff, kQuery * kBatch * 2));
    call.q = q, call.o = o, call.lse = on_device<float>(kHeads * kBatch);
    call.k = mapped ? k.data() : whole_k, call.v = mapped ? v.data() : whole_v;
    const long long stride =
        mapped ? static_cast<long long>(room / 2) : static_cast<long long>(kRow * kTokens);
    for (long long* strides : {call.k_strides, call.v_strides})
      strides[0] = stride, strides[1] = kDim, strides[2] = static_cast<long long>(kRow);
    for (long long* strides : {call.q_strides, call.o_strides})
      strides[0] = kQuery, strides[1] = strides[2] = kDim;
    call.type = call.kv_type = 3;  // bf16
    call.batch = kBatch, call.heads_q = kHeads, call.heads_kv = kKvHeads;
    call.seqlen_q = 1, call.seqlen_kv = kTokens, call.head_dim = call.head_dim_v = kDim;
    call.scale_rows = 1, call.multiprocessors = multiprocessors, call.scale = 0.0883883476f;
    call.workspace =
        on_device<char>(static_cast<std::size_t>(std::max(16LL, attnlab_decode_workspace("ring-03", &call))));
    microseconds[mapped] = timed(call);
    results[mapped].resize(kQuery * kBatch);
    CHECK(cudaMemcpy(results[mapped].data(), o, kQuery * kBatch * 2, cudaMemcpyDeviceToHost));
  }
  const bool equal = std::memcmp(results[0].data(), results[1].data(), results[0].size() * 2) == 0;
  const double bytes = 2.0 * static_cast<double>(numbers) * 2;
  std::printf(
      "decode, batch %d, %d tokens: %.1f us in one piece, %.1f us in mapped pages (%.2f TB/s, ratio %.3f)\n",
      kBatch, kTokens, microseconds[0], microseconds[1], bytes / microseconds[1] * 1e-6,
      microseconds[0] / microseconds[1]);
  std::printf("results are %s\n", equal ? "equal to the bit" : "DIFFERENT");
  return equal ? 0 : 1;
}
