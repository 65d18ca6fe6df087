// SPDX-License-Identifier: MIT
#include "spikemix/report/page.h"

namespace spikemix::reports {

// The contrast of text is at least 4.5 to 1 in light and dark, and that of lines 3 to 1; lines differ in dashes as well
// as in colour.
const std::string_view kStyle = R"(
:root{--paper:#fff;--ink:#1b1f24;--soft:#57606a;--rule:#d0d7de;--panel:#f6f8fa;--link:#0550ae;--heat:9 105 218;
--c0:#0b62a4;--c1:#b3450b;--c2:#0a7a55;--c3:#8a3f9c;--c4:#7d6000;--c5:#b0245e;--c6:#4a5a6a;--c7:#006d77}
@media (prefers-color-scheme:dark){:root{--paper:#0d1117;--ink:#e6edf3;--soft:#a4adb8;--rule:#3d444d;--panel:#161b22;
--link:#79b8ff;--heat:56 139 253;--c0:#6cb6ff;--c1:#ff9e64;--c2:#56d3a0;--c3:#d2a8ff;--c4:#e3c15b;--c5:#ff8fb8;
--c6:#a9b8c6;--c7:#5fd0dc}
img.ink{filter:invert(1) hue-rotate(180deg)}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:76rem;padding:1rem;background:var(--paper);color:var(--ink);
font:16px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.6rem;line-height:1.2}h2{font-size:1.3rem;margin-top:2.5rem;padding-top:.5rem;
border-top:2px solid var(--rule)}
h3{font-size:1.05rem;margin-top:2rem}p,li{max-width:46rem}a{color:var(--link)}
.skip{position:absolute;left:-99rem}.skip:focus{left:1rem;top:.5rem;background:var(--paper);padding:.5rem}
:focus-visible{outline:3px solid var(--link);outline-offset:2px}
nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;padding:0;list-style:none}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,24rem),1fr));gap:1rem}
figure{margin:0 0 1rem;min-width:0}.chart{border:1px solid var(--rule);border-radius:6px;padding:.75rem;
break-inside:avoid}
figcaption{font-weight:600}.raster figcaption{font-weight:400;font-size:.9rem}
svg{display:block;width:100%;height:auto}svg text{fill:var(--soft);font:12px system-ui,sans-serif}
.grid{stroke:var(--rule);stroke-width:1}.axis{fill:none;stroke:var(--soft);stroke-width:1}
.line path{fill:none;stroke:currentColor;stroke-width:2;stroke-linejoin:round}.line circle{fill:currentColor}
.mark{fill:var(--soft)}
.s0{color:var(--c0)}.s1{color:var(--c1)}.s2{color:var(--c2)}.s3{color:var(--c3)}.s4{color:var(--c4)}
.s5{color:var(--c5)}.s6{color:var(--c6)}.s7{color:var(--c7)}
.d1 path{stroke-dasharray:7 4}.d2 path{stroke-dasharray:2 4}
.legend{display:flex;flex-wrap:wrap;gap:.1rem 1rem;margin:.5rem 0;padding:0;list-style:none;font-size:.9rem}
.legend li{display:flex;align-items:center;gap:.4rem}.key{width:24px;flex:none}
details{margin:.5rem 0}summary{cursor:pointer;color:var(--link)}
.scroll{overflow-x:auto;max-width:100%;margin:.75rem 0}.chart .scroll,details .scroll{max-height:24rem;
overflow-y:auto}
table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}
caption{text-align:left;font-weight:600;padding:.25rem 0;position:sticky;left:0;max-width:calc(100vw - 2rem)}
th,td{padding:.2rem .6rem;border-bottom:1px solid var(--rule);text-align:left;white-space:nowrap;overflow-wrap:normal}
thead th{border-bottom:2px solid var(--soft)}tbody th{font-weight:500;position:sticky;left:0;background:var(--paper)}
.number,.shaded{text-align:right}.shaded{background:rgb(var(--heat) / var(--a))}
.matrix td,.matrix thead th,.heat thead th{text-align:right}
.matrix th:first-child,.heat th:first-child{text-align:left}
.track{display:inline-block;width:8rem;margin-right:.5rem}.bar{display:block;height:.7rem;background:var(--c0);
border-radius:2px}
img{max-width:100%;image-rendering:pixelated;background:#fff}
img.large{width:14rem;height:auto}img.picture{border:1px solid var(--rule)}
.gallery{display:flex;flex-wrap:wrap;gap:1rem;padding:0;list-style:none}.gallery li{width:9rem;font-size:.9rem}
.gallery img{display:block;width:7rem;height:7rem;object-fit:contain}
.sample{display:flex;flex-wrap:wrap;gap:1.5rem;align-items:flex-start}
.rasters{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,24rem),1fr));gap:1rem}
.raster{break-inside:avoid}.raster img{display:block;width:100%;height:auto;margin:.25rem 0;
border:1px solid var(--rule)}
.raster img.map{width:auto;min-width:50%;max-height:9rem}.raster img.spikes{max-height:10rem}
pre{overflow-x:auto;background:var(--panel);border:1px solid var(--rule);border-radius:6px;padding:.75rem;
font-size:.85rem;overflow-wrap:normal}
footer{margin-top:3rem;border-top:1px solid var(--rule);color:var(--soft)}
@media (max-width:34rem){svg text{font-size:14px}h1{font-size:1.4rem}.track{width:4rem}}
@media print{:root{--paper:#fff;--ink:#000;--soft:#444;--rule:#bbb;--panel:#fff;--link:#000;--heat:9 105 218;
--c0:#0b62a4;--c1:#b3450b;--c2:#0a7a55;--c3:#8a3f9c;--c4:#7d6000;--c5:#b0245e;--c6:#4a5a6a;--c7:#006d77}
html{font-size:11px}h2,h3{break-after:avoid}body{max-width:none;font-size:1rem;print-color-adjust:exact;
-webkit-print-color-adjust:exact}nav,.skip,details:not([open]){display:none}
.scroll{overflow:visible;max-height:none!important}img.ink{filter:none}
.charts,.rasters{grid-template-columns:1fr 1fr}}
)";

}  // namespace spikemix::reports
