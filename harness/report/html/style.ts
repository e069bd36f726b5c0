/** The page's look: a telephone's width first, light and dark, and nothing that only a colour says. */
export const STYLE = `:root{color-scheme:light dark;--bg:#fff;--fg:#1a1c20;--dim:#5b626e;--line:#d5d9e0;--card:#f6f7f9;--good:#e3f4e6;--good-fg:#0b5a24;--bad:#fde4e3;--bad-fg:#8f1410;--warn:#fdf1d3;--warn-fg:#6b4a00;--none:#eceef2;--link:#0a4fb4;--s0:#1f5fbf;--s1:#b3410e;--s2:#14733a;--s3:#7a3ea8;--s4:#5b626e}
@media (prefers-color-scheme:dark){:root{--bg:#14161a;--fg:#e7e9ee;--dim:#9aa3b2;--line:#363b45;--card:#1d2026;--good:#143321;--good-fg:#8fe0a8;--bad:#451b1b;--bad-fg:#ffb4ae;--warn:#3d3115;--warn-fg:#f3d58b;--none:#2a2e36;--link:#8ab8ff;--s0:#7fb0ff;--s1:#ff9f6b;--s2:#6fd695;--s3:#cf9cf5;--s4:#a8b0bd}}
*{box-sizing:border-box}
html{scroll-padding-top:.5rem}
body{margin:0 auto;max-width:78rem;padding:.75rem;background:var(--bg);color:var(--fg);font:1rem/1.45 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.35rem;margin:.25rem 0}h2{font-size:1.2rem;margin:2rem 0 .5rem;border-bottom:2px solid var(--line);padding-bottom:.2rem}h3{font-size:1rem;margin:1.2rem 0 .4rem}
a{color:var(--link)}nav a{display:inline-block;padding:.35rem .6rem .35rem 0}
code,pre,.slug{font-family:ui-monospace,monospace;font-size:.9em}
pre{white-space:pre-wrap;background:var(--card);border-left:3px solid var(--line);margin:.3rem 0;padding:.35rem .6rem;max-height:20rem;overflow:auto}
small{font-size:.82em}.dim{color:var(--dim)}.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.js{display:none}.scripted .js{display:block}.scripted .filters.js{display:flex}[hidden]{display:none!important}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,20rem),1fr));gap:.75rem}
.card{border:1px solid var(--line);border-radius:.5rem;background:var(--card);padding:.6rem .8rem}.card h3,.card p{margin:.2rem 0}
.letter{display:inline-block;min-width:1.5em;text-align:center;border:1px solid currentcolor;border-radius:.3em;font-weight:700;font-size:.85em}.letter:empty{display:none}
.bar{display:block;width:100%;height:.6rem;margin:.4rem 0;border-radius:.2rem}
.legend{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,20rem),1fr));gap:.35rem;margin:0}.legend div{display:flex;gap:.5rem}.legend dd{margin:0;color:var(--dim)}.legend dt{flex:none;align-self:start}
.o{display:inline-block;border-radius:.3em;padding:0 .4em}
.o-pass{background:var(--good);color:var(--good-fg)}.o-fail,.o-xpass{background:var(--bad);color:var(--bad-fg);font-weight:700}.o-error,.o-vacuous{background:var(--warn);color:var(--warn-fg)}.o-xfail,.o-skip{background:var(--none);color:var(--fg)}
.o-pass a,.o-fail a,.o-xpass a,.o-error a,.o-vacuous a,.o-xfail a,.o-skip a{color:inherit}
.f-pass{fill:var(--good-fg)}.f-fail,.f-xpass{fill:var(--bad-fg)}.f-error,.f-vacuous{fill:var(--warn-fg)}.f-xfail,.f-skip{fill:var(--dim)}
.filters{flex-wrap:wrap;gap:.5rem .75rem;align-items:end;background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:.6rem .8rem;margin:.5rem 0}
.filters label{display:flex;flex-direction:column;font-size:.85rem;color:var(--dim)}.filters input,.filters select,.filters button{font:inherit;padding:.35rem .5rem;border:1px solid var(--line);border-radius:.3rem;background:var(--bg);color:var(--fg);max-width:100%}
.scroll{overflow-x:auto}
table{border-collapse:collapse}th,td{border:1px solid var(--line);padding:.3rem .5rem;text-align:left;vertical-align:top;font-weight:inherit}thead th{background:var(--card);font-weight:600}
.sums,.stages{margin:.4rem 0}.sums td,.stages td{white-space:nowrap}.sums th,.fields thead th{overflow-wrap:normal}.strips{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));gap:0 1.5rem}.fields th code{white-space:nowrap}.fields th small{display:block}.sums td.names{white-space:normal;overflow-wrap:anywhere;min-width:12rem}
.matrix{width:100%}.matrix td{white-space:nowrap}.matrix thead th+th{width:9rem}.matrix th[scope=row]{min-width:14rem}.why{display:block;color:var(--dim);white-space:normal}
summary{cursor:pointer;padding:.3rem 0}
.sev{font-size:.75em;border:1px solid var(--line);border-radius:.3em;padding:0 .35em;white-space:nowrap}.sev-critical{border-color:currentcolor;font-weight:700}.sev-high{font-weight:700}
.finding{border:1px solid var(--line);border-left-width:5px;border-radius:.4rem;padding:.4rem .8rem;margin:.6rem 0}.finding h3,.finding p{margin:.25rem 0}.finding:target{outline:3px solid var(--link)}.finding ul{padding-left:1.1rem;margin:.3rem 0}
.sev-line-critical{border-left-color:var(--bad-fg)}.sev-line-high{border-left-color:var(--warn-fg)}
.changes{padding-left:1.1rem}
figure{margin:.5rem 0}figcaption{color:var(--dim);font-size:.9em}
svg text{fill:var(--fg);font:12px system-ui,sans-serif}svg .mark{font-weight:700}.grid{stroke:var(--line)}
.plot{display:block;width:100%;min-width:22rem;max-width:52rem;height:auto}
.line{fill:none;stroke-width:2}.line-0{stroke:var(--s0)}.line-1{stroke:var(--s1)}.line-2{stroke:var(--s2)}.line-3{stroke:var(--s3)}.line-4{stroke:var(--s4)}
.strip{display:block;width:100%;max-width:52rem;height:auto;margin:.4rem 0}.strip rect,.track rect{stroke:var(--bg);stroke-width:.6}
.bound{fill:var(--good-fg)}.partly{fill:var(--warn-fg)}.unbound{fill:var(--bg);stroke:var(--bad-fg)!important;stroke-width:1!important}.unsigned{fill:var(--none)}
.accepts{fill:var(--good-fg)}.refuses{fill:var(--none);stroke:var(--dim)!important}.track text.on{fill:var(--bg)}
footer{margin-top:2rem;color:var(--dim);font-size:.85em}
@media (max-width:44rem){.plot text{font-size:19px}.sums th,.sums td,.fields th,.fields td{padding:.25rem .35rem}.wide{display:none}.matrix,.matrix tbody{display:block}.matrix thead{display:none}.matrix tr{display:flex;flex-wrap:wrap;margin-bottom:.5rem;border:1px solid var(--line)}.matrix th[scope=row]{flex:0 0 100%;border-width:0 0 1px}.matrix td{flex:1 1 auto;border-width:0 1px 0 0;width:auto}.matrix td[data-col]:not([data-col=""])::before{content:attr(data-col) " ";font-weight:700}.matrix td:last-child{border-right:0}}
@media print{.js,nav{display:none!important}details{display:block}pre{max-height:none}}
`;
