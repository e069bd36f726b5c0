/** The table of certificate and CRL extensions: what each is called, and how its value reads. */
import { COMPOSITE_DEVICE_ID_OID, DICE_TCB_INFO_OID, readCompositeDeviceId, readDiceTcbInfo } from '../h100/pki/fwid.ts';
import { CHIP_MARKER } from '../snp/platform/chip.ts';
import { OID } from '../pki/der.ts';
import { readBasicConstraints, readKeyUsage, readOid } from '../pki/read.ts';
import { readSgxExtension, SGX_EXTENSION_OID } from '../pki/sgx-extension.ts';
import { TAG, TlvReader, unsignedInteger } from '../pki/tlv.ts';
import { PLATFORM_MARKER } from '../tdx/platform/id.ts';

/** One extension. */
export interface ExtensionRow {
  readonly name: string;
  readonly doc: string;
  /** @param value DER inside the OCTET STRING @throws {CodecError} when it is not what the extension holds */
  readonly text: (value: Uint8Array) => string;
  /** Whether it says that teemu made the certificate. */
  readonly isTest?: (value: Uint8Array) => boolean;
}

const hex = (src: Uint8Array): string => Buffer.from(src).toString('hex');

function single(value: Uint8Array, tag: number): Uint8Array {
  const reader = new TlvReader(value, 'extension');
  const contents = reader.read(tag, 'value');
  reader.end();
  return contents;
}

function integer(value: Uint8Array): string {
  const contents = single(value, TAG.integer);
  return (unsignedInteger(contents) ?? `0x${hex(contents)} (no number in its shortest form)`).toString();
}

const ia5String = (value: Uint8Array): string => Buffer.from(single(value, TAG.ia5String)).toString('latin1');

const KEY_USAGES = ['digitalSignature', 'nonRepudiation', 'keyEncipherment', 'dataEncipherment', 'keyAgreement', 'keyCertSign', 'cRLSign', 'encipherOnly'];

function keyUsage(value: Uint8Array): string {
  const bits = readKeyUsage(value);
  return KEY_USAGES.filter((_, i) => (bits & (0x80 >> i)) !== 0).join(', ') || 'none';
}

function basicConstraints(value: Uint8Array): string {
  const { ca, pathLength } = readBasicConstraints(value);
  return `${ca ? 'CA' : 'no CA'}${pathLength === undefined ? '' : `, path length ${pathLength}`}`;
}

/** `[0]`, primitive: the key identifier of AuthorityKeyIdentifier. */
const KEY_IDENTIFIER = 0x80;
/** `[6]`, primitive: a URI in a GeneralName. */
const URI = 0x86;

function authorityKeyIdentifier(value: Uint8Array): string {
  const reader = new TlvReader(value, 'authorityKeyIdentifier');
  const inner = reader.enter(TAG.sequence, 'sequence');
  reader.end();
  return hex(inner.read(KEY_IDENTIFIER, 'keyIdentifier'));
}

function distributionPoints(value: Uint8Array): string {
  const reader = new TlvReader(value, 'cRLDistributionPoints');
  const points = reader.enter(TAG.sequence, 'sequence');
  reader.end();
  const urls: string[] = [];
  while (points.next !== undefined) {
    const names = points.enter(TAG.sequence, 'point').enter(TAG.explicit(0), 'distributionPoint').enter(TAG.explicit(0), 'fullName');
    while (names.next !== undefined) urls.push(Buffer.from(names.read(URI, 'uniformResourceIdentifier')).toString('latin1'));
  }
  return urls.join(', ');
}

const PURPOSES: Readonly<Record<string, string>> = { [OID.serverAuth]: 'serverAuth', [OID.clientAuth]: 'clientAuth', [OID.ocspSigning]: 'OCSPSigning', [OID.ocspNoCheck]: 'id-pkix-ocsp-nocheck' };

function extendedKeyUsage(value: Uint8Array): string {
  const reader = new TlvReader(value, 'extKeyUsage');
  const list = reader.enter(TAG.sequence, 'sequence');
  reader.end();
  const purposes: string[] = [];
  while (list.next !== undefined) purposes.push(readOid(list, 'keyPurposeId'));
  return purposes.map((oid) => PURPOSES[oid] ?? oid).join(', ');
}

function authorityAccess(value: Uint8Array): string {
  const reader = new TlvReader(value, 'authorityInfoAccess');
  const list = reader.enter(TAG.sequence, 'sequence');
  reader.end();
  const places: string[] = [];
  while (list.next !== undefined) {
    const access = list.enter(TAG.sequence, 'accessDescription');
    const method = readOid(access, 'accessMethod');
    places.push(`${method === OID.ocsp ? 'OCSP' : method} ${Buffer.from(access.read(URI, 'uniformResourceIdentifier')).toString('latin1')}`);
  }
  return places.join(', ');
}

/** One otherName with a UTF8String: what an NVIDIA device is called. */
function otherName(value: Uint8Array): string {
  const reader = new TlvReader(value, 'subjectAltName');
  const name = reader.enter(TAG.sequence, 'sequence').enter(TAG.explicit(0), 'otherName');
  reader.end();
  const oid = readOid(name, 'typeId');
  return `${oid} ${Buffer.from(name.enter(TAG.explicit(0), 'value').read(TAG.utf8String, 'text')).toString('utf8')}`;
}

function tcbInfo(value: Uint8Array): string {
  const { vendor, model, version, svn, fwids } = readDiceTcbInfo(value);
  return [`${vendor} ${model}`, `version ${version}`, `SVN ${svn}`, ...fwids.map((fwid) => `FWID ${hex(fwid)}`)].join(', ');
}

/** The kinds of platform that a PCK certificate is for, by their numbers. */
const SGX_TYPES = ['standard', 'scalable', 'scalable with integrity'];

function sgx(value: Uint8Array): string {
  const { ppid, components, pceSvn, cpuSvn, pceId, fmspc, sgxType, platform } = readSgxExtension(value);
  const flags = Object.entries(platform?.configuration ?? {}).flatMap(([name, set]) => (set ? [name] : []));
  return [
    `FMSPC ${hex(fmspc)}`,
    `SVNs ${components.join('.')}`,
    `PCE SVN ${pceSvn}`,
    `CPUSVN ${hex(cpuSvn)}`,
    `PCE-ID ${hex(pceId)}`,
    `PPID ${hex(ppid)}`,
    SGX_TYPES[sgxType] ?? `type ${sgxType}`,
    ...(platform ? [`platform instance ${hex(platform.instanceId)}`, ...flags] : []),
  ].join(', ');
}

const AMD = '1.3.6.1.4.1.3704.1';
const spl = (name: string, doc: string): ExtensionRow => ({ name, doc, text: integer });

/** Object identifier → extension. AMD's are described in AMD 57230, VCEK Certificate and KDS Interface. */
export const EXTENSIONS: Readonly<Record<string, ExtensionRow>> = {
  [OID.subjectKeyIdentifier]: { name: 'subjectKeyIdentifier', doc: 'SHA-1 of the key', text: (value) => hex(single(value, TAG.octetString)) },
  [OID.authorityKeyIdentifier]: { name: 'authorityKeyIdentifier', doc: "SHA-1 of the issuer's key", text: authorityKeyIdentifier },
  [OID.keyUsage]: { name: 'keyUsage', doc: 'what the key may be used for', text: keyUsage },
  [OID.basicConstraints]: { name: 'basicConstraints', doc: 'whether it may issue certificates', text: basicConstraints },
  [OID.crlDistributionPoints]: { name: 'cRLDistributionPoints', doc: 'where the revocation list is', text: distributionPoints },
  [OID.crlNumber]: { name: 'cRLNumber', doc: 'number of the list', text: integer },
  [OID.netscapeComment]: { name: 'netscapeComment', doc: 'a comment in words', text: ia5String, isTest: (value) => ia5String(value).startsWith('TEEMU') },
  [OID.extendedKeyUsage]: { name: 'extKeyUsage', doc: 'what the key may be used for besides', text: extendedKeyUsage },
  [OID.authorityInfoAccess]: { name: 'authorityInfoAccess', doc: 'where its state can be asked for', text: authorityAccess },
  [OID.subjectAltName]: { name: 'subjectAltName', doc: 'another name: which device it is', text: otherName },
  [OID.ocspNoCheck]: { name: 'ocspNoCheck', doc: 'nobody need ask whether it is revoked', text: (value) => (single(value, TAG.null).length === 0 ? 'yes' : 'no') },
  [COMPOSITE_DEVICE_ID_OID]: { name: 'dice.compositeDeviceId', doc: 'which firmware the key belongs to', text: (value) => `FWID ${hex(readCompositeDeviceId(value).fwid)}` },
  [DICE_TCB_INFO_OID]: { name: 'dice.tcbInfo', doc: 'which firmware the key belongs to', text: tcbInfo },
  [SGX_EXTENSION_OID]: { name: 'intel.sgx', doc: 'which platform the PCK is of, at which TCB', text: sgx, isTest: (value) => PLATFORM_MARKER.every((b, i) => readSgxExtension(value).ppid[i] === b) },
  [`${AMD}.1`]: { name: 'amd.structVersion', doc: 'version of the certificate', text: integer },
  [`${AMD}.2`]: { name: 'amd.productName', doc: 'product, with or without its stepping', text: ia5String },
  [`${AMD}.3.1`]: spl('amd.blSPL', 'SVN of the boot loader'),
  [`${AMD}.3.2`]: spl('amd.teeSPL', 'SVN of the AMD-SP operating system'),
  [`${AMD}.3.3`]: spl('amd.snpSPL', 'SVN of the SNP firmware'),
  [`${AMD}.3.4`]: spl('amd.spl4', 'reserved'),
  [`${AMD}.3.5`]: spl('amd.spl5', 'reserved'),
  [`${AMD}.3.6`]: spl('amd.spl6', 'reserved'),
  [`${AMD}.3.7`]: spl('amd.spl7', 'reserved'),
  [`${AMD}.3.8`]: spl('amd.ucodeSPL', 'patch level of the microcode'),
  [`${AMD}.3.9`]: spl('amd.fmcSPL', 'SVN of the FMC firmware (Turin)'),
  [`${AMD}.4`]: { name: 'amd.hwID', doc: 'the chip; raw bytes, 64 or 8 (Turin)', text: hex, isTest: (value) => CHIP_MARKER.every((b, i) => value[i] === b) },
  [`${AMD}.5`]: { name: 'amd.cspID', doc: 'the cloud provider that the VLEK is for', text: ia5String },
};
