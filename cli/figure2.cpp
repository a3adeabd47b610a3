#include "cli/figure2.h"

#include <algorithm>
#include <chrono>
#include <map>

#include "answers/random_blocks.h"
#include "answers/random_tensors.h"
#include "cli/progress.h"
#include "reference/core/errors.h"
#include "simulator/io/metered_attention.h"
#include "simulator/io/sampled_meter.h"

namespace attnlab::cli {

using answers::Json;
using answers::OwnedTensor;
using answers::random_blocks;
using answers::random_normal;
using answers::read_json;
using answers::worst_difference;

namespace {

using attention::Algorithm;
using attention::Problem;

// Inputs of the heads of one step, and what they give in float64.
struct Inputs {
  OwnedTensor<float> q, k, v, dout;
};
template <class T>
struct Results {
  OwnedTensor<T> o, lse, dq, dk, dv;
};

template <class T>
Results<T> empty_results(const Problem& p) {
  return {{1, p.num_heads, p.seqlen_q, p.head_dim_v},
          {1, p.num_heads, p.seqlen_q, 1},
          {1, p.num_heads, p.seqlen_q, p.head_dim},
          {1, p.num_heads, p.seqlen_kv, p.head_dim},
          {1, p.num_heads, p.seqlen_kv, p.head_dim_v}};
}

Results<double> truth(const Problem& p, const Inputs& in) {
  const auto q = in.q.as<double>(), k = in.k.as<double>(), v = in.v.as<double>(), dout = in.dout.as<double>();
  Results<double> r = empty_results<double>(p);
  attention::forward<double>(Algorithm::standard, p,
                             {q.view(), k.view(), v.view(), r.o.view(), r.lse.view()});
  const auto& done = r;
  attention::backward<double>(Algorithm::standard, p,
                              {q.view(), k.view(), v.view(), done.o.view(), done.lse.view(), dout.view(),
                               r.dq.view(), r.dk.view(), r.dv.view()});
  return r;
}

// The tiles of a block mask, as a mask of scores.
std::vector<std::uint8_t> expand(const attention::BlockMask& blocks, attention::Tiles tiles,
                                 const Problem& p) {
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(p.seqlen_q * p.seqlen_kv));
  for (Index i = 0; i < p.seqlen_q; ++i) {
    for (Index j = 0; j < p.seqlen_kv; ++j) {
      mask[static_cast<std::size_t>(i * p.seqlen_kv + j)] = blocks(i / tiles.br, j / tiles.bc) ? 1 : 0;
    }
  }
  return mask;
}

// One row's run on the heads of a step: adds its traffic and errors.
void run_row(Figure2Row& row, const Problem& p, const Inputs& in, const attention::BlockMask& blocks,
             std::int64_t sram, const Results<double>& expected) {
  attention::Options options;
  options.block_mask = blocks;
  Results<float> r = empty_results<float>(p);
  options.tiles = row.forward;
  row.metered += io::metered_forward<float>(
      row.algorithm, p, {in.q.view(), in.k.view(), in.v.view(), r.o.view(), r.lse.view()}, options, sram);
  options.tiles = row.backward;
  const auto& done = r;
  row.metered +=
      io::metered_backward<float>(row.algorithm, p,
                                  {in.q.view(), in.k.view(), in.v.view(), done.o.view(), done.lse.view(),
                                   in.dout.view(), r.dq.view(), r.dk.view(), r.dv.view()},
                                  options, sram);
  row.output_error = std::max(row.output_error, worst_difference(r.o.values, expected.o.values));
  for (const auto& [mine, its] :
       {std::pair{&r.dq, &expected.dq}, {&r.dk, &expected.dk}, {&r.dv, &expected.dv}}) {
    row.gradient_error = std::max(row.gradient_error, worst_difference(mine->values, its->values));
  }
}

Figure2Row read_row(const Json& json, const Figure2& figure) {
  Figure2Row row;
  row.label = json.at("label");
  row.algorithm = attention::find_algorithm(json.at("algorithm").get<std::string>()).id;
  row.mask_pass = json.value("mask_pass", false);
  row.dropout = json.value("dropout", 0.0);
  row.density = json.value("density", 1.0);
  row.paper = json.value("paper", "");
  row.forward = row.backward = {json.value("br", Index{0}), json.value("bc", Index{0})};
  if (row.forward.br == 0) {
    const attention::Head head = head_of(figure.problem, 0, 0);
    row.forward = io::paper_tiles(row.algorithm, io::Pass::forward, head, figure.sram_elements);
    row.backward = io::paper_tiles(row.algorithm, io::Pass::backward, head, figure.sram_elements);
  }
  return row;
}

Problem with(const Figure2Row& row, Problem p) {
  p.mask_pass = row.mask_pass;
  p.dropout = {row.dropout, 2022, 0};
  return p;
}

}  // namespace

Figure2 run_figure2(const std::filesystem::path& experiment, double seconds) {
  const Json config = read_json(experiment / "config.json");
  Figure2 figure;
  figure.paper = read_json(experiment / "paper.json");
  Problem& p = figure.problem;
  p.batch = config.at("batch");
  p.num_heads = p.num_kv_heads = config.at("num_heads");
  p.seqlen_q = p.seqlen_kv = config.at("seqlen");
  p.head_dim = p.head_dim_v = config.at("head_dim");
  figure.dtype = parse_dtype(config.at("dtype").get<std::string>());
  figure.device = device::load(config.at("device").get<std::string>());
  const io::ElementSizes sizes(figure.dtype);
  figure.sram_elements = static_cast<std::int64_t>(figure.device.sram_bytes_per_sm / sizes(Hbm::Q));
  for (const Json& json : config.at("rows")) figure.rows.push_back(read_row(json, figure));

  // One block mask a row, the same for every head; its mask of scores for the float64 truth.
  struct Sparse {
    std::vector<std::uint8_t> blocks, scores;
    attention::BlockMask mask;
  };
  std::map<const Figure2Row*, Sparse> sparse;
  for (Figure2Row& row : figure.rows) {
    Sparse& s = sparse[&row];
    if (row.density < 1) {
      s.mask.row_blocks = attention::ceil_div(p.seqlen_q, row.forward.br);
      s.mask.col_blocks = attention::ceil_div(p.seqlen_kv, row.forward.bc);
      s.blocks = random_blocks(s.mask.row_blocks, s.mask.col_blocks, row.density);
      s.mask.data = s.blocks.data();
      s.scores = expand(s.mask, row.forward, p);
    }
    const Problem own = with(row, p);
    row.closed = io::problem_traffic(row.algorithm, io::Pass::forward, own, row.forward, s.mask);
    row.closed += io::problem_traffic(row.algorithm, io::Pass::backward, own, row.backward, s.mask);
  }

  // As many heads as the time allows, a few at a time so that every core has one.
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  const auto elapsed = [&] { return std::chrono::duration<double>(Clock::now() - start).count(); };
  const Index heads = p.batch * p.num_heads, step = 4;
  Progress progress("running the algorithms, metered, against float64");
  Problem part = p;
  part.batch = 1;
  while (figure.heads_run < heads && (figure.heads_run == 0 || elapsed() < seconds)) {
    part.num_heads = part.num_kv_heads = std::min(step, heads - figure.heads_run);
    const auto random = [&](std::uint32_t stream) {
      return random_normal(1, part.num_heads, p.seqlen_q, p.head_dim, figure.dtype,
                           static_cast<std::uint64_t>(figure.heads_run), stream);
    };
    const Inputs in{random(0), random(1), random(2), random(3)};
    std::map<std::pair<double, const std::uint8_t*>, Results<double>> truths;  // by dropout and mask
    for (Figure2Row& row : figure.rows) {
      const Sparse& s = sparse[&row];
      Problem own = with(row, part);
      const auto key = std::pair{row.dropout, static_cast<const std::uint8_t*>(s.mask.data)};
      if (!truths.contains(key)) {
        Problem exact = own;
        if (!s.mask.dense())
          exact.mask = attention::broadcast(s.scores.data(), 1, 1, p.seqlen_q, p.seqlen_kv);
        truths.emplace(key, truth(exact, in));
      }
      run_row(row, own, in, s.mask, figure.sram_elements, truths.at(key));
      progress.show(elapsed() / seconds);
    }
    figure.heads_run += part.num_heads;
  }

  const Json& middle = config.at("middle");
  const Algorithm algorithm = attention::find_algorithm(middle.at("algorithm").get<std::string>()).id;
  const std::vector<Index> paper_bc = figure.paper.at("middle").at("bc");
  const std::vector<double> paper_gb = figure.paper.at("middle").at("hbm_gb");
  for (const Index bc : middle.at("bc")) {
    const attention::Tiles tiles{middle.at("br"), bc};
    Figure2Point point{bc, 0, 0, 0};
    point.closed_bytes =
        io::matrix_bytes(io::problem_traffic(algorithm, io::Pass::forward, p, tiles), sizes).total();
    const auto sample = io::sample_traffic(algorithm, io::Pass::forward, p, tiles, {}, figure.sram_elements);
    point.metered_bytes = sample ? io::matrix_bytes(sample->traffic, sizes).total() : 0;
    const auto place = std::find(paper_bc.begin(), paper_bc.end(), bc);
    if (place != paper_bc.end())
      point.paper_gb = paper_gb[static_cast<std::size_t>(place - paper_bc.begin())];
    figure.middle.push_back(point);
  }
  return figure;
}

}  // namespace attnlab::cli
