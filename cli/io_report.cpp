#include "cli/io_report.h"

#include <fmt/format.h>

#include "cli/problem_report.h"

namespace attnlab::cli {
namespace {

std::string gigabytes(io::Count bytes) {
  const double value = static_cast<double>(bytes);
  return value < 1e15 ? fmt::format("{:.3f} GB", value * 1e-9) : fmt::format("{:.1f} PB", value * 1e-15);
}

// Microseconds, or seconds where they would be a million and more.
std::string duration(double seconds) {
  return seconds < 1 ? fmt::format("{:.1f} us", seconds * 1e6) : fmt::format("{:.1f} s", seconds);
}

// 12345678 as 12,345,678.
std::string grouped(io::Count count) {
  std::string digits = io::to_string(count);
  for (std::size_t n = digits.size(); n > 3;) digits.insert(n -= 3, ",");
  return digits;
}

}  // namespace

std::string to_text(const answers::IoQuestion& question, const answers::IoAnswer& a) {
  const io::ElementSizes sizes(question.dtype);
  const attention::Problem& p = question.problem;
  const std::string masks = describe_masks(p);
  std::string text =
      fmt::format("{}, {}: {}{}{}\n", io::find(question.algorithm).title, question.choices.pass,
                  describe_sizes(p, question.dtype), masks.empty() ? "" : "; ", masks);
  text += fmt::format("SRAM of {} elements", grouped(static_cast<io::Count>(a.sram_elements)));
  for (const auto& [pass, tiles] : a.passes) {
    text += fmt::format("; {} tiles Br {}, Bc {}", io::name(pass), tiles.br, tiles.bc);
  }
  text += "\n\n";
  text += fmt::format("{:<13} {:>26} {:>26}\n", "HBM bytes", "read", "written");
  for (std::size_t n = 0; n < kHbmCount; ++n) {
    if (a.closed.loads[n] == 0 && a.closed.stores[n] == 0) continue;
    text += fmt::format("  {:<11} {:>26} {:>26}\n", kHbmNames[n], grouped(a.closed.loads[n] * sizes.bytes[n]),
                        grouped(a.closed.stores[n] * sizes.bytes[n]));
  }
  const io::Bytes closed = io::bytes(a.closed, sizes);
  text += fmt::format("{:<13} {:>26} {:>26}   {}\n", "closed form", grouped(closed.read),
                      grouped(closed.written), gigabytes(closed.total()));
  if (a.metered) {
    const io::Bytes metered = io::bytes(*a.metered, sizes);
    const Index heads = p.batch * p.num_heads;
    text +=
        fmt::format("{:<13} {:>26} {:>26}   {}\n", "metered", grouped(metered.read), grouped(metered.written),
                    metered.read == closed.read && metered.written == closed.written ? "equal" : "DIFFERENT");
    if (a.metered_heads < heads) {
      text += fmt::format("  (run on {} of {} heads, which all move the same bytes, and scaled)\n",
                          a.metered_heads, heads);
    }
  } else {
    text += "metered       too large to run here\n";
  }
  text += fmt::format("\nSRAM peak     {} elements\n", grouped(a.closed.sram_peak));
  text += fmt::format("FLOPs         {} matmul, {} exp, {} other\n", grouped(a.closed.flop(Flop::matmul)),
                      grouped(a.closed.flop(Flop::exp)), grouped(a.closed.flop(Flop::other)));
  text +=
      fmt::format("roofline      {} on {} (bound by {}; memory {}, tensor cores {}, exp {}, vector {})\n",
                  duration(a.roofline.seconds()), question.choices.device, device::name(a.roofline.bound()),
                  duration(a.roofline.memory_s), duration(a.roofline.tensor_s), duration(a.roofline.exp_s),
                  duration(a.roofline.vector_s));
  return text;
}

}  // namespace attnlab::cli
