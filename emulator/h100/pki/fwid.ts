/**
 * What an attestation key's certificate says of the firmware that the key belongs to (TCG DICE Attestation Architecture): Hopper and LS10
 * name it with a CompositeDeviceID, Blackwell with a DiceTcbInfo. Reading is strict: only what the genuine chips write is taken.
 */
import * as asn1js from 'asn1js';
import { der, toBuffer } from '../../pki/der.ts';
import type { ExtensionSpec } from '../../pki/issue.ts';
import { TAG, TlvReader, unsignedInteger } from '../../pki/tlv.ts';

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

const sequence = (...value: asn1js.BaseBlock[]): asn1js.BaseBlock => new asn1js.Sequence({ value });
const octets = (value: Uint8Array): asn1js.BaseBlock => new asn1js.OctetString({ valueHex: toBuffer(value) });
const fwidValue = (fwid: Uint8Array): asn1js.BaseBlock => sequence(new asn1js.ObjectIdentifier({ value: SHA384_OID }), octets(fwid));
const implicit = (tagNumber: number, contents: Uint8Array): asn1js.BaseBlock => new asn1js.Primitive({ idBlock: { tagClass: 3, tagNumber }, valueHex: toBuffer(contents) });

function parsed(src: Uint8Array): asn1js.BaseBlock {
  const { result, offset } = asn1js.fromBER(toBuffer(src));
  if (offset !== src.length) throw new TypeError('not one DER value');
  return result;
}

/** The extension of Hopper and LS10, not critical. @param deviceKey DER SubjectPublicKeyInfo of the issuer @param fwid 48 bytes */
export function compositeDeviceId(deviceKey: Uint8Array, fwid: Uint8Array): ExtensionSpec {
  return { oid: COMPOSITE_DEVICE_ID_OID, critical: false, value: der(sequence(new asn1js.Integer({ value: 1 }), parsed(deviceKey), fwidValue(fwid))) };
}

/** The extension of Blackwell, not critical. */
export function diceTcbInfo(info: DiceTcbInfo): ExtensionSpec {
  const small = (value: number): Uint8Array => new Uint8Array(new asn1js.Integer({ value }).valueBlock.toBER());
  const value = sequence(
    ...[info.vendor, info.model, info.version].map((text, i) => implicit(i, Buffer.from(text, 'utf8'))),
    ...[info.svn, info.layer, info.index].map((n, i) => implicit(3 + i, small(n))),
    new asn1js.Constructed({ idBlock: { tagClass: 3, tagNumber: 6 }, value: info.fwids.map(fwidValue) }),
    implicit(7, Uint8Array.of(0, ...info.flags)),
    implicit(8, info.vendorInfo),
    implicit(9, info.type),
  );
  return { oid: DICE_TCB_INFO_OID, critical: false, value: der(value) };
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
const SHA384 = der(new asn1js.ObjectIdentifier({ value: SHA384_OID }));

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
  const text = (tag: number, field: string): string => Buffer.from(inner.read(0x80 | tag, field)).toString('latin1');
  const [vendor, model, version] = [text(0, 'vendor'), text(1, 'model'), text(2, 'version')];
  const [svn, layer, index] = [readSmall(inner, 0x83, 'svn'), readSmall(inner, 0x84, 'layer'), readSmall(inner, 0x85, 'index')];
  const list = inner.enter(TAG.explicit(6), 'fwids');
  const fwids: Uint8Array[] = [];
  while (list.next !== undefined) {
    if (fwids.length >= MAX_FWIDS) throw list.fail('fwid', `more than ${MAX_FWIDS} of them`);
    fwids.push(readFwidValue(list, 'fwid'));
  }
  const flags = inner.read(0x87, 'flags');
  if (flags.length !== 5 || flags[0] !== 0) throw inner.fail('flags', 'must be a string of 32 bits');
  const vendorInfo = inner.read(0x88, 'vendorInfo');
  const type = inner.read(0x89, 'type');
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
