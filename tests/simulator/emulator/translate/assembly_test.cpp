// Which hooks does the step behind the compiler take out, and what does a copy without hooks look like?
#include "simulator/emulator/translate/assembly.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "simulator/emulator/events.h"

namespace attnlab::emulator::translate {
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
              HasSubstr(".Lattnlab_site0:\n"
                        "\t.pushsection attnlab_blocks,\"aG\",@progbits,f,comdat\n"
                        "\t.long\t.Lattnlab_site0, .Lattnlab_block0\n\t.popsection\n\tmovups"));
}

// The place of the next event is in %r11 between the function's entry and where control leaves it.
TEST(Assembly, HooksBecomeTheInstructionsThatRecordTheEvent) {
  const std::string next = "%fs:attnlab_emulator_events@tpoff", load = "\tmovq\t" + next + ", %r11\n",
                    store = "\tmovq\t%r11, " + next + "\n";
  const std::string text = cheaper_hooks(
      function("f",
               "\t.cfi_startproc\n.L2:\n\tcall\t__sanitizer_cov_trace_pc\n\tje\t.L2\n\tcall\t__tsan_write4\n"
               "\tcall\tg\n\tjmp\t.L2\n\tjne\tg\n"));
  EXPECT_THAT(original(text), HasSubstr("\t.cfi_startproc\n" + load + ".L2:\n\tcmpq\t" + next +
                                        "+8, %r11\n\tje\t.Lattnlab_full0\n"
                                        "\tmovabsq\t$.Lattnlab_site0+0, %rax\n\tmovq\t%rax, (%r11)\n"
                                        "\taddq\t$8, %r11\n.Lattnlab_site0:\n"
                                        "\t.pushsection attnlab_blocks,\"aG\",@progbits,f,comdat\n"
                                        "\t.long\t0, .Lattnlab_site0\n\t.popsection\n\tje\t.L2\n"));
  const Code event = event_code(Event::store, 4);
  EXPECT_THAT(
      original(text),
      HasSubstr("\tmovabsq\t$.Lattnlab_site1+" + std::to_string(event) +
                ", %rax\n\tmovq\t%rax, (%r11)\n\tmovq\t%rdi, " + std::to_string(kValueOffset) +
                "(%r11)\n\taddq\t$8, %r11\n"
                ".Lattnlab_site1:\n" +
                store + "\tcall\tg\n" + load + "\tjmp\t.L2\n" + store + "\tjne\tg\n" + store + "\tret\n"));
  EXPECT_THAT(original(text),
              HasSubstr(".Lattnlab_full1:\n" + store + "\tmovl\t$.Lattnlab_site1, %esi\n\tmovl\t$" +
                        std::to_string(event >> 32) + ", %edx\n\tcall\tattnlab_emulator_record_later\n" +
                        load + "\tjmp\t.Lattnlab_site1\n\t.size\tf"));
}

// A handler is entered from within any call.
TEST(Assembly, AFunctionThatCatchesCallsItsHooks) {
  const std::string text = cheaper_hooks(function(
      "f", "\t.cfi_startproc\n\t.cfi_lsda 0x3,.LLSDA1\n\tcall\t__sanitizer_cov_trace_pc\n\tcall\tg\n"));
  EXPECT_THAT(text, HasSubstr("\tcall\t__sanitizer_cov_trace_pc\n\tcall\tg\n\tret\n"));
}

TEST(Assembly, ABlockKeepsItsHookWhereAnythingMayComeBefore) {
  for (const char* between :
       {".L5:\n", "\tjne\t.L5\n", "\tcall\tg\n", "\tcall\t__tsan_read_range\n", "\tjmp\t*%rax\n",
        "\tcall\t*%rax\n", "\tcall\t__sanitizer_cov_trace_pc\n.L5:\n", "#APP\n"}) {
    const std::string text = cheaper_hooks(function(
        "f", std::string("\tcall\t__sanitizer_cov_trace_pc\n") + between + "\tcall\t__tsan_read4\n"));
    EXPECT_THAT(original(text), HasSubstr("\t.long\t0, .Lattnlab_site0\n"));
    EXPECT_THAT(text, Not(HasSubstr(".Lattnlab_block"))) << between;
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
}  // namespace attnlab::emulator::translate
