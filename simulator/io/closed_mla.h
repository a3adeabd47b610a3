// HBM traffic, SRAM peak and FLOPs of the two forms of multi-head latent attention (reference/heads/
// mla_tiled.h) in closed form, O(log N) like the others. With H heads, n queries, N cached tokens, R = ceil(n
// / Br) row blocks, G = ceil(H / heads) groups and C the columns of all visited tiles (R N when not causal):
//   naive     loads   H (2 d_c + d_R) N of latents, H (d + d_v) d_c of weights, H (d + d_R) n of Q,
//                     H C (d + d_R + d_v) of K and V
//             stores  H N (d + d_R + d_v) of K and V, H n d_v of O, H n of lse
//   absorbed  loads   G C (d_c + d_R) of latents, H (d + d_v) d_c of weights, H n (d + d_R) of Q,
//                     2 H n d_c of latent queries and outputs
//             stores  2 H n d_c of those, H n d_v of O, H n of lse
#pragma once

#include "reference/heads/mla_tiled.h"
#include "simulator/io/traffic.h"

namespace attnlab::io {

Traffic mla_naive_traffic(const heads::MlaShape& shape, heads::MlaTiles tiles);
Traffic mla_absorbed_traffic(const heads::MlaShape& shape, heads::MlaTiles tiles);

}  // namespace attnlab::io
