// What becomes of each construct of CUDA C++, and does everything else stay as it is, on its line?
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>

#include "simulator/emulator/translate/token.h"
#include "simulator/emulator/translate/translate.h"

namespace attnlab::emulator::translate {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// The translation of a text in a file of its own, without what makes each section's name its own.
std::string of(const std::string& text) {
  const std::string marker = "# 1 \"a.cu\"\n", suffix = ",\\\"aw\\\",@progbits#";
  std::string out = translate(marker + text).substr(marker.size());
  for (std::size_t at; (at = out.find(suffix)) != std::string::npos;)
    out.erase(at, out.find("\")", at + suffix.size()) - at);
  return out;
}
std::string in_kernel(const std::string& statements) {
  return of("__global__ void k() {" + statements + "}");
}

// The text of the callee in the translation of a host function's statement.
std::string callee(const std::string& statement) {
  const std::string out = of("void f() {" + statement + "}"), begin = "launch_site({\"";
  const std::size_t at = out.find(begin);
  return at == std::string::npos ? "none"
                                 : out.substr(at + begin.size(), out.find("\", nullptr") - at - begin.size());
}
// What the launch is configured with.
std::string configuration(const std::string& statement) {
  const std::string out = of("void f() {" + statement + "}"), begin = ".shape(";
  const std::size_t at = out.find(begin);
  return out.substr(at + begin.size(), out.find(")(x)") - at - begin.size());
}

TEST(Constructs, PlainCxxIsUntouched) {
  for (const std::string text :
       {"int a = b >> c; x <<= 2; auto s = \"k<<<1, 2>>>(x)\"; // k<<<1,2>>>()\n",
        "template <class T> std::ostream& operator<<<T>(std::ostream&, const S<T>&);\n",
        "template <class T> std::ostream& operator<< <T>(std::ostream&, const S<T>&);\n",
        "auto t = R\"(asm volatile(\"x\") __shared__)\";\n", "__attribute__((__noinline__)) void f();\n",
        "void h() { asm volatile(\"cpuid\" : : : \"eax\"); __asm__(\"nop\"); static int x = 3; }\n",
        "#pragma omp parallel for\n#pragma once\n", "extern int e __asm__(\"name\");\n"})
    EXPECT_EQ(of(text), text);
}

// Of an assignment alone, one in device code, and of vectors.
TEST(Constructs, Choices) {
  const std::string begin = "::attnlab::emulator::translate::choice(", vectors = "float4 a; const uint2* b;";
  for (const auto& [statement, translated] : std::vector<std::pair<std::string, std::string>>{
           {"y[i] = n ? a : z;", "y[i] = " + begin + "n ? a : z);"},
           {"if (n) y[f(i)][0] = n ? z : b[i];", "if (n) y[f(i)][0] = " + begin + "n ? z : b[i]);"},
           {"*y = n ? z : make_float4(0, 0, 0, 0), x = 2;",
            "*y = " + begin + "n ? z : make_float4(0, 0, 0, 0)), x = 2;"},
           {"o.y = p->y = n ? z : short4{};", "o.y = " + begin + "p->y = " + begin + "n ? z : short4{}));"},
           {"for (;; y[i] = n ? a : z) {}", "for (;; y[i] = " + begin + "n ? a : z)) {}"},
       })
    EXPECT_THAT(in_kernel(vectors + statement), HasSubstr(vectors + translated));
  for (const std::string statement :
       {"float4 v = n ? a : z;", "const auto& v = n ? a : z;", "auto* v = n ? a : z;",
        "auto& [v, w] = n ? a : z;", "y[i] = f(n ? a : z);", "y[i] += n ? a : z;", "int y[] = {n ? a.x : 2};",
        "S s = {.y = n ? a.x : 2};", "y[i] = n ? z : 0.0f;"})
    EXPECT_THAT(in_kernel(vectors + statement), HasSubstr(vectors + statement));
  EXPECT_THAT(of("void f() {float4 a; y[i] = n ? a : z;}"), HasSubstr("y[i] = n ? a : z;"));
}

TEST(Constructs, Callees) {
  EXPECT_EQ(callee("k<<<1, 2>>>(x);"), "k");
  EXPECT_EQ(callee("if (a) k<<<1, 2>>>(x);"), "k");
  EXPECT_EQ(callee("k << <1, 2 >> > (x);"), "k");
  EXPECT_EQ(callee("k<int> << < 1, 2 > >> (x);"), "k<int>");
  EXPECT_EQ(callee("if (a) (p)<<<1, 2>>>(x);"), "(p)");
  EXPECT_EQ(callee("if (a) ::n::k<<<1, 2>>>(x);"), "::n::k");
  EXPECT_EQ(callee("else k<<<1, 2>>>(x);"), "k");
  EXPECT_EQ(callee("return ::k<<<1, 2>>>(x);"), "::k");
  EXPECT_EQ(callee("n::k<T, 64><<<1, 2>>>(x);"), "n::k<T, 64>");
  EXPECT_EQ(callee("a::S<T>::template k<n><<<1, 2>>>(x);"), "a::S<T>::template k<n>");
  EXPECT_EQ(callee("k<T, (N>4)><<<g,b>>>(x);"), "k<T, (N>4)>");
  EXPECT_EQ(callee("k<A<B<C>>><<<1, 2>>>(x);"), "k<A<B<C>>>");
  EXPECT_EQ(callee("k<n < 4><<<1, 2>>>(x);"), "k<n < 4>");
  EXPECT_EQ(callee("k<n << 1><<<1, 2>>>(x);"), "k<n << 1>");
  EXPECT_EQ(callee("a; table[f(i)][1]<<<1, 2>>>(x);"), "table[f(i)][1]");
  EXPECT_EQ(callee("get<T>(i)<<<1, 2>>>(x);"), "get<T>(i)");
  EXPECT_EQ(callee("o.p->q.k<<<1, 2>>>(x);"), "o.p->q.k");
  EXPECT_EQ(callee("f(i).k<<<1, 2>>>(x);"), "f(i).k");
  EXPECT_EQ(callee("a ? k<<<1, 2>>>(x) : k<<<1, 2>>>(x);"), "k");
  EXPECT_EQ(callee("{ k<<<1, 2>>>(x); }"), "k");
  EXPECT_EQ(callee("label: k<<<1, 2>>>(x);"), "k");
}

TEST(Constructs, Configurations) {
  EXPECT_EQ(configuration("k<<<g, b, s, t>>>(x);"), "g, b, s, t");
  EXPECT_EQ(configuration("k<<<n >> 3, 1 << 4>>>(x);"), "n >> 3, 1 << 4");
  EXPECT_EQ(configuration("k<<<g, A<B<C>>::v>>>(x);"), "g, A<B<C>>::v");
  EXPECT_EQ(configuration("k<<<A<B<C<int>>>(3), 256>>>(x);"), "A<B<C<int>>>(3), 256");
  EXPECT_EQ(configuration("k<<<g, A<4>>>>(x);"), "g, A<4>");
  EXPECT_EQ(configuration("k<<<n < 5 ? 1 : 2, 256>>>(x);"), "n < 5 ? 1 : 2, 256");
  EXPECT_EQ(configuration("k<<<n > 5 ? 1 : 2, (a >>> 1)>>>(x);"), "n > 5 ? 1 : 2, (a >>> 1)");
  EXPECT_EQ(configuration("k<<<dim3{1, 2}, f(a, b)>>>(x);"), "dim3{1, 2}, f(a, b)");
}

TEST(Constructs, LaunchNamesItsLine) {
  EXPECT_THAT(of("\n\nvoid f() {\n  k\n  <<<1, 2>>>(x); }"), HasSubstr("{\"k\", nullptr, \"a.cu\", 4u}"));
}

TEST(Constructs, KernelsAreRegisteredUnlessTemplates) {
  const std::string plain = of("__global__ void __launch_bounds__(256, 2) add(int n) { n; }");
  EXPECT_THAT(plain, HasSubstr("__attribute__((noinline, flatten)) void  add(int n)"));
  EXPECT_THAT(plain, HasSubstr("}, \"add\", (256));"));
  EXPECT_THAT(of("__global__ void __launch_bounds__(16 * f(8)) k() {}"), HasSubstr("\"k\", (16 * f(8)));"));
  EXPECT_THAT(of("template <class T> __global__ void k(T) {}"), Not(HasSubstr("describe_kernel")));
  EXPECT_THAT(of("__global__ void k() {}\n#pragma once\nint x;"), HasSubstr("0);\n#pragma once\nint x;"));
  EXPECT_THAT(of("__global__ void k(int);"), Not(HasSubstr("describe_kernel")));
  EXPECT_THAT(of("namespace a { __global__ void k(int) {} }"), HasSubstr("describe_kernel"));
}

TEST(Constructs, FunctionSpecifiers) {
  EXPECT_EQ(of("__host__ __device__ inline int f(int);"), "  inline int f(int);");
  EXPECT_EQ(of("__device__ __forceinline__ int f();"), " inline __attribute__((always_inline)) int f();");
  EXPECT_EQ(of("__device__ __noinline__ int f();"), "  int f();");  // translator.cpp says why
  EXPECT_EQ(of("__global__ void k(const __grid_constant__ P p);"),
            "__attribute__((noinline, flatten)) void k(const  P p);");
  EXPECT_EQ(of("struct S { __device__ S() = default; __device__ float operator[](int) const; };"),
            "struct S {  S() = default;  float operator[](int) const; };");
  EXPECT_EQ(of("template <> __device__ float f<float>(float x) { return x; }"),
            "template <>  float f<float>(float x) { return x; }");
  EXPECT_EQ(of("struct S { __device__ operator float() const { return 1; } int x; };"),
            "struct S {  operator float() const { return 1; } int x; };");
}

TEST(Constructs, DeviceVariables) {
  const std::string device = "__attribute__((section(\"attnlab_device\")))",
                    constant = "__attribute__((section(\"attnlab_constant\")))";
  EXPECT_EQ(of("__device__ int x;"), device + " int x;");
  EXPECT_EQ(of("__device__ int x = f(3), y;"), device + " int x = f(3), y;");
  EXPECT_EQ(of("static __device__ float t[n(4)];"), "static " + device + " float t[n(4)];");
  EXPECT_EQ(of("__device__ A<int, (2)> x{3};"), device + " A<int, (2)> x{3};");
  EXPECT_EQ(of("__device__ int (*f)(int) = g;"), device + " int (*f)(int) = g;");
  EXPECT_EQ(of("__device__ int (*f(int))(int);"), " int (*f(int))(int);");
  EXPECT_EQ(of("__device__ struct { int a; } s;"), device + " struct { int a; } s;");
  EXPECT_EQ(of("__device__ alignas(16) float v[4];"), device + " alignas(16) float v[4];");
  EXPECT_EQ(of("__constant__ float c[4];"), constant + " float c[4];");
  EXPECT_EQ(of("__device__ __constant__ float c;"), " " + constant + " float c;");
  EXPECT_EQ(of("__device__ __managed__ float m;"), " " + device + " float m;");
  EXPECT_EQ(of("extern __device__ int e;"), "extern  int e;");
  EXPECT_THAT(in_kernel("static int n; f();"), HasSubstr(device + " static int n;"));
  EXPECT_THAT(in_kernel("static const int t[2] = {1, 2};"), HasSubstr(device + " static const int t[2]"));
}

TEST(Constructs, DynamicShared) {
  EXPECT_THAT(
      in_kernel("extern __shared__ float s[];"),
      HasSubstr("float * const s = reinterpret_cast<float *>(::attnlab::emulator::dynamic_shared());"));
  EXPECT_THAT(in_kernel("extern __shared__ __align__(16) unsigned char s[];"),
              HasSubstr("unsigned char * const s = reinterpret_cast<unsigned char *>"));
  EXPECT_THAT(in_kernel("__shared__ extern alignas(16) typename T::V s[];"),
              HasSubstr(" typename T :: V * const s ="));
  EXPECT_THAT(in_kernel("extern __shared__ float s[][4];"),
              HasSubstr("float (*const s)[4] = reinterpret_cast<float (*)[4]>"));
  const std::string global =
      of("extern __shared__ float s[];\n__global__ void a() { s[0]; }\n"
         "__global__ void b(int s) { s; }\n__global__ void c() { x.s; }");
  EXPECT_THAT(global, HasSubstr("void a() {  [[maybe_unused]] float * const s ="));
  EXPECT_THAT(global, HasSubstr("void b(int s) { s;"));
  EXPECT_THAT(global, HasSubstr("void c() { x.s;"));
}

TEST(Constructs, StaticShared) {
  const std::string array = in_kernel("__shared__ T s[n][32 + 1];");
  EXPECT_THAT(array, HasSubstr("typedef  T s__attnlab_type[n][32 + 1];"));
  EXPECT_THAT(
      array,
      HasSubstr("static __constinit thread_local ::attnlab::emulator::SharedVariable<s__attnlab_type>"));
  EXPECT_THAT(array, HasSubstr("auto& s = reinterpret_cast<s__attnlab_type&>(s__attnlab.value);"));
  const std::string aligned = in_kernel("alignas(128) __shared__ half s[4];");
  EXPECT_THAT(aligned, HasSubstr("typedef   half s__attnlab_type[4]; alignas(128) static"));
  EXPECT_THAT(in_kernel("__shared__ int a, *b[2];"),
              HasSubstr("auto& b = reinterpret_cast<b__attnlab_type&>(b__attnlab.value);"));
  EXPECT_THAT(of("__shared__ int a[2];"), HasSubstr("static __constinit thread_local  int a[2];"));
}

TEST(Constructs, InlineAsm) {
  EXPECT_THAT(
      in_kernel("asm volatile(\"a\" \" %0, %1;\" : \"=f\"(d), \"+r\"(e.x) : \"f\"(a + b(c)) : \"memory\");"),
      HasSubstr("::attnlab::emulator::ptx::execute(\"a\" \" %0, %1;\", \"a.cu\", 1u, "
                "::attnlab::emulator::ptx::out(\"=f\", d), ::attnlab::emulator::ptx::inout(\"+r\", e.x), "
                "::attnlab::emulator::ptx::in(\"f\", a + b(c)));"));
  EXPECT_THAT(in_kernel("asm(\"bar.sync 0;\");"), HasSubstr("execute(\"bar.sync 0;\", \"a.cu\", 1u);"));
  EXPECT_THAT(in_kernel("asm(\"x %0;\" :: \"r\"(1));"),
              HasSubstr("1u, ::attnlab::emulator::ptx::in(\"r\", 1));"));
  EXPECT_THAT(in_kernel("asm(\"x %0;\" :: \"r\"(a[threadIdx.x]));"),
              HasSubstr("in(\"r\", a[(::attnlab::emulator::builtins::attnlab_thread_index()).x]));"));
  EXPECT_THAT(in_kernel("asm(\"x %[d], %[s];\" : [d] \"=r\"(y) : [s] \"r\"(z));"),
              HasSubstr("\"x %0, %1;\""));
  EXPECT_THAT(in_kernel("asm(\"{ .reg .pred p; mov.u32 %0, %%laneid; }\" : \"=r\"(y));"),
              HasSubstr("\"{ .reg .pred p; mov.u32 %0, %%laneid; }\""));
  EXPECT_THAT(in_kernel("asm volatile(\"\" ::: \"memory\");"),
              HasSubstr("asm volatile(\"\" ::: \"memory\");"));
  EXPECT_THAT(of("struct S { __device__ void f() { asm(\"x;\"); } };"), HasSubstr("execute"));
  EXPECT_THAT(of("struct S : B<sizeof(int)> { __device__ S() : a(1), b{2} { asm(\"x;\"); } };"),
              HasSubstr("execute"));
  EXPECT_THAT(of("template <class T = int, bool b = (1 > 2)> __device__ void f() { asm(\"x;\"); }"),
              HasSubstr("execute"));
  EXPECT_THAT(of("void h() { k([=] __device__(int i) { asm(\"x;\"); }); asm(\"host\"); }"),
              AllOf(HasSubstr("execute(\"x;\""), HasSubstr("asm(\"host\")")));
}

TEST(Constructs, AtomicsWithoutResult) {
  EXPECT_THAT(in_kernel("atomicAdd(p, 1);"), HasSubstr("{attnlab_unused_atomicAdd(p, 1);"));
  EXPECT_THAT(in_kernel("if (a) ::atomicMax_block(p, 1); else atomicMin(p, 1);"),
              AllOf(HasSubstr("::attnlab_unused_atomicMax_block"), HasSubstr("attnlab_unused_atomicMin")));
  EXPECT_THAT(
      in_kernel("int i = atomicAdd(p, 1); f(atomicAdd(p, 1)); atomicAdd(p, 1) + 1; atomicCAS(p, 1, 2);"),
      Not(HasSubstr("attnlab_unused")));
  EXPECT_THAT(of("__device__ float atomicMax(float*, float) { return 0; }"
                 "__global__ void k() { atomicMax(p, 1.0f); }"),
              Not(HasSubstr("attnlab_unused")));
}

TEST(Constructs, IndicesInDeviceCodeOnly) {
  const std::string x = "(::attnlab::emulator::builtins::attnlab_thread_index()).x";
  EXPECT_THAT(in_kernel("f(threadIdx.x);"), HasSubstr("f(" + x + ");"));
  EXPECT_THAT(in_kernel("f(::threadIdx.x);"), HasSubstr("f(" + x + ");"));
  EXPECT_THAT(of("struct S { __device__ S(int i = threadIdx.x) : a(threadIdx.x) {} };"),
              HasSubstr("S(int i = " + x + ") : a(" + x + ")"));
  for (const std::string host : {"void h() { dim3 blockDim(2), gridDim(3); c.gridDim = gridDim; }",
                                 "struct C { dim3 gridDim, blockDim; };"})
    EXPECT_EQ(of(host), host);
  EXPECT_THAT(in_kernel("c.gridDim = 1; c->blockDim = 2;"), HasSubstr("c.gridDim = 1; c->blockDim = 2;"));
}

TEST(Constructs, PragmasOfNvccVanish) {
  EXPECT_EQ(of("#pragma unroll 4\nfor (;;) {}\n#pragma nv_diag_suppress 177\n"), "\nfor (;;) {}\n\n");
}

// Every word of these programs that is there after the translation stands on the line where it stood.
TEST(Constructs, LinesStay) {
  for (const std::string name : {"launches.cu", "memory.cu"}) {
    std::ifstream file(std::string(ATTNLAB_SOURCE_DIR) + "/tests/simulator/emulator/translate/programs/" +
                       name);
    const std::string text = "# 1 \"a.cu\"\n" + std::string(std::istreambuf_iterator<char>(file), {});
    const std::string translated = translate(text);
    const auto words = [](const Source& source) {
      std::map<std::pair<std::uint32_t, std::string>, int> count;
      for (std::size_t i = 0; i + 1 < source.tokens.size(); ++i)
        ++count[{source.tokens[i].line, std::string(source.spelling(i))}];
      return count;
    };
    const auto before = words(tokenize(text)), after = words(tokenize(translated));
    EXPECT_GT(before.size(), 500u);
    for (const auto& [word, count] : before) {
      const std::string& spelled = word.second;
      if (spelled.ends_with("Idx") || spelled == "blockDim" || spelled == "gridDim") continue;  // calls now
      if (before.count({word.first, "extern"}) > 0)
        continue;  // dynamic shared memory and declarations go elsewhere
      if (spelled.starts_with("__") || spelled == "extern" || spelled == "static" ||
          !std::isalpha(spelled[0]))
        continue;
      const auto found = after.find(word);
      EXPECT_GE(found == after.end() ? 0 : found->second, count)
          << name << ":" << word.first << " " << spelled;
    }
  }
}

// In time that grows with the text: each of these brackets used to be looked for up to the end.
TEST(Constructs, BracketsWithoutEndAreReadOnce) {
  std::string text;
  for (int i = 0; i < 300'000; ++i) text += "template<";
  EXPECT_EQ(of(text), text);
}

TEST(Constructs, LinesStayBehindAsmOfSeveralLines) {
  const std::string out = in_kernel(
      "\nasm volatile(\"a\\n\\t\"\n  \"b\"\n  : \"=r\"(x)\n# 5 \"a.cu\" 3 4\n  : \"r\"(y)\n  ); last;\n");
  const std::string text = "# 1 \"a.cu\"\n" + out;
  const Source source = tokenize(text);
  for (std::size_t i = 0; i + 1 < source.tokens.size(); ++i) {
    if (source.is(i, "last")) {
      EXPECT_EQ(source.tokens[i].line, 6u);
    }
  }
}

}  // namespace
}  // namespace attnlab::emulator::translate
