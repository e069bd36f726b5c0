/** Accept windows: at which times a verifier accepts the same evidence, beside what is valid when. */
import { VERDICT_VERBS } from '../outcomes.ts';
import type { AcceptWindow, Edge, Flip, Probe, ScoredRun } from '../../score/result.ts';
import { type Markup, markup } from '../markup.ts';
import type { Matrix } from '../matrix.ts';
import { letterOf, timeText } from './overview.ts';

const WIDTH = 720;
const LEFT = 76;
const TRACK = 26;
const SECOND = 1000;

/** A drawing and a table for each verifier and piece of evidence. */
export function windowSection(runs: readonly ScoredRun[], { columns }: Matrix): Markup | undefined {
  const parts = runs.flatMap(({ windows = [] }, i) => windows.map((window) => one(window, `${letterOf(i)} ${columns[i]?.title ?? ''}`)));
  if (parts.length === 0) return undefined;
  return markup`<p>The clock is moved over every edge of what is valid when, a second before and after each; everything else stays. The distances are not to scale. Where the two tracks differ, one of the two verifiers is more lenient than the other.</p>\n${parts}`;
}

function one(window: AcceptWindow, title: string): Markup {
  const { tee, base, edges, probes, flips, referenceFlips } = window;
  return markup`<h3>${title}: ${tee}</h3>
<p class="dim"><code>${base}</code>, made at ${timeText(window.madeAt)}</p>
${drawing(window)}
<p>Its verdict changes ${flips.length === 0 ? 'nowhere' : markup`at: ${flips.map((flip, i) => markup`${i > 0 && '; '}${flipText(flip, edges)}`)}`}. That of teemu’s own ${referenceFlips.length === 0 ? 'nowhere' : markup`at: ${referenceFlips.map((flip, i) => markup`${i > 0 && '; '}${flipText(flip, edges)}`)}`}.</p>
<div class="scroll"><table class="sums">
<thead><tr><th scope="col">no.</th><th scope="col">edge</th><th scope="col">1 s before</th><th scope="col">at it</th><th scope="col">1 s after</th><th scope="col">what</th></tr></thead>
<tbody>
${edgeGroups(edges).map(({ at, names }, i) => markup`<tr><td>${i + 1}</td><th scope="row">${timeText(at)}</th>${[-SECOND, 0, SECOND].map((offset) => probeCell(probes.find((probe) => probe.at === at + offset)))}<td class="names">${names.map((name, n) => markup`${n > 0 && markup`<br/>`}${name}`)}</td></tr>\n`)}</tbody>
</table></div>
`;
}

function flipText({ at, from, to }: Flip, edges: readonly Edge[]): Markup {
  const near = edges.find((edge) => Math.abs(edge.at - at) <= SECOND);
  return markup`${timeText(at)} (${VERDICT_VERBS[from]} → ${VERDICT_VERBS[to]}${near && `, ${near.file} ${near.what}`})`;
}

/** Edges at the same time, once. */
function edgeGroups(edges: readonly Edge[]): { readonly at: number; readonly names: readonly string[] }[] {
  return [...new Set(edges.map(({ at }) => at))].toSorted((a, b) => a - b).map((at) => ({ at, names: [...new Set(edges.filter((edge) => edge.at === at).map(({ file, what }) => `${file}: ${what}`))] }));
}

function probeCell(probe: Probe | undefined): Markup {
  if (!probe) return markup`<td></td>`;
  const { verdict, reference } = probe;
  const accepts = verdict === 'accept';
  const differs = reference !== undefined && accepts !== (reference === 'accept');
  return markup`<td class="${differs ? 'o-fail' : accepts ? 'o-pass' : 'o-skip'}">${VERDICT_VERBS[verdict]}${differs ? markup` <small><span aria-hidden="true">✗</span> teemu ${VERDICT_VERBS[reference]}</small>` : undefined}</td>`;
}

/** Two tracks over the probes: what the verifier says, and what teemu's own does. */
function drawing({ probes, edges }: AcceptWindow): Markup | undefined {
  if (probes.length === 0) return undefined;
  const step = (WIDTH - LEFT) / probes.length;
  const tracks = [probes.map(({ verdict }) => verdict), probes.map(({ reference }) => reference)];
  const marks = edgeGroups(edges).flatMap(({ at }, i) => {
    const n = probes.findIndex((probe) => probe.at >= at);
    return n < 0 ? [] : [{ x: LEFT + (n + 0.5) * step, label: String(i + 1) }];
  });
  const height = 2 * TRACK + 26;
  return markup`<figure><div class="scroll"><svg class="plot track" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="Times of acceptance; the table below says the same">
${['verifier', 'teemu'].map((name, i) => markup`<text x="${LEFT - 6}" y="${i * TRACK + 16}" text-anchor="end">${name}</text>`)}
${tracks.map((track, i) => stretches(track).map(({ from, to, accepts }) => markup`<rect class="${accepts ? 'accepts' : 'refuses'}" x="${(LEFT + from * step).toFixed(1)}" y="${i * TRACK + 2}" width="${((to - from) * step).toFixed(1)}" height="${TRACK - 6}"/>${(to - from) * step > 52 ? markup`<text class="${accepts ? 'on' : ''}" x="${(LEFT + ((from + to) / 2) * step).toFixed(1)}" y="${i * TRACK + 16}" text-anchor="middle">${accepts ? 'accepts' : 'refuses'}</text>` : undefined}\n`))}
${marks.map(({ x, label }) => markup`<line class="grid" x1="${x.toFixed(1)}" x2="${x.toFixed(1)}" y1="0" y2="${2 * TRACK}"/><text x="${x.toFixed(1)}" y="${2 * TRACK + 14}" text-anchor="middle">${label}</text>`)}
</svg></div><figcaption>Edges by number, as in the table. Filled: accepts.</figcaption></figure>
`;
}

/** Runs of the same verdict; a time without one is left empty. */
function stretches(track: readonly (string | undefined)[]): { readonly from: number; readonly to: number; readonly accepts: boolean }[] {
  const found: { from: number; to: number; accepts: boolean }[] = [];
  track.forEach((verdict, i) => {
    if (verdict === undefined) return;
    const accepts = verdict === 'accept';
    const last = found.at(-1);
    if (last && last.to === i && last.accepts === accepts) last.to = i + 1;
    else found.push({ from: i, to: i + 1, accepts });
  });
  return found;
}
