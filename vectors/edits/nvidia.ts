/** Changes of NVIDIA's reports, certificates, manifests and OCSP responses, for rows of cases. */
import type { EcSigner } from '../../emulator/crypto/sign.ts';
import { CURVES } from '../../emulator/crypto/sign.ts';
import type { H100Edits } from '../../emulator/h100/evidence/evidence.ts';
import type { DeviceLevel, RimLevel } from '../../emulator/h100/pki/authority.ts';
import { type OpaqueField, opaqueEntry } from '../../emulator/h100/report/opaque.ts';
import { type GpuReport, mapGpuReport, REPORT_SIGNATURE_SIZE } from '../../emulator/h100/report/report.ts';
import type { RimContents, RimMeasurement } from '../../emulator/h100/rim/contents.ts';
import type { CertificateSpec, ExtensionSpec } from '../../emulator/pki/issue.ts';
import type { OcspSpec, SingleResponseSpec } from '../../emulator/pki/ocsp/issue.ts';

type SpecEdit = (spec: CertificateSpec) => CertificateSpec;
type Value = (value: Uint8Array) => Uint8Array;

/** Bytes with one bit of the last one turned over. */
export function other(bytes: Uint8Array): Uint8Array {
  return bytes.with(bytes.length - 1, (bytes.at(-1) ?? 0) ^ 0x80);
}

/** The first GPU's report, before it is signed. */
export function report(edit: (report: GpuReport) => Partial<GpuReport>): H100Edits {
  return { report: (r, { kind, index }) => (kind === 'gpu' && index === 0 ? { ...r, ...edit(r) } : r) };
}

/** The report of any device, before it is signed. */
export function reportOf(kind: 'gpu' | 'switch', index: number, edit: (report: GpuReport) => Partial<GpuReport>): H100Edits {
  return { report: (r, place) => (place.kind === kind && place.index === index ? { ...r, ...edit(r) } : r) };
}

/** The opaque fields of the first GPU's report. */
export function opaque(edit: (fields: readonly OpaqueField[]) => readonly OpaqueField[]): H100Edits {
  return report((r) => ({ opaque: edit(r.opaque) }));
}

/** One opaque field: other contents where it stands, or at the end where it does not. */
export function field(name: string, data: Uint8Array | Value): H100Edits {
  return opaque((fields) => withField(fields, name, data));
}

/** Fields with other contents in one, which is added where it is not there. */
export function withField(fields: readonly OpaqueField[], name: string, data: Uint8Array | Value): readonly OpaqueField[] {
  const contents = (old: Uint8Array): Uint8Array => (typeof data === 'function' ? data(old) : data);
  const there = fields.some((f) => f.name === name);
  return there ? fields.map((f) => (f.name === name ? { ...f, data: contents(f.data) } : f)) : [...fields, opaqueEntry(name, contents(new Uint8Array()))];
}

/** The report without one opaque field. */
export function withoutField(name: string): H100Edits {
  return opaque((fields) => fields.filter((f) => f.name !== name));
}

/** One measurement of the first GPU's report, counted from 0. */
export function measurement(index: number, edit: Value): H100Edits {
  return report(({ measurements }) => ({ measurements: measurements.map((m) => (m.index === index ? { ...m, value: edit(m.value) } : m)) }));
}

/** The first GPU's report, after it was signed. */
export function signedReport(edit: Value): H100Edits {
  return { signedReport: (r, { kind, index }) => (kind === 'gpu' && index === 0 ? edit(r) : r) };
}

/** Another signature over whatever part of the report, behind the whole of it. */
export function resigned(report: Uint8Array, key: EcSigner, part: (unsigned: Uint8Array) => Uint8Array = (all) => all): Uint8Array {
  const unsigned = report.slice(0, -REPORT_SIGNATURE_SIZE);
  return Uint8Array.of(...unsigned, ...key.sign(part(unsigned)));
}

/** Bytes of a report changed where one of its opaque fields lies. @param changes offsets from the head of the field, and what stands there then */
export function inField(report: Uint8Array, name: string, changes: readonly (readonly [at: number, value: number])[]): Uint8Array {
  const found = mapGpuReport(report).fields.find((f) => f.name === name);
  if (!found) throw new RangeError(`the report has no ${name}`);
  const copy = report.slice();
  for (const [at, value] of changes) copy[found.at + at] = value;
  return copy;
}

const HALF = REPORT_SIGNATURE_SIZE / 2;
const ORDER = CURVES['P-384'].noble.Point.Fn.ORDER;
const numberOf = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
const bytesOf = (value: bigint): Uint8Array => Uint8Array.from(Buffer.from(value.toString(16).padStart(HALF * 2, '0'), 'hex'));

/** Other numbers in the signature of a report. */
export function signatureNumbers(edit: (r: bigint, s: bigint, order: bigint) => readonly [bigint, bigint]): H100Edits {
  return signedReport((report) => {
    const [r, s] = edit(numberOf(report.slice(-REPORT_SIGNATURE_SIZE, -HALF)), numberOf(report.slice(-HALF)), ORDER);
    return Uint8Array.of(...report.slice(0, -REPORT_SIGNATURE_SIZE), ...bytesOf(r), ...bytesOf(s));
  });
}

/** A certificate of the first GPU's chain, before it is issued. */
export function certificate(level: DeviceLevel, edit: SpecEdit): H100Edits {
  return { certificates: { [level]: { edit } } };
}

/** Other extensions. */
export function extensions(alter: (list: readonly ExtensionSpec[]) => readonly ExtensionSpec[]): SpecEdit {
  return (spec) => ({ ...spec, extensions: alter(spec.extensions) });
}

/** Without an extension. */
export function without(oid: string): SpecEdit {
  return extensions((list) => list.filter((e) => e.oid !== oid));
}

/** With more extensions. */
export function and(...more: readonly ExtensionSpec[]): SpecEdit {
  return extensions((list) => [...list, ...more]);
}

/** With another extension in place of the one of the same kind. */
export function instead(extension: ExtensionSpec): SpecEdit {
  return extensions((list) => list.map((e) => (e.oid === extension.oid ? extension : e)));
}

/** With another value in an extension. */
export function extensionValue(oid: string, alter: Value): SpecEdit {
  return extensions((list) => list.map((e) => (e.oid === oid ? { ...e, value: alter(e.value) } : e)));
}

/** With another attribute in a name. @param type OID of the attribute */
export function renamed(who: 'subject' | 'issuer', type: string, text: string): SpecEdit {
  return (spec) => ({ ...spec, [who]: spec[who].map(([t, old]) => [t, t === type ? text : old] as const) });
}

/** Which of the two manifests of a GPU. */
export type Manifest = 'driverRim' | 'vbiosRim';

/** What a manifest says, before it is signed. */
export function manifest(which: Manifest, edit: (contents: RimContents) => Partial<RimContents>): H100Edits {
  return { [which]: { edit: (c: RimContents) => ({ ...c, ...edit(c) }) } };
}

/** The text of a manifest, after it was signed. */
export function manifestText(which: Manifest, edit: (xml: string) => string): H100Edits {
  return { [which]: { text: edit } };
}

/** A certificate of a manifest's signer, before it is issued. */
export function signerCertificate(which: Manifest, level: RimLevel, edit: SpecEdit): H100Edits {
  return { [which]: { certificates: { [level]: { edit } } } };
}

/** One row of a manifest. */
export function rimRow(index: number, edit: (row: RimMeasurement) => Partial<RimMeasurement>): (contents: RimContents) => Partial<RimContents> {
  return ({ measurements }) => ({ measurements: measurements.map((m) => (m.index === index ? { ...m, ...edit(m) } : m)) });
}

/** OCSP responses, before they are signed. */
export function ocsp(edit: (spec: OcspSpec) => OcspSpec): H100Edits {
  return { ocsp: { edit } };
}

/** What OCSP responses say of each certificate. */
export function ocspStatus(edit: (single: SingleResponseSpec) => SingleResponseSpec): H100Edits {
  return ocsp((spec) => ({ ...spec, responses: spec.responses.map(edit) }));
}
