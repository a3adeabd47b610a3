// FlashAttention's Figure 2: the traffic of every row at the paper's size, in closed form and metered, beside
// the paper's figures, with the error of the same runs against float64.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "answers/json.h"
#include "reference/attention/attention.h"
#include "simulator/device/device.h"
#include "simulator/io/account.h"

namespace attnlab::cli {

// One row of experiments/fa1_fig2/config.json.
struct Figure2Row {
  std::string label;
  attention::Algorithm algorithm = attention::Algorithm::standard;
  bool mask_pass = false;
  double dropout = 0;
  attention::Tiles forward, backward;  // 0 in the file: the paper's rule
  double density = 1;
  std::string paper;  // the column of the paper's figure, or nothing

  io::Traffic closed;                           // forward and backward, the whole problem
  io::Traffic metered;                          // of the heads that were run
  double output_error = 0, gradient_error = 0;  // worst, absolute, against float64
};

struct Figure2Point {
  Index bc = 0;
  io::Count closed_bytes = 0, metered_bytes = 0;  // matrices, the whole problem
  double paper_gb = 0;
};

struct Figure2 {
  attention::Problem problem;
  DType dtype = DType::f16;
  device::Device device;
  std::int64_t sram_elements = 0;
  std::vector<Figure2Row> rows;
  std::vector<Figure2Point> middle;
  answers::Json paper;
  Index heads_run = 0;
};

// Runs rows on head after head until `seconds` have passed (one head at least).
Figure2 run_figure2(const std::filesystem::path& experiment, double seconds);
std::string to_text(const Figure2& figure);
// fig2_left.csv, fig2_middle.csv and fig2.json.
void write(const Figure2& figure, const std::filesystem::path& folder);

}  // namespace attnlab::cli
