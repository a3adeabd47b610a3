#include "cli/traffic_answer.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/problem_report.h"
#include "cli/progress.h"
#include "cli/quantity.h"
#include "cli/table.h"
#include "reference/core/errors.h"

namespace attnlab::cli {
namespace {

std::vector<io::Pass> passes_of(const std::string& text) {
  if (text == "forward") return {io::Pass::forward};
  if (text == "backward") return {io::Pass::backward};
  if (text == "both") return {io::Pass::forward, io::Pass::backward};
  throw InvalidArgument("--pass", text, "forward, backward or both");
}

// The paper's name and the kernels': standard attention is their rung 01, naive.
const attention::AlgorithmInfo& algorithm_of(const std::string& name) {
  return attention::find_algorithm(name == "naive" ? "standard" : name);
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

std::vector<std::string> cells(const std::string& name, const memory::Counters& c) {
  return {name,
          format_count(c.l2_to_l1_sectors * memory::kSectorBytes),
          format_count(c.l1_to_l2_sectors * memory::kSectorBytes),
          format_count(c.dram_read_bytes),
          format_count(c.dram_write_bytes),
          format_count(c.l2_dirty_bytes)};
}

}  // namespace

TrafficAnswer answer(const TrafficQuestion& question) {
  const attention::Algorithm algorithm = algorithm_of(question.algorithm).id;
  const auto passes = passes_of(question.pass);
  const io::ElementSizes sizes(question.dtype);
  const device::Device device = device::load(question.gpu);
  TrafficAnswer result;
  result.geometry = memory::geometry_of(device);
  if (question.sms != 0) result.geometry.sms = question.sms;
  if (question.l2_bytes != 0) result.geometry.l2_bytes = question.l2_bytes;
  if (question.l2_effective_fraction != 0) {
    result.geometry.l2_effective_fraction = question.l2_effective_fraction;
  }

  std::string title = "traffic";
  for (const io::Pass pass : passes) {
    Progress bar(title + ", " + io::name(pass));
    memory::ReplaySettings settings;
    settings.geometry = result.geometry;
    settings.l1_bytes = question.l1_bytes;
    settings.resident_blocks =
        question.resident_blocks != 0
            ? question.resident_blocks
            : memory::resident_blocks(device, pass, question.problem, sizes, question.tiles);
    settings.progress = [&](double share) { bar.show(share); };
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
  json["algorithm"] = algorithm_of(question.algorithm).name;
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

std::string to_text(const TrafficQuestion& question, const TrafficAnswer& a) {
  const std::string masks = describe_masks(question.problem);
  std::string text =
      fmt::format("{}, {}: {}{}{}\n", algorithm_of(question.algorithm).title, question.pass,
                  describe_sizes(question.problem, question.dtype), masks.empty() ? "" : "; ", masks);
  text += fmt::format("tiles Br {}, Bc {} on {}: {} SMs, L1 {}, L2 {}{}\n\n", question.tiles.br,
                      question.tiles.bc, question.gpu, a.geometry.sms,
                      question.l1_bytes == 0 ? "passed by" : format_bytes(question.l1_bytes),
                      format_bytes(a.geometry.l2_bytes),
                      a.geometry.l2_effective_fraction == 1
                          ? ""
                          : fmt::format(" of which {:.0f}% count", a.geometry.l2_effective_fraction * 100));
  Table table;
  table.header = {"bytes", "L2 to SM", "SM to L2", "DRAM read", "DRAM write", "dirty left"};
  for (const TrafficAnswer::Kernel& kernel : a.kernels) {
    table.rows.push_back(cells(kernel.traffic.name, kernel.traffic.counters));
  }
  if (a.kernels.size() > 1) table.rows.push_back(cells("all", a.total));
  text += table.text();
  text += fmt::format("\nasked for by the tiles  read {}, written {}\n", io::to_string(a.asked.read),
                      io::to_string(a.asked.written));
  text += fmt::format("closed form             read {}, written {}\n", io::to_string(a.closed.read),
                      io::to_string(a.closed.written));
  for (const TrafficAnswer::Kernel& kernel : a.kernels) {
    text += fmt::format("{}: {} blocks, {} resident an SM\n", kernel.traffic.name,
                        format_count(kernel.traffic.blocks), kernel.resident_blocks);
  }
  return text;
}

}  // namespace attnlab::cli
