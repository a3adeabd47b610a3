// The text, tables and files of Figure 2.
#include <fmt/format.h>

#include "answers/io.h"
#include "cli/figure2.h"
#include "cli/table.h"

namespace attnlab::cli {

using answers::dump;
using answers::Json;
using answers::json_count;
using answers::work_of;

namespace {

double gb(io::Count bytes) { return static_cast<double>(bytes) * 1e-9; }

double gflop(const Figure2Row& row) { return static_cast<double>(row.closed.flop(Flop::matmul)) * 1e-9; }

// Both sides for as many heads as the other has run.
bool metered_equals_closed(const Figure2& figure, const Figure2Row& row) {
  const auto heads = static_cast<io::Count>(figure.problem.batch * figure.problem.num_heads);
  return row.metered.times(heads) == row.closed.times(static_cast<io::Count>(figure.heads_run));
}

Table left_table(const Figure2& figure) {
  const io::ElementSizes sizes(figure.dtype);
  Table table{{"", "Br x Bc", "read GB", "written GB", "metered", "matrices GB", "paper GB", "error O",
               "error grad", "SRAM KiB", "GFLOP", "paper GFLOP", "A100 ms", "paper ms"},
              {}};
  for (const Figure2Row& row : figure.rows) {
    const io::Bytes bytes = io::bytes(row.closed, sizes);
    const device::Roofline roofline = device::roofline(figure.device, work_of(row.closed, figure.dtype));
    const Json* paper = row.paper.empty() ? nullptr : &figure.paper.at("left").at(row.paper);
    const auto printed = [&](const char* key) {
      return paper == nullptr ? std::string() : fmt::format("{}", paper->at(key).get<double>());
    };
    table.rows.push_back(
        {row.label, fmt::format("{} x {}", row.forward.br, row.forward.bc),
         fmt::format("{:.3f}", gb(bytes.read)), fmt::format("{:.3f}", gb(bytes.written)),
         metered_equals_closed(figure, row) ? "equal" : "DIFFERENT",
         fmt::format("{:.2f}", gb(io::matrix_bytes(row.closed, sizes).total())), printed("hbm_gb"),
         fmt::format("{:.1e}", row.output_error), fmt::format("{:.1e}", row.gradient_error),
         fmt::format("{:.1f}", static_cast<double>(row.closed.sram_peak * sizes(Hbm::Q)) / 1024),
         fmt::format("{:.1f}", gflop(row)), printed("gflops"),
         fmt::format("{:.2f}", roofline.seconds() * 1e3), printed("runtime_ms")});
  }
  return table;
}

Table middle_table(const Figure2& figure) {
  Table table{{"Bc", "closed form GB", "metered GB", "paper GB", "difference GB"}, {}};
  for (const Figure2Point& point : figure.middle) {
    table.rows.push_back({fmt::format("{}", point.bc), fmt::format("{:.3f}", gb(point.closed_bytes)),
                          fmt::format("{:.3f}", gb(point.metered_bytes)),
                          fmt::format("{:.2f}", point.paper_gb),
                          fmt::format("{:+.3f}", gb(point.closed_bytes) - point.paper_gb)});
  }
  return table;
}

// Why the paper's figures are what they are, from its figures and the rows that answer to them.
std::string explanations(const Figure2& figure) {
  const Json& left = figure.paper.at("left");
  const auto paper = [&](const Figure2Row& row, const char* key) {
    return left.at(row.paper).at(key).get<double>();
  };
  std::string text;
  const Figure2Row *standard = nullptr, *flash = nullptr;
  for (const Figure2Row& row : figure.rows) {
    if (row.paper == "standard") standard = &row;
    if (row.paper == "flashattention") flash = &row;
  }
  if (standard == nullptr || flash == nullptr) return text;  // a configuration of the user's own
  text += fmt::format(
      "Why {} GB: 18 N^2 + 12 N d elements a head. Algorithms 0 and 3 alone move 11 N^2 + 12 N d; a masking\n"
      "  pass adds 2 N^2, dropout 2.5 N^2 each way with a mask of one byte. The sum fits; the paper gives "
      "none.\n",
      paper(*standard, "hbm_gb"));
  text += fmt::format(
      "Why {} GB: 33 N d elements a head at Bc 256: 13 forward (K, V 2; Q 4; O written 4, read 3), 20 "
      "backward.\n"
      "  The letter of Algorithms 1 and 4 moves more: it initialises O and dQ in HBM. The rule Bc = M / 4d = "
      "384\n"
      "  would give 30 N d, but backward such tiles exceed M: 'tile rule' takes the largest that fit.\n",
      paper(*flash, "hbm_gb"));
  text += fmt::format(
      "Why not {} and {} GFLOP: they do not follow from this configuration. 12 N^2 d and 14 N^2 d a head "
      "are\n"
      "  {:.1f} and {:.1f}, {:.1f} and {:.1f} times as many; only their ratio is near (S is computed "
      "twice).\n",
      paper(*standard, "gflops"), paper(*flash, "gflops"), gflop(*standard), gflop(*flash),
      gflop(*standard) / paper(*standard, "gflops"), gflop(*flash) / paper(*flash, "gflops"));
  return text;
}

}  // namespace

std::string to_text(const Figure2& figure) {
  const attention::Problem& p = figure.problem;
  std::string text = fmt::format(
      "FlashAttention, Figure 2 left: batch {}, {} heads, N {}, d {}, {}, forward + backward, SRAM M {}\n\n",
      p.batch, p.num_heads, p.seqlen_q, p.head_dim, name(figure.dtype), figure.sram_elements);
  const Table table = left_table(figure);
  text += table.columns(1, 7).text() + "\n" + table.columns(7, table.header.size()).text();
  text += fmt::format(
      "\nread      by the closed form; metered: what the heads that ran were counted to load and store, "
      "against it\n"
      "matrices  without the row statistics m, l, lse, D, which the paper's formulas leave out\n"
      "error     worst difference from float64 on {} of {} heads: float32 arithmetic, inputs rounded to {}\n"
      "A100 ms   roofline of {} (peak rates, perfect overlap), no measurement; the paper's were measured\n\n",
      figure.heads_run, p.batch * p.num_heads, name(figure.dtype), figure.device.name);
  text += explanations(figure);
  text +=
      "\nFigure 2 middle: forward, matrices against the block size: (1 + 3 N / Bc) N d elements a head\n\n";
  text += middle_table(figure).text();
  text += fmt::format("\nThe paper's points were measured off the figure, +- {} GB.\n",
                      figure.paper.at("middle").at("error_gb").get<double>());
  return text;
}

void write(const Figure2& figure, const std::filesystem::path& folder) {
  const io::ElementSizes sizes(figure.dtype);
  write_file(folder / "fig2_left.csv", left_table(figure).csv());
  write_file(folder / "fig2_middle.csv", middle_table(figure).csv());
  Json json;
  json["heads_run"] = figure.heads_run;
  json["sram_elements"] = figure.sram_elements;
  json["device"] = figure.device.name;
  for (const Figure2Row& row : figure.rows) {
    const io::Bytes bytes = io::bytes(row.closed, sizes);
    const device::Roofline roofline = device::roofline(figure.device, work_of(row.closed, figure.dtype));
    json["rows"].push_back({{"label", row.label},
                            {"algorithm", attention::info(row.algorithm).name},
                            {"tiles_forward", {row.forward.br, row.forward.bc}},
                            {"tiles_backward", {row.backward.br, row.backward.bc}},
                            {"worst_error_output", row.output_error},
                            {"worst_error_gradient", row.gradient_error},
                            {"hbm_read_bytes", json_count(bytes.read)},
                            {"hbm_write_bytes", json_count(bytes.written)},
                            {"matrix_bytes", json_count(io::matrix_bytes(row.closed, sizes).total())},
                            {"metered_equals_closed", metered_equals_closed(figure, row)},
                            {"sram_peak_bytes", json_count(row.closed.sram_peak * sizes(Hbm::Q))},
                            {"matmul_flops", json_count(row.closed.flop(Flop::matmul))},
                            {"time_roofline_us", roofline.seconds() * 1e6},
                            {"paper", row.paper.empty() ? Json() : figure.paper.at("left").at(row.paper)}});
  }
  for (const Figure2Point& point : figure.middle) {
    json["middle"].push_back({{"bc", point.bc},
                              {"matrix_bytes", json_count(point.closed_bytes)},
                              {"metered_matrix_bytes", json_count(point.metered_bytes)},
                              {"paper_gb", point.paper_gb}});
  }
  json["paper"] = figure.paper;
  write_file(folder / "fig2.json", dump(json));
}

}  // namespace attnlab::cli
