#include "simulator/emulator/translate/compile.h"

#include <cstdio>
#include <fstream>
#include <iterator>

#include "os/output_file.h"
#include "os/temporary_directory.h"
#include "reference/core/errors.h"
#include "simulator/emulator/translate/assembly.h"
#include "simulator/emulator/translate/depfile.h"
#include "simulator/emulator/translate/refused_names.h"
#include "simulator/emulator/translate/toolchain.h"
#include "simulator/emulator/translate/translate.h"

namespace attnlab::emulator::translate {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw FileError(path.string(), "cannot be read");
  return {std::istreambuf_iterator<char>(in), {}};
}

void write(const fs::path& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary);
  out << text;
  if (!out.flush()) throw FileError(path.string(), "cannot be written");
}

class Job {
 public:
  explicit Job(const Compilation& compilation) : job_(compilation), place_(installation()) {}

  int run() {
    std::vector<std::string> objects;
    for (const fs::path& source : job_.sources) require_source(source);
    refuse_outputs_among(job_.sources);
    for (const fs::path& source : job_.sources) {
      const std::string extension = source.extension().string();
      const bool is_cuda = extension == ".cu" || (job_.all_cuda && !is_object(extension));
      if (!is_cuda && !is_host_code(extension)) {
        objects.push_back(source.string());
        continue;
      }
      fs::path object = work_.path() / (std::to_string(objects.size()) + ".o");
      if (job_.stop == Compilation::Stop::object)
        object = job_.output.empty() ? source.filename().replace_extension(".o") : job_.output;
      if (const int error = is_cuda ? cuda(source, object) : other(source, object); error != 0) return error;
      objects.push_back(object.string());
    }
    return job_.stop == Compilation::Stop::program ? link(objects) : 0;
  }

 private:
  using Command = std::vector<std::string>;

  static bool is_host_code(const std::string& extension) {
    return extension == ".cpp" || extension == ".cc" || extension == ".cxx" || extension == ".C" ||
           extension == ".c";
  }
  static bool is_object(const std::string& extension) {
    return extension == ".o" || extension == ".a" || extension == ".so";
  }
  // A linker takes anything for a script of its own.
  void require_source(const fs::path& source) const {
    std::error_code error;
    if (!fs::exists(source, error)) throw FileError(source.string(), "cannot be read: no such file");
    if (fs::is_directory(source, error))
      throw FileError(source.string(), "is a directory, not a CUDA program");
    const std::string extension = source.extension().string();
    if (extension != ".cu" && !is_host_code(extension) && !is_object(extension) && !job_.all_cuda &&
        source.string().find(".so.") == std::string::npos)
      throw FileError(source.string(),
                      "is no source by its name, expected .cu, .cpp, .c, .o, .a or .so (or -x cu)");
  }

  // A compiler replaces its output without a question: a source, if a slip of the hand says so.
  void refuse_outputs_among(const std::vector<fs::path>& files) const {
    std::vector<os::NamedFile> inputs, outputs = job_.outputs;
    for (const fs::path& file : files) inputs.push_back({file.filename().string(), file});
    fs::path output = job_.output;
    if (output.empty() && job_.stop == Compilation::Stop::program) output = "a.out";
    outputs.push_back({"-o", output});
    outputs.push_back({"-MF", job_.depfile});
    os::check_distinct(outputs, inputs);
    std::error_code error;
    if (fs::is_directory(output, error)) throw FileError(output.string(), "is a directory, not a file");
  }

  static void append(Command& command, const std::vector<std::string>& more) {
    command.insert(command.end(), more.begin(), more.end());
  }

  // errors: a file for what it says on stderr.
  int execute(const Command& command, const fs::path& errors = {}) const {
    if (job_.verbose) {
      std::string line;
      for (const std::string& word : command) line += (line.empty() ? "" : " ") + word;
      std::fprintf(stderr, "%s\n", line.c_str());
    }
    return job_.run({.words = command, .errors = errors}, work_.path());
  }

  void preprocessor(Command& command) const {
    append(command, job_.preprocess);
    append(command, {"-isystem", place_.headers.string(), "-idirafter", place_.root.string()});
  }

  int preprocess(const Command& command) const {
    const fs::path said = work_.path() / "said";
    const int error = execute(command, said);
    const std::string text = read(said);
    if (error != 0) refuse_headers(text);
    job_.say(text);
    return error;
  }

  int cuda(const fs::path& source, const fs::path& object) const {
    const fs::path preprocessed = work_.path() / "preprocessed.ii",
                   translated = work_.path() / "translated.ii";
    Command command = {job_.compiler, "-x", "c++", "-E", "-std=" + job_.standard};
    append(command, predefined(job_.architecture, job_.architecture_specific));
    // The compiler's own macros for these must be those of the compilation proper.
    append(command, {job_.optimise, "-mavx2", "-mfma", "-mf16c"});
    preprocessor(command);
    append(command, {"-include", "simulator/emulator/translate/translated.h"});
    const fs::path rule = work_.path() / "rule";
    append(command, {"-MD", "-MF", rule.string(), "-MT",
                     (job_.dep_target.empty() ? object : job_.dep_target).string()});
    append(command, {source.string(), "-o", preprocessed.string()});
    if (const int error = preprocess(command); error != 0) return error;
    refuse_outputs_among(prerequisites(read(rule)));
    if (!job_.depfile.empty()) write(job_.depfile, read(rule));

    Options options;
    options.check_asm = job_.check_asm;
    options.clang = job_.compiler.find("clang") != std::string::npos;
    const std::string text = translate(read(preprocessed), options);
    if (job_.stop == Compilation::Stop::text) {
      if (job_.output.empty())
        std::fwrite(text.data(), 1, text.size(), stdout);
      else
        write(job_.output, text);
      return 0;
    }
    write(translated, text);
    command = {};
    if (!job_.launcher.empty()) command.push_back(job_.launcher);
    append(command, {job_.compiler, "-std=" + job_.standard, job_.optimise});
    append(command, kernel_flags(job_.compiler));
    append(command, job_.compile);
    if (options.clang) {
      append(command, {"-c", translated.string(), "-o", object.string()});
      return execute(command);
    }
    const fs::path assembly = work_.path() / "kernels.s";
    append(command, {"-S", translated.string(), "-o", assembly.string()});
    if (const int error = execute(command); error != 0) return error;
    write(assembly, cheaper_hooks(read(assembly)));
    return execute({job_.compiler, "-c", assembly.string(), "-o", object.string()});
  }

  // A file of host code: as nvcc does, the host compiler alone.
  int other(const fs::path& source, const fs::path& object) const {
    Command command = {job_.compiler, job_.optimise};
    if (source.extension() != ".c") command.push_back("-std=" + job_.standard);
    preprocessor(command);
    append(command, job_.compile);
    append(command, {"-fno-pie", "-c", source.string(), "-o", object.string()});
    return execute(command);
  }

  int link(const std::vector<std::string>& objects) const {
    for (const std::string& library : place_.libraries) {
      if (library[0] == '/' && !fs::exists(library))
        throw FileError(library, "no such library: the emulator's runtime");
    }
    Command command = {job_.compiler, "-no-pie", "-o", job_.output.empty() ? "a.out" : job_.output.string()};
    append(command, objects);
    append(command, job_.link);
    // The part of the runtime that writes the report: a program without a launch refers to nothing of it.
    command.push_back("-Wl,--undefined=attnlab_emulator_session");
    append(command, place_.libraries);
    command.push_back("-pthread");
    const fs::path said = work_.path() / "said";
    const int error = execute(command, said);
    const std::string text = read(said);
    if (error != 0 && text.find("undefined reference to `main'") != std::string::npos) {
      throw FileError(
          job_.sources[0].string(),
          "has no main: a program is needed that allocates, launches its kernels and looks at the result");
    }
    job_.say(text);
    return error;
  }

  const Compilation& job_;
  const Installation place_;
  const os::TemporaryDirectory work_;
};

}  // namespace

int compile(const Compilation& compilation) { return Job(compilation).run(); }

}  // namespace attnlab::emulator::translate
