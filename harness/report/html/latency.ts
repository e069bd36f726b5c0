/** How long answers took: their cumulative distribution, and its usual points. */
import type { ScoredRun } from '../../score/result.ts';
import { type Markup, markup } from '../markup.ts';
import type { Matrix } from '../matrix.ts';
import { letterOf } from './overview.ts';

const WIDTH = 640;
const HEIGHT = 260;
const LEFT = 56;
const RIGHT = 30;
const TOP = 12;
const BOTTOM = 36;
/** Kinds of lines, told apart without colour. */
const DASHES = ['', '8 4', '2 3', '10 3 2 3', '1 5'];
/** Points on one line; more can't be seen. */
const MOST_POINTS = 200;
const LEAST_MS = 0.001;

/** The distribution of the times of all answers, those about good twins among them. */
export function latencySection(runs: readonly ScoredRun[], { columns }: Matrix): Markup | undefined {
  const times = runs.map(({ results }) =>
    results
      .flatMap(({ answer, twin }) => [answer.wallMs, ...(twin ? [twin.wallMs] : [])])
      .map((ms) => Math.max(ms, LEAST_MS))
      .toSorted((a, b) => a - b),
  );
  const all = times.flat();
  if (all.length === 0) return undefined;
  const low = Math.floor(Math.log10(all.reduce((a, b) => Math.min(a, b))));
  const high = Math.max(low + 1, Math.ceil(Math.log10(all.reduce((a, b) => Math.max(a, b)))));
  const x = (ms: number): number => LEFT + ((Math.log10(ms) - low) / (high - low)) * (WIDTH - LEFT - RIGHT);
  const y = (share: number): number => TOP + (1 - share) * (HEIGHT - TOP - BOTTOM);
  return markup`<figure><div class="scroll"><svg class="plot" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="Share of answers by the time they took; the table below says the same">
${Array.from({ length: high - low + 1 }, (_, i) => tick(x(10 ** (low + i)), msText(10 ** (low + i))))}
${[0, 0.5, 0.9, 1].map((share) => markup`<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(share).toFixed(1)}" y2="${y(share).toFixed(1)}"/><text x="${LEFT - 6}" y="${(y(share) + 4).toFixed(1)}" text-anchor="end">${Math.round(share * 100)}%</text>\n`)}
${times.map((sorted, i) => line(sorted, i, x, y))}</svg></div>
<figcaption>Share of answers that came within a time (logarithmic), from question to answer as the harness sees it.</figcaption></figure>
<div class="scroll"><table class="sums">
<thead><tr><th scope="col">verifier</th>${['answers', 'p50', 'p90', 'p99', 'longest'].map((name) => markup`<th scope="col">${name}</th>`)}</tr></thead>
<tbody>
${times.map((sorted, i) => markup`<tr><th scope="row"><span class="letter">${letterOf(i)}</span> ${columns[i]?.title}</th><td>${sorted.length}</td>${[0.5, 0.9, 0.99, 1].map((share) => markup`<td>${msText(quantile(sorted, share))}</td>`)}</tr>\n`)}</tbody>
</table></div>
`;
}

function tick(x: number, label: string): Markup {
  return markup`<line class="grid" x1="${x.toFixed(1)}" x2="${x.toFixed(1)}" y1="${TOP}" y2="${HEIGHT - BOTTOM}"/><text x="${x.toFixed(1)}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${label}</text>\n`;
}

function line(sorted: readonly number[], i: number, x: (ms: number) => number, y: (share: number) => number): Markup | undefined {
  if (sorted.length === 0) return undefined;
  const step = Math.max(1, Math.ceil(sorted.length / MOST_POINTS));
  const kept = sorted.map((ms, n) => ({ ms, share: (n + 1) / sorted.length })).filter((_, n) => n % step === 0 || n === sorted.length - 1);
  const path = kept.map(({ ms, share }, n) => (n === 0 ? `M${x(ms).toFixed(1)} ${y(0).toFixed(1)}V${y(share).toFixed(1)}` : `H${x(ms).toFixed(1)}V${y(share).toFixed(1)}`)).join('');
  // The letter stands beside the middle of the line; letters of lines that lie close are at different heights.
  const height = 0.5 + 0.12 * ((i % 5) - 2);
  return markup`<path class="line line-${i % 5}" d="${path}" stroke-dasharray="${DASHES[i % DASHES.length] ?? ''}"/><text class="mark" x="${(x(quantile(sorted, height)) + 5).toFixed(1)}" y="${(y(height) + 4).toFixed(1)}">${letterOf(i)}</text>\n`;
}

/** The value that a share of all do not exceed. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
}

function msText(ms: number): string {
  return ms >= 1000 ? `${Number((ms / 1000).toPrecision(3))} s` : ms >= 1 ? `${Number(ms.toPrecision(3))} ms` : `${Number((ms * 1000).toPrecision(3))} µs`;
}
