/** What the host sees of a link: every byte that was ever written to shared memory, and what it may learn from that by right. */
import { type Access, type RegionName, type SharedMemory, sharedRegions } from '../path/shared-memory.ts';
import { type Canary, entropy, findCanaries, type Leak } from './leak-scan.ts';

const BLOCK = 4096;

/** A canary in shared memory. */
export interface SharedLeak extends Leak {
  readonly region: RegionName | 'between regions';
  readonly by: Access['by'];
}

/** What the host may learn: sizes, directions, numbers of messages. Never what was copied. */
export interface Metadata {
  /** Bytes and writes by region and writer. */
  readonly written: Readonly<Record<string, { readonly bytes: number; readonly writes: number }>>;
  /** Doorbells that rang, and how often the driver looked. */
  readonly doorbells: { readonly launch: number; readonly command: number };
  readonly looks: number;
  /** Sizes of messages in bounce buffers, as often as each occurred. */
  readonly messageSizes: ReadonlyMap<number, number>;
  /** Lowest entropy of 4 KiB in bounce buffers; 8 when there were none. */
  readonly lowestEntropy: number;
}

/** Everything that the host saw of one link. */
export class Observation {
  readonly leaks: SharedLeak[] = [];
  readonly canaries: Canary[];
  readonly #views: SharedMemory[] = [];
  readonly #written: Record<string, { bytes: number; writes: number }> = {};
  readonly #sizes = new Map<number, number>();
  readonly #doorbells = { launch: 0, command: 0 };
  #looks = 0;
  #lowest = 8;

  constructor(canaries: readonly Canary[] = []) {
    this.canaries = [...canaries];
  }

  /** Looks at shared memory from now on, as one side writes it. */
  watch(view: SharedMemory): void {
    this.#views.push(view);
    view.watch((access) => {
      if (access.kind === 'write') this.#saw(view, access);
    });
  }

  doorbell(what: 'launch' | 'command'): void {
    this.#doorbells[what]++;
  }

  look(): void {
    this.#looks++;
  }

  /** What the host may learn. */
  get metadata(): Metadata {
    return { written: this.#written, doorbells: this.#doorbells, looks: this.#looks, messageSizes: this.#sizes, lowestEntropy: this.#lowest };
  }

  /** Searches all of shared memory as it is now, freed buffers and gaps between regions included. */
  scan(): SharedLeak[] {
    return [...new Set(this.#views.map(({ buffer }) => buffer))].flatMap((buffer) => {
      const view = this.#views.find((candidate) => candidate.buffer === buffer) as SharedMemory;
      return findCanaries(view.bytes, this.canaries).map((leak) => ({ ...leak, region: regionAt(view, leak.at), by: view.by }));
    });
  }

  #saw(view: SharedMemory, { at, length, by }: Access): void {
    const region = regionAt(view, at);
    const bytes = view.live(at, length);
    const key = `${by} ${region}`;
    const entry = this.#written[key] ?? { bytes: 0, writes: 0 };
    this.#written[key] = entry;
    entry.bytes += length;
    entry.writes++;
    for (const leak of findCanaries(bytes, this.canaries)) this.leaks.push({ ...leak, at: at + leak.at, region, by });
    if (region !== 'bounce') return;
    this.#sizes.set(length, (this.#sizes.get(length) ?? 0) + 1);
    for (let from = 0; from + BLOCK <= length; from += BLOCK) this.#lowest = Math.min(this.#lowest, entropy(bytes.subarray(from, from + BLOCK)));
  }
}

/** In which part an offset lies. */
export function regionAt({ slots }: SharedMemory, at: number): RegionName | 'between regions' {
  return sharedRegions(slots).find((region) => at >= region.at && at < region.at + region.length)?.name ?? 'between regions';
}
