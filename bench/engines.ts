/** AES-256-GCM of whole bounce buffers, beside the library's own measure of itself and beside copying them. Per CPU second of this process. */
import { spawnSync } from 'node:child_process';
import { TeemuError } from '../emulator/errors.ts';
import { chooseEngine, ENGINES, engineTitle } from '../emulator/link/engine/choose.ts';
import type { GcmEngine } from '../emulator/link/engine/engine.ts';
import { compareWith, type Ratio, type Speed, type Task } from './ratio.ts';

/** Bytes of a bounce buffer. */
export const SLOT = 2 * 1024 * 1024;

/** What each engine is held to, one way and there and through: parts of what `openssl speed` does, and of half of that. */
const GOALS: Readonly<Record<string, readonly [oneWay: number, endToEnd: number]>> = { node: [0.55, 0.5], native: [0.95, 0.9] };

/** Buffers of 2 MiB that `openssl speed` encrypts in a CPU second. @throws {Error} without openssl */
export function opensslSpeed(): number {
  const { status, stdout } = spawnSync('openssl', ['speed', '-seconds', '1', '-bytes', String(SLOT), '-evp', 'aes-256-gcm'], { encoding: 'utf8' });
  const kilobytes = /^AES-256-GCM\s+([\d.]+)k/im.exec(stdout)?.[1];
  if (status !== 0 || kilobytes === undefined) throw new Error('openssl speed did not run');
  return (Number(kilobytes) * 1000) / SLOT;
}

/** What `openssl` says it is: its name and version. */
export function opensslVersion(): string {
  return spawnSync('openssl', ['version'], { encoding: 'utf8' }).stdout.split(' ').slice(0, 2).join(' ');
}

/** The engines that can be used here, and what is said of the others. */
export function usableEngines(): { readonly engines: readonly GcmEngine[]; readonly notes: readonly string[] } {
  const engines: GcmEngine[] = [];
  const notes: string[] = [];
  for (const name of ENGINES.keys()) {
    try {
      engines.push(chooseEngine(name));
    } catch (error) {
      if (!(error instanceof TeemuError)) throw error;
      notes.push(`not measured: ${error.message}`);
    }
  }
  return { engines, notes };
}

/** One way, and there and back, in memory of one's own as `openssl speed` does it; and through a slot that the host can write, where nothing is read twice. */
function tasksOf(engine: GcmEngine): Task[] {
  const [guest, gpu, sealed] = [new Uint8Array(SLOT).fill(0x5a), new Uint8Array(SLOT), new Uint8Array(SLOT)];
  const [slot, tag] = [new Uint8Array(new SharedArrayBuffer(SLOT)), new Uint8Array(new SharedArrayBuffer(16))];
  const [key, aad] = [engine.key(new Uint8Array(32).fill(1)), new Uint8Array(0)];
  const iv = new Uint8Array(12);
  const next = new DataView(iv.buffer);
  const seal = (to: Uint8Array): void => {
    next.setUint32(0, next.getUint32(0) + 1);
    engine.seal(key, iv, aad, guest, to, tag);
  };
  const through = (between: Uint8Array): void => {
    seal(between);
    if (!engine.open(key, iv, aad, between, tag, gpu)) throw new Error('a tag is wrong');
  };
  return [
    { name: `${engine.name}: encrypt`, run: () => seal(sealed) },
    { name: `${engine.name}: encrypt, verify, decrypt`, run: () => through(sealed) },
    { name: `${engine.name}: encrypt into a slot, verify, decrypt`, run: () => through(slot) },
  ];
}

/** Runs the comparison. */
export async function engines(): Promise<{ speeds: readonly Speed[]; ratios: readonly Ratio[]; notes: readonly string[] }> {
  const usable = usableEngines();
  const [from, to] = [new Uint8Array(SLOT), new Uint8Array(SLOT)];
  const copy = { name: 'memcpy', run: () => to.set(from) };
  const library = 'openssl speed';
  const measured = await compareWith([...usable.engines.flatMap(tasksOf), copy], [{ name: library, measure: opensslSpeed }]);
  const of = (name: string): number => measured.find((s) => s.name === name)?.perSecond ?? Number.NaN;
  const ratios = usable.engines.flatMap((engine): Ratio[] => {
    const [oneWay, endToEnd] = GOALS[engine.name] ?? [0, 0];
    const title = engineTitle(engine);
    return [
      { name: `${title}: encrypting 2 MiB, to openssl speed (${opensslVersion()})`, goal: oneWay, value: of(`${engine.name}: encrypt`) / of(library) },
      { name: `${title}: encrypting, verifying and decrypting 2 MiB, to half of openssl speed`, goal: endToEnd, value: (2 * of(`${engine.name}: encrypt, verify, decrypt`)) / of(library) },
      { name: `${title}: the same through a slot that the host can write, as the link does it`, goal: endToEnd, value: (2 * of(`${engine.name}: encrypt into a slot, verify, decrypt`)) / of(library) },
    ];
  });
  const copying = usable.engines.map((engine) => `${engineTitle(engine)}: encrypting costs ${(of('memcpy') / of(`${engine.name}: encrypt`)).toFixed(1)} times what copying costs`);
  const speeds = measured.map((s) => ({ ...s, name: `2 MiB, ${s.name}` }));
  return { speeds, ratios, notes: [...copying, ...usable.notes] };
}
