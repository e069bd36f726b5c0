/** The map of fields: which bytes of the evidence the verdict depends on. */
import type { FieldResult, How, MutantResult, MutationScore, ScoredRun } from '../../score/result.ts';
import { type Markup, markup } from '../markup.ts';
import type { Matrix } from '../matrix.ts';
import { letterOf } from './overview.ts';

/** Bytes in a row of the strip, and the size of each. */
const PER_ROW = 64;
const BYTE = 10;
const ROW = 14;
/** Most rows of a strip: longer evidence is only told in the table. */
const MOST_ROWS = 256;

/** How many changes were noticed. */
interface Share {
  readonly noticed: number;
  readonly all: number;
}

/** One TEE's evidence, and each verifier's score on it; nothing where a run has none. */
export function fieldSection(runs: readonly ScoredRun[], { columns }: Matrix): Markup | undefined {
  const tees = [...new Set(runs.flatMap(({ scores = [] }) => scores.map(({ tee }) => tee)))];
  if (tees.length === 0) return undefined;
  return markup`<p>Each field of the evidence is changed, one at a time. <b>After signing</b>, the signature no longer fits: every change must be refused. <b>Signed again</b>, it is what a machine would say whose field holds that: whether it matters is for the relying party to say, and a field that no verdict depends on is one that nobody looks at.</p>
${tees.map((tee) =>
  teeMap(
    tee,
    runs,
    columns.map(({ title }) => title),
  ),
)}`;
}

function teeMap(tee: string, runs: readonly ScoredRun[], titles: readonly string[]): Markup {
  const scores = runs.map(({ scores = [] }) => scores.find((score) => score.tee === tee));
  const fields = uniqueFields(scores);
  return markup`<h3>${tee}</h3>
${scores.map((score, i) => score && strips(score, `${letterOf(i)} ${titles[i] ?? ''}`))}
<div class="scroll"><table class="fields">
<thead><tr><th scope="col">field</th>${scores.map((score, i) => score && markup`<th scope="col">${letterOf(i)} after signing</th><th scope="col">${letterOf(i)} signed again</th>`)}<th scope="col">offset</th><th scope="col">bytes</th></tr></thead>
<tbody>
${fields.map((field) => markup`<tr><th scope="row"><code>${field.path}</code> <small class="dim">${field.file}</small></th>${scores.map((score) => score && cells(score, field))}<td>0x${field.at.toString(16)}</td><td>${field.size}</td></tr>\n`)}</tbody>
</table></div>
`;
}

function uniqueFields(scores: readonly (MutationScore | undefined)[]): FieldResult[] {
  const all = scores.flatMap((score) => score?.fields ?? []);
  return [...new Map(all.map((field) => [keyOf(field), field])).values()];
}

const keyOf = ({ file, path }: FieldResult): string => `${file} ${path}`;

function cells(score: MutationScore, field: FieldResult): Markup {
  const own = score.fields.find((one) => keyOf(one) === keyOf(field));
  return markup`${own ? shareCell(own, 'after-signing') : markup`<td></td>`}${own ? shareCell(own, 're-signed') : markup`<td></td>`}`;
}

function shareCell({ mutants }: FieldResult, how: How): Markup {
  const { noticed, all } = shareOf(mutants, how);
  if (all === 0) return markup`<td class="dim">–</td>`;
  const accepted = mutants.filter((one) => one.how === how && one.verdict === 'accept');
  const broken = mutants.filter((one) => one.how === how && (one.verdict === 'crash' || one.verdict === 'hang'));
  // Signed again, acceptance is only a finding where the reference verifier, asked for the same, refuses.
  const missed = accepted.filter((one) => how === 'after-signing' || (one.reference !== undefined && one.reference !== 'accept'));
  const style = missed.length > 0 || broken.length > 0 ? 'o-fail' : noticed === all ? 'o-pass' : 'o-skip';
  const sign = style === 'o-fail' ? '✗' : noticed === all ? '●' : noticed === 0 ? '○' : '◐';
  return markup`<td class="${style}"><span aria-hidden="true">${sign}</span> ${noticed}/${all}${accepted.length > 0 && noticed > 0 ? markup` <small>accepts ${accepted.map(({ change }) => change).join(', ')}</small>` : undefined}${broken.length > 0 ? markup` <small>dies of ${broken.map(({ change }) => change).join(', ')}</small>` : undefined}</td>`;
}

/** How many of a field's changes were not accepted. */
export function shareOf(mutants: readonly MutantResult[], how: How): Share {
  const of = mutants.filter((one) => one.how === how);
  return { noticed: of.filter(({ verdict }) => verdict !== 'accept').length, all: of.length };
}

/** A verifier's sums, and its strips: one for each way of changing, each file's bytes in rows. */
function strips(score: MutationScore, title: string): Markup {
  const mutants = score.fields.flatMap((field) => field.mutants);
  const files = [...new Set(score.fields.map(({ file }) => file))];
  const sum = (how: How): string => {
    const { noticed, all } = shareOf(mutants, how);
    return `${noticed} of ${all}`;
  };
  return markup`<p><b>${title}</b> notices ${sum('after-signing')} changes after signing, and ${sum('re-signed')} that are signed again.${score.baseAccepted ? undefined : markup` <b class="o o-vacuous"><span aria-hidden="true">∅</span> It refuses the unchanged evidence too: this shows nothing.</b>`}</p>
<p class="dim">Filled: every change is noticed. Striped: some. Outlined: none, nobody looks at it. <code>${score.base}</code></p>
<div class="strips">${files.flatMap((file) => (['after-signing', 're-signed'] as const).map((how) => strip(score, file, how, title)))}</div>`;
}

function strip(score: MutationScore, file: string, how: How, title: string): Markup | undefined {
  const fields = ranges(score.fields.filter((field) => field.file === file && field.size > 0 && shareOf(field.mutants, how).all > 0));
  const end = Math.max(0, ...fields.map(({ at, size }) => at + size));
  const rows = Math.ceil(end / PER_ROW);
  if (rows === 0 || rows > MOST_ROWS) return undefined;
  const id = `stripes-${Buffer.from(`${title} ${file} ${how}`).toString('hex').slice(0, 200)}`;
  return markup`<figure><svg class="strip" viewBox="0 0 ${PER_ROW * BYTE} ${rows * ROW}" role="img" aria-label="Bytes of ${file}, changed ${how === 're-signed' ? 'and signed again' : 'after signing'}; the table below says the same">
<defs><pattern id="${id}" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="unbound" width="6" height="6"/><rect class="partly" width="3" height="6"/></pattern></defs>
${fields.flatMap((field) => pieces(field, how, id))}</svg><figcaption>${file}, ${PER_ROW} bytes a row: ${how === 're-signed' ? 'signed again' : 'after signing'}</figcaption></figure>
`;
}

/** Fields of the same bytes as one: bits of a number can't be drawn beside each other. */
function ranges(fields: readonly FieldResult[]): FieldResult[] {
  const merged = new Map<string, FieldResult>();
  for (const field of fields) {
    const key = `${field.at} ${field.size}`;
    const known = merged.get(key);
    merged.set(key, known ? { ...known, path: `${known.path}, ${field.path}`, mutants: [...known.mutants, ...field.mutants] } : field);
  }
  return [...merged.values()];
}

/** A field as rectangles, one for each row that it touches. */
function pieces(field: FieldResult, how: How, stripes: string): Markup[] {
  const { noticed, all } = shareOf(field.mutants, how);
  const first = Math.floor(field.at / PER_ROW);
  const last = Math.floor((field.at + Math.max(1, field.size) - 1) / PER_ROW);
  return Array.from({ length: last - first + 1 }, (_, i) => {
    const row = first + i;
    const from = Math.max(field.at, row * PER_ROW) - row * PER_ROW;
    const to = Math.min(field.at + field.size, (row + 1) * PER_ROW) - row * PER_ROW;
    const look = noticed === all ? markup`class="bound"` : noticed === 0 ? markup`class="unbound"` : markup`fill="url(#${stripes})"`;
    return markup`<rect ${look} x="${from * BYTE}" y="${row * ROW}" width="${(to - from) * BYTE}" height="${ROW - 2}"><title>${field.path}: ${noticed}/${all}</title></rect>\n`;
  });
}
