// How many tokens per second go through a KV cache's bookkeeping: a prompt is matched, gets blocks for its rest,
// and is published as it goes.
//
// The requests are those of the file that ATTNLAB_CACHE_STREAM names (benchmarks/cache_peers.py writes it, and
// runs the same ones through SGLang's and vLLM's caches), or a small batch made here. The file: 32-bit integers;
// the tokens that the cache holds, then each request's length and tokens.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "reference/core/philox.h"
#include "reference/kv/cache_manager.h"

namespace attnlab {
namespace {

struct Stream {
  Index capacity = 0;  // tokens
  std::vector<std::vector<kv::Token>> requests;
  Index tokens = 0;
};

Stream read_stream(const char* path) {
  std::ifstream file(path, std::ios::binary);
  Stream stream;
  std::int32_t number = 0;
  const auto read = [&](void* to, std::size_t bytes) {
    return static_cast<bool>(file.read(static_cast<char*>(to), static_cast<std::streamsize>(bytes)));
  };
  if (!read(&number, sizeof number)) throw std::runtime_error(std::string(path) + ": no stream of requests");
  stream.capacity = number;
  while (read(&number, sizeof number)) {
    if (number < 1) throw std::runtime_error(std::string(path) + ": a request of " + std::to_string(number));
    std::vector<kv::Token> request(static_cast<std::size_t>(number));
    if (!read(request.data(), request.size() * sizeof(kv::Token)))
      throw std::runtime_error(std::string(path) + ": ends within a request");
    stream.tokens += number;
    stream.requests.push_back(std::move(request));
  }
  return stream;
}

// 200 questions of 50 to 113 tokens behind one of 10 texts of 400.
Stream made_here() {
  Stream stream;
  stream.capacity = 8192;
  for (std::uint32_t n = 0; n < 200; ++n) {
    std::vector<kv::Token> request;
    const std::uint32_t length = 450 + philox(n, 0)[0] % 64;
    for (std::uint32_t t = 0; t < length; ++t) {
      request.push_back(static_cast<kv::Token>(philox(t < 400 ? n % 10 : 100 + n, t)[1] % 32000));
    }
    stream.tokens += static_cast<Index>(length);
    stream.requests.push_back(std::move(request));
  }
  return stream;
}

const Stream& stream() {
  static const Stream all = [] {
    const char* path = std::getenv("ATTNLAB_CACHE_STREAM");
    return path == nullptr ? made_here() : read_stream(path);
  }();
  return all;
}

void serve(benchmark::State& state, kv::Sharing sharing, Index block_size) {
  const Stream& all = stream();
  Index found = 0;
  for (auto _ : state) {
    kv::CacheManager cache({all.capacity / block_size, block_size, sharing, 0});
    for (const std::vector<kv::Token>& request : all.requests) {
      const auto started = cache.start(request);
      cache.finish(started.id, static_cast<Index>(request.size()));
    }
    found = cache.counts().hit_tokens;
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * all.tokens);
  state.counters["found"] = static_cast<double>(found) / static_cast<double>(all.tokens);
}

BENCHMARK_CAPTURE(serve, radix_1, kv::Sharing::radix, 1)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(serve, hash_16, kv::Sharing::hash, 16)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace attnlab

BENCHMARK_MAIN();
