// The page's totals: the traffic chart, the tables, the list of all counters, the legend.
#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "simulator/emulator/report/highlight.h"
#include "simulator/emulator/report/html_parts.h"
#include "simulator/emulator/report/legend.h"

namespace attnlab::emulator {
namespace {

// One bar: bytes towards the SMs, bytes away from them, and of the latter those that have not arrived yet.
struct Level {
  std::string label;
  std::string_view hint;
  std::uint64_t read, written, pending = 0;

  std::uint64_t total() const { return read + written + pending; }
};

std::vector<Level> levels(const Counters& c) {
  const auto of = [&](Metric metric) { return get(c, metric); };
  const std::uint64_t copies = of(Metric::async_copy_sectors) * kSectorBytes;
  const std::uint64_t atomics =
      (of(Metric::global_atomic_sectors) + of(Metric::global_reduction_sectors)) * kSectorBytes;
  return {{"asked for by the threads", "each byte of a request once; atomics count whole sectors",
           of(Metric::global_load_bytes) + of(Metric::async_copy_bytes),
           of(Metric::global_store_bytes) + atomics},
          {"moved by their requests", "whole sectors of 32 bytes, before any cache",
           of(Metric::global_load_sectors) * kSectorBytes + copies,
           of(Metric::global_store_sectors) * kSectorBytes + atomics},
          {"between SMs and L2", "what L1 did not answer", of(Metric::l2_to_l1_sectors) * kSectorBytes,
           of(Metric::l1_to_l2_sectors) * kSectorBytes},
          {"between L2 and DRAM", "what L2 did not answer; hatched: written, but still in L2 at the end",
           of(Metric::dram_read_bytes), of(Metric::dram_write_bytes), of(Metric::l2_dirty_bytes)}};
}

double percent(std::uint64_t part, std::uint64_t whole) {
  return 100 * static_cast<double>(part) / static_cast<double>(whole);
}

std::string segment(std::string_view css, std::uint64_t bytes, std::uint64_t most, std::string_view what) {
  if (bytes == 0) return "";
  return fmt::format(R"(<span class="{}" style="width:{:.2f}%" title="{}: {} bytes"></span>)", css,
                     percent(bytes, most), what, count_text(bytes));
}

std::string table(std::string_view title, const std::vector<std::string>& head,
                  const std::vector<std::vector<std::string>>& rows) {
  if (rows.empty()) return "";
  std::string text = fmt::format("<table class=\"totals\"><thead><tr><th>{}</th>", title);
  for (const std::string& cell : head) text += "<th>" + cell + "</th>";
  text += "</tr></thead><tbody>\n";
  for (const auto& row : rows) {
    text += "<tr>";
    for (std::size_t c = 0; c < row.size(); ++c)
      text += c == 0 ? "<th>" + row[c] + "</th>" : "<td>" + row[c] + "</td>";
    text += "</tr>\n";
  }
  return text + "</tbody></table>\n";
}

std::string global_table(const Counters& c) {
  std::vector<std::vector<std::string>> rows;
  for (const GlobalRow& row : kGlobalRows) {
    const std::uint64_t requests = get(c, row.requests), sectors = get(c, row.sectors);
    if (requests == 0) continue;
    const bool counted = row.useful_bytes != Metric::count_;
    rows.push_back({std::string(row.label), count_text(requests), count_text(sectors),
                    ratio_text(sectors, requests), bytes_text(sectors * kSectorBytes),
                    counted ? percent_text(get(c, row.useful_bytes), sectors * kSectorBytes) : ""});
  }
  return table("global memory", {"requests", "sectors", "sectors / request", "moved", "of it useful"}, rows);
}

std::string shared_table(const Counters& c) {
  std::vector<std::vector<std::string>> rows;
  for (const SharedRow& row : kSharedRows) {
    if (get(c, row.requests) == 0) continue;
    rows.push_back({fmt::format("{}, as written", row.label), count_text(get(c, row.requests)),
                    count_text(get(c, row.wavefronts)),
                    ratio_text(get(c, row.wavefronts), get(c, row.requests)),
                    count_text(get(c, row.conflicts))});
    rows.push_back({fmt::format("{}, issued by nvcc", row.label), count_text(get(c, row.requests_issued)),
                    count_text(get(c, row.wavefronts_issued)),
                    ratio_text(get(c, row.wavefronts_issued), get(c, row.requests_issued)), ""});
  }
  if (const auto atomics = get(c, Metric::shared_atomic_requests); atomics != 0)
    rows.push_back({"atomics", count_text(atomics), "", "", ""});
  return table("shared memory", {"requests", "wavefronts", "wavefronts / request", "bank conflicts"}, rows);
}

std::string cache_table(const Counters& c) {
  std::vector<std::vector<std::string>> rows;
  const auto add = [&](const char* label, std::uint64_t bytes, std::string hits) {
    if (bytes == 0) return;
    rows.push_back({label, count_text(bytes / kSectorBytes), bytes_text(bytes), std::move(hits)});
  };
  const std::uint64_t l1 = get(c, Metric::l1_read_sectors), l2 = get(c, Metric::l2_to_l1_sectors);
  add("read through L1", l1 * kSectorBytes, percent_text(get(c, Metric::l1_read_hits), l1));
  add("L2 to SMs", l2 * kSectorBytes, percent_text(get(c, Metric::l2_read_hits), l2));
  add("SMs to L2", get(c, Metric::l1_to_l2_sectors) * kSectorBytes, "");
  add("DRAM read", get(c, Metric::dram_read_bytes), "");
  add("DRAM written", get(c, Metric::dram_write_bytes), "");
  add("still in L2", get(c, Metric::l2_dirty_bytes), "");
  return table("caches", {"sectors", "bytes", "hits"}, rows);
}

std::string instruction_table(const Counters& c) {
  std::vector<std::vector<std::string>> rows;
  const auto add = [&](const char* label, std::uint64_t count) {
    if (count != 0) rows.push_back({label, count_text(count)});
  };
  add("fp32 multiply-adds", get(c, Metric::thread_fma));
  add("fp32 additions", get(c, Metric::thread_fadd));
  add("fp32 products", get(c, Metric::thread_fmul));
  add("special functions", get(c, Metric::thread_special));
  add("tensor FLOPs", get(c, Metric::tensor_flops));
  add("warps at barriers", get(c, Metric::barriers));
  add("shuffles", get(c, Metric::shuffles));
  add("votes", get(c, Metric::votes));
  add("warp reductions", get(c, Metric::reduces));
  add("local loads", get(c, Metric::local_load_requests));
  add("local stores", get(c, Metric::local_store_requests));
  add("basic blocks", get(c, Metric::branches));
  add("of them divergent", get(c, Metric::divergent_branches));
  return table("instructions", {"count"}, rows);
}

}  // namespace

std::string traffic_chart(const Counters& counters, const Ideal* ideal) {
  std::vector<Level> rows = levels(counters);
  if (ideal != nullptr) {
    rows.insert(rows.begin(),
                {"closed form: " + ideal->name, "what the algorithm moves by its formula", ideal->bytes, 0});
  }
  std::uint64_t most = 1;
  for (const Level& level : rows) most = std::max(most, level.total());
  std::string text = "<div class=\"chart\">\n";
  for (const Level& level : rows) {
    const bool is_ideal = ideal != nullptr && &level == &rows.front();
    std::string bar = is_ideal ? segment("ideal", level.read, most, "closed form")
                               : segment("read", level.read, most, "towards the SMs") +
                                     segment("written", level.written, most, "away from the SMs") +
                                     segment("pending", level.pending, most, "still in L2");
    if (ideal != nullptr)
      bar += fmt::format(R"(<span class="mark" style="left:{:.2f}%"></span>)", percent(ideal->bytes, most));
    std::string value = bytes_text(level.total());
    if (ideal != nullptr && !is_ideal && ideal->bytes != 0)
      value += fmt::format(" <small>{} x ideal</small>", ratio_text(level.total(), ideal->bytes));
    text += fmt::format(
        "<div class=\"label\" title=\"{}\">{}</div><div class=\"bar\">{}</div><div "
        "class=\"value\">{}</div>\n",
        level.hint, escaped(level.label), bar, value);
  }
  return text + R"(</div>
<p class="key"><span class="read"></span>towards the SMs <span class="written"></span>away from them )" +
         R"(<span class="pending"></span>written, still in L2 at the end</p>
)";
}

std::string totals_tables(const Counters& counters) {
  return "<div class=\"tables\">\n" + global_table(counters) + shared_table(counters) +
         cache_table(counters) + instruction_table(counters) + "</div>\n";
}

std::string counter_list(const Counters& counters, const std::string& id) {
  std::string rows;
  for (const MetricInfo& info : metrics()) {
    const std::uint64_t count = get(counters, info.metric);
    rows += fmt::format("<tr{}><th><code>{}</code></th><td>{}</td><td class=\"what\">{}</td></tr>\n",
                        count == 0 ? " class=\"zero\"" : "", info.name, count_text(count),
                        escaped(info.description));
  }
  return fmt::format(
      R"(<div class="fold"><input type="checkbox" id="{0}"/><label for="{0}">all counters</label>
<table class="counters"><tbody>
{1}</tbody></table></div>
)",
      id, rows);
}

std::string legend() {
  return legend_html(terms(), "Nothing here is a time: an emulation counts, it does not measure speed.");
}

}  // namespace attnlab::emulator
