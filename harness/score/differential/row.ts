/** A minimum as a row of the corpus, ready to be pasted, in the words that its rows are written in. */
import { CodecError } from '../../../emulator/errors.ts';
import type { Subject } from '../../../vectors/subject.ts';
import { builtinVerdict } from '../../run/builtin.ts';
import { VERDICT_VERBS } from '../../report/outcomes.ts';
import { visible } from '../../report/markup.ts';
import { formOf, type Leaf } from './forms.ts';
import type { Minimum } from './minimise.ts';
import { type Bits, joined, type Unit } from './units.ts';

/**
 * The row. What it expects is what teemu's own verifier makes of it; where rows have no words for the change, comments say what it is.
 * @param titles of the verifiers, in the order in which they were asked
 */
export function rowOf(minimum: Minimum, titles: readonly string[]): string {
  const { id, tee, verdicts } = minimum;
  const verdict = builtinVerdict(minimum.subject);
  const slug = `${id.split('/').slice(2).join('-')}-smallest`;
  const why = titles.map((title, i) => `${visible(title)} ${VERDICT_VERBS[verdicts[i] ?? 'skip']} it`).join(', ');
  const changes = changesOf(minimum);
  const comments = [`// The smallest edit of ${visible(id)} about which verifiers disagree: ${why}. The machine, and what is asked for, are that case's.`, ...describe(minimum).map((line) => `// ${line}`)];
  if (!changes) return [...comments, `// Turning bits over does not make it: the row of ${visible(id)} is the smallest.`].join('\n');
  const expected = verdict.accepted ? undefined : { stage: verdict.stage, reason: verdict.reason };
  const name = literal(`${tee}/${id.split('/')[1] ?? 'differential'}/${slug}`);
  if (tee === 'tdx') {
    const change = `{ ${changes.join(', ')} }`;
    const row = expected
      ? `refused(${name}, [${literal(expected.stage)}, ${literal(expected.reason)}], 'high', 'differential', ${literal(`${why}.`)}, ${change}),`
      : `accepted(${name}, 'high', 'differential', ${literal(`${why}.`)}, ${change}),`;
    return [...comments, row].join('\n');
  }
  const expectation = expected ? `expect: 'must-reject', stage: ${literal(expected.stage)}, reason: ${literal(expected.reason)}` : `expect: 'must-accept'`;
  return [...comments, `{ id: ${name}, ${expectation}, severity: 'high', ref: 'differential', why: ${literal(`${why}.`)}${changes.map((change) => `, ${change}`).join('')} },`].join('\n');
}

/** What the edit is, in words, one line for each piece. */
export function describe({ units, signing, twin }: Minimum): string[] {
  const field = (unit: Bits): string => nameOf(unit, twin.bundle.files.get(unit.file)).replace(/ byte \d+/, '');
  return [...joined(units, field).map((unit) => lineOf(unit, twin)), ...(signing && units.some((unit) => unit.kind === 'bits' && unit.file === signing.form.file) ? ['signed again afterwards'] : [])];
}

function lineOf(unit: Unit, twin: Subject): string {
  switch (unit.kind) {
    case 'bits': {
      const before = twin.bundle.files.get(unit.file)?.slice(unit.at, unit.at + unit.mask.length) ?? new Uint8Array();
      return `${unit.file} at 0x${unit.at.toString(16)}${nameOf(unit, twin.bundle.files.get(unit.file))}: ${hex(before)} → ${hex(before.map((byte, i) => byte ^ (unit.mask[i] ?? 0)))}`;
    }
    case 'file':
    case 'root':
      return `${unit.kind === 'root' ? 'the root ' : ''}${visible(unit.name)}: ${unit.to === undefined ? 'left out' : `another one, ${unit.to.length} bytes`}`;
    case 'request':
      return `asked for: ${visible(unit.name)} = ${unit.to === undefined ? 'nothing' : visible(JSON.stringify(unit.to))}`;
    case 'now':
      return `looked at ${(unit.to - twin.now) / 1000} s later`;
    case 'services':
      return `services: ${visible(JSON.stringify(unit.to))}`;
  }
}

/** Most bytes that a row turns over one after the other. */
const MOST_FLIPS = 16;
/** The longest value that is written out. */
const LONGEST = 32;

function hex(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.subarray(0, LONGEST)).toString('hex');
  return bytes.length > LONGEST ? `${text}…` : text;
}

function nameOf(unit: Bits, src: Uint8Array | undefined): string {
  const leaf = src && leafOf(unit, src);
  return leaf ? ` (${leaf.part === undefined ? '' : `${leaf.part}.`}${leaf.path}${unit.at === leaf.at ? '' : ` byte ${unit.at - leaf.at}`})` : '';
}

function leafOf({ file, at }: Bits, src: Uint8Array): Leaf | undefined {
  try {
    return formOf(file)
      ?.leaves(src)
      .find((leaf) => at >= leaf.at && at < leaf.at + leaf.size);
  } catch (error) {
    if (error instanceof CodecError) return undefined;
    throw error;
  }
}

/** The members of the row that make the change, `after` for bits of the evidence and `later` for the clock; undefined where that can't say it. */
function changesOf({ units, signing, twin, tee }: Minimum): string[] | undefined {
  if (units.some(({ kind }) => kind !== 'bits' && kind !== 'now')) return undefined;
  const bits = joined(
    units.filter((unit) => unit.kind === 'bits'),
    ({ file, at }) => `${file} ${at}`,
  ).filter((unit) => unit.kind === 'bits');
  const later = units.flatMap((unit) => (unit.kind === 'now' ? [`later: ${unit.to - twin.now}`] : []));
  const places = bits.map((unit) => ({ unit, leaf: leafOf(unit, twin.bundle.files.get(unit.file) ?? new Uint8Array()) }));
  if (bits.length === 0) return later;
  if (places.some(({ leaf, unit }) => leaf === undefined || formOf(unit.file)?.tee !== tee)) return undefined;
  const flips = places.flatMap(({ unit, leaf }) => (leaf ? [...unit.mask].flatMap((mask, i) => (mask === 0 ? [] : [flip(tee, leaf, unit.at + i - leaf.at, mask)])) : []));
  if (flips.length > MOST_FLIPS) return undefined;
  const change = flips.slice(1).reduce((done, one) => (tee === 'tdx' ? `(quote) => ${one}((${done})(quote))` : `both(${done}, ${one})`), flips[0] ?? '');
  const sign = tee === 'tdx' ? 'resigned' : 'signedAfter';
  return [`after: ${signing ? `${sign}(${change})` : change}`, ...later];
}

function flip(tee: string, { part, path }: Leaf, byte: number, mask: number): string {
  const place = tee === 'tdx' ? `[${literal(part ?? '')}, ${literal(path)}]` : literal(path);
  return `${tee === 'tdx' ? 'flipped' : 'flip'}(${place}, ${byte}, 0x${mask.toString(16)})`;
}

/** A string of TypeScript. */
function literal(text: string): string {
  return `'${visible(text).replace(/[\\']/g, (c) => `\\${c}`)}'`;
}
