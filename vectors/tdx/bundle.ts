/** The bundle of a TDX case: what a verifier looks at, without what the measurements could be computed again from. */
import { type Bundle, makeBundle } from '../../emulator/bundle.ts';
import type { Files } from '../model.ts';

const NOT_EVIDENCE = ['tdvf.fd', 'vmlinuz', 'initrd.img'];
const LOG = 'ccel.bin';
/** Fill of a log's area that is kept behind the last event: enough to see that there is some. */
const FILL_KEPT = 16;

/**
 * The same evidence with its files changed. The area of the event log, 64 KiB of which nearly all is fill, is cut short first.
 * @param change last of all
 */
export function tdxBundle({ manifest, files }: Bundle, change: (files: Files) => Files = (same) => same): Bundle {
  const { launch: _, files: __, emulated: ___, ...claims } = manifest;
  const kept = [...files].filter(([name]) => !NOT_EVIDENCE.includes(name)).map(([name, contents]) => [name, name === LOG ? withoutFill(contents) : contents] as const);
  return makeBundle({ ...claims, tee: manifest.tee, verifyAt: manifest.verifyAt, services: manifest.services }, change(new Map(kept)));
}

function withoutFill(area: Uint8Array): Uint8Array {
  const last = area.findLastIndex((byte) => byte !== 0xff);
  return area.slice(0, Math.min(area.length, last + 1 + FILL_KEPT));
}
