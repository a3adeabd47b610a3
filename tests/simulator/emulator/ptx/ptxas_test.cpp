// Is every text that these tests execute PTX to NVIDIA's own assembler, with the same operands?
//
// Where nvcc is installed (no GPU is needed): this program runs its other tests once more with a file to
// write their texts into, puts each text into a kernel of its own, and has nvcc assemble them for sm_90a.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/simulator/emulator/ptx/evaluate.h"

namespace attnlab::emulator::ptx {
namespace {

namespace fs = std::filesystem;

std::string find_nvcc() {
  for (const std::string path : {"/usr/local/cuda/bin/nvcc", "/usr/bin/nvcc"})
    if (fs::exists(path)) return path;
  return {};
}

std::string output_of(const std::string& command, int& status) {
  std::string output;
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  char buffer[4096];
  while (const std::size_t n = fread(buffer, 1, sizeof buffer, pipe)) output.append(buffer, n);
  status = pclose(pipe);
  return output;
}

// A kernel around one text. Operands that the text only writes, or only reads, are variables of the kernel.
std::string kernel(unsigned number, const std::string& constraints, const std::string& text) {
  std::ostringstream declarations, outputs, inputs;
  std::istringstream words(constraints);
  unsigned i = 0;
  for (std::string c; words >> c; ++i) {
    const bool written = c[0] == '=' || c[0] == '+';
    const char letter = written ? c[1] : c[0];
    const std::string type = letter == 'h'   ? "unsigned short"
                             : letter == 'l' ? "unsigned long long"
                             : letter == 'f' ? "float"
                             : letter == 'd' ? "double"
                             : letter == 'q' ? "unsigned __int128"
                                             : "unsigned";
    const std::string name = "v" + std::to_string(i);
    if (letter == 'n') {
      inputs << (inputs.tellp() > 0 ? ", " : "") << "\"n\"(" << c.substr(1) << ")";
      continue;
    }
    declarations << "  " << type << " " << name << " = (" << type << ")p[" << i << "];\n";
    std::ostringstream& list = written ? outputs : inputs;
    list << (list.tellp() > 0 ? ", " : "") << '"' << c << "\"(" << name << ")";
  }
  std::ostringstream code;
  code << "__global__ void k" << number << "(unsigned long long* p) {\n"
       << declarations.str() << "  asm volatile(R\"ptx(" << text << ")ptx\"";
  if (i > 0) code << " : " << outputs.str() << " : " << inputs.str();
  code << ");\n}\n";
  return code.str();
}

TEST(Ptxas, AcceptsEveryTextOfTheTests) {
  const std::string nvcc = find_nvcc();
  if (nvcc.empty()) GTEST_SKIP() << "no nvcc";
  const fs::path folder = fs::temp_directory_path() / ("attnlab_ptx_" + std::to_string(getpid()));
  fs::create_directory(folder);
  int status = 0;
  const std::string run = output_of("ATTNLAB_PTX_TEXTS=" + (folder / "texts").string() + " /proc/" +
                                        std::to_string(getpid()) + "/exe --gtest_filter=-Ptxas.*",
                                    status);
  ASSERT_EQ(status, 0) << run;

  std::ifstream file(folder / "texts");
  std::ofstream source(folder / "texts.cu");
  unsigned count = 0;
  for (std::string record; std::getline(file, record, '\x1e'); ++count) {
    const std::size_t split = record.find('\x1f');
    ASSERT_NE(split, std::string::npos);
    source << kernel(count, record.substr(0, split), record.substr(split + 1));
  }
  source.close();
  EXPECT_GT(count, 400u);
  const std::string assembled =
      output_of(nvcc + " -std=c++17 -w -arch=sm_90a -cubin -o " + (folder / "texts.cubin").string() + " " +
                    (folder / "texts.cu").string(),
                status);
  EXPECT_EQ(status, 0) << assembled.substr(0, 4000);
  if (status == 0) fs::remove_all(folder);
}

}  // namespace
}  // namespace attnlab::emulator::ptx
