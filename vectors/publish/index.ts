/** The index of published ids: what each has meant since it was first published, and always will. */
import { z } from 'zod';
import { ConfigError, TeemuError } from '../../emulator/errors.ts';
import type { CaseInfo } from '../subject.ts';
import { FORMAT } from './format.ts';

const MEANING = z.strictObject({ expect: z.enum(['must-reject', 'must-accept']), stage: z.string().optional(), reason: z.string().optional() });
const INDEX = z.strictObject({
  teemuVectors: z.literal(FORMAT),
  cases: z.record(z.string(), MEANING).describe('by id: the verdict, where it is noticed, and why'),
  retired: z.record(z.string(), z.string()).describe('ids that are not published any more, and why; nothing else ever gets them'),
});

export type VectorsIndex = z.infer<typeof INDEX>;
type Meaning = z.infer<typeof MEANING>;

/** An index of nothing. */
export const EMPTY_INDEX: VectorsIndex = { teemuVectors: FORMAT, cases: {}, retired: {} };

/** Reads an index. @param where how messages name it @throws {TeemuError} ERR_FILE */
export function readIndex(text: string, where: string): VectorsIndex {
  try {
    return INDEX.parse(JSON.parse(text));
  } catch (cause) {
    throw new TeemuError('ERR_FILE', `${where}: is no index of vectors`, { cause });
  }
}

/** What may never change about a case. */
function meaningOf({ expect, stage, reason }: CaseInfo): Meaning {
  return { expect, ...(stage === undefined ? {} : { stage }), ...(reason === undefined ? {} : { reason }) };
}

function same(a: Meaning, b: Meaning): boolean {
  return a.expect === b.expect && a.stage === b.stage && a.reason === b.reason;
}

/** Cases that mean something else than the index says, or whose id is retired: one sentence each. */
export function changedMeanings({ cases, retired }: VectorsIndex, infos: readonly CaseInfo[]): readonly string[] {
  return infos.flatMap((info) => {
    const known = Object.hasOwn(cases, info.id) ? cases[info.id] : undefined;
    if (Object.hasOwn(retired, info.id)) return [`${info.id} is retired: ${retired[info.id]}`];
    if (!known || same(known, meaningOf(info))) return [];
    return [`${info.id} was ${JSON.stringify(known)}, and would be ${JSON.stringify(meaningOf(info))}`];
  });
}

/** Ids of the index that have no case any more. */
export function missingCases({ cases, retired }: VectorsIndex, infos: readonly CaseInfo[]): readonly string[] {
  const there = new Set(infos.map(({ id }) => id));
  return Object.keys(cases).filter((id) => !there.has(id) && !Object.hasOwn(retired, id));
}

/** The index with more cases. @throws {ConfigError} when one of them means something else than it did: it needs an id of its own */
export function extendedIndex(index: VectorsIndex, infos: readonly CaseInfo[]): VectorsIndex {
  const [changed] = changedMeanings(index, infos);
  if (changed !== undefined) throw new ConfigError('index', `an id never changes its meaning: ${changed}`);
  const all = { ...index.cases, ...Object.fromEntries(infos.map((info) => [info.id, meaningOf(info)])) };
  return { ...index, cases: Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1))) };
}

/** An index as text: one line an id. */
export function indexText({ cases, retired }: VectorsIndex): string {
  const lines = (record: Readonly<Record<string, unknown>>): string =>
    Object.entries(record)
      .map(([id, value]) => `${JSON.stringify(id)}:${JSON.stringify(value)}`)
      .join(',\n');
  return `{\n"teemuVectors":${FORMAT},\n"cases":{\n${lines(cases)}\n},\n"retired":{${lines(retired)}}\n}\n`;
}
