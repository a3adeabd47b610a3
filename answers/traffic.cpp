#include "answers/traffic.h"

#include <algorithm>

#include "answers/problem_json.h"
#include "reference/core/errors.h"

namespace attnlab::answers {
namespace {

std::vector<io::Pass> passes_of(const std::string& text) {
  if (text == "forward") return {io::Pass::forward};
  if (text == "backward") return {io::Pass::backward};
  if (text == "both") return {io::Pass::forward, io::Pass::backward};
  throw InvalidArgument("pass", text, "forward, backward or both");
}

std::uint64_t sum(const std::array<std::uint64_t, memory::kTensorCount>& bytes) {
  std::uint64_t total = 0;
  for (const std::uint64_t b : bytes) total += b;
  return total;
}

Json counters_json(const memory::Counters& c) {
  return {{"l2_to_sm_bytes", c.l2_to_l1_sectors * memory::kSectorBytes},
          {"sm_to_l2_bytes", c.l1_to_l2_sectors * memory::kSectorBytes},
          {"dram_read_bytes", c.dram_read_bytes},
          {"dram_write_bytes", c.dram_write_bytes},
          {"dram_dirty_left_bytes", c.l2_dirty_bytes},
          {"l2_read_hit_bytes", c.l2_read_hits * memory::kSectorBytes},
          {"l1_read_bytes", c.l1_read_sectors * memory::kSectorBytes},
          {"l1_read_hit_bytes", c.l1_read_hits * memory::kSectorBytes}};
}

Json tensors_json(const memory::LaunchTraffic& traffic) {
  Json json = Json::object();
  for (std::uint32_t t = 0; t < memory::kTensorCount; ++t) {
    Json tensor = Json::object();
    if (traffic.loaded[t] != 0) tensor["read_bytes"] = traffic.loaded[t];
    if (traffic.stored[t] != 0) tensor["write_bytes"] = traffic.stored[t];
    if (traffic.reduced[t] != 0) tensor["reduction_bytes"] = traffic.reduced[t];
    if (!tensor.empty()) json[memory::tensor_name(t)] = tensor;
  }
  return json;
}

memory::Geometry geometry_of(const TrafficQuestion& question, const device::Device& device) {
  memory::Geometry geometry = memory::geometry_of(device);
  if (question.sms != 0) geometry.sms = question.sms;
  if (question.l2_bytes != 0) geometry.l2_bytes = question.l2_bytes;
  if (question.l2_effective_fraction != 0) geometry.l2_effective_fraction = question.l2_effective_fraction;
  return geometry;
}

}  // namespace

const attention::AlgorithmInfo& algorithm_of(const TrafficQuestion& question) {
  return attention::find_algorithm(question.algorithm == "naive" ? "standard" : question.algorithm);
}

Work work_of(const TrafficQuestion& question) {
  // Seconds for a line of 128 bytes that a block asks for, and bytes of the model for a line that a cache has.
  constexpr double kLine = 6e-8, kModel = 32;
  constexpr std::uint64_t kLineBytes = 128, kMostL1Lines = 1 << 16;
  const attention::Algorithm algorithm = algorithm_of(question).id;
  const io::ElementSizes sizes(question.dtype);
  const memory::Geometry geometry = geometry_of(question, device::load(question.gpu));
  Work work;
  for (const io::Pass pass : passes_of(question.pass)) {
    memory::layout_of(algorithm, pass, question.problem, sizes);  // refuses what cannot be replayed at all
    const io::Traffic asked = io::problem_traffic(algorithm, pass, question.problem, question.tiles);
    // A tile's row is a line at least.
    const double elements_a_row =
        static_cast<double>(std::min(question.problem.head_dim, question.problem.head_dim_v));
    const double row_bytes = elements_a_row * static_cast<double>(sizes(Hbm::Q));
    work.seconds += static_cast<double>(io::bytes(asked, sizes).total()) /
                    std::min(row_bytes, static_cast<double>(kLineBytes)) * kLine;
  }
  const std::uint64_t lines_of_l1 = std::min(question.l1_bytes / kLineBytes, kMostL1Lines);
  const std::uint64_t lines = geometry.l2_bytes / kLineBytes + geometry.sms * lines_of_l1;
  work.bytes = static_cast<double>(lines) * kModel;
  return work;
}

TrafficAnswer answer(const TrafficQuestion& question) {
  const attention::Algorithm algorithm = algorithm_of(question).id;
  const auto passes = passes_of(question.pass);
  const io::ElementSizes sizes(question.dtype);
  const device::Device device = device::load(question.gpu);
  TrafficAnswer result;
  result.geometry = geometry_of(question, device);
  for (const io::Pass pass : passes) {
    memory::ReplaySettings settings;
    settings.geometry = result.geometry;
    settings.l1_bytes = question.l1_bytes;
    settings.resident_blocks =
        question.resident_blocks != 0
            ? question.resident_blocks
            : memory::resident_blocks(device, pass, question.problem, sizes, question.tiles);
    settings.progress = [&](double share) {
      if (question.progress) question.progress(pass, share);
    };
    for (memory::LaunchTraffic& traffic :
         memory::replay(algorithm, pass, question.problem, sizes, question.tiles, settings)) {
      result.total += traffic.counters;
      result.asked.read += sum(traffic.loaded);
      result.asked.written += sum(traffic.stored) + sum(traffic.reduced);
      result.kernels.push_back({pass, settings.resident_blocks, std::move(traffic)});
    }
    const io::Bytes closed =
        io::bytes(io::problem_traffic(algorithm, pass, question.problem, question.tiles), sizes);
    result.closed.read += closed.read;
    result.closed.written += closed.written;
  }
  return result;
}

Json to_json(const TrafficQuestion& question, const TrafficAnswer& a) {
  Json json;
  json["algorithm"] = algorithm_of(question).name;
  json["problem"] = problem_json(question.problem, question.dtype);
  json["pass"] = question.pass;
  json["tiles"] = {{"br", question.tiles.br}, {"bc", question.tiles.bc}};
  json["gpu"] = question.gpu;
  json["sms"] = a.geometry.sms;
  json["l1_bytes"] = question.l1_bytes;
  json["l2_bytes"] = a.geometry.l2_bytes;
  json["l2_effective_fraction"] = a.geometry.l2_effective_fraction;
  json.update(counters_json(a.total));
  json["asked_read_bytes"] = json_count(a.asked.read);
  json["asked_write_bytes"] = json_count(a.asked.written);
  json["closed_form_read_bytes"] = json_count(a.closed.read);
  json["closed_form_write_bytes"] = json_count(a.closed.written);
  json["kernels"] = Json::array();
  for (const TrafficAnswer::Kernel& kernel : a.kernels) {
    Json entry{{"name", kernel.traffic.name},
               {"pass", io::name(kernel.pass)},
               {"blocks", kernel.traffic.blocks},
               {"resident_blocks", kernel.resident_blocks}};
    entry.update(counters_json(kernel.traffic.counters));
    entry["by_tensor"] = tensors_json(kernel.traffic);
    json["kernels"].push_back(entry);
  }
  return json;
}

}  // namespace attnlab::answers
