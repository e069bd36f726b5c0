/**
 * What an attestation key's certificate says of the firmware that the key belongs to (TCG DICE Attestation Architecture): Hopper and LS10
 * name it with a CompositeDeviceID, Blackwell with a DiceTcbInfo. Reading is strict: only what the genuine chips write is taken.
 */
import * as asn1js from 'asn1js';
import { der, derInteger } from '../../pki/der.ts';
import type { ExtensionSpec } from '../../pki/issue.ts';
import { TAG, tlv, TlvReader, unsignedInteger } from '../../pki/tlv.ts';

/** tcg-dice-Ueid's arc: the extension of Hopper and LS10. */
export const COMPOSITE_DEVICE_ID_OID = '2.23.133.5.4.1';
/** tcg-dice-TcbInfo: the extension of Blackwell. */
export const DICE_TCB_INFO_OID = '2.23.133.5.4.1.1';
/** SHA-384 of the firmware: bytes of an FWID. */
export const FWID_LENGTH = 48;
const SHA384_OID = '2.16.840.1.101.3.4.2.2';
const MAX_FWIDS = 8;

/** CompositeDeviceID taken apart. */
export interface CompositeDeviceId {
  readonly version: number;
  /** DER SubjectPublicKeyInfo of the key that certifies the attestation key. */
  readonly deviceKey: Uint8Array;
  /** 48 bytes. */
  readonly fwid: Uint8Array;
}

/** DiceTcbInfo (DICE Attestation Architecture §6.1.1) as far as Blackwell fills it in. */
export interface DiceTcbInfo {
  readonly vendor: string;
  readonly model: string;
  readonly version: string;
  readonly svn: number;
  readonly layer: number;
  readonly index: number;
  /** 48 bytes each; genuine chips have two, the second all zero. */
  readonly fwids: readonly Uint8Array[];
  /** Contents of the BIT STRING without the count of unused bits: 4 bytes. */
  readonly flags: Uint8Array;
  readonly vendorInfo: Uint8Array;
  readonly type: Uint8Array;
}

const SHA384 = der(new asn1js.ObjectIdentifier({ value: SHA384_OID }));
const fwidValue = (fwid: Uint8Array): Uint8Array => tlv(TAG.sequence, SHA384, tlv(TAG.octetString, fwid));
/** `[n] IMPLICIT` of something that is not constructed. */
const IMPLICIT = (n: number): number => 0x80 | n;

/** The extension of Hopper and LS10, not critical. @param deviceKey DER SubjectPublicKeyInfo of the issuer @param fwid 48 bytes */
export function compositeDeviceId(deviceKey: Uint8Array, fwid: Uint8Array): ExtensionSpec {
  return { oid: COMPOSITE_DEVICE_ID_OID, critical: false, value: tlv(TAG.sequence, derInteger(1), deviceKey, fwidValue(fwid)) };
}

/** The extension of Blackwell, not critical. */
export function diceTcbInfo(info: DiceTcbInfo): ExtensionSpec {
  // Contents of an INTEGER of up to 32 bits: what follows identifier and length.
  const number = (value: number): Uint8Array => derInteger(value).subarray(2);
  const value = tlv(
    TAG.sequence,
    ...[info.vendor, info.model, info.version].map((text, i) => tlv(IMPLICIT(i), Buffer.from(text, 'latin1'))),
    ...[info.svn, info.layer, info.index].map((n, i) => tlv(IMPLICIT(3 + i), number(n))),
    tlv(TAG.explicit(6), ...info.fwids.map(fwidValue)),
    tlv(IMPLICIT(7), Uint8Array.of(0), info.flags),
    tlv(IMPLICIT(8), info.vendorInfo),
    tlv(IMPLICIT(9), info.type),
  );
  return { oid: DICE_TCB_INFO_OID, critical: false, value };
}

/** What Blackwell chips write around the FWID. @param model as in `GB100 A01 GSP` @param fwid 48 bytes */
export function blackwellTcbInfo(model: string, fwid: Uint8Array): DiceTcbInfo {
  return {
    vendor: 'NVIDIA',
    model,
    version: '01',
    svn: 1,
    layer: 0,
    index: 0,
    fwids: [fwid, new Uint8Array(FWID_LENGTH)],
    flags: Uint8Array.of(0x80, 0, 0, 1),
    vendorInfo: Uint8Array.of(0xc0),
    type: Uint8Array.of(0),
  };
}

function readFwidValue(reader: TlvReader, field: string): Uint8Array {
  const { at } = reader;
  const entry = reader.enter(TAG.sequence, field);
  const algorithm = entry.whole(TAG.oid, 'hashAlg');
  if (!Buffer.from(algorithm).equals(SHA384)) throw entry.fail('hashAlg', 'must be SHA-384', at);
  const digest = entry.read(TAG.octetString, 'digest');
  entry.end();
  if (digest.length !== FWID_LENGTH) throw entry.fail('digest', `must have ${FWID_LENGTH} bytes, has ${digest.length}`, at);
  return digest;
}

function readSmall(reader: TlvReader, tag: number, field: string): number {
  const { at } = reader;
  const value = unsignedInteger(reader.read(tag, field));
  if (value === undefined) throw reader.fail(field, 'must be a number from 0 to 2^32 - 1', at);
  return value;
}

/** Takes a CompositeDeviceID apart. @param value DER inside the extension @throws {CodecError} ERR_PKI_PARSE */
export function readCompositeDeviceId(value: Uint8Array, path = 'compositeDeviceId'): CompositeDeviceId {
  const outer = new TlvReader(new Uint8Array(value), path, 0);
  const inner = outer.enter(TAG.sequence, 'sequence');
  outer.end();
  const version = readSmall(inner, TAG.integer, 'version');
  const deviceKey = inner.whole(TAG.sequence, 'deviceID');
  const fwid = readFwidValue(inner, 'fwid');
  inner.end();
  return { version, deviceKey, fwid };
}

/** Takes a DiceTcbInfo apart. @param value DER inside the extension @throws {CodecError} ERR_PKI_PARSE */
export function readDiceTcbInfo(value: Uint8Array, path = 'diceTcbInfo'): DiceTcbInfo {
  const outer = new TlvReader(new Uint8Array(value), path, 0);
  const inner = outer.enter(TAG.sequence, 'sequence');
  outer.end();
  const text = (tag: number, field: string): string => Buffer.from(inner.read(IMPLICIT(tag), field)).toString('latin1');
  const [vendor, model, version] = [text(0, 'vendor'), text(1, 'model'), text(2, 'version')];
  const [svn, layer, index] = [readSmall(inner, IMPLICIT(3), 'svn'), readSmall(inner, IMPLICIT(4), 'layer'), readSmall(inner, IMPLICIT(5), 'index')];
  const list = inner.enter(TAG.explicit(6), 'fwids');
  const fwids: Uint8Array[] = [];
  while (list.next !== undefined) {
    if (fwids.length >= MAX_FWIDS) throw list.fail('fwid', `more than ${MAX_FWIDS} of them`);
    fwids.push(readFwidValue(list, 'fwid'));
  }
  const flags = inner.read(IMPLICIT(7), 'flags');
  if (flags.length !== 5 || flags[0] !== 0) throw inner.fail('flags', 'must be a string of 32 bits');
  const vendorInfo = inner.read(IMPLICIT(8), 'vendorInfo');
  const type = inner.read(IMPLICIT(9), 'type');
  inner.end();
  return { vendor, model, version, svn, layer, index, fwids, flags: flags.subarray(1), vendorInfo, type };
}

/**
 * The FWID that an attestation key's certificate names: of Blackwell's two, the first.
 * @param extensions of the certificate
 * @returns 48 bytes, or undefined when it names none
 * @throws {CodecError} ERR_PKI_PARSE for an extension that is not as the chips write it
 */
export function readFwid(extensions: readonly { readonly oid: string; readonly value: Uint8Array }[]): Uint8Array | undefined {
  for (const { oid, value } of extensions) {
    if (oid === COMPOSITE_DEVICE_ID_OID) return readCompositeDeviceId(value).fwid;
    if (oid === DICE_TCB_INFO_OID) return readDiceTcbInfo(value).fwids[0];
  }
  return undefined;
}
