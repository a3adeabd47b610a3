// Does an installed attnlab compile, link, compute and find its data, with nothing of the source tree?
#include <cstdio>
#include <string>
#include <vector>

#include "files/tensor_file.h"
#include "reference/attention/attention.h"
#include "reference/core/data_dir.h"
#include "simulator/device/device.h"

namespace {

int failures = 0;

void expect(bool holds, const char* what) {
  std::printf("%s: %s\n", holds ? "ok" : "FAILED", what);
  failures += holds ? 0 : 1;
}

}  // namespace

// consumer PREFIX: PREFIX is where attnlab is installed.
int main(int argc, char** argv) {
  if (argc != 2) return 2;

  const std::string data = attnlab::data_dir("simulator/device/data").string();
  std::printf("data: %s\n", data.c_str());
  expect(data == std::string(argv[1]) + "/share/attnlab/simulator/device/data",
         "the installed data is found");
  expect(attnlab::device::load("a100").hbm_bytes > 0, "attnlab::simulator reads it");

  attnlab::attention::Problem problem;
  problem.seqlen_q = 2;
  problem.seqlen_kv = 1;
  problem.head_dim = problem.head_dim_v = 4;
  const std::vector<float> q(8, 1), k(4, 2), v = {1, 2, 3, 4};
  std::vector<float> o(8);
  attnlab::attention::forward<float>(attnlab::attention::Algorithm::flash2, problem,
                                     {.q = attnlab::bhsd(q.data(), 1, 1, 2, 4),
                                      .k = attnlab::bhsd(k.data(), 1, 1, 1, 4),
                                      .v = attnlab::bhsd(v.data(), 1, 1, 1, 4),
                                      .o = attnlab::bhsd(o.data(), 1, 1, 2, 4),
                                      .lse = {}});
  expect(o == std::vector<float>{1, 2, 3, 4, 1, 2, 3, 4},
         "attnlab::reference: one key, so every row of O is V");

  expect(attnlab::files::format_of("q.npz") == attnlab::files::Format::npz, "attnlab::files");
  return failures == 0 ? 0 : 1;
}
