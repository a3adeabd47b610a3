// Mistakes of the backward pass alone.
#include "oracle/mistakes/catalogue.h"

namespace attnlab::oracle {
namespace {

using attention::Problem;

constexpr Mistake kBackward[] = {
    {"delta-missing", "dS lacks delta", "dS = P * (dP - delta), delta = rowsum(dO * O)", false, true, nullptr,
     nullptr, nullptr, Wrong::delta_missing, false},
    {"delta-undropped", "delta is taken with the undropped O",
     "delta = rowsum(dO * O) of the O that the forward pass returned", false, true,
     [](const Problem& p, const Inputs&) { return p.dropout.p > 0; }, nullptr, nullptr,
     Wrong::delta_undropped, false},
    {"group-last-head", "dK and dV are those of the group's last query head",
     "sum them over the query heads of a group", false, true,
     [](const Problem& p, const Inputs&) { return p.num_kv_heads < p.num_heads; }, nullptr, nullptr,
     Wrong::group_last_head, false},
    {"dq-unscaled", "dQ lacks the scale", "dQ = scale * dS K", false, true,
     [](const Problem& p, const Inputs&) { return p.scale() != 1; }, nullptr, nullptr, Wrong::dq_unscaled,
     false},
    {"dk-unscaled", "dK lacks the scale", "dK = scale * dS^T Q", false, true,
     [](const Problem& p, const Inputs&) { return p.scale() != 1; }, nullptr, nullptr, Wrong::dk_unscaled,
     false},
    {"dk-scaled-twice", "dK is scaled twice",
     "q was scaled when it was loaded: dS^T (scale q) needs no other scale", false, true,
     [](const Problem& p, const Inputs&) { return p.scale() != 1 && p.scale() != 0; }, nullptr, nullptr,
     Wrong::dk_scaled_twice, false},
    {"p-without-l", "P is exp(s - m), not normalised", "the backward pass needs lse = m + log(l), not m",
     false, true, nullptr, nullptr, nullptr, Wrong::p_without_l, false},
    {"dv-undropped", "dV takes the undropped P", "dV = (dropped P)^T dO", false, true,
     [](const Problem& p, const Inputs&) { return p.dropout.p > 0; }, nullptr, nullptr, Wrong::dv_undropped,
     false},
    {"dp-undropped", "dP lacks the dropout mask", "dP = dropout(dO V^T), with the mask of the forward pass",
     false, true, [](const Problem& p, const Inputs&) { return p.dropout.p > 0; }, nullptr, nullptr,
     Wrong::dp_undropped, false},
    {"softcap-derivative-missing", "dS lacks the derivative of the softcap", "multiply dS by 1 - tanh^2",
     false, true, [](const Problem& p, const Inputs&) { return p.softcap != 0; }, nullptr, nullptr,
     Wrong::softcap_derivative_missing, false},
    {"dq-of-last-tile", "dQ is that of the last tile of keys",
     "add each tile's part to dQ, do not overwrite it", false, true,
     [](const Problem& p, const Inputs&) { return p.seqlen_kv > 1; }, nullptr, nullptr,
     Wrong::dq_of_last_tile, true},
    {"dkv-of-last-tile", "dK and dV are those of the last row block",
     "add each row block's part, do not overwrite it", false, true,
     [](const Problem& p, const Inputs&) { return p.seqlen_q > 1; }, nullptr, nullptr,
     Wrong::dkv_of_last_tile, true},
    {"addition-lost", "one tile's addition to dQ is lost",
     "two blocks add to the same rows of dQ without an atomic operation", false, true,
     [](const Problem& p, const Inputs&) { return p.seqlen_kv > 1; }, nullptr, nullptr, Wrong::addition_lost,
     true},
};

}  // namespace

std::span<const Mistake> mistakes_of_backward() { return kBackward; }

}  // namespace attnlab::oracle
