/**
 * Which faults are injected when: rules in order, and one seeded die.
 *
 * Every rule that fires disturbs what the rules after it leave, so latency and an error can come together. The die is thrown once for each
 * request that a rule with a probability matches; its n-th throw depends on the World's secret, the die's seed and n only, so the same
 * requests in the same order meet the same faults again, in a private world too.
 */
import { z } from 'zod';
import { ConfigError, firstIssue } from '../../errors.ts';
import type { World } from '../../world.ts';
import { globMatches } from './glob.ts';
import type { Disturbance, FaultRow } from './row.ts';

/** Rules that can stand at once. */
export const MOST_RULES = 100;

/** When to inject which fault. */
export const FAULT_RULE = z.strictObject({
  match: z.string().min(1).max(1024).default('*').describe('what it disturbs, with * for any run of characters: a path (`/vcek/v1/*/crl`) when it begins with a slash, else an operation (`kds.crl`, `kds.*`)'),
  fault: z.string().min(1).max(64).describe('name of the fault'),
  parameters: z
    .record(z.string().max(64), z.union([z.number(), z.string().max(1024), z.boolean()]))
    .default({})
    .describe('parameters of the fault; each has a default'),
  after: z.number().int().min(0).max(1_000_000).default(0).describe('let so many requests that match pass first'),
  times: z.number().int().min(1).max(1_000_000).optional().describe('stop after so many; without it, never'),
  probability: z.number().min(0).max(1).default(1).describe('chance for each request that matches'),
});
/** A rule as somebody writes it. */
export type FaultRule = z.input<typeof FAULT_RULE>;

/** A rule at work. */
export interface ActiveRule extends z.output<typeof FAULT_RULE> {
  /** From 1, in order of arrival. */
  readonly id: number;
  /** Requests that matched, and how many of them were disturbed. */
  readonly matched: number;
  readonly injected: number;
}

/** A fault that hits one exchange. */
export interface Hit extends Disturbance {
  readonly name: string;
  readonly rule: number;
  /** Number of the die's throw that decided, from 1; undefined when nothing was left to chance. */
  readonly roll?: number;
}

interface Working {
  readonly rule: z.output<typeof FAULT_RULE>;
  readonly id: number;
  readonly row: FaultRow;
  readonly disturbance: Disturbance;
  matched: number;
  injected: number;
}

/** A die whose n-th throw is always the same. */
export class Die {
  readonly #world: World;
  readonly #seed: string;
  /** Throws so far. */
  rolls = 0;

  constructor(world: World, seed: string) {
    this.#world = world;
    this.#seed = seed;
  }

  /** A number in [0, 1). */
  roll(): number {
    const bytes = this.#world.derive(`services/die/${this.#seed}/${++this.rolls}`, 4);
    return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0) / 2 ** 32;
  }
}

/** The rules in force. */
export class FaultPlan {
  /** Every fault there is, by name. */
  readonly table: ReadonlyMap<string, FaultRow>;
  readonly die: Die;
  readonly #working: Working[] = [];
  #lastId = 0;

  /** @throws {RangeError} when two rows have one name */
  constructor(rows: readonly FaultRow[], die: Die) {
    this.table = new Map(rows.map((row) => [row.name, row]));
    if (this.table.size !== rows.length) throw new RangeError('two faults of one name');
    this.die = die;
  }

  /** Whether there is no rule at all. */
  get idle(): boolean {
    return this.#working.length === 0;
  }

  /**
   * Puts a rule behind the others.
   * @throws {ConfigError} for an unknown fault, a parameter that cannot be, or a rule too many
   */
  add(input: FaultRule): ActiveRule {
    const rule = checked(() => FAULT_RULE.parse(input), '');
    const row = this.table.get(rule.fault);
    if (!row) throw new ConfigError('fault', `'${rule.fault}' is none of ${[...this.table.keys()].join(', ')}`);
    if (this.#working.length >= MOST_RULES) throw new ConfigError('fault', `there are ${MOST_RULES} rules already`);
    const working: Working = { rule, id: ++this.#lastId, row, disturbance: checked(() => row.prepare(rule.parameters), 'parameters.'), matched: 0, injected: 0 };
    this.#working.push(working);
    return active(working);
  }

  /** The rules, in order, with what they did so far. */
  rules(): ActiveRule[] {
    return this.#working.map(active);
  }

  /** Takes a rule away. @returns whether there was one */
  remove(id: number): boolean {
    const at = this.#working.findIndex((w) => w.id === id);
    if (at >= 0) this.#working.splice(at, 1);
    return at >= 0;
  }

  /** Takes every rule away; the die goes on. */
  clear(): void {
    this.#working.length = 0;
  }

  /** Takes every rule away and begins again with rule 1 and the first throw. */
  reset(): void {
    this.clear();
    this.#lastId = 0;
    this.die.rolls = 0;
  }

  /** The faults that hit a request, in the order of their rules. @param path as the service sees it */
  hits(operation: string, path: string): Hit[] {
    const hits: Hit[] = [];
    for (const working of this.#working) {
      const { rule, row } = working;
      if (rule.times !== undefined && working.injected >= rule.times) continue;
      if (!globMatches(rule.match, rule.match.startsWith('/') ? path : operation)) continue;
      if (!row.on.some((pattern) => globMatches(pattern, operation))) continue;
      if (++working.matched <= rule.after) continue;
      const roll = rule.probability < 1 ? this.die.roll() : undefined;
      if (roll !== undefined && roll >= rule.probability) continue;
      working.injected++;
      hits.push({ name: rule.fault, rule: working.id, ...(roll === undefined ? {} : { roll: this.die.rolls }), disturb: (exchange) => working.disturbance.disturb(exchange) });
    }
    return hits;
  }
}

/** How `x-teemu-fault` names what hit a reply: `latency; rule=1, reset; rule=2; roll=7`. */
export function faultHeader(hits: readonly Hit[]): string {
  return hits.map(({ name, rule, roll }) => `${name}; rule=${rule}${roll === undefined ? '' : `; roll=${roll}`}`).join(', ');
}

function active({ rule, id, matched, injected }: Working): ActiveRule {
  return { ...rule, id, matched, injected };
}

function checked<T>(check: () => T, prefix: string): T {
  try {
    return check();
  } catch (cause) {
    if (!(cause instanceof z.ZodError)) throw cause;
    const { path, message } = firstIssue(cause);
    throw new ConfigError(`${prefix}${path || 'rule'}`, message, { cause });
  }
}
