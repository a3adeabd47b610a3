#include "oracle/declaration.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "reference/core/errors.h"

namespace attnlab::oracle {
namespace {

constexpr DeclarationField kFields[] = {
    {"accumulate", "Type of products and sums [fp32; fp64 for fp64]", &Declaration::accumulate},
    {"p_dtype", "Type that P and dS are rounded to [that of q; fp8: e4m3 times 256]", &Declaration::p},
    {"p_scale", "Factor of P before it is rounded [1]", &Declaration::p_scale},
    {"ds_scale", "Factor of dS before it is rounded [1]", &Declaration::ds_scale},
    {"operands", "Type that Q, K, V and dO are rounded to before products, such as tf32",
     &Declaration::operands},
    {"scores_dtype", "Type that S is stored in between passes, if narrower", &Declaration::scores},
    {"rounded_to", "Type that outputs were rounded to before they were stored in a wider one",
     &Declaration::output},
    {"sums", "How additions round: nearest, or truncated as tensor cores do", &Declaration::sums},
    {"groups",
     "dK and dV of each query head are rounded before those of a group are added: rounded, or exact if not "
     "[rounded]",
     &Declaration::groups},
    {"min_block_kv", "The narrowest tile of keys [16]", &Declaration::min_block_kv},
    {"exp_error", "Relative error of the exponential function [2^-22]", &Declaration::exp_error},
};

// What the class is called: the formats as they were declared, else the usual ones.
std::string name_of(DType inputs, const Declaration& d, const KernelClass& k) {
  const std::string in(name(inputs));
  const bool fp8 = bits(inputs) == 8;
  const std::string usual_p = !d.operands.empty() ? d.operands : fp8 ? std::string(name(DType::e4m3)) : in;
  const std::string usual_sums(name(inputs == DType::f64 ? DType::f64 : DType::f32));
  std::string text = in + " in";
  if (!d.operands.empty()) text += ", rounded to " + d.operands;
  if (!d.scores.empty()) text += ", S " + d.scores;
  text += ", P " + (d.p.empty() ? usual_p : d.p);
  if (k.p_scale != 1) text += fmt::format(" times {:g}", k.p_scale);
  if (k.ds_scale != 1) text += fmt::format(", dS times {:g}", k.ds_scale);
  text += ", " + (d.accumulate.empty() ? usual_sums : d.accumulate) + " accumulation";
  if (!d.output.empty()) text += ", " + d.output + " out";
  if (!d.sums.empty()) text += ", sums " + d.sums;
  if (!k.rounds_each_head) text += ", groups added exactly";
  if (d.min_block_kv) text += fmt::format(", tiles of {} keys or more", *d.min_block_kv);
  if (d.exp_error) text += fmt::format(", exp to {:.2g}", *d.exp_error);
  return text;
}

}  // namespace

std::span<const DeclarationField> declaration_fields() { return kFields; }

KernelClass declared_class(DType inputs, const Declaration& d, const std::string& prefix, char separator) {
  KernelClass result = usual_class(inputs);
  if (d.usual()) return result;
  const auto argument = [&](std::string field) {
    std::ranges::replace(field, '_', separator);
    return prefix + field;
  };
  const auto require_positive = [&](const char* field, double value) {
    if (!std::isfinite(value) || value <= 0) {
      throw InvalidArgument(argument(field), fmt::format("{}", value), "a positive number");
    }
  };
  if (!d.operands.empty()) {
    result.operands = parse_format(argument("operands"), d.operands);
    result.p = *result.operands;
    result.truncating = true;
  }
  if (!d.p.empty()) {
    result.p = parse_format(argument("p_dtype"), d.p);
    result.p_scale = 1;
  }
  if (!d.accumulate.empty()) result.accumulator = parse_format(argument("accumulate"), d.accumulate);
  if (!d.scores.empty()) result.scores = parse_format(argument("scores_dtype"), d.scores);
  if (!d.output.empty()) result.output = parse_format(argument("rounded_to"), d.output);
  if (!d.sums.empty()) {
    if (d.sums != "nearest" && d.sums != "truncated") {
      throw InvalidArgument(argument("sums"), d.sums, "nearest or truncated");
    }
    result.truncating = d.sums == "truncated";
  }
  if (!d.groups.empty()) {
    if (d.groups != "rounded" && d.groups != "exact") {
      throw InvalidArgument(argument("groups"), d.groups, "rounded or exact");
    }
    result.rounds_each_head = d.groups == "rounded";
  }
  if (d.p_scale) {
    require_positive("p_scale", *d.p_scale);
    result.p_scale = *d.p_scale;
  }
  if (d.ds_scale) {
    require_positive("ds_scale", *d.ds_scale);
    result.ds_scale = *d.ds_scale;
  }
  if (d.exp_error) {
    require_positive("exp_error", *d.exp_error);
    if (*d.exp_error >= 1) {
      throw InvalidArgument(argument("exp_error"), fmt::format("{}", *d.exp_error), "a number below 1");
    }
    result.exp_error = *d.exp_error;
  }
  if (d.min_block_kv) {
    require_positive("min_block_kv", static_cast<double>(*d.min_block_kv));
    result.min_block_kv = *d.min_block_kv;
  }
  result.name = name_of(inputs, d, result);
  return result;
}

}  // namespace attnlab::oracle
