/** The registry of emulated TEEs: the one place that knows which there are. A new TEE is one folder and one row. */
import type { z } from 'zod';
import type { Bundle, ExportForm } from './bundle.ts';
import { ConfigError } from './errors.ts';
import { h100Evidence } from './h100/evidence/evidence.ts';
import { H100_EXPORTS } from './h100/evidence/exports.ts';
import { H100_OPTIONS, type H100OptionsInput } from './h100/evidence/options.ts';
import { NCC_OPTIONS, nccEvidence, type NccOptionsInput, nccSnpOptions } from './machine/ncc-h100-v5.ts';
import { snpEvidence, snpRsaLabels } from './snp/evidence/evidence.ts';
import { SNP_EXPORTS } from './snp/evidence/export/index.ts';
import { SNP_OPTIONS, type SnpOptionsInput } from './snp/evidence/options.ts';
import { tdxEvidence } from './tdx/evidence/evidence.ts';
import { TDX_EXPORTS } from './tdx/evidence/exports.ts';
import { TDX_OPTIONS, type TdxOptionsInput } from './tdx/evidence/options.ts';
import type { World } from './world.ts';

/** Everything that the command line, the control port and the library need to know of a TEE. */
export interface Tee {
  readonly name: string;
  readonly doc: string;
  /** What a caller may say; each member becomes an option, a JSON member, and a line of help. */
  readonly options: z.ZodObject;
  /** Labels of the RSA keys that a private world must have made for evidence with these options. @throws {ConfigError} */
  readonly rsaLabels: (options: unknown) => readonly string[];
  /** @throws {ConfigError} naming the option that cannot be @throws {CodecError} for a field that cannot be set so */
  readonly evidence: (world: World, options: unknown) => Bundle;
  /** Forms in which other tools read the evidence. */
  readonly exports: readonly ExportForm[];
}

const SNP: Tee = {
  name: 'snp',
  doc: 'AMD SEV-SNP: an attestation report with its certificates',
  options: SNP_OPTIONS,
  // The functions check what they are given themselves: these options come from a command line or from a request.
  rsaLabels: (options) => snpRsaLabels(options as SnpOptionsInput),
  evidence: (world, options) => snpEvidence(world, options as SnpOptionsInput).bundle,
  exports: SNP_EXPORTS,
};

const TDX: Tee = {
  name: 'tdx',
  doc: 'Intel TDX: a quote with its collateral and event log',
  options: TDX_OPTIONS,
  // All of Intel's keys are elliptic.
  rsaLabels: () => [],
  evidence: (world, options) => tdxEvidence(world, options as TdxOptionsInput).bundle,
  exports: TDX_EXPORTS,
};

const H100: Tee = {
  name: 'h100',
  doc: 'NVIDIA GPUs and NVSwitches: attestation reports with their certificates, manifests and OCSP responses',
  options: H100_OPTIONS,
  // All of NVIDIA's keys are elliptic.
  rsaLabels: () => [],
  evidence: (world, options) => h100Evidence(world, options as H100OptionsInput).bundle,
  exports: H100_EXPORTS,
};

const NCC_H100_V5: Tee = {
  name: 'ncc-h100-v5',
  doc: 'A confidential VM with GPUs: an SNP report and GPU evidence, bound to one another',
  options: NCC_OPTIONS,
  rsaLabels: (options) => snpRsaLabels(nccSnpOptions(options as NccOptionsInput)),
  evidence: (world, options) => nccEvidence(world, options as NccOptionsInput).bundle,
  exports: [],
};

/** Every emulated TEE, by name. */
export const TEES: ReadonlyMap<string, Tee> = new Map([SNP, TDX, H100, NCC_H100_V5].map((tee) => [tee.name, tee]));

/** @throws {ConfigError} naming the TEEs there are */
export function teeNamed(name: string): Tee {
  const tee = TEES.get(name);
  if (!tee) throw new ConfigError('tee', `'${name}' is none of ${[...TEES.keys()].join(', ')}`);
  return tee;
}
