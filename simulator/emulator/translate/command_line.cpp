// nvcc's command line, read.
#include <algorithm>
#include <array>
#include <system_error>

#include "reference/core/errors.h"
#include "simulator/emulator/translate/compile.h"

namespace attnlab::emulator::translate {
namespace {

namespace fs = std::filesystem;

// What becomes of an option that has a value: -o x, -o=x; a one-letter option's also -ox.
enum class Takes {
  ignored,
  output,
  include,
  define,
  library,
  link,
  compile,
  architecture,
  compiler,
  standard,
  language,
  depfile,
  dep_target,
  launcher,
  optimise
};
struct ValueOption {
  std::string_view name;
  Takes takes;
};
constexpr ValueOption kValueOptions[] = {
    {"-o", Takes::output},
    {"--output-file", Takes::output},
    {"-I", Takes::include},
    {"--include-path", Takes::include},
    {"-isystem", Takes::include},
    {"--system-include", Takes::include},
    {"-D", Takes::define},
    {"--define-macro", Takes::define},
    {"-U", Takes::define},
    {"--undefine-macro", Takes::define},
    {"-include", Takes::define},
    {"--pre-include", Takes::define},
    {"-l", Takes::library},
    {"--library", Takes::library},
    {"-L", Takes::link},
    {"--library-path", Takes::link},
    {"-Xlinker", Takes::link},
    {"--linker-options", Takes::link},
    {"-Xcompiler", Takes::compile},
    {"--compiler-options", Takes::compile},
    {"-arch", Takes::architecture},
    {"--gpu-architecture", Takes::architecture},
    {"-gencode", Takes::architecture},
    {"--generate-code", Takes::architecture},
    {"-code", Takes::ignored},
    {"--gpu-code", Takes::ignored},
    {"-ccbin", Takes::compiler},
    {"--compiler-bindir", Takes::compiler},
    {"--compiler", Takes::compiler},
    {"--compiler-launcher", Takes::launcher},
    {"-std", Takes::standard},
    {"--std", Takes::standard},
    {"--optimize", Takes::optimise},
    {"-x", Takes::language},
    {"--x", Takes::language},
    {"-MF", Takes::depfile},
    {"--dependency-output", Takes::depfile},
    {"-MT", Takes::dep_target},
    {"-Xptxas", Takes::ignored},
    {"--ptxas-options", Takes::ignored},
    {"-Xnvlink", Takes::ignored},
    {"--nvlink-options", Takes::ignored},
    {"-Xcudafe", Takes::ignored},
    {"-Xarchive", Takes::ignored},
    {"-maxrregcount", Takes::ignored},
    {"--maxrregcount", Takes::ignored},
    {"-diag-suppress", Takes::ignored},
    {"--diag-suppress", Takes::ignored},
    {"-diag-error", Takes::ignored},
    {"-diag-warn", Takes::ignored},
    {"-rdc", Takes::ignored},
    {"--relocatable-device-code", Takes::ignored},
    {"-cudart", Takes::ignored},
    {"--cudart", Takes::ignored},
    {"-default-stream", Takes::ignored},
    {"--default-stream", Takes::ignored},
    {"-t", Takes::ignored},
    {"--threads", Takes::ignored},
    {"-ftz", Takes::ignored},
    {"--ftz", Takes::ignored},
    {"-prec-div", Takes::ignored},
    {"--prec-div", Takes::ignored},
    {"-prec-sqrt", Takes::ignored},
    {"--prec-sqrt", Takes::ignored},
    {"-fmad", Takes::ignored},
    {"--fmad", Takes::ignored},
    {"-split-compile", Takes::ignored},
    {"--split-compile", Takes::ignored},
    {"-Werror", Takes::ignored},
    {"--Werror", Takes::ignored},
};
constexpr std::array kWithoutEffect = {"-lineinfo",
                                       "--generate-line-info",
                                       "-G",
                                       "--device-debug",
                                       "-pg",
                                       "-res-usage",
                                       "--resource-usage",
                                       "-keep",
                                       "--keep",
                                       "-restrict",
                                       "--restrict",
                                       "-m64",
                                       "-expt-relaxed-constexpr",
                                       "--expt-relaxed-constexpr",
                                       "-expt-extended-lambda",
                                       "--expt-extended-lambda",
                                       "-extended-lambda",
                                       "--extended-lambda",
                                       "-use_fast_math",
                                       "--use_fast_math",
                                       "-forward-unknown-to-host-compiler",
                                       "--forward-unknown-to-host-compiler",
                                       "-no-align-double",
                                       "-dlto",
                                       "--display-error-number",
                                       "-extra-device-vectorization",
                                       "--extra-device-vectorization",
                                       "-pthread",
                                       "-cudadevrt",
                                       "-MD",
                                       "-MMD",
                                       "-MP",
                                       "-pie",
                                       "-no-pie",
                                       "-fPIC",
                                       "-fpic",
                                       "-fPIE",
                                       "-fpie",
                                       "-fno-pie",
                                       "--no-exceptions"};
// The emulator has these libraries' functions itself, or headers whose functions answer "not supported".
constexpr std::array kCudaLibraries = {"cudart",   "cudart_static", "cuda",      "cudadevrt", "nvToolsExt",
                                       "cublas",   "cublasLt",      "curand",    "cufft",     "cusparse",
                                       "cusolver", "nvrtc",         "nvidia-ml", "cudnn",     "nccl"};

template <class List>
bool contains(const List& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

std::vector<std::string> at_commas(const std::string& list) {
  std::vector<std::string> parts(1);
  for (const char c : list) {
    if (c == ',')
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

class CommandLine {
 public:
  explicit CommandLine(const std::vector<std::string>& arguments) : arguments_(arguments) {}

  Compilation parse() {
    while (at_ < arguments_.size()) option(arguments_[at_++]);
    if (result_.sources.empty()) throw InvalidArgument("source file", "none", "one or more .cu files");
    if (result_.stop != Compilation::Stop::program && result_.sources.size() > 1 && !result_.output.empty())
      throw InvalidArgument("-o", result_.output.string(), "one source file with -c or -E");
    return std::move(result_);
  }

 private:
  void option(const std::string& argument) {
    if (argument.empty() || argument[0] != '-') return result_.sources.emplace_back(argument), void();
    if (contains(kWithoutEffect, argument)) return fast_math(argument);
    for (const ValueOption& known : kValueOptions) {
      if (const std::string name(known.name); argument == name || argument.starts_with(name + "=")) {
        if (known.name == "-Werror" && argument == name) break;  // gcc's form, without a value
        return value(known.takes, name, argument == name ? next(name) : argument.substr(name.size() + 1));
      }
    }
    for (const ValueOption& known : kValueOptions) {
      if (known.name.size() == 2 && known.name != "-t" && argument.starts_with(known.name))
        return value(known.takes, std::string(known.name), argument.substr(2));
    }
    flag(argument);
  }

  std::string next(const std::string& name) {
    if (at_ == arguments_.size()) throw InvalidArgument(name, "nothing", "a value");
    return arguments_[at_++];
  }

  void fast_math(const std::string& argument) {
    if (argument.find("use_fast_math") != std::string::npos)
      result_.preprocess.push_back("-D__USE_FAST_MATH__=1");
  }

  void flag(const std::string& argument) {
    if (argument == "-c" || argument == "--compile" || argument == "-dc" || argument == "--device-c") {
      result_.stop = Compilation::Stop::object;
    } else if (argument == "-E" || argument == "--preprocess") {
      result_.stop = Compilation::Stop::text;
    } else if (argument == "-v" || argument == "--verbose") {
      result_.verbose = true;
    } else if (argument.starts_with("-O")) {
      optimise(argument.substr(2));
    } else if (argument.starts_with("-g")) {
      result_.compile.push_back("-g");
    } else if (argument == "-w" || argument == "--disable-warnings") {
      result_.compile.push_back("-w");
    } else if (argument.starts_with("-Wl,") || argument == "-static" || argument == "-rdynamic") {
      result_.link.push_back(argument);
    } else if (argument == "-shared" || argument == "--shared") {
      throw InvalidArgument("-shared", "a shared library",
                            "a program or an object file: kernels run in programs");
    } else if (argument == "-fopenmp") {
      result_.preprocess.push_back(argument);
      result_.compile.push_back(argument);
      result_.link.push_back(argument);
    } else if (argument.starts_with("-W") || argument.starts_with("-f") || argument.starts_with("-m") ||
               argument == "-ansi" || argument == "-pedantic") {
      result_.compile.push_back(argument);
    } else {
      throw InvalidArgument("option", argument, "one that nvcc or g++ has");
    }
  }

  void optimise(const std::string& level) {
    result_.optimise = level == "3" || level == "fast" || level == "4" ? "-O2" : "-O" + level;
  }

  void value(Takes takes, const std::string& name, const std::string& given) {
    switch (takes) {
      case Takes::ignored:
        break;
      case Takes::output:
        result_.output = given;
        break;
      case Takes::include:
        for (const std::string& folder : at_commas(given))
          include(name == "-I" || name == "--include-path", folder);
        break;
      case Takes::define:
        define(name, given);
        break;
      case Takes::library:
        for (const std::string& library : at_commas(given))
          if (!contains(kCudaLibraries, library)) result_.link.push_back("-l" + library);
        break;
      case Takes::link:
        for (const std::string& part : at_commas(given))
          result_.link.push_back(name == "-L" || name == "--library-path" ? "-L" + part : "-Wl," + part);
        break;
      case Takes::compile:
        for (const std::string& part : at_commas(given)) option(part);
        break;
      case Takes::architecture:
        architecture(given);
        break;
      case Takes::compiler:
        result_.compiler = given;
        break;
      case Takes::launcher:
        result_.launcher = given;
        break;
      case Takes::standard:
        standard(given);
        break;
      case Takes::optimise:
        optimise(given);
        break;
      case Takes::language:
        result_.all_cuda = given == "cu";
        break;
      case Takes::depfile:
        result_.depfile = given;
        break;
      case Takes::dep_target:
        result_.dep_target = given;
        break;
    }
  }

  // A CUDA Toolkit's own headers do not mix with the emulator's.
  void include(bool quoted, const std::string& folder) {
    std::error_code none;
    if (fs::exists(fs::path(folder) / "cuda_runtime_api.h", none)) return;
    result_.preprocess.push_back(quoted ? "-I" : "-isystem");
    result_.preprocess.push_back(folder);
  }

  void define(const std::string& name, const std::string& given) {
    result_.preprocess.push_back(name.starts_with("--define")  ? "-D"
                                 : name.starts_with("--undef") ? "-U"
                                 : name.starts_with("--pre")   ? "-include"
                                                               : name);
    result_.preprocess.push_back(given);
  }

  // sm_90a, compute_80, arch=compute_90,code=sm_90; native, all and all-major say nothing. The highest
  // counts.
  void architecture(const std::string& given) {
    constexpr int kMost = 999;
    const bool named = given == "native" || given == "all" || given == "all-major";
    if (!named && given.find('_') == std::string::npos)
      throw InvalidArgument("-arch", given, "one such as sm_90");
    for (std::size_t at = 0; (at = given.find('_', at)) != std::string::npos;) {
      int number = 0;
      for (++at; at < given.size() && given[at] >= '0' && given[at] <= '9'; ++at)
        number = std::min(number * 10 + (given[at] - '0'), kMost + 1);
      const bool specific = at < given.size() && (given[at] == 'a' || given[at] == 'f');
      if (number == 0 || number > kMost) throw InvalidArgument("-arch", given, "one such as sm_90");
      if (chosen_ && number * 10 < result_.architecture) continue;
      result_.architecture_specific =
          specific || (chosen_ && number * 10 == result_.architecture && result_.architecture_specific);
      result_.architecture = number * 10;
      chosen_ = true;
    }
  }

  // The emulator's headers need C++17.
  void standard(const std::string& given) {
    const std::string year = given.substr(given.find("++") == std::string::npos ? 0 : given.find("++") + 2);
    const bool old =
        year == "98" || year == "03" || year == "11" || year == "0x" || year == "14" || year == "1y";
    result_.standard = old ? "gnu++17" : given;
  }

  const std::vector<std::string>& arguments_;
  std::size_t at_ = 0;
  bool chosen_ = false;
  Compilation result_;
};

}  // namespace

Compilation parse_command_line(const std::vector<std::string>& arguments) {
  return CommandLine(arguments).parse();
}

}  // namespace attnlab::emulator::translate
