// Which hooks does the step behind the compiler take out, and what does a copy without hooks look like?
#include "simulator/simt/translate/assembly.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace attnlab::simt::translate {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string function(const std::string& name, const std::string& body) {
  return "\t.section\t.text." + name + ",\"axG\",@progbits," + name + ",comdat\n\t.weak\t" + name +
         "\n\t.type\t" + name + ", @function\n" + name + ":\n.LFB1:\n" + body + "\tret\n\t.size\t" + name +
         ", .-" + name + "\n";
}

// Of a text: before the first copy, and from there on.
std::string original(const std::string& text) { return text.substr(0, text.find(".plain")); }
std::string copies(const std::string& text) {
  return text.substr(std::min(text.size(), original(text).size()));
}

TEST(Assembly, ABlockThatBeginsWithAnAccessLosesItsHook) {
  const std::string text =
      cheaper_hooks(function("f",
                             "\tcall\t__sanitizer_cov_trace_pc\n.LBB7:\n\t.loc 1 2 3\n\tmovq\t%rbx, %rdi\n"
                             "\tcall\t__tsan_read16\n\tmovups\t(%rbx), %xmm0\n"));
  EXPECT_THAT(original(text), HasSubstr("\tnop\n.Lattnlab_block0:\n.LBB7:\n"));
  EXPECT_THAT(original(text), Not(HasSubstr("__sanitizer_cov_trace_pc")));
  EXPECT_THAT(original(text),
              HasSubstr("\tcall\t__tsan_read16\n.Lattnlab_access0:\n"
                        "\t.pushsection attnlab_blocks,\"aG\",@progbits,f,comdat\n"
                        "\t.long\t.Lattnlab_access0, .Lattnlab_block0\n\t.popsection\n\tmovups"));
}

TEST(Assembly, ABlockKeepsItsHookWhereAnythingMayComeBefore) {
  for (const char* between :
       {".L5:\n", "\tjne\t.L5\n", "\tcall\tg\n", "\tcall\t__tsan_read_range\n", "\tjmp\t*%rax\n",
        "\tcall\t*%rax\n", "\tcall\t__sanitizer_cov_trace_pc\n.L5:\n", "#APP\n"}) {
    const std::string text = cheaper_hooks(function(
        "f", std::string("\tcall\t__sanitizer_cov_trace_pc\n") + between + "\tcall\t__tsan_read4\n"));
    EXPECT_THAT(original(text), HasSubstr(std::string("\tcall\t__sanitizer_cov_trace_pc\n") + between));
    EXPECT_THAT(text, Not(HasSubstr("attnlab_blocks"))) << between;
  }
}

TEST(Assembly, ACopyHasNoHooksAndCallsCopies) {
  const std::string text = cheaper_hooks(
      function("g", "\tcall\t__tsan_write4\n") +
      function("f",
               ".L3:\n\tcall\t__sanitizer_cov_trace_pc\n\tcall\t__tsan_read_range\n\tcall\tg\n\tcall\th\n"
               "\tcall\t__tsan_volatile_read4\n\tjne\t.L3\n\tjmp\t*.L9(,%rax,8)\n"
               "\t.section\t.rodata.f,\"aG\",@progbits,f,comdat\n.L9:\n\t.quad\t.L3\n\tmovl\t$f, %edi\n"));
  EXPECT_THAT(copies(text), Not(HasSubstr("__tsan_write4")));
  EXPECT_THAT(copies(text), Not(HasSubstr("__tsan_read_range")));
  EXPECT_THAT(copies(text), Not(HasSubstr("__sanitizer_cov_trace_pc")));
  EXPECT_THAT(text, HasSubstr("\t.section\t.text.f,\"axG\",@progbits,f.plain,comdat\n\t.p2align 4\n"
                              "\t.weak\tf.plain\n\t.type\tf.plain, @function\nf.plain:\n"));
  EXPECT_THAT(text, HasSubstr(".L3.plain:\n\tcall\tg.plain\n\tcall\th\n\tcall\t__tsan_volatile_read4\n"
                              "\tjne\t.L3.plain\n\tjmp\t*.L9.plain(,%rax,8)\n"
                              "\t.section\t.rodata.f,\"aG\",@progbits,f.plain,comdat\n"
                              ".L9.plain:\n\t.quad\t.L3.plain\n"));
  EXPECT_THAT(text, HasSubstr("\t.section\tattnlab_plain,\"aG\",@progbits,f.plain,comdat\n"
                              "\t.quad\tf, f.plain\n"));
}

TEST(Assembly, NoTextIsTakenForALabel) {
  const std::string text =
      cheaper_hooks(function("main", "\tcall\t__tsan_read4\n\t.file 7 \"/main/a.h\"\n\t.string\t\"main\"\n"));
  EXPECT_THAT(copies(text), Not(HasSubstr(".file")));
  EXPECT_THAT(copies(text), HasSubstr("\t.string\t\"main\"\n"));
}

TEST(Assembly, FunctionsWithoutHooksAndThoseThatCatchStayAsTheyAre) {
  const std::string plain = function("f", "\tcall\tg\n"),
                    catching = function("g", "\t.cfi_lsda 0x3,.LLSDA1\n\tcall\t__tsan_read4\n");
  EXPECT_EQ(cheaper_hooks(plain + catching), plain + catching);
}

}  // namespace
}  // namespace attnlab::simt::translate
