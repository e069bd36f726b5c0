/** The accept window: over which times a verifier accepts the same evidence. */
import { LATEST_TIME } from '../../../emulator/world.ts';
import type { Subject } from '../../../vectors/subject.ts';
import type { Adapter } from '../../run/adapter.ts';
import { builtinAdapter } from '../../run/builtin.ts';
import type { VerdictWord } from '../../run/result.ts';
import { type Asking, askAll } from '../ask.ts';
import type { AcceptWindow, Edge, Flip, Probe } from '../result.ts';
import { edgesOf } from './edges.ts';

const SECOND = 1000;
const DAY = 86_400 * SECOND;
/** Rounds of halving that any two times need to come within a second of each other. */
const MOST_ROUNDS = 40;

/** Evidence, and how it is called in reports. */
export interface WindowBase {
  readonly tee: string;
  readonly name: string;
  readonly subject: Subject;
}

/**
 * Moves the clock over everything that begins or ends to be valid in the evidence, a second before and after each edge, and looks for the second at
 * which the verdict changes wherever it changes in between.
 * @throws {AdapterError} when the verifier can't be started, or can't be asked any more
 */
export async function acceptWindow({ tee, name, subject }: WindowBase, adapter: Adapter, asking: Omit<Asking, 'base'>): Promise<AcceptWindow> {
  const edges = edgesOf(subject.bundle);
  const times = probeTimes(edges, subject.now);
  const { onResult: _, ...quietly } = asking;
  const verdicts = await sweep(adapter, { tee, subject, times, asking });
  const reference = await sweep(builtinAdapter(), { tee, subject, times, asking: quietly });
  const all = [...new Set([...verdicts.keys(), ...reference.keys()])].toSorted((a, b) => a - b);
  const probes = all.flatMap((at): Probe[] => {
    const [verdict, own] = [verdicts.get(at), reference.get(at)];
    return verdict === undefined ? [] : [{ at, verdict, ...(own === undefined ? {} : { reference: own }) }];
  });
  return { tee, base: name, madeAt: subject.now, edges, probes, flips: flipsOf(verdicts), referenceFlips: flipsOf(reference) };
}

/** Times that are looked at in any case: around every edge, between every two, and beyond the first and the last. */
export function probeTimes(edges: readonly Edge[], now: number): number[] {
  const at = [...new Set(edges.map((edge) => edge.at))].toSorted((a, b) => a - b);
  const [first = now, last = now] = [at[0], at.at(-1)];
  const between = at.slice(1).map((time, i) => wholeSecond((time + (at[i] ?? time)) / 2));
  const times = [now, first - DAY, last + DAY, ...between, ...at.flatMap((time) => [time - SECOND, time, time + SECOND])];
  return [...new Set(times.map(wholeSecond))].filter((time) => time >= 0 && time < LATEST_TIME).toSorted((a, b) => a - b);
}

const wholeSecond = (at: number): number => Math.floor(at / SECOND) * SECOND;

interface Sweep {
  readonly tee: string;
  readonly subject: Subject;
  readonly times: readonly number[];
  readonly asking: Omit<Asking, 'base'>;
}

/** Verdicts by time, in order of time: at the times given, and at those that halving comes to. */
async function sweep(adapter: Adapter, { tee, subject, times, asking }: Sweep): Promise<Map<number, VerdictWord>> {
  let known = new Map<number, VerdictWord>();
  for (let round = 0, ask = times; ask.length > 0 && round < MOST_ROUNDS; round++, ask = between(known)) {
    const questions = ask.map((at) => ({ id: `${tee}/window/${at / SECOND}`, tee, subject: { ...subject, now: at } }));
    const { answers } = await askAll(adapter, questions, { ...asking, base: subject });
    const more = ask.flatMap((at): [number, VerdictWord][] => {
      const answer = answers.get(`${tee}/window/${at / SECOND}`);
      return answer ? [[at, answer.verdict]] : [];
    });
    // Interrupted: what is known so far is what there is.
    if (more.length === 0) break;
    known = new Map([...known, ...more].toSorted(([a], [b]) => a - b));
  }
  return known;
}

/** Halfway between every two neighbours that differ and are more than a second apart. */
export function between(known: ReadonlyMap<number, VerdictWord>): number[] {
  return neighbours(known).flatMap(([[before, was], [after, is]]) => (was !== is && after - before > SECOND ? [wholeSecond((before + after) / 2)] : []));
}

/** Where the verdict is another than a moment before. */
export function flipsOf(known: ReadonlyMap<number, VerdictWord>): Flip[] {
  return neighbours(known).flatMap(([[, from], [at, to]]) => (from === to ? [] : [{ at, from, to }]));
}

function neighbours(known: ReadonlyMap<number, VerdictWord>): [[number, VerdictWord], [number, VerdictWord]][] {
  const entries = [...known];
  return entries.slice(1).map((entry, i) => [entries[i] ?? entry, entry]);
}
