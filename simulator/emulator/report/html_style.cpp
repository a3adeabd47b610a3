// The page's style sheet. Blue is what the work needs, orange what was wasted on the way, red what is wrong.
#include "simulator/emulator/report/html_parts.h"

namespace attnlab::emulator {

std::string_view style_sheet() {
  return R"css(:root {
  color-scheme: light dark;
  --paper: #ffffff; --panel: #f5f7f9; --ink: #1b2229; --soft: #5b6772; --line: #dde3e8;
  --need: #bcdcf7; --waste: #ffc48a; --need-strong: #2f7fc4; --write-strong: #1f9a8a; --waste-strong: #b85400;
  --bad: #b3261e; --bad-paper: #fdeceb; --good: #1a7f37; --good-paper: #e6f5ea; --mark: #1b2229;
  --keyword: #8430a8; --cuda: #0b6e99; --literal: #9a5b00; --comment: #6b7782;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #15191e; --panel: #1c2228; --ink: #dbe2e8; --soft: #93a0ac; --line: #2d353d;
    --need: #1f4a70; --waste: #7a4210; --need-strong: #4a9be0; --write-strong: #35b3a2; --waste-strong: #ffab5e;
    --bad: #ff8a80; --bad-paper: #3a1d1d; --good: #6fd08c; --good-paper: #173322; --mark: #dbe2e8;
    --keyword: #cf9be8; --cuda: #6cc3e8; --literal: #e0b071; --comment: #808c97;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
header, main { max-width: 88rem; margin: 0 auto; padding: 0 1.5rem; }
header { padding-top: 1.6rem; }
h1 { font-size: 1.5rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 0 0 .3rem; overflow-wrap: anywhere; }
h3 { font-size: 1rem; margin: 1.6rem 0 .5rem; }
h4 { font: 600 .85rem ui-monospace, monospace; margin: 1rem 0 .4rem; overflow-wrap: anywhere; }
p { margin: .2rem 0; }
header p, small, .key { color: var(--soft); }
section { border-top: 1px solid var(--line); margin-top: 1.6rem; padding-top: 1.2rem; }
code { font: .92em ui-monospace, monospace; }
a { color: var(--need-strong); }
.badge { font: 600 .75rem system-ui, sans-serif; border-radius: 1rem; padding: .15rem .6rem; vertical-align: middle;
  white-space: nowrap; }
.badge.good { color: var(--good); background: var(--good-paper); }
.badge.bad { color: var(--bad); background: var(--bad-paper); }
.shapes { list-style: none; margin: 0; padding: 0; color: var(--soft); }
.shapes b { color: var(--ink); font-weight: 600; }
.findings { list-style: none; margin: .8rem 0 0; padding: 0; }
.findings li { background: var(--bad-paper); border-left: 3px solid var(--bad); margin: .3rem 0; padding: .35rem .7rem;
  overflow-wrap: anywhere; }
.findings strong, .finding strong { color: var(--bad); }

.tiles { display: flex; flex-wrap: wrap; gap: .7rem; margin-top: 1rem; }
.tiles div { flex: 1 1 9rem; max-width: 16rem; background: var(--panel); border-radius: .5rem; padding: .6rem .8rem; }
.tiles strong { display: block; font-size: 1.3rem; font-variant-numeric: tabular-nums; }
.tiles span { display: block; font-size: .8rem; line-height: 1.3; color: var(--soft); }

.tables + .chart { margin-top: 1.2rem; }
.chart { display: grid; grid-template-columns: max-content 1fr max-content; gap: .35rem .8rem; align-items: center; }
.chart .label { text-align: right; }
.chart .bar { position: relative; display: flex; height: 1.15rem; background: var(--panel); border-radius: .2rem; }
.chart .value { font-variant-numeric: tabular-nums; white-space: nowrap; }
.read { background: var(--need-strong); }
.written { background: var(--write-strong); }
.ideal { background: var(--soft); }
.pending { background: repeating-linear-gradient(45deg, var(--write-strong) 0 3px, transparent 3px 6px); }
.mark { position: absolute; top: -.18rem; bottom: -.18rem; border-left: 2px dashed var(--mark); }
.key { font-size: .8rem; margin-top: .4rem; }
.key span { display: inline-block; width: .8rem; height: .8rem; border-radius: .15rem; margin: 0 .3rem 0 .8rem;
  vertical-align: -.1rem; }
.key span:first-child { margin-left: 0; }

.tables { display: flex; flex-wrap: wrap; gap: 1rem 2.5rem; align-items: flex-start; overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
.totals th, .totals td, .counters th, .counters td { padding: .18rem .7rem; text-align: right; font-weight: 400; }
.totals td, .counters td:not(.what) { white-space: nowrap; }
.totals th:first-child, .counters th { text-align: left; padding-left: 0; }
.totals thead th { color: var(--soft); font-size: .8rem; border-bottom: 1px solid var(--line); }
.totals thead th:first-child { color: var(--ink); font-weight: 600; font-size: .9rem; }
.hottest td.t { text-align: left; white-space: pre-wrap; overflow-wrap: anywhere; }
.hottest th { white-space: nowrap; }
.fold { margin-top: 1rem; overflow-x: auto; }
.fold input { position: absolute; opacity: 0; }
.fold label { cursor: pointer; color: var(--need-strong); }
.fold label::before { content: "\25B8\00A0"; }
.fold input:checked + label::before { content: "\25BE\00A0"; }
.fold input:focus-visible + label { outline: 2px solid var(--need-strong); }
.fold input:not(:checked) ~ table { display: none; }
.counters { font-size: .85rem; }
.counters .what { text-align: left; color: var(--soft); }
.counters .zero { opacity: .55; }

.source { border: 1px solid var(--line); border-radius: .4rem; overflow-x: auto; }
.source table { width: 100%; font: 12.5px/1.55 ui-monospace, monospace; }
.source thead th { font: .75rem/1.2 system-ui, sans-serif; color: var(--soft); text-align: right; padding: .4rem .5rem;
  background: var(--panel); border-bottom: 1px solid var(--line); vertical-align: bottom; }
.source thead .t { text-align: left; padding-left: 1rem; }
.source td { padding: 0 .5rem; text-align: right; vertical-align: top; white-space: nowrap; }
.source td.n { color: var(--soft); border-right: 1px solid var(--line); width: 3.2rem; }
.source td.hb, .source td.wf { width: 7.5rem; }
.source td.sr { width: 5.5rem; }
.source td.bc, .source td.dv { width: 4.8rem; }
.source td[style] { background: linear-gradient(90deg, var(--need) var(--a), var(--waste) var(--a) var(--b),
  transparent var(--b)) no-repeat 0 .12rem / 100% 1.2em; background-origin: content-box; background-clip: content-box; }
.source td.bc { color: var(--waste-strong); }
.source td.t { text-align: left; white-space: pre-wrap; overflow-wrap: anywhere; tab-size: 2; padding-left: 1rem; }
.source tbody tr:hover td { box-shadow: inset 0 0 0 100vmax color-mix(in srgb, var(--ink) 6%, transparent); }
.source tr:target td.n, .source tr.bad td.n { color: var(--bad); font-weight: 700; }
.source .gap td { color: var(--soft); background: var(--panel); text-align: left; font-size: .75rem; }
.source .gap td.n, .source .finding td.n { text-align: right; }
.source .finding td { background: var(--bad-paper); white-space: normal; text-align: left; overflow-wrap: anywhere;
  font: .85rem/1.5 system-ui, sans-serif; padding: .25rem .7rem; }
.source .finding td.n { color: var(--bad); }
.t i { color: var(--comment); font-style: normal; } .t s { color: var(--literal); text-decoration: none; }
.t b { color: var(--keyword); font-weight: 400; } .t u { color: var(--cuda); text-decoration: none; }

.legend dl { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1.2rem; margin: .6rem 0; }
.legend dt { font-weight: 600; } .legend dd { margin: 0; color: var(--soft); max-width: 48rem; }
main { padding-bottom: 3rem; }

@media screen and (max-width: 50rem) {
  header, main { padding-left: .8rem; padding-right: .8rem; }
  .chart, .legend dl { grid-template-columns: 1fr; }
  .chart .label { text-align: left; margin-top: .4rem; }
  .chart .value { margin-bottom: .2rem; }
  .source thead { display: none; }
  .source table, .source tbody { display: block; }
  .source tr { display: flex; flex-wrap: wrap; }
  .source td.n { width: 2.8rem; flex: none; order: 1; }
  .source td.t { order: 2; flex: 1; padding-left: .5rem; font-size: 11px; }
  .source td:is(.sh, .hb, .sr, .wf, .bc, .dv) { order: 3; width: auto; flex: 1; font-size: 10.5px; }
  .source td:is(.sh, .hb, .sr, .wf, .bc, .dv):empty { display: none; }
  .source tr::after { content: ""; order: 2; flex-basis: 100%; height: 0; }
  .source .gap td, .source .finding td { order: 2; flex: 1; }
  .source .gap td.n, .source .finding td.n { order: 1; flex: none; }
  .source td.sh::before { content: "share "; } .source td.hb::before { content: "global "; } .source td.sr::before { content: "sect/req "; }
  .source td.wf::before { content: "shared "; } .source td.bc::before { content: "conflicts "; }
  .source td.dv::before { content: "divergent "; }
  .source td::before { color: var(--soft); }
}
@media print {
  :root { color-scheme: light; --paper: #fff; --panel: #f5f7f9; --ink: #000; --soft: #444; --line: #ccc;
    --need: #bcdcf7; --waste: #ffc48a; --need-strong: #2f7fc4; --write-strong: #1f9a8a; --waste-strong: #b85400;
    --bad: #b3261e; --bad-paper: #fdeceb; --good: #1a7f37; --good-paper: #e6f5ea; --mark: #000;
    --keyword: #8430a8; --cuda: #0b6e99; --literal: #9a5b00; --comment: #666; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  html { font-size: 10.5px; }
  body { font-size: 1rem; }
  header, main { padding: 0; }
  .source, .tables, .fold { overflow: visible; }
  .source table { font-size: 8px; }
  .source td.hb, .source td.wf { width: 6.5rem; }
  .counters .zero { display: none; }
  .fold input:not(:checked) ~ table { display: table; }
  tr, .chart, .tiles div, .totals { break-inside: avoid; }
  h2, h3, h4 { break-after: avoid; }
}
)css";
}

}  // namespace attnlab::emulator
