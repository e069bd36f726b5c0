/** Moves bytes to a GPU and back, part by part, while its host looks on; memory stays the same however many there are. */
import { createHash } from 'node:crypto';
import type { Attack } from '../../emulator/link/host/attacks.ts';
import type { Canary } from '../../emulator/link/host/leak-scan.ts';
import type { Metadata, SharedLeak } from '../../emulator/link/host/observation.ts';
import { systemClock, type World } from '../../emulator/world.ts';
import { Lane, type LaneOptions } from './lane.ts';
import type { Agreement } from './spdm-agreement.ts';
import { type StrikeResult, underAttack } from './strike.ts';

/** Bytes of a part: eight bounce buffers. */
export const PART_SIZE: number = 16 << 20;
/** Where in an attacked transfer the host strikes; smaller parts, for every message must be able to stand for another. */
const ATTACKED_PART = 1 << 20;

/** What is moved and how. */
export interface TransferOptions extends Omit<LaneOptions, 'memory' | 'host'> {
  /** Whether the host looks; without, the copies are as fast as they can be. */
  readonly watched: boolean;
  /** Bytes that there are. */
  readonly size: number;
  /** Fills `into` with the bytes from `at` on. */
  readonly read: (at: number, into: Uint8Array) => Promise<void>;
  /** Takes what came back, in order. */
  readonly write?: (bytes: Uint8Array) => Promise<void>;
  readonly attack?: Attack;
  /** Told after each part how many bytes are there and back. */
  readonly onProgress?: (done: number) => void;
  readonly signal?: AbortSignal;
}

/** What the host saw. */
export interface HostView {
  /** Bytes and writes by region and writer, over all sessions. */
  readonly written: Readonly<Record<string, { readonly bytes: number; readonly writes: number }>>;
  readonly doorbells: number;
  readonly messages: number;
  /** Lowest entropy of 4 KiB of a message, bits per byte; undefined where no message was that long. */
  readonly lowestEntropy?: number;
  /** Pieces of the file that were looked for in everything that the host saw, and how many of them the search finds in the file itself. */
  readonly searched: { readonly pieces: number; readonly foundInFile: number };
  readonly leaks: readonly SharedLeak[];
}

/** What became of a transfer. */
export interface TransferResult {
  readonly bytes: number;
  /** Bytes that came back as they were sent. */
  readonly same: number;
  readonly sha256: { readonly sent: string; readonly back: string };
  readonly engine: { readonly name: string; readonly library: string };
  /** Milliseconds that the copies took in each direction, with all the host's looking. */
  readonly milliseconds: { readonly toDevice: number; readonly fromDevice: number };
  readonly sessions: readonly Omit<Agreement, 'emk'>[];
  /** Left out when nobody looked. */
  readonly host?: HostView;
  readonly attack?: StrikeResult;
  readonly interrupted: boolean;
}

/** Moves the bytes. @throws {ConfigError} for an engine that can't be used @throws {LinkError} when the link fails without an attack */
export async function transfer(world: World, options: TransferOptions): Promise<TransferResult> {
  const partSize = options.attack ? Math.min(ATTACKED_PART, Math.max(1, options.size)) : PART_SIZE;
  const { engine, scheme, threaded, watched, attack } = options;
  const lane = await Lane.open(world, { engine, scheme, threaded, memory: 2 * PART_SIZE, host: attack ? 'collects' : watched ? 'looks' : 'blind' });
  try {
    return await new Move(lane, options, partSize).run();
  } finally {
    await lane.close();
  }
}

/** One transfer under way. */
class Move {
  readonly #lane: Lane;
  readonly #options: TransferOptions;
  readonly #partSize: number;
  readonly #clock = systemClock();
  readonly #digests = { sent: createHash('sha256'), back: createHash('sha256') };
  readonly #took = { toDevice: 0, fromDevice: 0 };
  readonly #leaks: SharedLeak[] = [];
  #pieces = 0;
  #found = 0;
  #same = 0;
  #done = 0;
  #strike: StrikeResult | undefined;

  constructor(lane: Lane, options: TransferOptions, partSize: number) {
    this.#lane = lane;
    this.#options = options;
    this.#partSize = partSize;
  }

  async run(): Promise<TransferResult> {
    const { size, read, write, attack, onProgress, signal } = this.#options;
    const [buffer, returned] = [new Uint8Array(this.#partSize), new Uint8Array(this.#partSize)];
    const strikeAt = this.#partSize * Math.floor(size / this.#partSize / 2);
    for (let at = 0; at < size && signal?.aborted !== true; at += this.#partSize) {
      const part = buffer.subarray(0, Math.min(this.#partSize, size - at));
      await read(at, part);
      if (this.#watched) this.#watch(part);
      if (attack && at === strikeAt) this.#strike = await underAttack(this.#lane, attack, part);
      const back = returned.subarray(0, part.length);
      await this.#move(part, back);
      this.#digests.sent.update(part);
      this.#digests.back.update(back);
      if (Buffer.compare(part, back) === 0) this.#same += part.length;
      this.#done += part.length;
      await write?.(back);
      if (this.#watched) this.#leaks.push(...this.#lane.host.seen.scan());
      await this.#lane.link.driver.tick();
      onProgress?.(this.#done);
    }
    return this.#result(signal?.aborted === true);
  }

  get #watched(): boolean {
    return this.#options.watched || this.#options.attack !== undefined;
  }

  async #move(part: Uint8Array, back: Uint8Array): Promise<void> {
    const began = this.#clock.now();
    await this.#lane.channel.copyToDevice(0, part);
    const arrived = this.#clock.now();
    await this.#lane.channel.copyFromDevice(0, back);
    this.#took.toDevice += arrived - began;
    this.#took.fromDevice += this.#clock.now() - arrived;
  }

  /** The host's memory is searched for pieces of this part from now on; that they are found in the part itself shows that the search can find them. */
  #watch(part: Uint8Array): void {
    const pieces = piecesOf(part, this.#done);
    this.#lane.watchFor(pieces);
    this.#pieces += pieces.length;
    this.#found += pieces.filter(({ bytes }) => Buffer.from(part.buffer, part.byteOffset, part.length).includes(Buffer.from(bytes))).length;
  }

  #result(interrupted: boolean): TransferResult {
    const { engine } = this.#lane.link;
    const hosts = this.#lane.hosts.map(({ seen }) => seen);
    const view = viewOf(hosts.map(({ metadata }) => metadata));
    const leaks = [...hosts.flatMap((seen) => seen.leaks), ...this.#leaks];
    return {
      bytes: this.#done,
      same: this.#same,
      sha256: { sent: this.#digests.sent.digest('hex'), back: this.#digests.back.digest('hex') },
      engine: { name: engine.name, library: engine.library },
      milliseconds: this.#took,
      sessions: this.#lane.agreements.map(({ emk: _, ...agreement }) => agreement),
      ...(this.#watched ? { host: { ...view, searched: { pieces: this.#pieces, foundInFile: this.#found }, leaks } } : {}),
      ...(this.#strike ? { attack: this.#strike } : {}),
      interrupted,
    };
  }
}

const PIECE = 32;
const PIECES = 4;
/** Fewer different bytes than this, and a piece may be where nobody put it: memory that was never written is full of zeros. */
const LEAST_DIFFERENT = 6;

/** Pieces of a part that cannot be anywhere by chance: 32 bytes from the middle of each quarter. */
function piecesOf(part: Uint8Array, at: number): Canary[] {
  return Array.from({ length: PIECES }, (_, i) => Math.floor(((i + 0.5) * part.length) / PIECES)).flatMap((from) => {
    const bytes = part.slice(from, from + PIECE);
    return bytes.length === PIECE && new Set(bytes).size >= LEAST_DIFFERENT ? [{ name: `bytes from ${at + from}`, bytes }] : [];
  });
}

function viewOf(sessions: readonly Metadata[]): Pick<HostView, 'written' | 'doorbells' | 'messages' | 'lowestEntropy'> {
  const written: Record<string, { bytes: number; writes: number }> = {};
  for (const [key, { bytes, writes }] of sessions.flatMap((session) => Object.entries(session.written))) {
    const sum = written[key] ?? { bytes: 0, writes: 0 };
    written[key] = { bytes: sum.bytes + bytes, writes: sum.writes + writes };
  }
  const sizes = sessions.flatMap(({ messageSizes }) => [...messageSizes]);
  return {
    written,
    doorbells: sessions.reduce((sum, { doorbells }) => sum + doorbells.launch + doorbells.command, 0),
    messages: sizes.reduce((sum, [, count]) => sum + count, 0),
    ...(sizes.some(([size]) => size >= 4096) ? { lowestEntropy: Math.min(...sessions.map(({ lowestEntropy }) => lowestEntropy)) } : {}),
  };
}
