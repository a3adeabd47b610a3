// Does the emulator's runtime API answer every question of questions.h as CUDA on an H200 does, error codes,
// properties and occupancy alike?
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "simulator/emulator/api/errors.h"
#include "simulator/emulator/machine/gpu.h"
#include "tests/simulator/emulator/api/questions.h"

namespace {

using Answer = std::pair<std::string, long long>;
using Answers = std::vector<Answer>;

// The parts of a file that questions.cu printed.
std::map<std::string, Answers> read(const std::string& name) {
  std::ifstream file(ATTNLAB_SOURCE_DIR "/tests/simulator/emulator/api/" + name);
  std::map<std::string, Answers> parts;
  std::string line, part;
  while (std::getline(file, line)) {
    const std::size_t equals = line.rfind(" = ");
    if (line.front() == '[') {
      part = line.substr(1, line.size() - 2);
    } else if (equals != std::string::npos) {
      parts[part].emplace_back(line.substr(0, equals), std::stoll(line.substr(equals + 3)));
    }
  }
  return parts;
}

// What is expected: CUDA 13.0's answer, but CUDA 12's where that is "invalid configuration" (see
// questions.cu).
Answers expected(const std::string& part) {
  Answers answers = read("answers_h200.txt").at(part);
  const std::map<std::string, Answers> older = read("answers_h200_cuda12.txt");
  if (older.count(part) == 0) return answers;
  const Answers& cuda12 = older.at(part);
  EXPECT_EQ(answers.size(), cuda12.size());
  for (std::size_t i = 0; i < answers.size() && i < cuda12.size(); ++i) {
    if (cuda12[i].second == cudaErrorInvalidConfiguration) answers[i] = cuda12[i];
  }
  return answers;
}

class Parts : public testing::TestWithParam<questions::Part> {
 protected:
  Parts() {
    attnlab::emulator::choose_gpu("h200");
    attnlab::emulator::describe_kernel(questions::bounded, "bounded", 128);
    start_afresh();
  }
  ~Parts() override { start_afresh(); }

  static void start_afresh() {
    static_cast<void>(cudaDeviceReset());
    attnlab::emulator::api::forget_errors();
  }
};

TEST_P(Parts, AreAnsweredAsByAnH200) {
  static Answers answers;
  answers.clear();
  GetParam().ask([](const char* question, long long answer) { answers.emplace_back(question, answer); });
  const Answers wanted = expected(GetParam().name);
  ASSERT_EQ(answers.size(), wanted.size());
  for (std::size_t i = 0; i < answers.size(); ++i) {
    EXPECT_EQ(answers[i].first, wanted[i].first) << "question " << i;
    EXPECT_EQ(answers[i].second, wanted[i].second) << answers[i].first;
  }
}

INSTANTIATE_TEST_SUITE_P(RuntimeApi, Parts, testing::ValuesIn(questions::parts),
                         [](const auto& part) { return std::string(part.param.name); });

// Lines "registers 48 threads 64 blocks 20".
TEST(Registers, LimitResidentBlocksAsOnAnH200) {
  const attnlab::emulator::Gpu h200 = attnlab::emulator::find_gpu("h200");
  std::ifstream file(ATTNLAB_SOURCE_DIR "/tests/simulator/emulator/api/answers_h200.txt");
  int lines = 0;
  for (std::string line; std::getline(file, line);) {
    std::istringstream text(line);
    std::string word;
    unsigned registers = 0, threads = 0, blocks = 0;
    if (!(text >> word >> registers) || word != "registers") continue;
    text >> word >> threads >> word >> blocks;
    EXPECT_EQ(attnlab::emulator::resident_blocks(h200, threads, 0, registers), blocks) << line;
    ++lines;
  }
  EXPECT_EQ(lines, 13 * 11);
}

}  // namespace
