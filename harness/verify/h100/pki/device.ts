/** A device's chain: the attestation key, the identity burnt into the chip, two authorities and the root. */
import type { KeyObject } from 'node:crypto';
import { CodecError } from '../../../../emulator/errors.ts';
import { COMPOSITE_DEVICE_ID_OID, DICE_TCB_INFO_OID, readCompositeDeviceId, readDiceTcbInfo } from '../../../../emulator/h100/pki/fwid.ts';
import type { Architecture } from '../../../../emulator/h100/platform/models.ts';
import { type ReadCertificate, readCertificate, sameBytes } from '../../../../emulator/pki/read.ts';
import { TAG, TlvReader } from '../../../../emulator/pki/tlv.ts';
import { CRL_SIGN, EXTENSION, extensionOf, KEY_CERT_SIGN } from '../../x509.ts';
import type { H100Appraisal } from '../reasons.ts';
import { authorityKey, checkAuthority, checkForm, checkIssued, checkName, type Issuer, leafKey, type PlaceName } from './certificate.ts';
import type { H100Trust } from './trust.ts';

/** How the certificates of a device are called, from the leaf up. */
export const DEVICE_PATH = ['leaf', 'brom', 'provisioner', 'identity', 'root'] as const;
/** Certificates of a device's chain. */
export const DEVICE_CHAIN = 5;

/** A device's chain whose signatures, names and shapes hold. What depends on the time is not in it. */
export interface VerifiedDevice {
  /** From the leaf up; the last is the trusted root. */
  readonly certificates: readonly ReadCertificate[];
  /** The attestation key, on P-384. */
  readonly key: KeyObject;
  readonly architecture: Architecture;
  /** Common name of the certificate above the leaf: `GH100 A01 GSP BROM`. */
  readonly hardwareModel: string;
  /** Serial number of the leaf, unsigned, big-endian: what NVIDIA calls the UEID. */
  readonly serial: Uint8Array;
  /** The device's identifier, 8 bytes. */
  readonly pdi: Uint8Array;
  /** SHA-384 of the firmware that the attestation key was made for. */
  readonly fwid: Uint8Array;
}

const IDENTIFIERS = [EXTENSION.keyUsage, EXTENSION.subjectKeyIdentifier, EXTENSION.authorityKeyIdentifier] as const;
const AUTHORITY = [EXTENSION.basicConstraints, ...IDENTIFIERS] as const;
const PDI_SIZE = 8;
/** What stands before the device's identifier in the serial number of the certificate above the leaf. */
const PDI_PREFIX: Readonly<Record<Architecture, number>> = { GH100: 0x41, GB100: 0x41, GB202: 0x41, LS10: 0x50 };
/** The chips whose identity authority certifies a switch's provisioner. */
const LS10_IDENTITY = 'GH100';

/**
 * Verifies a device's chain.
 * @param chain certificates in DER, leaf first; the last must be a trusted root, byte for byte
 */
export function verifyDevice(appraisal: H100Appraisal, trust: H100Trust, chain: readonly Uint8Array[], path: string): VerifiedDevice {
  appraisal.check('certificate-chain-length', chain.length === DEVICE_CHAIN, () => ({ message: `has ${chain.length} certificates, must have ${DEVICE_CHAIN}`, path }));
  const at = (i: number): string => `${path}.${DEVICE_PATH[i] ?? i}`;
  const read = (i: number): ReadCertificate => appraisal.attempt('certificate-malformed', () => readCertificate(chain[i] ?? new Uint8Array(), at(i)));
  const [leaf, brom, provisioner, identity] = [read(0), read(1), read(2), read(3)];
  const root = trust.root(appraisal, 'device', chain[4] ?? new Uint8Array(), at(4));

  const identityName = checkName(appraisal, 'identity', identity, at(3));
  const identityIssuer = verifyAuthority(appraisal, identity, at(3), root, KEY_CERT_SIGN | CRL_SIGN, 2);
  const provisionerName = checkName(appraisal, 'provisioner', provisioner, at(2));
  const provisionerIssuer = verifyAuthority(appraisal, provisioner, at(2), identityIssuer, KEY_CERT_SIGN | CRL_SIGN, 1);
  const bromName = checkName(appraisal, 'brom', brom, at(1));
  const bromIssuer = verifyAuthority(appraisal, brom, at(1), provisionerIssuer, KEY_CERT_SIGN, 0);
  const leafName = checkName(appraisal, 'leaf', leaf, at(0));
  checkForm(appraisal, leaf, at(0), [...IDENTIFIERS, EXTENSION.subjectAltName]);
  const key = leafKey(appraisal, leaf, at(0));
  checkIssued(appraisal, leaf, at(0), bromIssuer);

  const chip = leafName.chip ?? '';
  const names = [identityName, provisionerName, bromName];
  const other = names.findIndex((name) => name.chip !== chip && !(chip === 'LS10' && name === identityName && name.chip === LS10_IDENTITY));
  appraisal.check('certificate-chip', other < 0, () => ({ message: `is for ${names[other]?.chip}, and the leaf for ${chip}`, path: at(3 - other) }));
  checkSerial(appraisal, leaf, leafName, at(0));
  checkSerial(appraisal, brom, bromName, at(1));
  checkDeviceInfo(appraisal, leaf, chip, at(0));
  const architecture = chip as Architecture;
  const fwid = fwidOf(appraisal, leaf, brom, architecture, at(0));
  const pdi = pdiOf(appraisal, brom, architecture, at(1));
  return { certificates: [leaf, brom, provisioner, identity, root.certificate], key, architecture, hardwareModel: bromName.commonName, serial: leaf.serial, pdi, fwid };
}

function verifyAuthority(appraisal: H100Appraisal, certificate: ReadCertificate, path: string, issuer: Issuer, usage: number, below: number): Issuer {
  checkForm(appraisal, certificate, path, AUTHORITY);
  checkAuthority(appraisal, certificate, path, usage, below);
  checkIssued(appraisal, certificate, path, issuer);
  return { certificate, key: authorityKey(appraisal, certificate, path), path };
}

function checkSerial(appraisal: H100Appraisal, { serial }: ReadCertificate, { serialNumber }: PlaceName, path: string): void {
  const stated = Buffer.from(serial).toString('hex').toUpperCase();
  appraisal.check('certificate-serial', stated === serialNumber, () => ({ message: `the serial number is ${stated}, and in the subject ${serialNumber}`, path }));
}

/** Object identifiers in DER, without their heads: id-DMTF-device-info. */
const DEVICE_INFO = Uint8Array.from(Buffer.from('2b06010401831c821201', 'hex'));

/** The text of SPDM's device information in a leaf: `NVIDIA:GH100:48B02D92494B…`. @throws {CodecError} ERR_PKI_PARSE */
function deviceInfo(leaf: ReadCertificate, path: string): string | undefined {
  const extension = extensionOf(leaf, EXTENSION.subjectAltName);
  if (!extension) return undefined;
  const outer = new TlvReader(extension.value, `${path}.subjectAltName`);
  const names = outer.enter(TAG.sequence, 'generalNames');
  outer.end();
  const other = names.enter(TAG.explicit(0), 'otherName');
  names.end();
  const type = other.read(TAG.oid, 'type');
  const value = other.enter(TAG.explicit(0), 'value');
  other.end();
  const text = value.read(TAG.utf8String, 'text');
  value.end();
  return sameBytes(type, DEVICE_INFO) ? Buffer.from(text).toString('latin1') : undefined;
}

function checkDeviceInfo(appraisal: H100Appraisal, leaf: ReadCertificate, chip: string, path: string): void {
  const text = appraisal.attempt('device-info', () => deviceInfo(leaf, path));
  const [vendor, product, serial = '', ...more] = text?.split(':') ?? [];
  const holds = vendor === 'NVIDIA' && product?.replace('_', '') === chip && /^[0-9A-F]{16}$/.test(serial) && more.length === 0;
  appraisal.check('device-info', holds, () => ({ message: `must be NVIDIA, ${chip} and 16 digits, is ${JSON.stringify(text)}`, path }));
}

/** Checks and reads which firmware the leaf's key was made for. */
function fwidOf(appraisal: H100Appraisal, leaf: ReadCertificate, brom: ReadCertificate, architecture: Architecture, path: string): Uint8Array {
  const dice = architecture === 'GB100' || architecture === 'GB202';
  const oid = dice ? DICE_TCB_INFO_OID : COMPOSITE_DEVICE_ID_OID;
  const extension = extensionOf(leaf, oid);
  if (!extension) return appraisal.fail('fwid-missing', { message: `has no extension ${oid}`, path });
  appraisal.pass('fwid-missing');
  if (dice) return appraisal.attempt('fwid-malformed', () => tcbInfoFwid(extension.value, extension.at, architecture, `${path}.diceTcbInfo`));
  const id = appraisal.attempt('fwid-malformed', () => readCompositeDeviceId(extension.value, `${path}.compositeDeviceId`));
  appraisal.check('fwid-malformed', id.version === 1, () => ({ message: `is of version ${id.version}, must be of version 1`, path, at: extension.at }));
  appraisal.check('fwid-issuer', sameBytes(id.deviceKey, brom.spki), () => ({ message: 'names another key than the one above the leaf', path, at: extension.at }));
  return id.fwid;
}

function tcbInfoFwid(value: Uint8Array, at: number, architecture: Architecture, path: string): Uint8Array {
  const { vendor, model, fwids } = readDiceTcbInfo(value, path);
  const [fwid, ...others] = fwids;
  if (vendor !== 'NVIDIA' || !model.startsWith(`${architecture} `)) throw new CodecError('ERR_PKI_PARSE', path, at, `must be about NVIDIA's ${architecture}`);
  if (!fwid || others.some((other) => other.some((byte) => byte !== 0))) throw new CodecError('ERR_PKI_PARSE', path, at, 'must have one FWID, and no others but of zeros');
  return fwid;
}

function pdiOf(appraisal: H100Appraisal, { serial }: ReadCertificate, architecture: Architecture, path: string): Uint8Array {
  const prefix = PDI_PREFIX[architecture];
  appraisal.check('device-pdi', serial.length === 1 + PDI_SIZE && serial[0] === prefix, () => ({
    message: `must be 0x${prefix.toString(16)} and ${PDI_SIZE} bytes, is ${Buffer.from(serial).toString('hex')}`,
    path,
  }));
  return serial.subarray(1);
}
