// Which known mistake explains an output: candidates are tried on one failing row first, then on a sample of
// failing and passing ones.
#include <algorithm>
#include <cmath>
#include <set>

#include "oracle/mistakes/explain.h"
#include "oracle/mistakes/unwritten.h"
#include "reference/core/blocks.h"
#include "reference/core/philox.h"

namespace attnlab::oracle {
namespace {

using namespace mistaken;

constexpr Index kTileSizes[] = {64, 128, 32, 16, 256};
// Multiply-adds that the sample of rows may cost a candidate, and rows of it at most.
constexpr Index kWork = 50'000'000, kMostRows = 160;
constexpr Index kHeads = 5;

struct Samples {
  std::vector<Target> targets;
  std::vector<const Target*> failing, all;
  std::vector<const Target*> few;  // some of both
};

std::vector<double> row_of(const Tensor& tensor, Index b, Index h, Index row) {
  std::vector<double> values(static_cast<std::size_t>(tensor.dim));
  read(tensor, b, h, {row, 1}, {values.data(), 1, tensor.dim, tensor.dim});
  return values;
}

const TensorVerdict* find(const Verdict& verdict, const char* name) {
  for (const TensorVerdict& tensor : verdict.tensors) {
    if (tensor.name == name) return &tensor;
  }
  return nullptr;
}
bool wrong(const Verdict& verdict, const char* name) {
  const TensorVerdict* tensor = find(verdict, name);
  return tensor != nullptr && !tensor->right;
}

using BatchHead = std::pair<Index, Index>;

// The heads and rows that are looked at: where it is worst, the corners, and both sides of tile edges.
std::vector<BatchHead> sample_heads(const Tensor& tensor, const std::vector<Place>& worst) {
  std::vector<BatchHead> heads;
  const auto add = [&](Index b, Index h) {
    if (static_cast<Index>(heads.size()) < kHeads && b < tensor.batch && h < tensor.heads &&
        std::find(heads.begin(), heads.end(), BatchHead{b, h}) == heads.end()) {
      heads.push_back({b, h});
    }
  };
  for (const Place& at : worst) add(at.batch, at.head);
  add(tensor.batch - 1, tensor.heads - 1);
  add(0, 0);
  for (std::uint64_t n = 0; n < 8; ++n) {
    const Philox4x32 draw = philox(1, n);
    add(static_cast<Index>(draw[0]) % tensor.batch, static_cast<Index>(draw[1]) % tensor.heads);
  }
  return heads;
}

std::vector<Index> sample_rows(Index size, Index most, const std::vector<Index>& worst) {
  std::set<Index> rows;
  const auto add = [&](Index row) {
    if (row >= 0 && row < size && static_cast<Index>(rows.size()) < most) rows.insert(row);
  };
  for (const Index row : worst) add(row), add(row - 1), add(row + 1);
  add(0), add(size - 1), add(1), add(size - 2), add(size / 2);
  for (const Index edge : {256, 128, 64, 32, 16}) add(edge - 1), add(edge), add((size - 1) / edge * edge);
  for (std::uint64_t n = 0; static_cast<Index>(rows.size()) < std::min(size, most) && n < 1024; ++n) {
    add(static_cast<Index>(philox(2, n)[0]) % size);
  }
  return {rows.begin(), rows.end()};
}

void classify(Samples& samples, Explainer& explainer, const std::vector<Place>& worst) {
  for (Target& target : samples.targets) {
    target.failing = !explainer.fit(nullptr, {256, 256, -1}, {&target}, true, true).within();
  }
  const bool some = std::any_of(samples.targets.begin(), samples.targets.end(),
                                [](const Target& target) { return target.failing; });
  for (Target& target : samples.targets) {  // what the check saw and these bounds do not
    for (const Place& at : worst) {
      target.failing |= !some && target.batch == at.batch && target.head == at.head && target.row == at.row;
    }
    samples.all.push_back(&target);
    if (target.failing) samples.failing.push_back(&target);
  }
  for (const bool failing : {true, false}) {
    int count = 0;
    for (const Target* target : samples.all) {
      if (target->failing == failing && count++ < 3) samples.few.push_back(target);
    }
  }
}

std::vector<CandidateTiles> candidate_tiles(const Mistake& mistake, const attention::Problem& p) {
  if (!mistake.tiles) return {{256, 256, -1}};
  const bool rows_matter = p.causal || p.window.left || p.window.right || p.mask || p.bias;
  const Index row_tile = p.seqlen_q <= 16 ? 16 : p.seqlen_q <= 32 ? 32 : 64;
  std::vector<CandidateTiles> tiles;
  const auto covered = [](Index size, Index seqlen) {  // the same as a smaller tile that holds everything
    return size / 2 >= seqlen && size > 16;
  };
  for (const Index bc : kTileSizes) {
    for (const Index br : kTileSizes) {
      if (covered(br, p.seqlen_q)) continue;
      // One tile for everything decides nothing.
      if (mistake.step == Wrong::whole_tiles_visible && bc >= p.seqlen_kv) continue;
      if (!rows_matter && br != row_tile && mistake.step != Wrong::dkv_of_last_tile) continue;
      if (mistake.step == Wrong::addition_lost) {
        for (Index tile = 0; tile < ceil_div(p.seqlen_kv, bc); ++tile) tiles.push_back({br, bc, tile});
      } else {
        tiles.push_back({br, bc, -1});
      }
    }
  }
  return tiles;
}

struct Found {
  const Mistake* mistake;
  CandidateTiles tiles;
  Fit fit;
};

std::string explanation(const Found& found) {
  std::string text = found.mistake->title;
  if (found.mistake->tiles && found.tiles.bc > 0) {
    text += " (tiles of " + std::to_string(found.tiles.bc) + " keys)";
  }
  return text + ": " + found.mistake->advice;
}

void try_all(Explainer& explainer, const Samples& samples, const attention::Problem& problem,
             const Inputs& inputs, bool backward, std::vector<Found>& found) {
  if (samples.failing.empty()) return;
  const Fit honest = explainer.fit(nullptr, {256, 256, -1}, samples.failing, false, true);
  for (const Mistake& mistake : mistakes()) {
    if (!(backward ? mistake.backward : mistake.forward) || !mistake.applies(problem, inputs)) continue;
    if (backward && explainer.mistaken_forward && !mistake.forward) continue;
    if (mistake.step == Wrong::nothing_written || mistake.step == Wrong::tile_unwritten ||
        mistake.step == Wrong::tail_rows_unwritten || mistake.step == Wrong::cached_result ||
        mistake.step == Wrong::accumulator_bf16 || mistake.step == Wrong::accumulator_fp16) {
      continue;  // known by other signs, below
    }
    Found best{&mistake, {}, {}};
    bool any = false;
    for (const CandidateTiles& tiles : candidate_tiles(mistake, problem)) {
      if (!explainer.fit(&mistake, tiles, {samples.failing.front()}, true, true).within()) continue;
      const Fit fit = explainer.fit(&mistake, tiles, samples.all, true, true);
      if (!fit.within() || !(fit.distance <= honest.distance / 4)) continue;
      if (!any || fit.distance < best.fit.distance) best.tiles = tiles, best.fit = fit;
      any = true;
    }
    // Every column, of a few rows.
    if (any && !backward) any = explainer.fit(&mistake, best.tiles, samples.few).within();
    if (any) found.push_back(best);
  }
}

// Sums kept in too narrow a format: the errors of all rows are noise of the right size.
void try_noise(Explainer& explainer, const Samples& samples, const KernelClass& kernel_class,
               std::vector<Found>& found) {
  for (const char* name : {"accumulator-bf16", "accumulator-fp16"}) {
    const Mistake& mistake = find_mistake(name);
    const int bits = mistake.step == Wrong::accumulator_bf16 ? 7 : 10;
    if (bits >= kernel_class.accumulator.mantissa_bits) continue;
    std::vector<double> ratios;
    double aligned = 0;
    for (std::size_t n = 0; n < samples.all.size(); n += std::max<std::size_t>(1, samples.all.size() / 16)) {
      const Explainer::Noise noise = explainer.noise(mistake, *samples.all[n]);
      if (!std::isfinite(noise.got) || noise.model > 0.5 * noise.size) return;  // beyond recognition
      if (!(noise.model > 0)) continue;
      ratios.push_back(noise.got / noise.model);
      aligned += noise.aligned;
    }
    if (ratios.size() < 3) continue;
    std::sort(ratios.begin(), ratios.end());
    const double middle = ratios[ratios.size() / 2];
    if (middle < 0.4 || middle > 2.5 || ratios.front() < 0.05 || ratios.back() > 8) continue;
    if (aligned > 0.7 * static_cast<double>(ratios.size())) continue;
    found.push_back({&mistake, {}, {0, std::fabs(std::log(middle))}});
  }
}

}  // namespace

std::vector<Diagnosis> diagnose(const attention::Problem& problem, const Inputs& inputs,
                                const Outputs& outputs, const KernelClass& kernel_class,
                                const Verdict& verdict, int /*threads*/, int most) {
  std::vector<Diagnosis> answer;
  const auto report = [&](const Found& found) {
    const bool told = std::any_of(answer.begin(), answer.end(),
                                  [&](const Diagnosis& d) { return d.mistake == found.mistake->name; });
    if (!told && static_cast<int>(answer.size()) < most) {
      answer.push_back({found.mistake->name, explanation(found), found.fit.worst});
    }
  };
  if (verdict.right || problem.tensor_rows_q() == 0 || problem.tensor_rows_kv() == 0) return answer;
  const auto places = [&](std::initializer_list<const char*> names) {
    std::vector<Place> worst;
    for (const char* name : names) {
      const TensorVerdict* tensor = find(verdict, name);
      if (tensor == nullptr || tensor->right) continue;
      worst.push_back(tensor->worst.at);
      worst.push_back(tensor->worst_row);
    }
    return worst;
  };
  const auto rows_at = [](const std::vector<Place>& worst, BatchHead head) {
    std::vector<Index> rows;
    for (const Place& at : worst) {
      if (at.batch == head.first && at.head == head.second) rows.push_back(at.row);
    }
    return rows;
  };
  Explainer explainer(problem, inputs, outputs, kernel_class);
  const auto conclude = [&](std::vector<Found>& found) {
    std::stable_sort(found.begin(), found.end(),
                     [](const Found& a, const Found& b) { return a.fit.distance < b.fit.distance; });
    for (const Found& f : found) {
      if (f.fit.distance <= 9 * found.front().fit.distance + 1e-6) report(f);
    }
  };

  if (outputs.o && (wrong(verdict, "o") || wrong(verdict, "lse"))) {
    const std::vector<Place> worst = places({"o", "lse"});
    Samples samples;
    const auto heads = sample_heads(outputs.o, worst);
    const Index a_row = std::max<Index>(1, problem.seqlen_kv * (problem.head_dim + problem.head_dim_v));
    const Index rows = std::clamp<Index>(kWork / a_row, 24, kMostRows) / static_cast<Index>(heads.size()) + 1;
    for (const BatchHead& head : heads) {
      for (const Index row : sample_rows(outputs.o.seqlen, rows, rows_at(worst, head))) {
        Target target{Target::forward, head.first, head.second, row, {}, {}, false};
        Index b = 0, i = 0;
        if (!explainer.locate(problem, false, target, b, i)) continue;
        target.got = row_of(outputs.o, head.first, head.second, row);
        if (outputs.lse) target.lse = row_of(outputs.lse, head.first, head.second, row);
        samples.targets.push_back(std::move(target));
      }
    }
    const Index dim = outputs.o.dim;
    for (const Place& at : worst) explainer.columns.push_back(std::min(at.col, dim - 1));
    for (Index c = 0; c < std::min<Index>(dim, 6); ++c)
      explainer.columns.push_back(c * dim / std::min<Index>(dim, 6));
    classify(samples, explainer, worst);
    std::vector<Found> found;
    try_all(explainer, samples, problem, inputs, false, found);
    if (found.empty() && wrong(verdict, "o")) try_noise(explainer, samples, kernel_class, found);
    conclude(found);
  }
  if (outputs.backward() && inputs.dout &&
      (wrong(verdict, "dq") || wrong(verdict, "dk") || wrong(verdict, "dv"))) {
    Samples samples;
    const struct {
      const char* name;
      const Tensor& tensor;
      Target::Kind kind;
    } gradients[] = {
        {"dq", outputs.dq, Target::dq}, {"dk", outputs.dk, Target::dk}, {"dv", outputs.dv, Target::dv}};
    std::vector<Place> all_worst;
    for (const auto& gradient : gradients) {
      if (!gradient.tensor) continue;
      const std::vector<Place> worst = places({gradient.name});
      all_worst.insert(all_worst.end(), worst.begin(), worst.end());
      auto heads = sample_heads(gradient.tensor, worst);
      heads.resize(std::min<std::size_t>(heads.size(), 2));
      for (const BatchHead& head : heads) {
        for (const Index row : sample_rows(gradient.tensor.seqlen, 8, rows_at(worst, head))) {
          Target target{gradient.kind, head.first, head.second, row, {}, {}, false};
          Index b = 0, i = 0;
          if (!explainer.locate(problem, gradient.kind != Target::dq, target, b, i)) continue;
          target.got = row_of(gradient.tensor, head.first, head.second, row);
          samples.targets.push_back(std::move(target));
        }
      }
    }
    classify(samples, explainer, all_worst);
    std::vector<Found> found;
    try_all(explainer, samples, problem, inputs, true, found);
    if (found.empty()) {
      explainer.mistaken_forward = true;
      try_all(explainer, samples, problem, inputs, true, found);
    }
    conclude(found);
  }
  if (answer.empty()) {
    for (const Unwritten& unwritten : find_unwritten(problem, outputs, verdict)) {
      report({unwritten.mistake, {0, 0, -1}, {}});
    }
  }
  return answer;
}

}  // namespace attnlab::oracle
