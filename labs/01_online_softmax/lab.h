// Lab 1, the part that is given: a row whose reads are counted, a result that can only be written, and main.
//   solution                              a small problem of its own, printed
//   solution --input FILE --output FILE   a problem from a file: `softmax ROWS COLS\n`, then float32 numbers
// The output holds y of each way, then one uint64 per way: how many numbers of x were read in all.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

// A row of numbers in the slow memory. Every x[j] is one read, and is counted.
class Row {
 public:
  Row(const std::vector<float>& numbers, std::uint64_t& reads)
      : numbers_(numbers.data()), size_(static_cast<int>(numbers.size())), reads_(&reads) {}
  int size() const { return size_; }
  float operator[](int j) const {
    ++*reads_;
    return numbers_[j];
  }

 private:
  const float* numbers_;
  int size_;
  std::uint64_t* reads_;
};

// Where the result goes. It can be written and not read: a kernel's result is in the slow memory, too.
class Result {
 public:
  explicit Result(std::vector<float>& numbers) : numbers_(numbers.data()) {}
  void set(int j, float value) { numbers_[j] = value; }

 private:
  float* numbers_;
};

// The three ways, written by you in solution.cpp. y of a row, from x of the same length.
void safe(const Row& x, Result& y);
void online(const Row& x, Result& y);
void merged(const Row& x, Result& y);

using Softmax = void (*)(const Row& x, Result& y);
constexpr std::pair<const char*, Softmax> kWays[] = {{"safe", safe}, {"online", online}, {"merged", merged}};

using Rows = std::vector<std::vector<float>>;  // each in memory of its own: a sanitizer sees its end
// All rows by one way. What nobody writes stays NaN.
inline Rows softmax(Softmax way, const Rows& x, std::uint64_t& reads) {
  Rows y;
  for (const std::vector<float>& row : x) {
    y.emplace_back(row.size(), std::nanf(""));
    Result result(y.back());
    way(Row(row, reads), result);
  }
  return y;
}

inline int refuse(const char* what, const char* value) {
  std::fprintf(stderr, "%s: %s\n", what, value);
  return 2;
}

inline bool read_rows(const char* path, Rows& x) {
  std::FILE* file = std::fopen(path, "rb");
  if (file == nullptr) return false;
  int rows = 0, cols = 0;
  bool good = std::fscanf(file, "softmax %d %d", &rows, &cols) == 2 && std::fgetc(file) == '\n';
  good = good && rows >= 0 && cols >= 0 && 1LL * rows * cols <= 1 << 24;
  if (good) x.assign(std::size_t(rows), std::vector<float>(std::size_t(cols)));
  for (std::vector<float>& row : x) {
    good = good && std::fread(row.data(), sizeof(float), row.size(), file) == row.size();
  }
  std::fclose(file);
  return good;
}

// Each way on one short row, beside a plain loop in double.
inline int show() {
  const Rows x{{1.0f, -2.0f, 0.5f, 3.0f, -INFINITY, 2.0f, 2.5f}};
  double sum = 0;
  for (float number : x[0]) sum += std::exp(double(number));
  for (const auto& [name, way] : kWays) {
    std::uint64_t reads = 0;
    const Rows y = softmax(way, x, reads);
    double error = 0;
    std::printf("%-7s", name);
    for (std::size_t j = 0; j < x[0].size(); ++j) {
      const double difference = std::fabs(y[0][j] - std::exp(double(x[0][j])) / sum);
      if (!(difference <= error)) error = difference;  // NaN stays
      std::printf(" %.4f", double(y[0][j]));
    }
    std::printf("   largest error %.1e, %d reads\n", error, static_cast<int>(reads));
  }
  return 0;
}

inline int run(int argc, char** argv) {
  const char *input = nullptr, *output = nullptr;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--input") == 0) input = argv[i + 1];
    if (std::strcmp(argv[i], "--output") == 0) output = argv[i + 1];
  }
  if (argc == 1) return show();
  if (argc != 5 || !input || !output) return refuse("expected --input FILE --output FILE, got", argv[1]);
  Rows x;
  if (!read_rows(input, x)) return refuse("not a file `softmax ROWS COLS` with its numbers", input);
  std::FILE* file = std::fopen(output, "wb");
  if (file == nullptr) return refuse("cannot be written", output);
  std::uint64_t reads[3] = {};
  for (int w = 0; w < 3; ++w)
    for (auto& y : softmax(kWays[w].second, x, reads[w])) std::fwrite(y.data(), 4, y.size(), file);
  std::fwrite(reads, sizeof(reads[0]), 3, file);
  return std::fclose(file) == 0 ? 0 : refuse("cannot be written", output);
}

#ifndef LAB_OWN_MAIN
int main(int argc, char** argv) { return run(argc, argv); }
#endif
