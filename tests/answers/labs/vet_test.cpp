// Is a submission that is something else than an answer refused by name, and an honest one not?
#include "answers/labs/vet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace attnlab::answers::labs {
namespace {

using ::testing::HasSubstr;
using ::testing::Optional;

// As g++ -E writes it.
std::optional<std::string> refused(const std::string& lines) {
  return refused_text(
      "# 0 \"/w/s.cu\"\n# 0 \"<built-in>\"\n# 0 \"<command-line>\"\n# 1 \"/usr/include/stdc.h\" 1 3 4\n"
      "# 0 \"<command-line>\" 2\n# 1 \"/w/s.cu\"\n" +
          lines,
      "/w/s.cu", {"/usr/include", "/w/lab.h"});
}

TEST(VetText, HonestLines) {
  EXPECT_EQ(refused("int main() { return 0; }\n"), std::nullopt);
  EXPECT_EQ(
      refused("# 1 \"/usr/include/math.h\" 1 3\nint asm_of_a_header = asm;\n# 2 \"/w/s.cu\" 2\nint x;\n"),
      std::nullopt);
  EXPECT_EQ(refused("# 1 \"/w/lab.h\" 1\nstruct Row;\n# 2 \"/w/s.cu\" 2\nint x;\n"), std::nullopt);
  EXPECT_EQ(refused("const char* word = \"asm attnlab \\\" asm\"; char c = '\"'; int y;\n"), std::nullopt);
  EXPECT_EQ(refused("int plasma, asmuch, section, constructor;\n"), std::nullopt);
  EXPECT_EQ(
      refused("struct __attribute__((aligned(16))) F { float x; };\n#pragma unroll 4\n  #pragma unroll\n"),
      std::nullopt);
}

TEST(VetText, WordsThatNoListOfNamesWouldShow) {
  EXPECT_THAT(refused("int x;\nvoid f() { asm(\"syscall\"); }\n"), Optional(HasSubstr("s.cu:2: uses `asm`")));
  EXPECT_THAT(refused("__attribute__((constructor)) void f();\n"), Optional(HasSubstr("`constructor`")));
  EXPECT_THAT(refused("__global__ __attribute__((noinline, no_sanitize(\"thread\"))) void k() {}\n"),
              Optional(HasSubstr("`no_sanitize`")));
  EXPECT_THAT(refused("int a __attribute__((aligned(4))); __attribute((section(\"x\"))) int b;\n"),
              Optional(HasSubstr("`section`")));
  EXPECT_THAT(refused("__attribute__((\nno_sanitize(\"thread\"))) void k();\n"),
              Optional(HasSubstr("`__attribute__`")));
  EXPECT_THAT(refused("[[gnu::no_sanitize(\"thread\")]] void k();\n"), Optional(HasSubstr("`gnu`")));
  EXPECT_THAT(
      refused("const char* s = u8R\"(\n# 1 \"/usr/include/stdio.h\" 1\n)\"; void f() { asm(\"\"); }\n"),
      Optional(HasSubstr("`R\"`")));
  EXPECT_THAT(refused("long r = 3'9; asm(\"\"); long q = 0'0;\n"), Optional(HasSubstr("`asm`")));
  EXPECT_THAT(refused("#pragma GCC optimize(\"O0\")\n"), Optional(HasSubstr("#pragma")));
  EXPECT_THAT(refused("namespace attnlab::emulator {}\n"), Optional(HasSubstr("`attnlab`")));
  EXPECT_THAT(refused("char c = '\"'; int attnlab_emulator_events; // \"\n"),
              Optional(HasSubstr("`attnlab_emulator_events`")));
}

TEST(VetText, OtherFilesAndNames) {
  EXPECT_THAT(refused("# 1 \"/etc/passwd\" 1\nroot\n# 2 \"/w/s.cu\" 2\n"),
              Optional(HasSubstr("includes /etc/passwd")));
  EXPECT_THAT(refused("# 1 \"/usr/include/../../labs/solution.cu\" 1\n"), Optional(HasSubstr("includes")));
  EXPECT_THAT(refused("# 1 \"/usr/include/math.h\"\nvoid f() { asm(\"\"); }\n"),
              Optional(HasSubstr("(#line)")));
  EXPECT_THAT(refused("# 0 \"<built-in>\"\nvoid f() { asm(\"\"); }\n"), Optional(HasSubstr("(#line)")));
}

TEST(VetNames, WhatProgramsNeed) {
  for (const char* name :
       {"fopen", "__isoc99_fscanf", "fread", "expf", "__exp_finite", "malloc", "qsort", "_Znwm",
        "_ZNSt6vectorIfSaIfEE9push_backERKf", "_ZSt20__throw_length_errorPKc", "__cxa_throw",
        "_ZN7attnlab8emulator3api10cudaMallocEPPvm", "attnlab_emulator_expf", "__tsan_read4",
        "_GLOBAL_OFFSET_TABLE_", "__printf_chk", "strtol", "_ZTVN10__cxxabiv117__class_type_infoE"})
    EXPECT_EQ(refused_names(std::string(name) + " U\n"), std::nullopt) << name;
}

TEST(VetNames, WhatTheyMustNot) {
  for (const char* name : {"system",
                           "popen",
                           "fork",
                           "vfork",
                           "execve",
                           "getenv",
                           "secure_getenv",
                           "environ",
                           "sleep",
                           "nanosleep",
                           "usleep",
                           "syscall",
                           "mmap",
                           "mprotect",
                           "dlopen",
                           "socket",
                           "connect",
                           "pthread_create",
                           "_ZNSt10filesystem6statusERKNS_7__cxx114pathE",
                           "_ZNSt6thread15_M_start_threadEv",
                           "open",
                           "opendir",
                           "readlink",
                           "_exit",
                           "_Exit",
                           "quick_exit",
                           "signal",
                           "sigaction",
                           "ptrace",
                           "kill",
                           "atexit",
                           "rename",
                           "remove",
                           "unlink",
                           "write",
                           "read",
                           "freopen",
                           "setenv",
                           "longjmp"})
    EXPECT_THAT(refused_names("malloc U\n" + std::string(name) + " U\n"),
                Optional(HasSubstr("`" + std::string(name) + "`")));
}

}  // namespace
}  // namespace attnlab::answers::labs
