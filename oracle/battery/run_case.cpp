#include "oracle/battery/run_case.h"

#include <fmt/format.h>

#include <new>

#include "oracle/buffers/available.h"
#include "oracle/exact/trial.h"

namespace attnlab::oracle {
namespace {

// An exception of the kernel itself, told from those of this program.
struct KernelFailed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

Kernel marked(const Kernel& kernel) {
  return [&kernel](const Call& call) {
    try {
      kernel(call);
    } catch (const Unsupported&) {
      throw;
    } catch (const std::exception& error) {
      throw KernelFailed(error.what());
    }
  };
}

std::string summary(const Verdict& verdict) {
  const TensorVerdict& t = verdict.worst_tensor();
  const Element& e = t.worst;
  std::string text;
  if (t.wrong != 0) {
    text =
        fmt::format("{}[{}, {}, {}, {}] is {:.6g}, expected {:.6g}: {:.3g} times the budget; {} of {} wrong",
                    t.name, e.at.batch, e.at.head, e.at.row, e.at.col, e.got, e.expected, e.error_over_budget,
                    t.wrong, t.checked);
  } else if (t.max_row_rms > t.row_rms_limit) {
    text = fmt::format(
        "{}[{}, {}, {}]: the row's RMS error is {:.3g} times an honest kernel's (limit {:.3g})", t.name,
        t.worst_row.batch, t.worst_row.head, t.worst_row.row, t.max_row_rms, t.row_rms_limit);
  } else {
    text = fmt::format(
        "{}: within the budget of each element, but {}", t.name,
        t.cosine_over_budget > 1
            ? fmt::format("the angle to the golden values is {:.3g} times too wide", t.cosine_over_budget)
            : fmt::format("errors lean to one side {:.3g} times too much", t.bias_over_budget));
  }
  if (t.wrong != 0 && !verdict.damage.empty() && !verdict.damage.front().text.empty())
    text += "; " + verdict.damage.front().text;
  if (!verdict.diagnosis.empty()) text += "; " + verdict.diagnosis.front().mistake;
  return text;
}

// Inputs and results as the battery holds them, in float64 and in their own types twice; exact checks hold
// some more. Small problems need no look at the system.
void require_memory_for(const Case& c) {
  constexpr double kSmall = 1e9;
  const attention::Problem& p = c.problem;
  const auto rows = [&](Index heads, Index length, Index dim) {
    return static_cast<double>(p.tensor_batches()) * static_cast<double>(heads) *
           static_cast<double>(length) * static_cast<double>(dim);
  };
  const Index dims = p.head_dim + p.head_dim_v;
  const double elements =
      (rows(p.num_heads, p.tensor_rows_q(), dims) + rows(p.num_kv_heads, p.tensor_rows_kv(), dims)) *
      (c.backward ? 2 : 1);
  const double bytes = elements * (8 + 2 * static_cast<double>(bits(c.dtype)) / 8);
  if (bytes > kSmall) require_memory(bytes);
}

Outcome values(const Kernel& kernel, const Case& c, const KernelClass& kernel_class, int threads,
               bool diagnose) {
  Trial trial(kernel, c, kernel_class, threads);
  Data data = trial.drawn();
  if (c.backward) trial.add_saved(c.problem, data);
  CallMemory memory(c.problem, c.dtype, trial.memory_options(c.problem, Poison::nan));
  memory.write(data);
  const Results results = memory.run(kernel);
  CheckOptions options;
  options.rows = {c.sample, c.seed};
  options.threads = threads;
  options.diagnose = diagnose;
  Outcome outcome;
  outcome.verdict = check(c.problem, memory.inputs(), results.outputs(), kernel_class, options);
  if (!outcome.verdict.right) {
    outcome.kind = Outcome::Kind::wrong;
    outcome.check = "values";
    outcome.what = summary(outcome.verdict);
  }
  return outcome;
}

Outcome exact(const Kernel& kernel, const Case& c, const KernelClass& kernel_class, int threads) {
  Trial trial(kernel, c, kernel_class, threads);
  Outcome outcome;
  if (const Finding found = c.check->find(trial)) {
    outcome.kind = Outcome::Kind::wrong;
    outcome.check = c.check->name;
    outcome.what = *found;
  }
  outcome.deterministic = trial.deterministic();
  return outcome;
}

}  // namespace

Outcome run_case(const Kernel& kernel, const Case& c, const KernelClass& kernel_class, int threads,
                 bool diagnose) {
  const Kernel guarded = marked(kernel);
  Outcome outcome;
  try {
    require_memory_for(c);
    return c.check == nullptr ? values(guarded, c, kernel_class, threads, diagnose)
                              : exact(guarded, c, kernel_class, threads);
  } catch (const Unsupported& declined) {
    outcome.kind = Outcome::Kind::declined;
    outcome.what = declined.what();
  } catch (const NotEnoughMemory& short_of) {
    outcome.kind = Outcome::Kind::no_memory;
    outcome.what = short_of.what();
  } catch (const std::bad_alloc&) {
    outcome.kind = Outcome::Kind::no_memory;
    outcome.what = "the system gives no more memory";
  } catch (const Violation& violation) {
    outcome.kind = Outcome::Kind::wrong;
    outcome.check = violation.check;
    outcome.what = violation.what();
  } catch (const KernelFailed& failed) {
    outcome.kind = Outcome::Kind::wrong;
    outcome.check = "exception";
    outcome.what = failed.what();
  }
  return outcome;
}

}  // namespace attnlab::oracle
