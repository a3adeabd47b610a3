#include "simulator/emulator/runtime/session.h"

#include <execinfo.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <mutex>
#include <tuple>

#include "simulator/emulator/cuda_headers/driver_types.h"
#include "simulator/emulator/machine/environment.h"
#include "simulator/emulator/machine/error_name.h"
#include "simulator/emulator/machine/global_memory.h"
#include "simulator/emulator/report/json.h"
#include "simulator/emulator/runtime/clock.h"
#include "simulator/emulator/runtime/flops.h"

namespace attnlab::emulator {
namespace {

struct Session {
  std::mutex mutex;
  std::vector<RawKernel> kernels;
  std::vector<Finding> findings;
  // Refused calls, each place once: the finding's number, by function, error and calling address.
  std::map<std::tuple<std::string, int, const void*>, std::size_t> refused;
};

Session& session() {
  static auto* const one = new Session;  // outlives every static object that may still launch
  return *one;
}

Finding finding_of(FindingKind kind, const RawFinding& raw, const SourceLine& line,
                   const std::string& kernel) {
  return {kind, kernel, line.file, line.line, raw.block, raw.thread, raw.address, raw.message, raw.count};
}

// Findings whose two places are one line of the source were not findings (RawFinding::other_code).
std::vector<Finding> resolved(const Findings& findings, const std::map<std::uint32_t, SourceLine>& lines,
                              const std::string& kernel) {
  std::map<std::tuple<FindingKind, std::string, unsigned>, Finding> merged;  // one per kind and line
  const auto line_of = [&](std::uint32_t code) {
    const auto at = lines.find(code);
    return at == lines.end() ? SourceLine{} : at->second;
  };
  for (const auto& [key, raw] : findings.all()) {
    const SourceLine line = line_of(key.second);
    if (raw.other_code != 0) {
      const SourceLine other = line_of(raw.other_code);
      if (other.file == line.file && other.line == line.line) continue;
    }
    auto [at, fresh] =
        merged.try_emplace({key.first, line.file, line.line}, finding_of(key.first, raw, line, kernel));
    if (!fresh) at->second.count += raw.count;
  }
  std::vector<Finding> result;
  for (auto& [key, finding] : merged) result.push_back(std::move(finding));
  return result;
}

std::vector<std::uint32_t> codes_of(const Findings& findings) {
  std::vector<std::uint32_t> codes;
  for (const auto& [key, raw] : findings.all()) {
    codes.push_back(key.second);
    if (raw.other_code != 0) codes.push_back(raw.other_code);
  }
  return codes;
}

void print(const Finding& finding) {
  if (options().quiet) return;
  const std::string where =
      finding.file.empty() ? std::string() : fmt::format("{}:{}: ", finding.file, finding.line);
  const std::string who =
      finding.kernel.empty()
          ? std::string()
          : fmt::format(" ({}, block ({},{},{}), thread ({},{},{}){})", finding.kernel, finding.block.x,
                        finding.block.y, finding.block.z, finding.thread.x, finding.thread.y,
                        finding.thread.z, finding.count > 1 ? fmt::format(", {} times", finding.count) : "");
  std::fflush(stdout);
  std::fputs(fmt::format("attnlab: {}{}: {}{}\n", where, name(finding.kind), finding.message, who).c_str(),
             stderr);
}

SourceLine line_of_call(const void* caller) {
  const auto code = static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(caller));
  const auto lines = Image::instance().lines({code});
  return lines.empty() ? SourceLine{} : lines.begin()->second;
}

void find_leaks() {
  for (const auto& allocation : global_memory::live()) {
    if (allocation.kind != global_memory::Kind::device) continue;
    const SourceLine line = line_of_call(allocation.caller);
    add_finding({FindingKind::leak,
                 "",
                 line.file,
                 line.line,
                 {},
                 {},
                 allocation.begin,
                 fmt::format("{} bytes from {} were never freed", allocation.bytes,
                             global_memory::name(allocation.kind)),
                 1});
  }
}

// Leaks and the report belong to a program that `attnlab cc` built; a test that links the emulator asks for
// its report itself, and may keep its memory.
void at_exit(int code, void*) {
  if (options().report.empty() && !environment().leaks) return;
  find_leaks();
  constexpr int kNoReport = 125;
  if (!finish_report()) code = kNoReport;
  if (!environment().final) return;
  std::fflush(nullptr);
  std::_Exit(code);  // what the program made before this runs after it, and could write another report
}

// Before the program's own code, whatever its order of linking: afterwards its environment does not say where the
// report goes.
__attribute__((constructor(101))) void hide_report() {
  if (std::getenv("ATTNLAB_EMULATOR_FINAL") == nullptr || !environment().final) return;
  constexpr std::string_view kReport = "ATTNLAB_EMULATOR_REPORT=";
  for (char* const* entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    if (text.starts_with(kReport)) std::memset(*entry + kReport.size(), 'x', text.size() - kReport.size());
  }
}

// From the program's beginning, whatever it calls.
[[maybe_unused]] const int watches_the_end = on_exit(at_exit, nullptr);
[[maybe_unused]] const bool clock_runs =
    std::getenv("ATTNLAB_EMULATOR_TIMEOUT") != nullptr && (options(), true);

}  // namespace
}  // namespace attnlab::emulator

// What the linker is told to look for (translate/compile.cpp).
extern "C" {
int attnlab_emulator_session = 0;
}

namespace attnlab::emulator {

bool finish_report() {
  if (options().report.empty()) return true;
  try {
    write_json(take_report(), options().report);
    return true;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "attnlab: %s\n", error.what());
    return false;
  }
}

Options& options() {
  static Options& chosen = *[] {  // outlives every static object that may still launch
    auto* const options = new Options;
    Options& o = *options;
    const Environment& said = environment();
    o.counting = said.counting;
    o.threads = said.threads;
    o.seed = said.seed;
    o.registers = said.registers;
    o.quiet = said.quiet;
    o.report = said.report;
    start_clock(said.timeout);
    return options;
  }();
  return chosen;
}

unsigned registers_of(const std::string& kernel) {
  const auto& registers = options().registers;
  auto at = registers.find(kernel);
  if (at == registers.end()) at = registers.find("");
  return at == registers.end() ? 0 : at->second;
}

void add_finding(Finding finding) {
  print(finding);
  const std::lock_guard lock(session().mutex);
  session().findings.push_back(std::move(finding));
}

namespace {

// A finding of the host's at the place that calls; `error` tells those of one place and function apart.
void add_finding_of_call(FindingKind kind, const char* function, int error, const std::string& message,
                         const void* caller) {
  const std::tuple place(std::string(function), error, caller);
  const auto again = [&] {  // the session is locked
    const auto known = session().refused.find(place);
    if (known == session().refused.end()) return false;
    ++session().findings[known->second].count;
    return true;
  };
  {
    const std::lock_guard lock(session().mutex);
    if (again()) return;
  }
  const SourceLine line = line_of_call(caller);  // takes a process: not under the lock
  const Finding finding{kind, "", line.file, line.line, {}, {}, 0, message, 1};
  {
    const std::lock_guard lock(session().mutex);
    if (again()) return;
    session().refused.emplace(place, session().findings.size());
    session().findings.push_back(finding);
  }
  print(finding);
}

}  // namespace

void add_refused_call(int error, const char* function, const char* why, const void* caller) {
  const auto code = static_cast<api::cudaError_t>(error);
  const bool unsupported = code == api::cudaErrorNotSupported || code == api::cudaSuccess;
  add_finding_of_call(unsupported ? FindingKind::unsupported : FindingKind::refused_call, function, error,
                      code == api::cudaSuccess
                          ? fmt::format("{}: {}", function, why)
                          : fmt::format("{} returned {}: {}", function, error_name(error), why),
                      caller);
}

void add_library_read(const char* function, const std::string& what, const void* caller) {
  add_finding_of_call(FindingKind::uninitialised_read, function, -1,
                      fmt::format("{} reads {}, not all of which has been written", function, what), caller);
}

void end_on_host(const std::string& message) {
  std::array<void*, 16> frames{};
  const int depth = backtrace(frames.data(), static_cast<int>(frames.size()));
  std::vector<std::uint32_t> codes;
  for (int i = 0; i < depth; ++i) {
    codes.push_back(
        static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(frames[static_cast<std::size_t>(i)])));
  }
  const auto lines = Image::instance().lines(codes);
  // The first that is the program's: the emulator's own have lines, too, where it was compiled with them.
  const auto own = std::find_if(codes.begin(), codes.end(), [&](std::uint32_t code) {
    const auto found = lines.find(code);
    if (found == lines.end() || found->second.file.empty()) return false;
    const std::filesystem::path room = std::filesystem::path(found->second.file).parent_path();
    return !room.parent_path().string().ends_with("simulator/emulator");
  });
  const SourceLine line = own == codes.end() ? SourceLine{} : lines.at(*own);
  add_finding({FindingKind::unsupported, "", line.file, line.line, {}, {}, 0, message, 1});
  std::exit(1);
}

void add_kernel(RawKernel&& kernel) {
  if (!kernel.findings.empty()) {
    const auto lines = Image::instance().lines(codes_of(kernel.findings));
    kernel.report.findings = resolved(kernel.findings, lines, kernel.report.name);
    for (const Finding& finding : kernel.report.findings) print(finding);
    kernel.findings.clear();
  }
  const std::lock_guard lock(session().mutex);
  session().kernels.push_back(std::move(kernel));
}

Report take_report() {
  std::vector<RawKernel> kernels;
  Report report;
  {
    const std::lock_guard lock(session().mutex);
    kernels.swap(session().kernels);
    report.findings.swap(session().findings);
    session().refused.clear();
  }
  report.program = Image::instance().path();
  std::map<std::uint32_t, SourceLine> known;
  for (const RawKernel& kernel : kernels)
    for (const auto& site : kernel.sites) known.try_emplace(site->code);
  std::vector<std::uint32_t> codes;
  codes.reserve(known.size());
  for (const auto& [code, line] : known) codes.push_back(code);
  const auto lines = Image::instance().lines(codes);
  const auto flops = block_flops(codes);

  for (RawKernel& kernel : kernels) {
    std::map<std::pair<std::string, unsigned>, Counters> by_line;
    for (const auto& site : kernel.sites) {
      if (const auto at = flops.find(site->code); at != flops.end()) {
        const auto add = [&](Metric metric, std::uint64_t per_thread) {
          site->counters[static_cast<std::size_t>(metric)] += per_thread * site->threads;
        };
        add(Metric::thread_fma, at->second.fma);
        add(Metric::thread_fadd, at->second.add);
        add(Metric::thread_fmul, at->second.mul);
        add(Metric::thread_special, at->second.special);
      }
      const auto at = lines.find(site->code);
      const SourceLine line = at == lines.end() ? SourceLine{} : at->second;
      Counters& sum = by_line[{line.file, line.line}];
      for (std::size_t i = 0; i < kMetricCount; ++i) {
        sum[i] += site->counters[i];
        kernel.report.counters[i] += site->counters[i];
      }
    }
    for (auto& [line, counters] : by_line) kernel.report.lines.push_back({line.first, line.second, counters});
    report.kernels.push_back(std::move(kernel.report));
  }
  return report;
}

}  // namespace attnlab::emulator
