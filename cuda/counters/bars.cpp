#include "cuda/counters/bars.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "cuda/counters/table.h"
#include "reference/core/errors.h"

namespace attnlab::cuda {
namespace {

constexpr const char *kDramWritten = "dram__bytes_write.sum", *kDirty = "attnlab__l2_dirty_bytes.sum";

constexpr std::array kBars{
    Bar{"load requests", "l1tex__t_requests_pipe_lsu_mem_global_op_ld.sum", 0, 0},
    Bar{"load sectors", "l1tex__t_sectors_pipe_lsu_mem_global_op_ld.sum", 0, 0},
    Bar{"store requests", "l1tex__t_requests_pipe_lsu_mem_global_op_st.sum", 0, 0},
    Bar{"store sectors", "l1tex__t_sectors_pipe_lsu_mem_global_op_st.sum", 0, 0},
    Bar{"L2 to SM sectors", "l1tex__m_xbar2l1tex_read_sectors.sum", 0.03, 0},
    Bar{"SM to L2 sectors", "l1tex__m_l1tex2xbar_write_sectors.sum", 0.03, 0},
    Bar{"DRAM bytes read", "dram__bytes_read.sum", 0.05, 65536},
    Bar{"DRAM bytes written", kDramWritten, 0.05, 0},
    Bar{"shared load wavefronts", "l1tex__data_pipe_lsu_wavefronts_mem_shared_op_ld.sum", 0.05, 0},
    Bar{"shared store wavefronts", "l1tex__data_pipe_lsu_wavefronts_mem_shared_op_st.sum", 0.05, 0},
};

}  // namespace

std::span<const Bar> bars() { return kBars; }

std::string Comparison::deviation() const {
  if (predicted == measured) return "=";
  if (measured == 0) return "not 0";
  char text[32];
  std::snprintf(text, sizeof text, "%+.2f %%",
                100 * (static_cast<double>(predicted) / static_cast<double>(measured) - 1));
  return text;
}

std::optional<Comparison> compare(const Bar& bar, const Measurement& predicted, const Measurement& measured) {
  const auto p = predicted.sum(bar.counter), m = measured.sum(bar.counter);
  if (!p || !m || (*p == 0 && *m == 0)) return std::nullopt;
  return Comparison{*p, *m, predicted.sum(kDirty).value_or(0)};
}

bool meets(const Bar& bar, const Comparison& c) {
  const auto predicted = static_cast<double>(c.predicted), measured = static_cast<double>(c.measured);
  const double allowed = std::max(bar.relative * measured, bar.bytes);
  const bool cleans_later = std::string_view(bar.counter) == kDramWritten;
  const double most = predicted + (cleans_later ? static_cast<double>(c.dirty) : 0);
  return measured >= predicted - allowed && measured <= most + allowed;
}

std::string problem_text(const Kernel& kernel, const Shape& s) {
  const auto text = [](Index n) { return std::to_string(n); };
  if (kernel.pass == Pass::softmax)
    return text(s.heads) + " x " + text(s.seqlen_kv) + " " + std::string(name(s.type));
  std::string all = "N " + text(s.seqlen_q);
  if (s.seqlen_q != s.seqlen_kv) all += " x " + text(s.seqlen_kv);
  all += ", d " + text(s.head_dim) + (s.causal ? ", causal, " : ", ") + std::string(name(s.type));
  if (s.batch * s.heads != 2)
    all += ", " + text(s.batch) + " x " + text(s.heads) + "/" + text(s.kv_heads) + " heads";
  return all;
}

std::vector<Exception> read_exceptions(const std::filesystem::path& path) {
  std::vector<Exception> all;
  for (const Row& row : read_table(path).rows) {
    const auto text = [&](const char* column) -> const std::string& {
      const auto at = row.find(column);
      if (at == row.end()) throw FileError(path.string(), std::string("has no column ") + column);
      return at->second;
    };
    all.push_back({text("kernel"), text("problem"), text("counter"), text("deviation"), text("cause")});
  }
  return all;
}

}  // namespace attnlab::cuda
