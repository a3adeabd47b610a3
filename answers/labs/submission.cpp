#include "answers/labs/submission.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>
#include <sstream>

#include "answers/labs/metrics.h"
#include "answers/labs/vet.h"
#include "os/sandbox.h"
#include "reference/core/data_dir.h"
#include "reference/core/errors.h"
#include "simulator/emulator/ptx/check.h"
#include "simulator/emulator/report/json.h"
#include "simulator/emulator/translate/compile.h"
#include "simulator/emulator/translate/toolchain.h"

namespace attnlab::answers::labs {
namespace {

namespace fs = std::filesystem;
using emulator::translate::Compilation;
using Words = std::vector<std::string>;

constexpr std::uintmax_t kMostBytes = 1 << 18;  // of a source
constexpr double kCompilerSeconds = 30;
constexpr std::uint64_t kMemory = std::uint64_t{2} << 30;
constexpr const char* kGpu = "h200";

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_file(const fs::path& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary);
  out << text;
  if (!out.flush()) throw FileError(path.string(), "cannot be written");
}

// A file that whoever the sandbox runs as may write.
fs::path open_file(const fs::path& path) {
  write_file(path, "");
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_read |
                            fs::perms::group_write | fs::perms::others_read | fs::perms::others_write);
  return path;
}

fs::path data_root() { return data_dir("simulator/device/data").parent_path().parent_path().parent_path(); }

// What the compiler reads beside the source: the emulator's headers and libraries, and nothing of the labs.
std::set<fs::path> readable() {
  const emulator::translate::Installation place = emulator::translate::installation();
  std::set<fs::path> paths = {place.root / "simulator", place.root / "reference/core"};
  std::error_code none;
  if (fs::is_directory(place.bundle, none)) paths.insert(place.bundle);
  for (const std::string& library : place.libraries) {
    if (library.starts_with("/")) paths.insert(library);
  }
  return paths;
}

// The name that messages have: the student's, where it has no characters that are more than a name to someone.
std::string plain_name(const fs::path& source) {
  const std::string name = source.filename().string();
  const bool plain =
      std::isalnum(static_cast<unsigned char>(name[0])) != 0 && std::ranges::all_of(name, [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.';
      });
  return plain && name != "lab.h" ? name : "submission" + source.extension().string();
}

// Files by their names alone.
std::string without_folder(std::string text, const fs::path& folder) {
  const std::string begin = folder.string() + "/";
  for (std::size_t at; (at = text.find(begin)) != std::string::npos;) text.erase(at, begin.size());
  return text;
}

std::string last_line(const std::string& text) {
  const std::size_t end = text.find_last_not_of(" \n");
  if (end == std::string::npos) return "";
  const std::size_t begin = text.find_last_of('\n', end);
  constexpr std::size_t kLongest = 200;
  return text.substr(begin + 1, std::min(end - begin, kLongest));
}

std::string ending(int code) {
  constexpr int kSegmentation = 139, kFloating = 136, kAborted = 134;
  if (code == kSegmentation) return "a bad address (segmentation fault)";
  if (code == kFloating) return "an arithmetic error such as a division by 0";
  if (code == kAborted) return "abort()";
  return fmt::format("exit code {}", code);
}

// "solution.cpp:12:3: runtime error: ..." or AddressSanitizer's summary.
std::optional<std::string> sanitizer_line(const std::string& text) {
  std::istringstream lines(text);
  std::optional<std::string> found;
  for (std::string line; std::getline(lines, line);) {
    if (line.find("runtime error:") != std::string::npos) return line;
    if (line.find("ERROR: AddressSanitizer") != std::string::npos)
      found = line.substr(line.find("AddressSanitizer"));
    if (line.starts_with("SUMMARY: AddressSanitizer")) return line.substr(std::strlen("SUMMARY: "));
  }
  return found;
}

}  // namespace

void require_plain_file(const fs::path& path, std::uintmax_t most_bytes) {
  std::error_code none;
  const fs::file_status status = fs::symlink_status(path, none);
  if (!fs::exists(status)) throw FileError(path.string(), "cannot be read: no such file");
  if (fs::is_symlink(status)) throw FileError(path.string(), "is a link, expected the file itself");
  if (fs::is_directory(status)) throw FileError(path.string(), "is a folder, expected a file");
  if (!fs::is_regular_file(status)) throw FileError(path.string(), "is no regular file");
  if (fs::file_size(path, none) > most_bytes)
    throw FileError(path.string(), fmt::format("has more than {} KiB", most_bytes / 1024));
}

Submission::Submission(const Lab& lab, const fs::path& source, const Limits& limits)
    : lab_(lab), limits_(limits) {
  require_plain_file(source, kMostBytes);
  if (source.extension() != lab.source.extension())
    throw FileError(source.string(),
                    "is no " + lab.source.extension().string() + " file, which this lab asks for");
  source_ = work_.path() / plain_name(source);
  program_ = work_.path() / "program", said_ = work_.path() / "said";
  const std::string text = read_file(source);
  if (text.find('\0') != std::string::npos) throw FileError(source.string(), "is no text");
  write_file(source_, text);
  if (fs::exists(lab.folder / "lab.h")) fs::copy_file(lab.folder / "lab.h", work_.path() / "lab.h");
}

// Of what the compiler said: lines about the submission, in order; `all`: whatever it said, where there are none.
void Submission::take_messages(bool all) {
  constexpr std::size_t kMost = 6;
  std::istringstream lines(read_file(said_));
  std::string any;
  for (std::string line; std::getline(lines, line);) {
    line = without_folder(line, work_.path());
    if (any.empty()) any = line;
    const bool is_message =
        line.find(" error: ") != std::string::npos || line.find(" warning: ") != std::string::npos;
    if (is_message && build_.problems.size() < kMost) build_.problems.push_back(line);
  }
  if (all && build_.problems.empty()) build_.problems.push_back(any.empty() ? "does not compile" : any);
}

// Looks at the preprocessed text that is compiled afterwards, and at no other.
bool Submission::vet_text(const fs::path& text) {
  const std::set<fs::path> headers = {
      "/usr/include", "/usr/lib",
      lab_.is_cuda() ? emulator::translate::installation().headers : work_.path() / "lab.h"};
  const auto refused = refused_text(read_file(text), source_, headers);
  if (refused) build_.problems.push_back(*refused);
  return !refused;
}

bool Submission::vet_names(const fs::path& object) {
  const fs::path names = work_.path() / "names";
  const int code = os::run({.words = {"nm", "-u", "--format=posix", object.string()}, .output = names});
  if (code != 0)
    throw FileError("nm", "cannot read the submission's object file (Debian, Ubuntu: apt-get install g++)");
  if (const auto refused = refused_names(read_file(names))) {
    build_.problems.push_back(*refused);
    return false;
  }
  return true;
}

const Build& Submission::build() {
  const std::string text = read_file(source_);
  const Index lines = std::count(text.begin(), text.end(), '\n');
  if (lines > lab_.max_lines)
    build_.problems.push_back(fmt::format("has {} lines, expected at most {}", lines, lab_.max_lines));
  if (lab_.is_cuda()) {
    build_cuda();
  } else {
    build_cpp();
  }
  return build_;
}

// One command of the compiler; `folder` is its temporary one.
int Submission::execute(const os::Command& command, const fs::path& folder) {
  if (!limits_.sandbox) return os::run(command);
  const os::SandboxEnd end = os::run_in({.readable = readable(),
                                         .writable = {folder, work_.path()},
                                         .folder = work_.path(),
                                         .seconds = kCompilerSeconds,
                                         .memory = kMemory,
                                         .trusted = true},
                                        command);
  if (!end.stopped.empty()) build_.problems.push_back("the compiler was " + end.stopped);
  return end.code;
}

bool Submission::cuda_step(Words words) {
  for (const std::string& warning : lab_.warnings) words.insert(words.end(), {"-Xcompiler", warning});
  Compilation compilation = emulator::translate::parse_command_line(words);
  compilation.check_asm = emulator::ptx::problem;
  std::string said;
  bool refused = false;
  compilation.say = [&](const std::string& text) { said += text; };
  compilation.run = [&](const os::Command& command, const fs::path& folder) {
    os::Command redirected = command;
    if (command.errors.empty()) redirected.errors = folder / "errors";
    const int code = execute(redirected, folder);
    if (command.errors.empty()) said += read_file(redirected.errors);
    const auto preprocesses = std::ranges::find(command.words, "-E");
    if (code != 0 || preprocesses == command.words.end()) return code;
    refused = !vet_text(command.words.back());
    return refused ? 1 : 0;
  };
  int code = 1;
  try {
    code = emulator::translate::compile(compilation);
  } catch (const FileError& error) {
    said += std::string(error.what()) + "\n";
  } catch (const InvalidArgument& error) {
    said += std::string(error.what()) + "\n";
  }
  write_file(said_, said);
  if (!refused) take_messages(code != 0);
  return code == 0;
}

void Submission::build_cuda() {
  const fs::path object = work_.path() / "submission.o";
  if (!cuda_step({"-c", source_.string(), "-o", object.string()}) || !vet_names(object)) return;
  build_.runs = cuda_step({object.string(), "-o", program_.string()});
}

// Preprocessed once, with every macro of what runs; that text is looked at and compiled.
void Submission::build_cpp() {
  const Words flags = {"g++", "-std=c++17", "-O1", "-g", "-fsanitize=address,undefined"};
  const fs::path text = work_.path() / "submission.ii", object = work_.path() / "submission.o",
                 header = work_.path() / "lab.h";
  const auto step = [&](const Words& more) {
    Words words = flags;
    words.insert(words.end(), more.begin(), more.end());
    const int code = execute({.words = words, .errors = said_}, work_.path());
    take_messages(code != 0);
    return code == 0;
  };
  Words preprocess = {"-E", source_.string(), "-o", text.string(), "-I" + work_.path().string()};
  // lab.h before the student's first line: whose macros change nothing in it.
  if (fs::exists(header)) preprocess.insert(preprocess.end(), {"-include", header.string()});
  Words compile = {"-c", text.string(), "-o", object.string()};
  compile.insert(compile.end(), lab_.warnings.begin(), lab_.warnings.end());
  if (!step(preprocess) || !vet_text(text) || !step(compile) || !vet_names(object)) return;
  build_.runs = step({object.string(), "-o", program_.string()});
}

Run Submission::run(const std::string& input, std::size_t numbers, std::uint64_t seed) {
  Run run;
  if (used_ > limits_.seconds) {
    run.failed = fmt::format("was not run: the runs before took more than {} s", limits_.seconds);
    return run;
  }
  constexpr int kMostStopped = 2;
  if (stopped_ >= kMostStopped) {
    run.failed = "was not run: two runs before had to be stopped";
    run.stopped = true;
    return run;
  }
  const std::string number = std::to_string(runs_++);
  const fs::path in = work_.path() / ("input" + number), out = open_file(work_.path() / ("output" + number));
  write_file(in, input);
  fs::permissions(in, fs::perms::group_read | fs::perms::others_read, fs::perm_options::add);
  // Nobody's guess: a program that knew the name could write a report of its own.
  const std::string secret =
      fmt::format("report{:08x}{:08x}", std::random_device()(), std::random_device()());
  const fs::path report = open_file(work_.path() / secret), errors = work_.path() / "errors";

  os::Sandbox sandbox = {.readable = {program_, in, data_root() / "simulator/device/data"}};
  std::error_code none;
  if (const fs::path bundle = emulator::translate::installation().bundle; fs::is_directory(bundle, none))
    sandbox.readable.insert(bundle);
  const std::string folder =
      limits_.sandbox ? std::string(os::kSandboxFolder) + "/" : work_.path().string() + "/";
  sandbox.results = {{out.filename().string(), out}};
  if (lab_.is_cuda()) sandbox.results[secret] = report;
  sandbox.seconds = limits_.seconds_per_run + 1;
  sandbox.memory = kMemory;
  os::Command command = {
      .words = {program_.string(), "--input", in.string(), "--output", folder + out.filename().string()},
      .environment = {{"ASAN_OPTIONS", "detect_leaks=0:exitcode=99"}},
      .input = "/dev/null",
      .output = "/dev/null",
      .errors = errors,
      .own_group = true};
  if (lab_.is_cuda()) {
    command.environment = {{"ATTNLAB_EMULATOR_REPORT", folder + secret},
                           {"ATTNLAB_EMULATOR_GPU", kGpu},
                           {"ATTNLAB_EMULATOR_QUIET", "1"},
                           {"ATTNLAB_EMULATOR_FINAL", "1"},
                           {"ATTNLAB_EMULATOR_SEED", std::to_string(seed)},
                           {"ATTNLAB_EMULATOR_THREADS", "1"},
                           {"ATTNLAB_EMULATOR_TIMEOUT", fmt::format("{:.0f}", limits_.seconds_per_run)},
                           {"ATTNLAB_DATA", data_root().string()}};
  }
  fs::permissions(program_, fs::perms::others_read | fs::perms::others_exec, fs::perm_options::add);
  const auto begin = std::chrono::steady_clock::now();
  os::SandboxEnd end;
  if (limits_.sandbox) {
    end = os::run_in(sandbox, command);
  } else {
    os::Child child(command);
    const std::optional<int> code = child.wait_for(sandbox.seconds);
    if (!code) child.kill();
    end = {child.wait(), code ? "" : fmt::format("stopped after {} s", sandbox.seconds)};
  }
  used_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();

  const std::string said = read_file(errors);
  run.sanitizer = lab_.is_cuda() ? std::nullopt : sanitizer_line(without_folder(said, work_.path()));
  constexpr std::uintmax_t kMostReport = 1 << 22;  // a hundred times what a lab's program leaves
  if (const std::uintmax_t size = fs::file_size(report, none); size > 0 && size < kMostReport) {
    try {
      run.report = emulator::read_json(report);
    } catch (const std::exception&) {  // cut off, or not the emulator's
    }
  }
  constexpr int kTimeIsUp = 124;
  const std::string result = read_file(out);
  const std::size_t expected = numbers * sizeof(float) + lab_.ways.size() * sizeof(std::uint64_t);
  if (!end.stopped.empty() || end.code == kTimeIsUp) {
    run.stopped = true, ++stopped_;
    run.failed =
        end.stopped.empty() ? fmt::format("stopped after {} s", limits_.seconds_per_run) : end.stopped;
  } else if (end.code != 0) {
    run.failed = "ended with " + ending(end.code) + (said.empty() ? "" : ": " + last_line(said));
  } else if (result.size() != expected) {
    run.failed =
        fmt::format("wrote {} bytes to --output, expected {}: {} numbers", result.size(), expected, numbers);
  } else {
    run.result.resize(numbers);
    run.reads.resize(lab_.ways.size());
    std::memcpy(run.result.data(), result.data(), numbers * sizeof(float));
    std::memcpy(run.reads.data(), result.data() + numbers * sizeof(float),
                run.reads.size() * sizeof(std::uint64_t));
  }
  for (const fs::path& file : {in, out, report, errors}) fs::remove(file, none);
  return run;
}

std::uint64_t Submission::metric(const Run& run, const std::vector<std::string>& metrics,
                                 const std::string& way) const {
  std::uint64_t sum = 0;
  if (run.report) {
    for (const std::string& metric : metrics) sum += metric_of(*run.report, metric);
  }
  for (std::size_t n = 0; n < run.reads.size(); ++n) {
    if (way.empty() || lab_.ways[n] == way) sum += run.reads[n];
  }
  return sum;
}

Probe::Probe(const fs::path& source) : source_(source) {
  const fs::path program = work_.path() / "probe";
  Compilation compilation =
      emulator::translate::parse_command_line({source.string(), "-o", program.string()});
  compilation.check_asm = emulator::ptx::problem;
  if (emulator::translate::compile(compilation) != 0) throw FileError(source.string(), "does not compile");
}

emulator::Report Probe::run(const Words& arguments) const {
  const fs::path report = work_.path() / "report.json";
  os::Command command = {.words = {(work_.path() / "probe").string()},
                         .environment = {{"ATTNLAB_EMULATOR_REPORT", report.string()},
                                         {"ATTNLAB_EMULATOR_GPU", kGpu},
                                         {"ATTNLAB_EMULATOR_QUIET", "1"},
                                         {"ATTNLAB_EMULATOR_THREADS", "1"},
                                         {"ATTNLAB_DATA", data_root().string()}},
                         .output = "/dev/null"};
  command.words.insert(command.words.end(), arguments.begin(), arguments.end());
  if (const int code = os::run(command); code != 0)
    throw FileError(source_.string(), fmt::format("ended with {}", ending(code)));
  return emulator::read_json(report);
}

}  // namespace attnlab::answers::labs
