/** Manifests of a world made for tests: a driver's, a VBIOS's and a switch's, with values that say where they came from. */
import { createHash } from 'node:crypto';
import { nvidiaAuthorityOf } from '../../../emulator/h100/pki/authority.ts';
import { RIM_SLOTS, type RimContents } from '../../../emulator/h100/rim/contents.ts';
import type { RimSigner } from '../../../emulator/h100/rim/write.ts';
import { fixedClock, seededWorld } from '../../../emulator/world.ts';

export const NOW = Date.UTC(2026, 2, 1, 12);
export const world = seededWorld('manifests', fixedClock(NOW));

type Kind = 'driver' | 'vbios' | 'switch';

function contents(kind: Kind, head: Omit<RimContents, 'measurements' | 'firmwareManufacturerId' | 'product'>, active: (index: number) => boolean): RimContents {
  const value = (index: number, alternative: number): Uint8Array => new Uint8Array(createHash('sha384').update(`${kind} ${index} ${alternative}`).digest());
  return {
    ...head,
    product: head.model,
    firmwareManufacturerId: '5703',
    measurements: Array.from({ length: RIM_SLOTS }, (_, index) => ({
      index,
      name: `${active(index) && index % 3 === 1 ? 'HashedMeasurement' : 'Measurement'}_${index}`,
      active: active(index),
      alternatives: active(index) ? Array.from({ length: 1 + (index % 4) }, (__, i) => value(index, i)) : [new Uint8Array(48)],
    })),
  };
}

/** What each manifest says. */
export const MANIFESTS: Readonly<Record<Kind, RimContents>> = {
  driver: contents('driver', { id: 'NV_GPU_DRIVER_GH100_550.90.07', edition: 'GPU', model: 'GH100', version: '550.90.07' }, (i) => i === 7 || (i >= 21 && i <= 40)),
  vbios: contents('vbios', { id: 'NV_GPU_VBIOS_1010_0200_882_96009F0001', edition: 'GPU', model: 'GH100', version: '96.00.9F.00.01' }, (i) => i <= 12 && i !== 7),
  switch: contents('switch', { id: 'NV_SWITCH_BIOS_5612_0002_890_9610550001', edition: 'SWITCH', model: 'LS10', version: '96.10.55.00.01' }, (i) => i <= 30),
};
export const KINDS: readonly Kind[] = ['driver', 'vbios', 'switch'];

/** Who signs it. */
export function signerOf(kind: Kind): RimSigner {
  return nvidiaAuthorityOf(world).rimSigner(kind, kind === 'switch' ? 'LS10' : 'GH100');
}
