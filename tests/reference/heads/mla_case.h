// Random multi-head latent attention layers, for tests.
#pragma once

#include <string>
#include <vector>

#include "reference/heads/mla.h"
#include "tests/reference/attention/random_problem.h"

namespace attnlab::testing {

// Weights with their memory; entries of variance 1 / inputs, so that activations keep the size of h.
struct MlaLayer {
  heads::MlaConfig config;
  heads::MlaWeights<double> weights;

  MlaLayer(const heads::MlaConfig& c, Random& random) : config(c) {
    const Index q_in = c.q_lora_rank != 0 ? c.q_lora_rank : c.hidden;
    if (c.q_lora_rank != 0) weights.dq = matrix(random, c.q_lora_rank, c.hidden);
    weights.uq = matrix(random, c.num_heads * c.head_dim, q_in);
    weights.qr = matrix(random, c.num_heads * c.rope_dim, q_in);
    weights.dkv = matrix(random, c.kv_lora_rank, c.hidden);
    weights.kr = matrix(random, c.rope_dim, c.hidden);
    weights.uk = matrix(random, c.num_heads * c.head_dim, c.kv_lora_rank);
    weights.uv = matrix(random, c.num_heads * c.head_dim_v, c.kv_lora_rank);
    weights.o = matrix(random, c.hidden, c.num_heads * c.head_dim_v);
    if (c.latent_norm) {
      weights.q_norm = gains(random, c.q_lora_rank);
      weights.kv_norm = gains(random, c.kv_lora_rank);
    }
  }
  MlaLayer(const MlaLayer&) = delete;
  MlaLayer& operator=(const MlaLayer&) = delete;

 private:
  MatrixView<const double> matrix(Random& random, Index rows, Index cols) {
    auto& data = storage_.emplace_back(static_cast<std::size_t>(rows * cols));
    for (double& x : data) x = random.normal() / std::sqrt(static_cast<double>(cols));
    return {data.data(), rows, cols, cols};
  }
  std::span<const double> gains(Random& random, Index size) {
    auto& data = storage_.emplace_back(static_cast<std::size_t>(size));
    for (double& x : data) x = 0.5 + random.uniform();
    return data;
  }
  std::vector<std::vector<double>> storage_;
};

inline heads::MlaConfig random_mla_config(Random& random) {
  heads::MlaConfig c;
  c.hidden = random.integer(1, 30);
  c.num_heads = random.integer(1, 6);
  c.head_dim = random.integer(1, 12);
  c.rope_dim = 2 * random.integer(0, 5);
  c.head_dim_v = random.chance(0.5) ? c.head_dim : random.integer(1, 12);
  c.kv_lora_rank = random.integer(1, 20);
  c.q_lora_rank = random.chance(0.3) ? 0 : random.integer(1, 20);
  c.rope.pairing = random.chance(0.5) ? heads::Pairing::interleaved : heads::Pairing::half_split;
  c.latent_norm = random.chance(0.5);
  return c;
}

}  // namespace attnlab::testing
