#include "simulator/emulator/translate/toolchain.h"

#include <system_error>

#include "reference/core/errors.h"

// Lists are separated by |.
#ifndef ATTNLAB_SOURCE_DIR
#error "the build defines ATTNLAB_SOURCE_DIR and the places of the libraries; see CMakeLists.txt"
#endif

namespace attnlab::emulator::translate {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin < list.size();) {
    const std::size_t end = std::min(list.find('|', begin), list.size());
    if (end > begin) parts.push_back(list.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

Installation installed(const fs::path& prefix) {
  Installation found;
  found.root = prefix / ATTNLAB_INSTALL_INCLUDE / "attnlab";
  for (const std::string& name : split(ATTNLAB_LIBRARY_FILES))
    found.libraries.push_back((prefix / ATTNLAB_INSTALL_LIB / name).string());
  found.bundle = prefix / ATTNLAB_INSTALL_LIB / "attnlab";
  return found;
}

// Other projects' libraries: those that were installed with ours, else those that this was built with.
void add_others(Installation& place) {
  std::error_code none;
  for (const std::string& library : split(ATTNLAB_OTHER_LIBRARIES)) {
    const fs::path bundled = place.bundle / fs::path(library).filename();
    const bool comes_along = !place.bundle.empty() && fs::exists(bundled, none);
    if (comes_along) place.libraries.push_back("-Wl,-rpath," + place.bundle.string());
    place.libraries.push_back(comes_along ? bundled.string() : library);
  }
}

}  // namespace

Installation installation() {
  std::vector<Installation> places;
  std::error_code none;
  if (const fs::path program = fs::read_symlink("/proc/self/exe", none); !none)
    places.push_back(installed(program.parent_path().parent_path()));
  places.push_back({ATTNLAB_SOURCE_DIR, {}, split(ATTNLAB_BUILD_LIBRARIES), {}});
  places.push_back(installed(ATTNLAB_INSTALL_PREFIX));
  std::string searched;
  for (Installation& place : places) {
    place.headers = place.root / "simulator/emulator/cuda_headers";
    add_others(place);
    if (fs::is_regular_file(place.root / "simulator/emulator/device_calls.h", none)) return place;
    searched += (searched.empty() ? "" : ", ") + place.root.string();
  }
  throw FileError("simulator/emulator/device_calls.h",
                  "the emulator's headers are not in any of " + searched);
}

std::vector<std::string> predefined(int architecture, bool specific) {
  const std::string arch = std::to_string(architecture);
  std::vector<std::string> macros = {"-D__CUDACC__=1",
                                     "-D__NVCC__=1",
                                     "-D__CUDACC_VER_MAJOR__=13",
                                     "-D__CUDACC_VER_MINOR__=0",
                                     "-D__CUDACC_VER_BUILD__=48",
                                     "-D__CUDACC_EXTENDED_LAMBDA__=1",
                                     "-D__CUDACC_RELAXED_CONSTEXPR__=1",
                                     "-D__CUDA_ARCH__=" + arch,
                                     "-D__CUDA_ARCH_LIST__=" + arch};
  if (specific) {
    macros.push_back("-D__CUDA_ARCH_SPECIFIC__=" + arch);
    macros.push_back("-D__CUDA_ARCH_FEAT_SM" + std::to_string(architecture / 10) + "_ALL=1");
  }
  return macros;
}

std::vector<std::string> kernel_flags(const std::string& compiler) {
  // No strict aliasing: kernels read an array of floats as float4, and nvcc lets them.
  std::vector<std::string> flags = {"-fno-pie",
                                    "-mavx2",
                                    "-mfma",
                                    "-mf16c",
                                    "-ffp-contract=fast",
                                    "-fno-math-errno",
                                    "-fno-strict-aliasing",
                                    "-fsanitize=thread",
                                    "-fsanitize-coverage=trace-pc",
                                    "-g1",
                                    "-Wno-attributes",
                                    "-Wno-unknown-pragmas"};
  const bool clang = compiler.find("clang") != std::string::npos;
  for (const char* flag :
       clang
           ? std::vector<const char*>{"-mllvm", "-tsan-instrument-func-entry-exit=0", "-mllvm",
                                      "-tsan-distinguish-volatile=1", "-fno-vectorize", "-fno-slp-vectorize",
                                      "-Wno-unknown-attributes", "-Wno-ignored-attributes"}
           : std::vector<const char*>{"--param", "tsan-instrument-func-entry-exit=0", "--param",
                                      "tsan-distinguish-volatile=1", "-fno-tree-vectorize",
                                      "-fno-tree-slp-vectorize", "-fno-tree-sra", "-fno-reorder-blocks",
                                      "-fno-reorder-blocks-and-partition", "-ffixed-r11",
                                      // From g++ 13 on sums of products are else no fused ones.
                                      "--param=avoid-fma-max-bits=0"})
    flags.push_back(flag);
  return flags;
}

}  // namespace attnlab::emulator::translate
