#include "answers/io.h"

#include <fmt/format.h>

#include "answers/problem_json.h"
#include "answers/random_blocks.h"
#include "reference/core/errors.h"

namespace attnlab::answers {
namespace {

using attention::Algorithm;
using attention::Problem;
using attention::Tiles;

constexpr std::int64_t kMostSram = std::int64_t{1} << 50;

std::vector<io::Pass> passes_of(const std::string& text) {
  if (text == "forward") return {io::Pass::forward};
  if (text == "backward") return {io::Pass::backward};
  if (text == "both") return {io::Pass::forward, io::Pass::backward};
  throw InvalidArgument("pass", text, "forward, backward or both");
}

// The stored masks and biases of --boolean-mask and --bias: [1, 1, seqlen_q, seqlen_kv]. Closed forms need
// their extents only, so that the data exist at sizes that can run.
struct Stored {
  std::vector<std::uint8_t> mask;
  std::vector<float> bias;
};

void add_stored(const IoChoices& choices, Problem& p, Stored& stored) {
  constexpr Index kLargest = Index{1} << 28;
  const Index scores = p.seqlen_q * p.seqlen_kv;
  const std::size_t size = scores <= kLargest ? static_cast<std::size_t>(std::max<Index>(1, scores)) : 1;
  if (choices.boolean_mask) {
    stored.mask.assign(size, 1);
    p.mask = broadcast(stored.mask.data(), 1, 1, p.seqlen_q, p.seqlen_kv);
  }
  if (choices.bias) {
    stored.bias.assign(size, 0.0f);
    p.bias = broadcast(stored.bias.data(), 1, 1, p.seqlen_q, p.seqlen_kv);
  }
}

// The least elements of SRAM for which the entry finds tiles.
std::int64_t least_sram(const io::Entry& entry, io::Question q) {
  const auto fits = [&](std::int64_t elements) {
    q.sram_elements = elements;
    try {
      entry.tiles(entry, q);
      return true;
    } catch (const SramOverflow&) {
      return false;
    }
  };
  std::int64_t enough = 1;
  while (!fits(enough) && enough < kMostSram) enough *= 2;
  for (std::int64_t too_little = enough / 2; enough - too_little > 1;) {
    const std::int64_t middle = too_little + (enough - too_little) / 2;
    (fits(middle) ? enough : too_little) = middle;
  }
  return enough;
}

bool can_run(const Problem& p) {
  return (!p.mask && !p.bias) || p.seqlen_q * p.seqlen_kv <= (Index{1} << 28);
}

}  // namespace

Json by_tensor(const io::Traffic& t, DType dtype) {
  const io::ElementSizes sizes(dtype);
  Json json = Json::object();
  for (std::size_t n = 0; n < kHbmCount; ++n) {
    if (t.loads[n] == 0 && t.stores[n] == 0) continue;
    json[kHbmNames[n]] = {{"read_bytes", json_count(t.loads[n] * sizes.bytes[n])},
                          {"write_bytes", json_count(t.stores[n] * sizes.bytes[n])}};
  }
  return json;
}

Json flops_by_kind(const io::Traffic& t) {
  return {{"matmul", json_count(t.flop(Flop::matmul))},
          {"exp", json_count(t.flop(Flop::exp))},
          {"other", json_count(t.flop(Flop::other))}};
}

device::Work work_of(const io::Traffic& traffic, DType dtype) {
  device::Work work;
  work.hbm_bytes = static_cast<double>(io::bytes(traffic, io::ElementSizes(dtype)).total());
  work.matmul_flops[device::arithmetic_of(dtype)] = static_cast<double>(traffic.flop(Flop::matmul));
  work.exp = static_cast<double>(traffic.flop(Flop::exp));
  work.other_flops = static_cast<double>(traffic.flop(Flop::other));
  return work;
}

IoAnswer answer(const IoQuestion& question) {
  const io::Entry& entry = io::find(question.algorithm);
  const auto passes = passes_of(question.choices.pass);
  const io::ElementSizes sizes(question.dtype);
  const device::Device device = device::load(question.choices.device);
  if (question.density != 1 && !entry.block_mask) {
    throw InvalidArgument("density", fmt::format("{}", question.density),
                          "1 unless `algorithm` is " + block_mask_algorithms());
  }
  Problem problem = question.problem;
  problem.mask_pass = question.choices.mask_pass;
  Stored stored;
  add_stored(question.choices, problem, stored);
  validate(problem);

  IoAnswer result;
  const std::uint64_t sram = question.sram_bytes != 0 ? question.sram_bytes : device.sram_bytes_per_sm;
  if (sram > static_cast<std::uint64_t>(kMostSram))
    throw InvalidArgument("sram_bytes", std::to_string(sram), "at most 2^50 bytes");
  result.sram_elements = static_cast<std::int64_t>(sram / sizes(Hbm::Q));
  std::optional<io::Traffic> metered = io::Traffic{};
  for (const io::Pass pass : passes) {
    if (pass == io::Pass::backward && !entry.backward) {
      throw InvalidArgument("pass", question.choices.pass, "forward with `algorithm` " + entry.name);
    }
    io::Question q{problem,          pass, question.tiles, {}, result.sram_elements, question.kv_lora_rank,
                   question.rope_dim};
    entry.check(entry, q);
    try {
      q.tiles = entry.tiles(entry, q);
    } catch (const SramOverflow&) {
      const auto least = static_cast<std::uint64_t>(least_sram(entry, q)) * sizes(Hbm::Q);
      throw InvalidArgument("sram_bytes", std::to_string(sram),
                            fmt::format("at least {} bytes for the smallest tiles of {} {}", least,
                                        entry.name, io::name(pass)));
    }
    std::vector<std::uint8_t> blocks;
    if (question.density < 1) {
      q.block_mask.row_blocks = attention::ceil_div(problem.seqlen_q, q.tiles.br);
      q.block_mask.col_blocks = attention::ceil_div(problem.seqlen_kv, q.tiles.bc);
      blocks = random_blocks(q.block_mask.row_blocks, q.block_mask.col_blocks, question.density);
      q.block_mask.data = blocks.data();
    }
    const io::Traffic closed = entry.closed(entry, q);
    if (closed.sram_peak > static_cast<io::Count>(result.sram_elements)) {
      throw InvalidArgument("sram_bytes", std::to_string(sram),
                            fmt::format("at least {} bytes for tiles of {} x {} in the {} pass",
                                        io::to_string(closed.sram_peak * sizes(Hbm::Q)), q.tiles.br,
                                        q.tiles.bc, io::name(pass)));
    }
    result.closed += closed;
    result.passes.emplace_back(pass, q.tiles);
    if (!metered) continue;
    if (const auto sample = can_run(problem) ? entry.metered(entry, q) : std::nullopt) {
      *metered += sample->traffic;
      result.metered_heads = sample->heads_run;
    } else {
      metered.reset();
    }
  }
  result.metered = metered;
  result.roofline = device::roofline(device, work_of(result.closed, question.dtype));
  return result;
}

Json to_json(const IoQuestion& question, const IoAnswer& a) {
  const io::ElementSizes sizes(question.dtype);
  const io::Bytes closed = io::bytes(a.closed, sizes);
  Json json;
  json["algorithm"] = question.algorithm;
  json["problem"] = problem_json(question.problem, question.dtype);
  json["pass"] = question.choices.pass;
  json["sram_elements"] = a.sram_elements;
  for (const auto& [pass, tiles] : a.passes)
    json["tiles"][io::name(pass)] = {{"br", tiles.br}, {"bc", tiles.bc}};
  json["hbm_read_bytes"] = json_count(closed.read);
  json["hbm_write_bytes"] = json_count(closed.written);
  json["hbm_bytes"] = json_count(closed.total());
  json["matrix_bytes"] = json_count(io::matrix_bytes(a.closed, sizes).total());
  json["metered_read_bytes"] = a.metered ? json_count(io::bytes(*a.metered, sizes).read) : Json();
  json["metered_write_bytes"] = a.metered ? json_count(io::bytes(*a.metered, sizes).written) : Json();
  json["metered_heads"] = a.metered ? Json(a.metered_heads) : Json();
  json["by_tensor"] = by_tensor(a.closed, question.dtype);
  json["sram_peak_bytes"] = json_count(a.closed.sram_peak * sizes(Hbm::Q));
  json["sram_peak_elements"] = json_count(a.closed.sram_peak);
  json["flops"] = json_count(a.closed.flop(Flop::matmul));
  json["flops_by_kind"] = flops_by_kind(a.closed);
  json["device"] = question.choices.device;
  json["time_roofline_us"] = a.roofline.seconds() * 1e6;
  json["bound"] = std::string(device::name(a.roofline.bound()));
  return json;
}

}  // namespace attnlab::answers
