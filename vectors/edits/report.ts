/** Changes of a report, for rows of cases: of its fields before it is signed, and of its bytes after. */
import { CURVES } from '../../emulator/crypto/sign.ts';
import type { Edit } from '../../emulator/snp/authority.ts';
import { REPORT_V3, REPORT_V5, REPORT_V5_TURIN, signReport, type SnpReport } from '../../emulator/snp/report.ts';
import type { Maker } from '../model.ts';

type After = (report: Uint8Array, maker: Maker) => Uint8Array;
/** A change that needs no key. */
type Bytes = (report: Uint8Array) => Uint8Array;
type TcbName = 'currentTcb' | 'committedTcb' | 'reportedTcb' | 'launchTcb';

/** Sets fields of the report. */
export function fields(change: Partial<SnpReport>): Edit<SnpReport> {
  return (report) => ({ ...report, ...change });
}

/** Sets bits of the guest policy. */
export function policy(change: Partial<SnpReport['policy']>): Edit<SnpReport> {
  return (report) => ({ ...report, policy: { ...report.policy, ...change } });
}

/** Sets bits of KEY_INFO. */
export function keyInfo(change: Partial<SnpReport['keyInfo']>): Edit<SnpReport> {
  return (report) => ({ ...report, keyInfo: { ...report.keyInfo, ...change } });
}

/** Sets components of some of the TCBs. */
export function tcbs(change: Partial<Record<TcbName, Partial<SnpReport['currentTcb']>>>): Edit<SnpReport> {
  return (report) => ({ ...report, ...Object.fromEntries(Object.entries(change).map(([name, levels]) => [name, { ...report[name as TcbName], ...levels }])) });
}

/** Turns bits of a byte over. @param path field, as in the report's table @param byte which of its bytes */
export function flip(path: string, byte = 0, mask = 1): Bytes {
  const at = placeOf(path).at + byte;
  return (report) => report.with(at, (report[at] ?? 0) ^ mask);
}

/** Writes a field anew. @param make from the bytes it has; as many are written */
export function rewrite(path: string, make: (field: Uint8Array) => Uint8Array): Bytes {
  const { at, size } = placeOf(path);
  return (report) => {
    const copy = report.slice();
    copy.set(make(report.slice(at, at + size)).subarray(0, size), at);
    return copy;
  };
}

/** Sets the first byte of bytes that must be zero. */
export function reservedIn(path: string): Bytes {
  return flip(path);
}

/** Names another CPU. */
export function cpuid(family: number, model: number): Bytes {
  return both(
    rewrite('cpuidFamId', () => Uint8Array.of(family)),
    rewrite('cpuidModId', () => Uint8Array.of(model)),
  );
}

/** A change, and then the right key's signature over what has come of it. */
export function signedAfter(change: After): After {
  return (report, maker) => signReport(change(report, maker), maker.key);
}

/** The signature of a key that has nothing to do with the certificate. */
export function signedByStranger(report: Uint8Array, { world }: Maker): Uint8Array {
  return signReport(report, world.ecKey('vectors/stranger', 'P-384'));
}

/** r and s exchanged. */
export function halvesSwapped(report: Uint8Array): Uint8Array {
  const r = placeOf('signature.r');
  const s = placeOf('signature.s');
  const copy = report.slice();
  copy.set(report.subarray(s.at, s.at + s.size), r.at);
  copy.set(report.subarray(r.at, r.at + r.size), s.at);
  return copy;
}

/** Little-endian numbers of P-384, in the 48 bytes that they take up. */
const NUMBER = 48;
const ORDER = CURVES['P-384'].noble.Point.Fn.ORDER;

/** Another number in the place of one: what `change` makes of it, written into 72 bytes. */
export function number(path: 'signature.r' | 'signature.s', change: (value: bigint, order: bigint) => bigint): Bytes {
  return rewrite(path, (field) => littleEndian(change(BigInt(`0x${Buffer.from(field.toReversed()).toString('hex')}`), ORDER), field.length));
}

/** The number the other way round, in the first 48 bytes. */
export function bigEndianNumber(path: 'signature.r' | 'signature.s'): Bytes {
  return rewrite(path, (field) => Uint8Array.of(...field.slice(0, NUMBER).reverse(), ...field.slice(NUMBER)));
}

/** One change after the other. */
export function both(first: Bytes, second: Bytes): Bytes {
  return (report) => second(first(report));
}

function littleEndian(value: bigint, size: number): Uint8Array {
  return Uint8Array.from(Buffer.from(value.toString(16).padStart(2 * size, '0'), 'hex')).reverse();
}

/** Where a field lies: in the latest table that has it, for fields never move from version to version. */
function placeOf(path: string): { readonly at: number; readonly size: number } {
  const table = [REPORT_V5, REPORT_V3, REPORT_V5_TURIN].find((layout) => hasField(layout, path));
  if (!table) throw new RangeError(`no report has a field ${path}`);
  return table.locate(path);
}

function hasField(layout: { readonly rows: object; locate(path: string): unknown }, path: string): boolean {
  const [first = '', second] = path.split('.');
  const row = (layout.rows as Readonly<Record<string, { readonly layout?: { readonly rows: object } }>>)[first];
  return row !== undefined && (second === undefined || row.layout === undefined || Object.hasOwn(row.layout.rows, second));
}
