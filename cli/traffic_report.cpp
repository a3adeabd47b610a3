#include "cli/traffic_report.h"

#include <fmt/format.h>

#include "answers/quantity.h"
#include "cli/problem_report.h"
#include "cli/table.h"

namespace attnlab::cli {

using answers::format_bytes;
using answers::format_count;

namespace {

std::vector<std::string> cells(const std::string& name, const memory::Counters& c) {
  return {name,
          format_count(c.l2_to_l1_sectors * memory::kSectorBytes),
          format_count(c.l1_to_l2_sectors * memory::kSectorBytes),
          format_count(c.dram_read_bytes),
          format_count(c.dram_write_bytes),
          format_count(c.l2_dirty_bytes)};
}

}  // namespace

std::string to_text(const answers::TrafficQuestion& question, const answers::TrafficAnswer& a) {
  const std::string masks = describe_masks(question.problem);
  std::string text =
      fmt::format("{}, {}: {}{}{}\n", algorithm_of(question).title, question.pass,
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
  for (const answers::TrafficAnswer::Kernel& kernel : a.kernels) {
    table.rows.push_back(cells(kernel.traffic.name, kernel.traffic.counters));
  }
  if (a.kernels.size() > 1) table.rows.push_back(cells("all", a.total));
  text += table.text();
  text += fmt::format("\nasked for by the tiles  read {}, written {}\n", io::to_string(a.asked.read),
                      io::to_string(a.asked.written));
  text += fmt::format("closed form             read {}, written {}\n", io::to_string(a.closed.read),
                      io::to_string(a.closed.written));
  for (const answers::TrafficAnswer::Kernel& kernel : a.kernels) {
    text += fmt::format("{}: {} blocks, {} resident per SM\n", kernel.traffic.name,
                        format_count(kernel.traffic.blocks), kernel.resident_blocks);
  }
  return text;
}

}  // namespace attnlab::cli
