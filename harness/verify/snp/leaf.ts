/** AMD's extensions in a VCEK or VLEK: which chip or provider it is for, and which TCB its key was derived for. */
import type { ReadCertificate } from '../../../emulator/pki/read.ts';
import { TAG, TlvReader, unsignedInteger } from '../../../emulator/pki/tlv.ts';
import type { Line } from '../../../emulator/snp/platform/products.ts';
import type { Tcb, TcbComponent } from '../../../emulator/snp/platform/tcb.ts';
import type { SnpAppraisal } from './reasons.ts';

/** What an extension of AMD's states: a component of the TCB, or something else. */
type Meaning = TcbComponent | 'structVersion' | 'productName' | 'unusedLevel' | 'hwid' | 'cspId';
/** AMD's extensions, by the end of their identifiers. */
const SUFFIXES: Readonly<Record<string, Meaning>> = {
  '1': 'structVersion',
  '2': 'productName',
  '3.1': 'bootLoader',
  '3.2': 'tee',
  '3.3': 'snp',
  '3.4': 'unusedLevel',
  '3.5': 'unusedLevel',
  '3.6': 'unusedLevel',
  '3.7': 'unusedLevel',
  '3.8': 'microcode',
  '3.9': 'fmc',
  '4': 'hwid',
  '5': 'cspId',
};
const MEANINGS: ReadonlyMap<string, Meaning> = new Map(Object.entries(SUFFIXES).map(([suffix, meaning]) => [`1.3.6.1.4.1.3704.1.${suffix}`, meaning]));
/** What a line's certificates state: the length of a chip's id in bytes, and the components of a TCB. */
const LINE_SHAPE: Readonly<Record<Line, { readonly hwid: number; readonly components: readonly TcbComponent[] }>> = {
  Milan: { hwid: 64, components: ['bootLoader', 'tee', 'snp', 'microcode'] },
  Genoa: { hwid: 64, components: ['bootLoader', 'tee', 'snp', 'microcode'] },
  Turin: { hwid: 8, components: ['fmc', 'bootLoader', 'tee', 'snp', 'microcode'] },
};

/** Whom a VCEK or VLEK is for. */
export interface LeafIdentity {
  /** The chip of a VCEK: 64 bytes, on Turin 8. */
  readonly hwid?: Uint8Array;
  /** The provider of a VLEK. */
  readonly cspId?: string;
  /** productName, where it can be read: certificates of chips whose reports name the CPU may say anything there. */
  readonly productName?: string;
  /** The first extension that genuine ones do not have. */
  readonly stranger?: string;
}

/** Checks and reads whom a leaf is for. @param path what errors call it: `vcek` or `vlek` */
export function leafIdentity(appraisal: SnpAppraisal, leaf: ReadCertificate, path: 'vcek' | 'vlek', line: Line): LeafIdentity {
  const values = new Map<Meaning, Uint8Array>();
  let stranger: string | undefined;
  for (const { oid, value } of leaf.extensions) {
    const meaning = MEANINGS.get(oid);
    if (meaning) values.set(meaning, value);
    else stranger ??= oid;
  }
  const raw = values.get('hwid');
  const csp = values.get('cspId');
  appraisal.check('leaf-identity', path === 'vcek' ? raw !== undefined && csp === undefined : raw === undefined && csp !== undefined, () => ({
    message: `has ${raw ? 'a hwID' : 'no hwID'} and ${csp ? 'a CSP_ID' : 'no CSP_ID'}`,
    path,
  }));
  const length = LINE_SHAPE[line].hwid;
  const hwid = raw && unwrapped(raw, length);
  if (raw) appraisal.check('leaf-hwid', hwid !== undefined, () => ({ message: `its hwID must be ${length} bytes on ${line}, is ${raw.length}`, path }));
  const cspId = csp && appraisal.attempt('certificate-extension-malformed', () => ia5(csp, `${path}.cspId`));
  const productName = productNameIn(values.get('productName'));
  return { ...(hwid ? { hwid } : {}), ...(cspId === undefined ? {} : { cspId }), ...(productName === undefined ? {} : { productName }), ...(stranger === undefined ? {} : { stranger }) };
}

/** A hwID stands bare in its extension; some write it as an OCTET STRING, which is as good. */
function unwrapped(raw: Uint8Array, length: number): Uint8Array | undefined {
  if (raw.length === length) return raw;
  return raw.length === length + 2 && raw[0] === TAG.octetString && raw[1] === length ? raw.subarray(2) : undefined;
}

function ia5(value: Uint8Array, path: string): string {
  const reader = new TlvReader(value, path);
  const text = reader.read(TAG.ia5String, 'text');
  reader.end();
  return Buffer.from(text).toString('latin1');
}

function productNameIn(value: Uint8Array | undefined): string | undefined {
  // An identifier and a length of one byte each: long enough for any product.
  return value && value[0] === TAG.ia5String && value[1] === value.length - 2 ? Buffer.from(value.subarray(2)).toString('latin1') : undefined;
}

/** Checks and reads the TCB that a leaf's key was derived for. `fmc` is there on Turin. */
export function leafTcb(appraisal: SnpAppraisal, leaf: ReadCertificate, path: string, line: Line): Tcb {
  const tcb: Partial<Tcb> = {};
  const { components } = LINE_SHAPE[line];
  const isComponent = (what: Meaning | undefined): what is TcbComponent => (components as readonly unknown[]).includes(what);
  for (const { oid, value, at } of leaf.extensions) {
    const what = MEANINGS.get(oid);
    if (what !== 'unusedLevel' && what !== 'fmc' && !isComponent(what)) continue;
    const level = levelOf(value);
    if (level === undefined) return appraisal.fail('leaf-tcb-malformed', { message: `${oid} is no DER INTEGER of 0 to 255: ${Buffer.from(value).toString('hex').slice(0, 40)}`, path, at });
    if (what !== 'unusedLevel') tcb[what] = level;
    else if (level !== 0) return appraisal.fail('leaf-tcb-mismatch', { message: `${oid} is ${level}, but a TCB has no such component`, path, at });
  }
  appraisal.pass('leaf-tcb-malformed');
  const missing = components.find((component) => tcb[component] === undefined);
  appraisal.check('leaf-tcb-missing', missing === undefined, () => ({ message: `states no ${missing}`, path }));
  return { bootLoader: 0, tee: 0, snp: 0, microcode: 0, ...tcb };
}

function levelOf(value: Uint8Array): number | undefined {
  // One byte, or two where the first is the sign byte that DER asks for.
  if (value[0] !== TAG.integer || value[1] !== value.length - 2 || value.length > 4) return undefined;
  const level = unsignedInteger(value.subarray(2));
  return level !== undefined && level <= 255 ? level : undefined;
}
