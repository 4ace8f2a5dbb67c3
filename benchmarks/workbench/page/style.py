"""The style of all pages: light and dark, narrow and wide, and on paper.

Colours are told apart with every kind of colour blindness, and never alone in telling anything: what was measured is
filled, what was predicted is an outline or dashed, verdicts have marks, lines and areas have names beside them.
"""

from __future__ import annotations

__all__ = ["COLOURS", "STYLE"]

COLOURS = 7
"""How many colours there are for what has no order: classes `c0`, `c1` and so on."""

_LIGHT = """
--paper:#fcfbf8;--sheet:#ffffff;--ink:#1b1f24;--soft:#5a6067;--rule:#dcd9d1;--band:#ece8dd;--outline:#7d838a;
--good:#00694b;--bad:#b03a06;--unsure:#7c5a00;
--c0:#1763a6;--c1:#c1500f;--c2:#00795a;--c3:#9c3f7e;--c4:#8a6a00;--c5:#2a8ac4;--c6:#6b6f76;
"""
_DARK = """
--paper:#14171b;--sheet:#1b1f24;--ink:#e8e6e1;--soft:#a2a8af;--rule:#353b42;--band:#2a3037;--outline:#8f969e;
--good:#4fc9a0;--bad:#f58d5a;--unsure:#e2bd4a;
--c0:#62aee8;--c1:#f0935c;--c2:#45c59b;--c3:#de94c6;--c4:#d9b23c;--c5:#9cc9ea;--c6:#a7adb4;
"""
_PAGE = """
*{box-sizing:border-box}
html{background:var(--paper);color:var(--ink);-webkit-text-size-adjust:100%}
body{font:16px/1.5 Inter,system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif;margin:0 auto;
 max-width:72rem;padding:2.5rem clamp(1rem,4vw,3rem) 4rem;font-variant-numeric:tabular-nums}
h1{font-size:clamp(1.6rem,4vw,2.3rem);line-height:1.15;letter-spacing:-.02em;margin:0 0 .4rem;font-weight:650}
h2{font-size:1.3rem;line-height:1.25;letter-spacing:-.01em;margin:0;font-weight:620}
h3{font-size:.95rem;margin:1.6rem 0 .4rem;font-weight:620}
p{margin:.35rem 0;max-width:46rem}
a{color:inherit;text-decoration-color:var(--rule);text-underline-offset:.2em}
a:hover{text-decoration-color:currentColor}
a:focus-visible,summary:focus-visible{outline:2px solid var(--c0);outline-offset:2px}
code,td.name,th[scope=row]{font-family:ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;
 font-size:.86em;overflow-wrap:anywhere}
.lead{font-size:1.1rem;color:var(--soft);max-width:46rem}
.eyebrow{color:var(--soft);font-size:.82rem;letter-spacing:.06em;text-transform:uppercase;margin:0 0 .5rem}
.soft{color:var(--soft)}.small{font-size:.86rem}
.facts{display:flex;flex-wrap:wrap;gap:.3rem 2rem;margin:1.2rem 0;padding:0;list-style:none;font-size:.9rem}
.facts b{display:block;font-weight:450;color:var(--soft);font-size:.8rem}
.warning{border-left:3px solid var(--unsure);padding:.2rem 0 .2rem .8rem;margin:.6rem 0}
.warning.bad{border-color:var(--bad)}
section{border-top:1px solid var(--rule);padding:1.6rem 0 .4rem;margin-top:1rem}
@media (min-width:62rem){.experiments{display:grid;grid-template-columns:1fr 1fr;gap:0 2.5rem;align-items:start}
 .experiments .whole{grid-column:1/-1}}
.mark{font-weight:700;display:inline-block;min-width:1.3em}
.good{color:var(--good)}.bad{color:var(--bad)}.unsure{color:var(--unsure)}.left{color:var(--soft)}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,22rem),1fr));gap:1.4rem 2rem;margin:1rem 0}
.figures.wide{grid-template-columns:1fr}
figure{margin:0;max-width:36rem;min-width:0;break-inside:avoid}
.wide figure{max-width:none}
figcaption{font-size:.86rem;font-weight:560;margin-bottom:.25rem}
figcaption span{font-weight:400;color:var(--soft)}
svg{display:block;width:100%;height:auto;overflow:visible}
.wide .scroll{overflow-x:auto}.wide .scroll svg{min-width:38rem}
table{border-collapse:collapse;font-size:.88rem;width:100%}
.table{overflow-x:auto}
th,td{text-align:right;padding:.3rem .6rem;border-bottom:1px solid var(--rule);vertical-align:baseline;
 unicode-bidi:isolate}
th{font-weight:560}thead th{color:var(--soft);font-size:.8rem;border-bottom-color:var(--soft)}
th:first-child,td:first-child,.words{text-align:left;padding-left:0}
td.words{max-width:30rem}
th[scope=row]{font-weight:450;min-width:8rem}td:not(.words){white-space:nowrap}
.contents td{border-bottom-color:transparent;padding-top:.18rem;padding-bottom:.18rem}
.contents svg{width:9rem;display:inline-block;vertical-align:middle}
.contents th[scope=row]{border-bottom-color:transparent;white-space:nowrap}
@media (max-width:36rem){.contents th:last-child,.contents td:last-child{display:none}}
details{margin:.5rem 0;font-size:.9rem}summary{cursor:pointer;color:var(--soft)}
details .table{margin-top:.5rem}
ol.advice{padding-left:1.3rem;max-width:52rem}ol.advice li{margin:.5rem 0}
footer{border-top:1px solid var(--rule);margin-top:2.5rem;padding-top:1rem;color:var(--soft);font-size:.86rem}
"""
_DRAWING = """
svg text{font:11px Inter,system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;fill:var(--ink);
 font-variant-numeric:tabular-nums;unicode-bidi:isolate}
svg .axis{fill:var(--soft);font-size:10px}svg .name{font-weight:520}svg .note{fill:var(--soft)}
svg .halo{paint-order:stroke;stroke:var(--paper);stroke-width:3px;stroke-linejoin:round}
svg .end{text-anchor:end}svg .middle{text-anchor:middle}
svg .grid{stroke:var(--rule);stroke-width:1}svg .base{stroke:var(--soft);stroke-width:1}
svg .band{fill:var(--band)}
svg .predicted{fill:var(--sheet);stroke:var(--outline);stroke-width:1.2}
svg .measured{fill:var(--c0)}svg .whisker{stroke:var(--ink);stroke-width:1.4;fill:none}
svg .line{fill:none;stroke-width:1.8;stroke-linejoin:round}
svg .guide{fill:none;stroke-width:1.4;stroke-dasharray:5 3;opacity:.85}
svg .held{stroke:var(--ink);stroke-width:4;stroke-dasharray:5 3}svg .cell{stroke:var(--paper);stroke-width:1}
svg .inside{fill:var(--paper);font-size:10.5px}
svg .kept{fill:var(--ink);opacity:.55}.bar{width:7rem;min-width:5rem;display:inline-block;vertical-align:middle}
svg.bar .predicted{stroke-width:.8}
svg .spare{fill:var(--band);stroke:var(--rule)}
svg .faint{opacity:.35}svg .median{stroke-width:2.5}
svg .dot{stroke:var(--paper);stroke-width:1}svg .dot.good{fill:var(--good)}svg .dot.bad{fill:var(--bad)}
svg .dot.unsure{fill:var(--unsure)}
svg tspan.good{fill:var(--good)}svg tspan.bad{fill:var(--bad)}svg tspan.unsure{fill:var(--unsure)}
"""
_PAPER = """
body{padding:0;max-width:none;font-size:11pt}section{break-inside:auto}h2,figcaption{break-after:avoid}
details::details-content{content-visibility:visible;block-size:auto}summary{list-style:none}
"""


def _colours() -> str:
    rules = [
        f"svg .c{n}{{stroke:var(--c{n})}}svg .f{n}{{fill:var(--c{n})}}"
        f"svg text.c{n}{{stroke:var(--paper);fill:var(--c{n})}}"
        for n in range(COLOURS)
    ]
    return "".join(rules)


STYLE = (
    f":root{{color-scheme:light dark;{_LIGHT}}}@media (prefers-color-scheme:dark){{:root{{{_DARK}}}}}{_PAGE}{_DRAWING}"
    f"{_colours()}@media print{{:root{{color-scheme:light;{_LIGHT}}}{_PAPER}}}"
).replace("\n", "")
"""What goes into a `style` element."""
