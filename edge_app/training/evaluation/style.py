"""How the report's page looks: light and dark, wide and narrow, on paper."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; --bg: #f6f7f9; --card: #ffffff; --ink: #1b2430; --soft: #5b6776; --line: #dde2e8;
  --accent: #0b6bcb; --accent-soft: #dcebfb; --warm: #c2410c; --good: #15803d; --grid: #e8ebef; --mid: #6f7c8b;
  --shade: rgba(20, 30, 45, .16); }
@media (prefers-color-scheme: dark) { :root { --bg: #10151b; --card: #182029; --ink: #e6ebf1; --soft: #a3b0be;
  --line: #2b3642; --accent: #5aa9f5; --accent-soft: #1c3149; --warm: #fb8a4b; --good: #4ade80; --grid: #28333f;
  --mid: #97a4b3; --shade: rgba(0, 0, 0, .55); } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--bg); color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto,
  "DejaVu Sans", sans-serif; -webkit-text-size-adjust: 100%; }
main { max-width: 1080px; margin: 0 auto; padding: 24px 16px 64px; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 8px 0 4px; } h2 { font-size: 1.35rem; margin: 0 0 2px; }
h3 { font-size: 1rem; margin: 28px 0 8px; } p { margin: 6px 0; } a { color: var(--accent); }
.soft { color: var(--soft); } .lead { margin: 12px 0 0; max-width: 46em; }
.tag { display: inline-block; background: var(--accent-soft); color: var(--accent); border-radius: 999px;
  padding: 1px 10px; font-size: .82rem; font-weight: 600; margin-right: 6px; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: 20px; margin: 20px 0; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 16px 0 4px; }
.card { border: 1px solid var(--line); border-radius: 10px; padding: 12px 14px; }
.card b { display: block; font-size: 1.75rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.card strong { display: block; font-size: .9rem; font-weight: 600; line-height: 1.3; margin-bottom: 4px; }
.card span { display: block; color: var(--soft); font-size: .84rem; }
.scroll { overflow-x: auto; margin: 8px 0; -webkit-overflow-scrolling: touch;
  background: linear-gradient(to left, var(--card) 40%, transparent) right / 48px 100% no-repeat local,
  linear-gradient(to left, var(--shade), transparent) right / 14px 100% no-repeat scroll; }
table { border-collapse: collapse; font-size: .88rem; font-variant-numeric: tabular-nums; width: 100%; }
th, td { text-align: right; padding: 6px 10px; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--soft); font-weight: 600; vertical-align: bottom; line-height: 1.25; }
thead th { white-space: normal; min-width: 5.5em; }
tr:last-child td { border-bottom: 0; } td small { color: var(--soft); font-size: .92em; }
th:first-child, td:first-child { text-align: left; position: sticky; left: 0; background: var(--card); }
.words th, .words td { text-align: left; white-space: normal; }
.figures th:first-child, .figures td:first-child { white-space: normal; min-width: 11em; }
.wrong td { color: var(--warm); } .wrong td:nth-child(-n+3) { font-weight: 600; }
@media (max-width: 640px) {
  th:first-child, td:first-child { white-space: normal; min-width: 8.5em; max-width: 11em; overflow-wrap: anywhere; }
  .words thead { display: none; } .words tr { display: block; padding: 8px 0; border-bottom: 1px solid var(--line); }
  .words tr:last-child { border-bottom: 0; } .words td { display: block; padding: 0 4px; border: 0; max-width: none; }
  .words td:first-child { font-weight: 600; max-width: none; }
  td small { display: block; } section { padding: 16px 12px; } h1 { overflow-wrap: anywhere; } }
ul { margin: 8px 0; padding-left: 20px; } li { margin: 4px 0; } code { font-size: .92em; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 320px), 1fr)); gap: 16px; }
.plots + .keys, .plots + .plots { margin-top: 20px; }
.traces { grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr)); }
.keys { display: flex; flex-wrap: wrap; gap: 4px 18px; color: var(--soft); font-size: .84rem; margin: 2px 0 8px; }
.keys svg { display: inline-block; width: 26px; height: 10px; margin-right: 6px; vertical-align: middle; }
figure { margin: 0; min-width: 0; } figure.wide { grid-column: 1 / -1; }
figcaption { font-size: .88rem; color: var(--soft); margin-bottom: 2px; overflow-wrap: anywhere; }
figure > svg { display: block; width: 100%; height: auto; max-width: 400px; }
.traces figure > svg { max-width: 560px; } figure.wide > svg { max-width: 100%; }
svg text { fill: var(--soft); font-size: 11px; } svg .axis { font-size: 11.5px; } svg .key { font-size: 12px; }
.grid { stroke: var(--grid); stroke-width: 1; } .guess { stroke: var(--mid); stroke-dasharray: 2 4; fill: none; }
.curve { fill: none; stroke-width: 2.2; stroke-linejoin: round; } .thin { stroke-width: 1.4; }
.shipped { stroke: var(--accent); } .trained { stroke: var(--mid); stroke-dasharray: 6 4; }
.pruned { stroke: var(--good); stroke-dasharray: 2 3; } .point, .bubble { fill: var(--accent); }
.spread { fill: var(--accent); fill-opacity: .28; }
.bubble { fill-opacity: .75; } .threshold { stroke: var(--warm); stroke-dasharray: 6 4; fill: none; }
.alarm { stroke: var(--warm); stroke-width: 1.2; fill: none; } .alarm-dot { fill: var(--warm); }
.learnt { fill: var(--good); fill-opacity: .14; } .cell { fill: var(--grid); } .cell.right { fill: var(--accent); }
.cell.wrong { fill: var(--warm); } svg .count { fill: var(--ink); font-size: 14px; font-weight: 600; }
svg .long { font-size: 11.5px; } svg .part { font-size: 10.5px; }
svg .strong { fill: var(--card); } footer { color: var(--soft); font-size: .85rem; }
@media print {
  :root { color-scheme: light; --bg: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #ccc; --accent: #0b5cad;
    --accent-soft: #eee; --warm: #a83a0a; --good: #15703a; --grid: #ddd; --mid: #666; --shade: transparent; }
  body { font-size: 12px; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  main { max-width: none; padding: 0; } section { border: 0; padding: 8px 0; }
  section + section { border-top: 1px solid var(--line); border-radius: 0; }
  h2, h3, .keys { break-after: avoid; } figure, .cards, tr { break-inside: avoid; }
  .scroll { overflow: visible; background: none; } table { font-size: 8.5px; }
  th, td { white-space: normal; padding: 2px 4px; } th:first-child, td:first-child { position: static; }
  .cards { grid-template-columns: repeat(4, 1fr); } .plots { grid-template-columns: repeat(3, 1fr); }
  .traces { grid-template-columns: repeat(2, 1fr); } }
"""
