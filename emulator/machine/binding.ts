/**
 * How the evidence of a guest and that of its GPUs are bound to one another. There is no one standard: each row is a scheme in use, and a relying
 * party must know which one its guests follow, for nothing in the evidence says so.
 *
 * Source of the GPU's nonce: attestation-rs 0.4.0, which makes it of the challenge and a label. No cloud publishes what report data commits to in a
 * confidential VM with GPUs: that of the scheme `evidence` is assumed.
 */
import { createHash } from 'node:crypto';

/** Bytes of a challenge, and of a GPU's nonce. */
export const CHALLENGE_SIZE = 32;
const LABEL = Buffer.from('NVIDIA-GPU-EAT-v1', 'ascii');

/** One scheme. */
export interface Binding {
  readonly name: string;
  readonly doc: string;
  /** What the guest's GPUs are asked with. @param challenge 32 bytes @returns 32 bytes */
  readonly gpuNonce: (challenge: Uint8Array) => Uint8Array;
  /** What the guest puts into its report. @param challenge 32 bytes @param gpuReports as signed, in the order of the evidence @returns 64 bytes */
  readonly reportData: (challenge: Uint8Array, gpuReports: readonly Uint8Array[]) => Uint8Array;
}

const sha256 = (...parts: readonly Uint8Array[]): Uint8Array => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
};
const labelled = (challenge: Uint8Array): Uint8Array => sha256(challenge, LABEL);

const EVIDENCE: Binding = {
  name: 'evidence',
  doc: 'the report data is the challenge and a digest of the GPUs’ reports, which are for a nonce made from the challenge: neither can be exchanged',
  gpuNonce: labelled,
  reportData: (challenge, gpuReports) => Uint8Array.of(...challenge, ...sha256(...gpuReports.map((report) => sha256(report)))),
};
const NONCE: Binding = {
  name: 'nonce',
  doc: 'both are for one challenge, and no more: two machines that were asked with it can’t be told from one',
  gpuNonce: labelled,
  reportData: (challenge) => Uint8Array.of(...challenge, ...new Uint8Array(CHALLENGE_SIZE)),
};

/** Every scheme, by name; the first is the usual one. */
export const BINDINGS: ReadonlyMap<string, Binding> = new Map([EVIDENCE, NONCE].map((binding) => [binding.name, binding]));

/** The scheme unless somebody says otherwise. */
export const USUAL_BINDING: Binding = EVIDENCE;
