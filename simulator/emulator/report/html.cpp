// The page: its head, the overview, one section per kernel.
#include "simulator/emulator/report/html.h"

#include <fmt/format.h>

#include <filesystem>
#include <vector>

#include "os/output_file.h"
#include "simulator/emulator/report/highlight.h"
#include "simulator/emulator/report/html_parts.h"

namespace attnlab::emulator {
namespace {

std::string findings_word(std::uint64_t count) {
  return count == 0 ? "no findings"
                    : fmt::format("{} {}", count_text(count), count == 1 ? "finding" : "findings");
}

std::string badge(std::uint64_t findings) {
  return fmt::format(R"(<span class="badge {}">{}</span>)", findings == 0 ? "good" : "bad",
                     findings_word(findings));
}

// Findings as a list; those of a kernel are linked to their lines.
std::string findings_list(const std::vector<Finding>& findings, const Anchors* anchors) {
  if (findings.empty()) return "";
  std::string text = "<ul class=\"findings\">\n";
  for (const Finding& finding : findings) {
    std::string where;
    if (!finding.file.empty()) {
      where = escaped(fmt::format("{}:{}", path_text(finding.file), finding.line));
      if (anchors != nullptr)
        where = fmt::format("<a href=\"#{}\">{}</a>", anchors->of(finding.file, finding.line), where);
    }
    text += fmt::format("<li><strong>{}</strong> {} {} <small>{}</small></li>\n", name(finding.kind), where,
                        escaped(finding.message), escaped(place_text(finding)));
  }
  return text + "</ul>\n";
}

struct Tile {
  std::string value, label;
};

// The few numbers to look at first. What does not apply is left out.
std::vector<Tile> tiles(const Counters& c) {
  const auto of = [&](Metric metric) { return get(c, metric); };
  std::vector<Tile> result;
  const std::uint64_t moved =
      (of(Metric::global_load_sectors) + of(Metric::global_store_sectors)) * kSectorBytes;
  if (moved != 0) {
    result.push_back({percent_text(of(Metric::global_load_bytes) + of(Metric::global_store_bytes), moved),
                      "of the bytes moved by loads and stores are useful"});
  }
  if (const auto requests = of(Metric::global_load_requests); requests != 0)
    result.push_back({ratio_text(of(Metric::global_load_sectors), requests), "sectors a global load"});
  if (const auto wavefronts = shared_wavefronts(c); wavefronts != 0) {
    result.push_back(
        {percent_text(bank_conflicts(c), wavefronts), "of shared-memory wavefronts are bank conflicts"});
  }
  const std::uint64_t dram = of(Metric::dram_read_bytes) + of(Metric::dram_write_bytes);
  if (dram != 0) result.push_back({bytes_text(dram), "through DRAM"});
  const std::uint64_t flops = thread_flops(c) + of(Metric::tensor_flops);
  if (flops != 0 && dram != 0) result.push_back({ratio_text(flops, dram), "FLOPs a DRAM byte"});
  if (const auto blocks = of(Metric::branches); blocks != 0)
    result.push_back({percent_text(of(Metric::divergent_branches), blocks), "of basic blocks divergent"});
  return result;
}

std::string tiles_html(const Counters& counters) {
  std::string text = "<div class=\"tiles\">\n";
  for (const Tile& tile : tiles(counters))
    text += fmt::format("<div><strong>{}</strong><span>{}</span></div>\n", tile.value, tile.label);
  return text + "</div>\n";
}

std::string shapes_html(const KernelSum& kernel) {
  std::string text = "<ul class=\"shapes\">\n";
  constexpr std::size_t kMost = 8;
  for (std::size_t i = 0; i < kernel.shapes.size() && i < kMost; ++i) {
    const KernelSum::Shape& shape = kernel.shapes[i];
    text +=
        fmt::format("<li>grid <b>{}</b>, block <b>{}</b>", extent_text(shape.grid), extent_text(shape.block));
    if (const auto bytes = shape.static_shared_bytes + shape.dynamic_shared_bytes; bytes != 0)
      text += fmt::format(", <b>{}</b> bytes of shared memory", count_text(bytes));
    if (shape.resident_blocks != 0) {
      text += fmt::format(", <b>{}</b> {} per SM", shape.resident_blocks,
                          shape.resident_blocks == 1 ? "block" : "blocks");
    }
    if (kernel.launches > 1) text += fmt::format(", launched <b>{}</b> times", count_text(shape.launches));
    text += "</li>\n";
  }
  if (kernel.shapes.size() > kMost)
    text += fmt::format("<li>and {} other shapes</li>\n", kernel.shapes.size() - kMost);
  return text + "</ul>\n";
}

// The hottest lines, each linked to its place in the listing.
std::string lines_table(const KernelReport& kernel, const Anchors& anchors, SourceText& source) {
  const std::vector<const LineReport*> lines = hottest_lines(kernel, 5);
  if (lines.empty()) return "";
  const std::uint64_t all = bytes_through_sm(kernel.counters);
  std::string rows;
  for (const LineReport* line : lines) {
    const std::string name = std::filesystem::path(line->file).filename().string();
    rows += fmt::format(
        "<tr><th><a href=\"#{}\">{}:{}</a></th><td>{}</td><td class=\"t\"><code>{}</code></td></tr>\n",
        anchors.of(line->file, line->line), escaped(name), line->line,
        percent_text(bytes_through_sm(line->counters), all),
        Highlighter().line(source.line(line->file, line->line)));
  }
  return "<h3>Hottest lines</h3>\n<div class=\"tables\"><table class=\"totals hottest\"><thead><tr>"
         "<th>line</th><th title=\"of those through global and shared memory\">of the bytes</th><th></th>"
         "</tr></thead><tbody>\n" +
         rows + "</tbody></table></div>\n";
}

std::string kernel_section(const KernelSum& kernel, const std::string& id, const Ideal* ideal,
                           SourceText& source) {
  const KernelReport& total = kernel.total;
  const Anchors anchors(total, id);
  return fmt::format("<section id=\"{}\"><h2><code title=\"{}\">{}</code> {}</h2>\n", id, escaped(total.name),
                     escaped(kernel.label), badge(total.findings.size())) +
         shapes_html(kernel) + findings_list(total.findings, &anchors) + tiles_html(total.counters) +
         "<h3>Bytes at each level</h3>\n" + traffic_chart(total.counters, ideal) + "<h3>Totals</h3>\n" +
         totals_tables(total.counters) + counter_list(total.counters, id + "-all") +
         lines_table(total, anchors, source) + "<h3>Source</h3>\n" + source_listing(total, source, id) +
         "</section>\n";
}

// With several kernels: one line per kernel, and their traffic together.
std::string overview(const std::vector<KernelSum>& kernels, const Ideal* ideal) {
  Counters all{};
  std::string rows;
  for (std::size_t i = 0; i < kernels.size(); ++i) {
    const Counters& c = kernels[i].total.counters;
    add(all, c);
    rows += fmt::format(
        "<tr><th><a "
        "href=\"#k{}\"><code>{}</code></a></th><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td>"
        "<td>{}</td><td>{}</td></tr>\n",
        i, escaped(kernels[i].label), count_text(kernels[i].launches), count_text(global_sectors(c)),
        ratio_text(global_sectors(c), global_requests(c)), count_text(shared_wavefronts(c)),
        bytes_text(get(c, Metric::l2_to_l1_sectors) * kSectorBytes),
        bytes_text(get(c, Metric::dram_read_bytes) + get(c, Metric::dram_write_bytes)),
        kernels[i].total.findings.empty() ? "none" : badge(kernels[i].total.findings.size()));
  }
  return "<section><h2>All kernels</h2>\n<div class=\"tables\"><table "
         "class=\"totals\"><thead><tr><th>kernel</th>"
         "<th>launches</th><th>global sectors</th><th>sectors / request</th><th>shared wavefronts</th>"
         "<th>L2 to SMs</th><th>DRAM</th><th>findings</th></tr></thead><tbody>\n" +
         rows + "</tbody></table></div>\n" + traffic_chart(all, ideal) + "</section>\n";
}

}  // namespace

std::string html(const Report& report, const HtmlOptions& options) {
  const std::vector<KernelSum> kernels = sum_launches(report);
  const Ideal* ideal = options.ideal ? &*options.ideal : nullptr;
  const OutsideKernels outside = outside_kernels(report);
  std::uint64_t findings = outside.errors.size();
  for (const KernelSum& kernel : kernels) findings += kernel.total.findings.size();

  const std::string title = escaped(path_text(report.program));
  std::string page =
      fmt::format(R"(<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"/><meta name="viewport" content="width=device-width, initial-scale=1"/>
<title>{0}: what the kernels did</title>
<style>
{1}</style></head><body>
<header><h1>{0} {2}</h1><p>{3}</p></header>
<main>
)",
                  title, style_sheet(), badge(findings),
                  kernels.empty() || kernels.front().total.gpu.empty()
                      ? "Counted by attnlab's emulator."
                      : "Counted by attnlab's emulator, as on " + escaped(kernels.front().total.gpu) + ".");
  if (!outside.errors.empty())
    page += "<section><h2>Outside kernels</h2>\n" + findings_list(outside.errors, nullptr) + "</section>\n";
  if (!outside.notes.empty()) {
    page += "<section><h2>Notes</h2>\n<p>No errors by themselves.</p>\n" +
            findings_list(outside.notes, nullptr) + "</section>\n";
  }
  if (kernels.empty()) page += "<section><p>No kernel was launched.</p></section>\n";
  if (kernels.size() > 1) page += overview(kernels, ideal);
  SourceText source;
  for (std::size_t i = 0; i < kernels.size(); ++i)
    page += kernel_section(kernels[i], fmt::format("k{}", i), kernels.size() == 1 ? ideal : nullptr, source);
  return page + legend() + "</main></body></html>\n";
}

void write_html(const Report& report, const std::filesystem::path& path, const HtmlOptions& options) {
  os::write_file(path, html(report, options));
}

}  // namespace attnlab::emulator
