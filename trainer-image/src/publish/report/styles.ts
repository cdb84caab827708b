/** The report's style sheet; colours follow the reader's light or dark preference. */

export const STYLES = `
:root {
  color-scheme: light dark;
  --page: #fbfaf8; --card: #ffffff; --ink: #1f2430; --muted: #6a7080; --line: #e4e2dd;
  --base: #b08d57; --tuned: #1f7a6d; --tuned-soft: #1f7a6d24; --good: #1f7a4d; --bad: #b3402f; --mark: #f6d9a8;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171c; --card: #1c2027; --ink: #e6e8ec; --muted: #98a0ae; --line: #2e343e;
    --base: #d3ad72; --tuned: #52c0ae; --tuned-soft: #52c0ae2b; --good: #5cc48d; --bad: #ee8371; --mark: #66501f;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.55 ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}
main { max-width: 1000px; margin: 0 auto; padding: 40px 24px 64px; }
header { margin-bottom: 28px; }
.overline { margin: 0 0 4px; color: var(--muted); font-size: 14px; }
h1 { margin: 0 0 12px; font-size: 32px; line-height: 1.2; letter-spacing: -0.01em; overflow-wrap: anywhere; }
h2 { margin: 52px 0 14px; font-size: 21px; letter-spacing: -0.005em; }
h3 { margin: 26px 0 10px; font-size: 16px; }
p { margin: 0 0 12px; max-width: 70ch; }
.lead { font-size: 19px; line-height: 1.45; margin: 0; }
.note { color: var(--muted); font-size: 14px; }
.verdict {
  display: inline-block; margin-bottom: 14px; padding: 3px 12px; border-radius: 999px;
  border: 1px solid currentColor; font-size: 14px; font-weight: 600;
}
.good { color: var(--good); } .bad { color: var(--bad); } .plain { color: var(--muted); }
.figures {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 1px; overflow: hidden;
  margin: 26px 0 0; border: 1px solid var(--line); border-radius: 10px; background: var(--card);
}
.figures div { box-shadow: 0 0 0 1px var(--line); padding: 14px 16px; }
.figures dt { color: var(--muted); font-size: 13px; }
.figures dd { margin: 2px 0 0; font-size: 23px; font-weight: 600; font-variant-numeric: tabular-nums; white-space: nowrap; }
.figures small { display: block; color: var(--muted); font-size: 13px; font-weight: 400; white-space: normal; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 18px 20px; }
figure { margin: 0; }
figcaption { margin-bottom: 8px; font-size: 14px; }
figcaption b { font-weight: 600; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; color: var(--muted); font-size: 14px; }
.legend span::before {
  content: ""; display: inline-block; width: 14px; height: 4px; border-radius: 2px; margin-right: 7px;
  vertical-align: middle; background: var(--key);
}
.chart-row { display: grid; grid-template-columns: repeat(auto-fit, minmax(260px, 1fr)); gap: 14px; margin-top: 14px; }
figure.wide { overflow-x: auto; } figure.wide svg { min-width: 560px; }
figure svg { display: block; width: 100%; height: auto; overflow: visible; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
th, td { padding: 8px 14px 8px 0; text-align: left; border-top: 1px solid var(--line); vertical-align: middle; }
tr > :last-child { padding-right: 0; }
thead th { border-top: 0; color: var(--muted); font-size: 13px; font-weight: 500; padding-top: 0; white-space: nowrap; }
tbody th { font-weight: 500; overflow-wrap: anywhere; min-width: 110px; }
td.number, th.number { text-align: right; white-space: nowrap; }
td.bars { width: 36%; min-width: 150px; }
.bar { display: block; height: 9px; border-radius: 0 3px 3px 0; background: var(--key); }
.bar + .bar { margin-top: 3px; }
.track { display: block; border-left: 1px solid var(--muted); background: linear-gradient(var(--line), var(--line)) 0 50% / 100% 1px no-repeat; }
.base { --key: var(--base); } .tuned { --key: var(--tuned); }
.example { margin-bottom: 16px; }
.example header { display: flex; flex-wrap: wrap; gap: 4px 16px; margin: 0 0 10px; color: var(--muted); font-size: 14px; }
.example dl { display: grid; grid-template-columns: 90px 1fr; gap: 8px 14px; margin: 0; align-items: baseline; }
.example dt { color: var(--muted); font-size: 14px; }
.example dd { margin: 0; min-width: 0; }
.text {
  margin: 0; max-width: none; white-space: pre-wrap; overflow-wrap: anywhere; max-height: 16em; overflow-y: auto;
  font: 14px/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
.text.answer { padding-left: 10px; border-left: 3px solid var(--key); }
.empty { color: var(--muted); font-style: italic; }
mark { background: var(--mark); color: inherit; border-radius: 3px; }
details { margin-top: 14px; } summary { cursor: pointer; color: var(--muted); font-size: 14px; }
details pre { overflow-x: auto; font: 13px/1.5 ui-monospace, Menlo, Consolas, monospace; }
footer { margin-top: 60px; padding-top: 18px; border-top: 1px solid var(--line); font-size: 14px; }
footer h2 { margin-top: 0; }
footer dl { display: grid; grid-template-columns: 130px 1fr; gap: 5px 16px; margin: 0; }
footer dt { color: var(--muted); } footer dd { margin: 0; overflow-wrap: anywhere; }
code { font: 0.92em ui-monospace, Menlo, Consolas, monospace; }
@media (max-width: 560px) {
  main { padding: 24px 16px 48px; } h1 { font-size: 26px; } td.bars, th.bars { display: none; } tbody th { min-width: 84px; } thead th { white-space: normal; } th, td { padding-right: 9px; }
  .example dl, footer dl { grid-template-columns: 1fr; gap: 2px; } .example dd, footer dd { margin-bottom: 8px; }
}
@media print { body { background: none; } .card, .figures { break-inside: avoid; } .text { max-height: none; } }
`
