/** The identity of a chip: which one of a World's millions it is, and the keys that AMD fused into it. */
import type { EcSigner } from '../../crypto/sign.ts';
import type { World } from '../../world.ts';
import type { Line } from './products.ts';
import { LINE_TABLE } from './products.ts';
import { TCB_COMPONENTS, type Tcb } from './tcb.ts';

/** What the hardware id of every emulated chip begins with: a genuine one never will. */
export const CHIP_MARKER: Uint8Array = Uint8Array.from(Buffer.from('TEEMU', 'ascii'));
/** Chips per line: what is left of Turin's 8 bytes after the marker. */
export const CHIPS_PER_LINE = 1 << 24;

/**
 * The hardware id of the n-th chip of a line: marker, number (3 bytes, big-endian), then bytes from the seed up to the line's length (8 or 64).
 * @param index 0 to 16,777,215
 */
export function hardwareId(world: World, line: Line, index = 0): Uint8Array {
  if (!Number.isInteger(index) || index < 0 || index >= CHIPS_PER_LINE) throw new RangeError(`a chip's number is 0 to ${CHIPS_PER_LINE - 1}, not ${index}`);
  const head = Uint8Array.of(...CHIP_MARKER, index >> 16, (index >> 8) & 0xff, index & 0xff);
  const rest = LINE_TABLE[line].hwidLength - head.length;
  return rest === 0 ? head : Uint8Array.of(...head, ...world.derive(`amd/chip/${line}/${index}`, rest));
}

/** CHIP_ID as a report states it: the hardware id, zero-padded to 64 bytes. */
export function chipId(hwid: Uint8Array): Uint8Array {
  const out = new Uint8Array(64);
  out.set(hwid);
  return out;
}

/** The TCB as a text that is the same for the same firmware. */
function tcbText(tcb: Tcb): string {
  return TCB_COMPONENTS.map((c) => tcb[c] ?? 0).join('.');
}

/** The VCEK of a chip at a TCB: another TCB, another key. @param hwid 8 or 64 bytes */
export function vcekKey(world: World, line: Line, hwid: Uint8Array, tcb: Tcb): EcSigner {
  return world.ecKey(`amd/vcek/${line}/${Buffer.from(hwid).toString('hex')}/${tcbText(tcb)}`, 'P-384');
}

/** The VLEK that AMD gave a cloud provider for a line and a TCB. */
export function vlekKey(world: World, line: Line, cspId: string, tcb: Tcb): EcSigner {
  return world.ecKey(`amd/vlek/${line}/${cspId}/${tcbText(tcb)}`, 'P-384');
}

/** The secret of a chip from which it derives guest keys (32 bytes). @param hwid 8 or 64 bytes */
export function chipSecret(world: World, line: Line, hwid: Uint8Array): Uint8Array {
  return world.derive(`amd/chip-secret/${line}/${Buffer.from(hwid).toString('hex')}`, 32);
}
