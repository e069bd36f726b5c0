/** Files that are signed, and what it takes to change a field of one and sign it again: with the emulator's keys, which a corpus knows. */
import type { Layout } from '../../../emulator/codec/layout.ts';
import type { Row } from '../../../emulator/codec/rows.ts';
import type { EcSigner } from '../../../emulator/crypto/sign.ts';
import { TeemuError } from '../../../emulator/errors.ts';
import { DEFAULT_CSP_ID } from '../../../emulator/snp/authority.ts';
import { vcekKey, vlekKey } from '../../../emulator/snp/platform/chip.ts';
import { LINE_TABLE, type Line } from '../../../emulator/snp/platform/products.ts';
import { decodeReport, reportLayoutOf, SIGNED_SIZE, signReport } from '../../../emulator/snp/report.ts';
import { intelAuthorityOf } from '../../../emulator/tdx/authority.ts';
import { quotingPlatform } from '../../../emulator/tdx/platform/hardware.ts';
import { PCK_CAS, tdxPlatform } from '../../../emulator/tdx/platform/platform.ts';
import { mapQuote } from '../../../emulator/tdx/quote/quote.ts';
import { SIGNATURE_HEAD } from '../../../emulator/tdx/quote/tables.ts';
import { QuotingEnclave } from '../../../emulator/tdx/quoting/quoting-enclave.ts';
import { STATUS_TABLE, type TcbStatus } from '../../../emulator/tdx/tcb/status.ts';
import { caseWorld, type Setting } from '../../../vectors/case-world.ts';
import type { Subject } from '../../../vectors/subject.ts';

/** A field without fields of its own; bits of a number are one field. */
export interface Leaf {
  /** The table's name, where a file has several: `body` of a quote. */
  readonly part?: string;
  readonly path: string;
  readonly at: number;
  readonly size: number;
}

/** A kind of signed file. */
export interface SignedForm {
  readonly tee: string;
  readonly file: string;
  /** @throws {CodecError} for bytes that have no fields */
  readonly leaves: (src: Uint8Array) => readonly Leaf[];
  /** Where the signature stands. @throws {CodecError} */
  readonly signature: (src: Uint8Array) => { readonly at: number; readonly size: number };
  /** The same with a signature over what it says now. @param good the file of the good twin: what is signed lies as in it */
  readonly resign: (src: Uint8Array, good: Uint8Array, key: EcSigner) => Uint8Array;
  /** The key that signed good evidence of a setting. @throws {TeemuError} where the evidence does not say enough */
  readonly key: (good: Subject, setting: Setting) => EcSigner | undefined;
}

const SNP: SignedForm = {
  tee: 'snp',
  file: 'report.bin',
  leaves: (src) => leavesOf(reportLayoutOf(src), 0),
  signature: (src) => ({ at: SIGNED_SIZE, size: src.length - SIGNED_SIZE }),
  resign: (src, _, key) => signReport(src, key),
  key: ({ bundle: { manifest, files } }, setting) => {
    const report = files.get('report.bin');
    const line = manifest.line;
    if (!report || typeof line !== 'string' || !Object.hasOwn(LINE_TABLE, line)) return undefined;
    const known = line as Line;
    const { chipId, reportedTcb } = decodeReport(report, 'keep');
    const { fmc, bootLoader, tee, snp, microcode } = reportedTcb;
    const tcb = { bootLoader, tee, snp, microcode, ...(fmc === undefined ? {} : { fmc }) };
    const world = caseWorld(setting);
    return manifest.signer === 'vlek' ? vlekKey(world, known, DEFAULT_CSP_ID, tcb) : vcekKey(world, known, chipId.slice(0, LINE_TABLE[known].hwidLength), tcb);
  },
};

const TDX: SignedForm = {
  tee: 'tdx',
  file: 'quote.bin',
  leaves: (src) => mapQuote(src).parts.flatMap(({ name, layout, at }) => leavesOf(layout, at).map((leaf) => ({ ...leaf, part: name }))),
  signature: (src) => {
    const { at, size } = SIGNATURE_HEAD.locate('signature');
    return { at: mapQuote(src).signatureData.at + at, size };
  },
  resign: (src, good, key) => {
    const copy = src.slice();
    copy.set(key.sign(copy.subarray(0, mapQuote(good).signed.size)), TDX.signature(good).at);
    return copy;
  },
  key: ({ bundle: { manifest } }, setting) => {
    const { platform, pckCa, tcbStatus } = manifest;
    const ca = PCK_CAS.find((one) => one === pckCa);
    if (typeof platform !== 'string' || typeof tcbStatus !== 'string' || !Object.hasOwn(STATUS_TABLE, tcbStatus) || !ca) return undefined;
    const world = caseWorld(setting);
    return new QuotingEnclave(world, quotingPlatform(intelAuthorityOf(world), tdxPlatform(platform, { status: tcbStatus as TcbStatus, ca }))).attestationKey;
  },
};

const FORMS: readonly SignedForm[] = [SNP, TDX];

/** The form of a file of evidence, if it is known. */
export function formOf(file: string): SignedForm | undefined {
  return FORMS.find((form) => form.file === file);
}

/** A form with the key that signs it. */
export interface Signing {
  readonly form: SignedForm;
  readonly key: EcSigner;
  readonly good: Uint8Array;
}

/**
 * How a case's evidence was signed again after its change; undefined where it was not, or with a key that is not the twin's. Signatures of a corpus
 * are deterministic, so that making one again shows whose it is.
 */
export function signingOf(subject: Subject, twin: Subject, setting: Setting): Signing | undefined {
  for (const form of FORMS) {
    const changed = subject.bundle.files.get(form.file);
    const good = twin.bundle.files.get(form.file);
    if (!changed || !good || changed.length !== good.length || sameBytes(changed, good)) continue;
    const key = attempt(() => form.key(twin, setting));
    const again = (src: Uint8Array): boolean => key !== undefined && attempt(() => sameBytes(form.resign(src, good, key), src)) === true;
    if (key && again(good) && again(changed)) return { form, key, good };
  }
  return undefined;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.from(a.buffer, a.byteOffset, a.length).equals(b);
}

/** Evidence that does not say enough has no key. */
function attempt<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    if (error instanceof TeemuError || error instanceof RangeError) return undefined;
    throw error;
  }
}

function leavesOf(layout: Layout, base: number, prefix = ''): Leaf[] {
  return Object.entries(layout.rows as Readonly<Record<string, Row>>).flatMap(([name, row]) => leavesOfRow(row, base + row.at, prefix + name));
}

function leavesOfRow(row: Row, at: number, path: string): Leaf[] {
  if (row.kind === 'struct') return leavesOf(row.layout as unknown as Layout, at, `${path}.`);
  if (row.kind === 'array') return Array.from({ length: row.count }, (_, i) => leavesOfRow(row.item, at + i * row.item.size, `${path}.${i}`)).flat();
  return [{ path, at, size: row.size }];
}
