/** A machine of two vendors: a confidential VM of AMD SEV-SNP with NVIDIA GPUs in confidential mode, as Azure's NCCads_H100_v5; and its evidence, bound together. */
import { z } from 'zod';
import { type Bundle, type Json, makeBundle } from '../bundle.ts';
import { ConfigError, firstIssue } from '../errors.ts';
import { h100Evidence, type H100Edits, type H100Evidence } from '../h100/evidence/evidence.ts';
import { H100_OPTIONS, type H100OptionsInput } from '../h100/evidence/options.ts';
import { hexUpTo, words } from '../option-values.ts';
import { snpEvidence, type SnpEdits, type SnpEvidence } from '../snp/evidence/evidence.ts';
import { SNP_OPTIONS, type SnpOptionsInput } from '../snp/evidence/options.ts';
import type { World } from '../world.ts';
import { BINDINGS, CHALLENGE_SIZE, USUAL_BINDING } from './binding.ts';

/** Its CPUs are of AMD's Genoa line; its GPU is an H100 in PCIe form. */
const CPU = { product: 'genoa' } as const;
const GPU = { gpu: 'h100-pcie', count: 1 } as const;

/** Options of `teemu evidence ncc-h100-v5`: the challenge, and what may be said of each half. */
export const NCC_OPTIONS = z.strictObject({
  nonce: hexUpTo(CHALLENGE_SIZE).optional().describe('challenge of the relying party: up to 32 bytes in hexadecimal, filled up with zeros; unless given, one of the world’s own'),
  binding: z
    .enum(words(BINDINGS.keys()))
    .optional()
    .describe(`how the two are bound: ${[...BINDINGS.values()].map(({ name, doc }) => `${name} (${doc})`).join('; ')}`),
  ...H100_OPTIONS.pick({ gpu: true, driver: true, vbios: true, count: true, ccMode: true, mode: true, machine: true }).shape,
  ...SNP_OPTIONS.pick({ product: true, reportVersion: true, hostData: true, policy: true, vmpl: true, signer: true }).shape,
});

/** Options as a caller writes them. */
export type NccOptionsInput = z.input<typeof NCC_OPTIONS>;

/** Changes of either half, and of what binds them, to make evidence that such a machine would not give. */
export interface NccEdits {
  readonly snp?: SnpEdits;
  readonly gpu?: H100Edits;
  /** What the GPUs are asked with. */
  readonly gpuNonce?: (honest: Uint8Array) => Uint8Array;
  /** What the guest puts into its report. */
  readonly reportData?: (honest: Uint8Array) => Uint8Array;
}

/** The evidence of the machine, in parts. */
export interface NccEvidence {
  /** 32 bytes. */
  readonly challenge: Uint8Array;
  readonly snp: SnpEvidence;
  readonly gpu: H100Evidence;
  readonly bundle: Bundle;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/**
 * Makes the evidence of a machine: first the GPUs attest, then the guest, whose report data commits to what they said.
 * @throws {ConfigError} naming the option that cannot be
 */
export function nccEvidence(world: World, input: NccOptionsInput = {}, edits: NccEdits = {}): NccEvidence {
  const parsed = NCC_OPTIONS.safeParse(input);
  if (!parsed.success) {
    const { path, message } = firstIssue(parsed.error);
    throw new ConfigError(path || 'options', message);
  }
  const { nonce, binding: name } = parsed.data;
  const binding = (name === undefined ? undefined : BINDINGS.get(name)) ?? USUAL_BINDING;
  const challenge = nonce ?? world.derive('machine/challenge', CHALLENGE_SIZE);
  const { nonce: _, binding: __, ...rest } = input;
  const [snpInput, gpuInput] = [picked(rest, SNP_OPTIONS), picked(rest, H100_OPTIONS)];
  const gpuNonce = binding.gpuNonce(challenge);
  const gpu = h100Evidence(world, { ...GPU, ...(gpuInput as H100OptionsInput), nonce: hex(edits.gpuNonce?.(gpuNonce) ?? gpuNonce) }, edits.gpu);
  const reportData = binding.reportData(
    challenge,
    gpu.devices.map(({ report }) => report),
  );
  const snp = snpEvidence(world, { ...CPU, ...(snpInput as SnpOptionsInput), reportData: hex(edits.reportData?.(reportData) ?? reportData) }, edits.snp);
  return { challenge, snp, gpu, bundle: bundleOf(world, challenge, binding.name, snp.bundle, gpu.bundle) };
}

/** The RSA keys that a private world must have made. @throws {ConfigError} */
export function nccSnpOptions(options: NccOptionsInput): SnpOptionsInput {
  return { ...CPU, ...(picked(options, SNP_OPTIONS) as SnpOptionsInput) };
}

/** The options that a half knows. */
function picked(options: Readonly<Record<string, unknown>>, { shape }: z.ZodObject): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).filter(([name, value]) => value !== undefined && Object.hasOwn(shape, name)));
}

function bundleOf(world: World, challenge: Uint8Array, binding: string, snp: Bundle, gpu: Bundle): Bundle {
  const inFolder = (folder: string, { files }: Bundle): [string, Uint8Array][] => [...files].map(([name, contents]) => [`${folder}/${name}`, contents]);
  return makeBundle(
    { tee: 'ncc-h100-v5', verifyAt: Math.floor(world.now() / 1000), services: {}, nonce: hex(challenge), binding, snp: claimsOf(snp), gpu: claimsOf(gpu) },
    new Map([...inFolder('snp', snp), ...inFolder('gpu', gpu)]),
  );
}

/** What a half claims, without what the whole says for both. */
function claimsOf({ manifest: { files: _, services: __, emulated: ___, verifyAt: ____, ...claims } }: Bundle): Json {
  return claims;
}
