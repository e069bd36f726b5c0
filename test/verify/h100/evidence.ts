/** NVIDIA evidence for tests of the verifier: a good one by default, and any edit of it, before or after it is signed. */
import { type H100Edits, h100Evidence } from '../../../emulator/h100/evidence/evidence.ts';
import type { H100OptionsInput } from '../../../emulator/h100/evidence/options.ts';
import { nvidiaAuthorityOf } from '../../../emulator/h100/pki/authority.ts';
import { fixedClock, seededWorld } from '../../../emulator/world.ts';
import { type H100Expectations, H100Trust, type PresentedDevice, type PresentedH100, type RimKind } from '../../../harness/verify/index.ts';

/** When everything here happens. */
export const NOW = Date.UTC(2026, 5, 15, 12);
export const DAY = 86_400_000;
export const world = seededWorld('H100 verifier tests', fixedClock(NOW));
export const authority = nvidiaAuthorityOf(world);
export const ROOTS = [authority.root('device').der, authority.root('rim').der];
/** Keeps what is good, so that each test costs what is bad in it. */
export const TRUST = new H100Trust(ROOTS, { keep: 256 });
/** What a relying party wants besides the roots. */
export type Wishes = Omit<H100Expectations, 'trust'>;

/** Parts of evidence, in memory. */
export interface Presented extends PresentedH100 {
  readonly evidence: readonly PresentedDevice[];
  /** By id. */
  readonly rims: ReadonlyMap<string, Uint8Array>;
  /** DER, by name of the file. */
  readonly answers: ReadonlyMap<string, Uint8Array>;
}

/** What is changed of good evidence; nothing by default. */
export interface Edits extends H100Edits {
  /** Last: the parts as they are presented. */
  readonly presented?: (evidence: Presented) => Partial<Presented>;
}

const ARCHITECTURE = { GH100: 'HOPPER', GB100: 'BLACKWELL', GB202: 'BLACKWELL', LS10: 'LS10' } as const;

/** Evidence of a machine, with edits. */
export function evidence(machine: H100OptionsInput = {}, { presented, ...edits }: Edits = {}): Presented {
  const made = h100Evidence(world, machine, edits);
  const rims = new Map([...made.rims].map(([id, { xml }]) => [id, xml] as const));
  const parts: Presented = {
    evidence: made.devices.map(({ architecture, certificates, report }) => ({
      architecture: ARCHITECTURE[architecture],
      certificateChain: Buffer.from(certificates.map(({ pem }) => pem).join('')),
      report,
      nonce: Buffer.from(made.nonce).toString('hex'),
    })),
    rims,
    rim: (_: RimKind, id: string) => rims.get(id),
    answers: made.ocsp,
    ocsp: [...made.ocsp.values()],
  };
  return presented ? { ...parts, ...presented(parts) } : parts;
}

/** An edit of what is presented about the first device. */
export const device = (change: (device: PresentedDevice) => Partial<PresentedDevice>): Edits => ({
  presented: ({ evidence: [first, ...others] }) => ({ evidence: first ? [{ ...first, ...change(first) }, ...others] : [] }),
});
