// Does `attnlab cc` understand the command lines that Makefiles give nvcc?
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "os/temporary_directory.h"
#include "reference/core/errors.h"
#include "simulator/emulator/translate/compile.h"

namespace attnlab::emulator::translate {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Compilation parse(const std::string& line) {
  std::istringstream words(line);
  return parse_command_line({std::istream_iterator<std::string>(words), {}});
}

TEST(CommandLine, Plain) {
  const Compilation c = parse("a.cu b.cpp c.o -o prog");
  EXPECT_THAT(c.sources, ElementsAre("a.cu", "b.cpp", "c.o"));
  EXPECT_EQ(c.output, "prog");
  EXPECT_EQ(c.stop, Compilation::Stop::program);
  EXPECT_EQ(c.architecture, 900);
  EXPECT_EQ(c.optimise, "-O2");
}

TEST(CommandLine, JoinedAndSeparateValues) {
  const Compilation c = parse("-Iinc -I inc2 --include-path=x,y -DA=1 -D B -UC -c a.cu -oa.o");
  EXPECT_THAT(c.preprocess, ElementsAre("-I", "inc", "-I", "inc2", "-I", "x", "-I", "y", "-D", "A=1", "-D",
                                        "B", "-U", "C"));
  EXPECT_EQ(c.stop, Compilation::Stop::object);
  EXPECT_EQ(c.output, "a.o");
}

TEST(CommandLine, WhatConcernsOnlyGpusHasNoEffect) {
  const Compilation c = parse(
      "a.cu -lineinfo -Xptxas -v,-O3 --ptxas-options=-v -rdc=true -maxrregcount 64 --maxrregcount=64 "
      "--expt-relaxed-constexpr --extended-lambda -res-usage -t 4 --default-stream per-thread -lcudart "
      "-lcublas");
  EXPECT_THAT(c.preprocess, IsEmpty());
  EXPECT_THAT(c.compile, IsEmpty());
  EXPECT_THAT(c.link, IsEmpty());
  EXPECT_THAT(c.sources, ElementsAre("a.cu"));
}

TEST(CommandLine, Architectures) {
  EXPECT_EQ(parse("a.cu -arch=sm_80").architecture, 800);
  EXPECT_EQ(parse("a.cu -arch sm_89").architecture, 890);
  EXPECT_FALSE(parse("a.cu -arch sm_90").architecture_specific);
  EXPECT_TRUE(parse("a.cu -gencode arch=compute_90a,code=sm_90a").architecture_specific);
  EXPECT_EQ(
      parse("a.cu -gencode arch=compute_80,code=sm_80 -gencode=arch=compute_90,code=sm_90").architecture,
      900);
  EXPECT_EQ(
      parse("a.cu -gencode arch=compute_90,code=sm_90 -gencode arch=compute_80,code=sm_80").architecture,
      900);
  EXPECT_EQ(parse("a.cu -arch=native").architecture, 900);
  EXPECT_THROW(parse("a.cu -arch=sm_x"), InvalidArgument);
}

TEST(CommandLine, OptimisationAndStandard) {
  EXPECT_EQ(parse("a.cu -O3").optimise, "-O2") << "counts must not depend on it";
  EXPECT_EQ(parse("a.cu -O0").optimise, "-O0");
  EXPECT_EQ(parse("a.cu -Xcompiler -O1").optimise, "-O1");
  EXPECT_EQ(parse("a.cu -std=c++23").standard, "c++23");
  EXPECT_EQ(parse("a.cu --std c++11").standard, "gnu++17");
}

TEST(CommandLine, HostCompiler) {
  const Compilation c = parse(
      "a.cu -ccbin clang++ -Xcompiler -fopenmp,-Wall,-fPIC --compiler-options=-Wextra -Xlinker -s -Lx -lm");
  EXPECT_EQ(c.compiler, "clang++");
  EXPECT_THAT(c.compile, ElementsAre("-fopenmp", "-Wall", "-Wextra"));
  EXPECT_THAT(c.link, ElementsAre("-fopenmp", "-Wl,-s", "-Lx", "-lm"));
}

TEST(CommandLine, ToolkitsHeadersDoNotMixWithOurs) {
  const os::TemporaryDirectory toolkit;
  std::ofstream(toolkit.path() / "cuda_runtime_api.h") << "\n";
  EXPECT_THAT(parse("a.cu -I " + toolkit.path().string()).preprocess, IsEmpty());
}

TEST(CommandLine, Refusals) {
  EXPECT_THROW(parse("-o prog"), InvalidArgument);
  EXPECT_THROW(parse("a.cu -o"), InvalidArgument);
  EXPECT_THROW(parse("a.cu --no-such-option"), InvalidArgument);
  EXPECT_THROW(parse("a.cu -shared -o x.so"), InvalidArgument);
  EXPECT_THROW(parse("a.cu b.cu -c -o x.o"), InvalidArgument);
}

}  // namespace
}  // namespace attnlab::emulator::translate
