package reportpage

// style is the style sheet, in its element. The colours of what became of mail are the
// same in plots, legends and print.
const style = `<style>
:root { --ground: #fff; --text: #1b1f24; --faint: #5b6570; --line: #d5dae0;
  --accepted: #3b7bb5; --marked: #d99a1c; --deferred: #8a929b; --refused: #b8392c; }
@media (prefers-color-scheme: dark) { :root { --ground: #14171a; --text: #e4e8ec; --faint: #9aa4ae; --line: #343b42;
  --accepted: #64a3dc; --marked: #e3b34d; --deferred: #8f99a3; --refused: #e2695b; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; background: var(--ground); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.4rem; line-height: 1.25; margin: .5rem 0; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; border-top: 1px solid var(--line); padding-top: 1rem; }
p { margin: .5rem 0; }
.faint { color: var(--faint); }
.wide { overflow-x: auto; }
:focus-visible { outline: 3px solid var(--accepted); outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .2rem .6rem .2rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-weight: 600; font-size: .9rem; color: var(--faint); }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.key { overflow-wrap: anywhere; min-width: 8rem; }
.when { min-width: 7rem; }
.ref { font-family: ui-monospace, monospace; font-size: .9rem; }
.reason td { border-bottom: 0; color: var(--faint); font-size: .9rem; padding-top: 0; }
.reason td:first-child { padding-left: 1.2rem; }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--faint); font: 12px system-ui, sans-serif; }
svg .axis { stroke: var(--line); }
svg .limit { stroke: var(--text); stroke-dasharray: 4 3; }
svg .limit-name { fill: var(--text); }
.accepted { fill: var(--accepted); } .marked { fill: var(--marked); }
.deferred { fill: var(--deferred); } .refused { fill: var(--refused); }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; list-style: none; margin: .3rem 0; padding: 0; font-size: .9rem; }
.legend svg { display: inline-block; width: .8rem; height: .8rem; margin-right: .4rem; }
@media (max-width: 40rem) { svg text { font-size: 22px; } }
@media print {
  :root { --ground: #fff; --text: #000; --faint: #444; --line: #bbb; --accepted: #3b7bb5; --marked: #d99a1c; --deferred: #8a929b; --refused: #b8392c; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  svg, tr { break-inside: avoid; } h2 { break-after: avoid; }
  .accepted, .marked, .deferred, .refused { print-color-adjust: exact; }
}
</style>
`
