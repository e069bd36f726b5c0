/** Reading the SGX extension of a PCK certificate, strictly: its items in Intel's order, each of the right type and length. Source: Intel SGX PCK Certificate and CRL Profile Specification. */
import { CodecError } from '../errors.ts';
import { sameBytes } from './read.ts';
import { TAG, TlvReader, unsignedInteger } from './tlv.ts';

/** OID of the extension. */
export const SGX_EXTENSION_OID = '1.2.840.113741.1.13.1';
/** Its contents octets; the OIDs of the items follow from it. */
const OID_HEAD = [0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01];
/** DER identifier octet of an ENUMERATED. */
const ENUMERATED = 0x0a;
const COMPONENTS = 16;
/** Numbers of SGX types: standard, scalable, scalable with integrity. */
const HIGHEST_TYPE = 2;

/** What the extension says. */
export interface SgxExtension {
  /** 16 bytes. */
  readonly ppid: Uint8Array;
  /** 16 SVNs, each 0 to 255. */
  readonly components: readonly number[];
  readonly pceSvn: number;
  /** CPUSVN, 16 bytes: the components in genuine certificates, but a field of its own. */
  readonly cpuSvn: Uint8Array;
  /** 2 bytes. */
  readonly pceId: Uint8Array;
  /** 6 bytes. */
  readonly fmspc: Uint8Array;
  /** 0 standard, 1 scalable, 2 scalable with integrity. */
  readonly sgxType: number;
  /** In certificates of the Platform CA only. */
  readonly platform?: {
    /** 16 bytes. */
    readonly instanceId: Uint8Array;
    readonly configuration: { readonly dynamicPlatform: boolean; readonly cachedKeys: boolean; readonly smtEnabled: boolean };
  };
}

/** Takes the extension apart. @param value DER inside the OCTET STRING @throws {CodecError} ERR_PKI_PARSE with the item and its offset */
export function readSgxExtension(value: Uint8Array, path = 'sgxExtension'): SgxExtension {
  const outer = new TlvReader(value, path);
  const items = outer.enter(TAG.sequence, 'items');
  outer.end();
  const ppid = octets(items, 'ppid', [1], 16);
  const tcb = item(items, 'tcb', [2]);
  const levels = tcb.enter(TAG.sequence, 'levels');
  tcb.end();
  const components = Array.from({ length: COMPONENTS }, (_, i) => number(levels, `component${i + 1}`, [2, i + 1], 0xff));
  const pceSvn = number(levels, 'pceSvn', [2, COMPONENTS + 1], 0xffff);
  const cpuSvn = octets(levels, 'cpuSvn', [2, COMPONENTS + 2], COMPONENTS);
  levels.end();
  const pceId = octets(items, 'pceId', [3], 2);
  const fmspc = octets(items, 'fmspc', [4], 6);
  const sgxType = number(items, 'sgxType', [5], HIGHEST_TYPE, ENUMERATED);
  const platform = items.next === undefined ? undefined : readPlatform(items);
  items.end();
  return { ppid, components, pceSvn, cpuSvn, pceId, fmspc, sgxType, ...(platform ? { platform } : {}) };
}

function readPlatform(items: TlvReader): NonNullable<SgxExtension['platform']> {
  const instanceId = octets(items, 'platformInstanceId', [6], 16);
  const configuration = item(items, 'configuration', [7]);
  const flags = configuration.enter(TAG.sequence, 'flags');
  configuration.end();
  const [dynamicPlatform, cachedKeys, smtEnabled] = [flag(flags, 'dynamicPlatform', [7, 1]), flag(flags, 'cachedKeys', [7, 2]), flag(flags, 'smtEnabled', [7, 3])];
  flags.end();
  return { instanceId, configuration: { dynamicPlatform, cachedKeys, smtEnabled } };
}

/** Enters an item and leaves its OID behind, which must be the one that comes here. */
function item(items: TlvReader, name: string, suffix: readonly number[]): TlvReader {
  const at = items.at;
  const inside = items.enter(TAG.sequence, name);
  if (!sameBytes(inside.read(TAG.oid, 'id'), Uint8Array.of(...OID_HEAD, ...suffix))) throw items.fail(name, `the item with the OID ${SGX_EXTENSION_OID}.${suffix.join('.')} must come here`, at);
  return inside;
}

function octets(items: TlvReader, name: string, suffix: readonly number[], length: number): Uint8Array {
  const inside = item(items, name, suffix);
  const at = inside.at;
  const value = inside.read(TAG.octetString, 'value');
  inside.end();
  if (value.length !== length) throw items.fail(name, `has ${length} bytes, not ${value.length}`, at);
  return value.slice();
}

function number(items: TlvReader, name: string, suffix: readonly number[], highest: number, tag: number = TAG.integer): number {
  const inside = item(items, name, suffix);
  const at = inside.at;
  const value = unsignedInteger(inside.read(tag, 'value'));
  inside.end();
  if (value === undefined || value > highest) throw items.fail(name, `is a number from 0 to ${highest}`, at);
  return value;
}

function flag(items: TlvReader, name: string, suffix: readonly number[]): boolean {
  const inside = item(items, name, suffix);
  const at = inside.at;
  const [value, ...more] = inside.read(TAG.boolean, 'value');
  inside.end();
  if (more.length > 0 || (value !== 0 && value !== 0xff)) throw new CodecError('ERR_PKI_PARSE', `sgxExtension.${name}`, at, 'is a BOOLEAN in DER');
  return value === 0xff;
}
