/**
 * Byte for byte against AMD's genuine certificates and lists: what may differ is the keys, their identifiers, the signatures, when a leaf
 * was issued, and the test marker in a root.
 */
import { createHash, X509Certificate } from 'node:crypto';
import { AsnConvert } from '@peculiar/asn1-schema';
import { Certificate, CertificateList } from '@peculiar/asn1-x509';
import { expect, test } from 'vitest';
import { pssSha384 } from '../../emulator/pki/der.ts';
import { keyIdentifier } from '../../emulator/pki/extensions.ts';
import { type CertificateSpec, TEST_MARKER } from '../../emulator/pki/issue.ts';
import { AmdAuthority } from '../../emulator/snp/authority.ts';
import { type Line, LINES } from '../../emulator/snp/platform/products.ts';
import type { Tcb } from '../../emulator/snp/platform/tcb.ts';
import { fixedClock, seededWorld } from '../../emulator/world.ts';
import { describeReal, realSample } from '../real-samples.ts';
import { withoutMarker } from './without-marker.ts';

/** Within the lives of the genuine authorities, whose own dates must come out. */
const AT = Date.UTC(2026, 0, 2);
const amd = (line: Line, at = AT): AmdAuthority => new AmdAuthority(seededWorld('x', fixedClock(at)), line);
const sample = (line: Line, role: string): Uint8Array => realSample(`snp/ca/${line.toLowerCase()}-${role.toLowerCase()}.der`);
const hex = (src: Uint8Array): string => Buffer.from(src).toString('hex');
const spkiOf = (der: Uint8Array): Uint8Array => new Uint8Array(new X509Certificate(der).publicKey.export({ type: 'spki', format: 'der' }));
const utcTime = (at: string): string => hex(Buffer.from(`${new Date(at).toISOString().slice(2, 19).replace(/[-T:]/g, '')}Z`));

/** DER in hexadecimal with everything blanked out that depends on keys; what is left must be the same to the byte. */
function form(der: Uint8Array, issuer: Uint8Array, own: readonly string[] = []): string {
  let text = hex(der).slice(0, -1024);
  for (const part of [hex(keyIdentifier(issuer)), ...own]) text = text.replaceAll(part, '#'.repeat(part.length));
  return text;
}

/** The key and its identifier, to blank out. */
function keyParts(spki: Uint8Array): string[] {
  // The bits of the key: the last 97 bytes of an EC key, the modulus of an RSA-4096 key.
  const bits = spki.length < 200 ? hex(spki.subarray(-97)) : hex(spki.subarray(-517, -5));
  return [bits, hex(keyIdentifier(spki))];
}

function certificateForm(der: Uint8Array, issuer: Uint8Array, blankDates: boolean): string {
  const { validFrom, validTo } = new X509Certificate(der);
  return form(der, issuer, [...keyParts(spkiOf(der)), ...(blankDates ? [utcTime(validFrom), utcTime(validTo)] : [])]);
}

describeReal.each(LINES)('the authorities of %s are formed like the genuine ones', (line) => {
  const genuineArk = (): Uint8Array => spkiOf(sample(line, 'ark'));
  const ark = (): Uint8Array => amd(line).key('ARK').spki;

  test.each(['ASK', 'ASVK'] as const)('%s to the byte, dates and serial and all', (role) => {
    expect(certificateForm(amd(line).certificate(role).der, ark(), false)).toBe(certificateForm(sample(line, role), genuineArk(), false));
  });

  test('ARK to the byte, once the marker is taken out', () => {
    expect(certificateForm(withoutMarker(amd(line).certificate('ARK').der), ark(), false)).toBe(certificateForm(sample(line, 'ark'), genuineArk(), false));
  });

  test('the marker is all that was taken out', () => {
    const { spec } = amd(line).certificate('ARK');
    expect(Buffer.from(spec.extensions.at(-1)?.value ?? []).toString('latin1')).toContain(TEST_MARKER);
    expect(spec.extensions).toHaveLength(5);
  });

  test('the list of revoked certificates to the byte, but for its dates', () => {
    const blank = (der: Uint8Array, issuer: Uint8Array): string => {
      const { thisUpdate, nextUpdate } = AsnConvert.parse(Buffer.from(der), CertificateList).tbsCertList;
      return form(
        der,
        issuer,
        [thisUpdate, nextUpdate].map((at) => utcTime((at?.getTime() ?? new Date(0)).toISOString())),
      );
    };
    expect(blank(amd(line).crl(), ark())).toBe(blank(realSample(`snp/crl/${line.toLowerCase()}.crl.der`), genuineArk()));
  });
});

/** Genuine leaves; those issued before the end of 2024 write the PSS trailer out. */
const LEAVES: readonly { readonly file: string; readonly line: Line; readonly trailer?: 'explicit' }[] = [
  { file: 'snp/milan-v3-ms.vcek.der', line: 'Milan' },
  { file: 'snp/milan-v3-dstack.vcek.der', line: 'Milan' },
  { file: 'snp/milan-v3-vlek.vlek.der', line: 'Milan' },
  { file: 'snp/genoa-v3-ms.vcek.der', line: 'Genoa' },
  { file: 'snp/genoa-v3-tinfoil.vcek.der', line: 'Genoa' },
  { file: 'snp/genoa-v5-live.vcek.der', line: 'Genoa' },
  { file: 'snp/turin-v5-ms.vcek.der', line: 'Turin' },
  { file: 'snp/turin.vcek-only.der', line: 'Turin' },
  { file: 'azure/trustee-genoa.vcek.der', line: 'Genoa' },
  { file: 'azure/cdai-milan-v3.vcek.der', line: 'Milan' },
  { file: 'snp/milan-v2-a.vcek.der', line: 'Milan', trailer: 'explicit' },
  { file: 'snp/milan-v2-aci.vcek.der', line: 'Milan', trailer: 'explicit' },
  { file: 'snp/milan-v2-b.vcek.der', line: 'Milan', trailer: 'explicit' },
];

describeReal('a leaf is formed like the genuine one of the same chip and TCB', () => {
  test.each(LEAVES)('$file, to the byte', ({ file, line, trailer }) => {
    const genuine = realSample(file);
    const { hwid, cspId, productName, tcb } = subjectOf(genuine);
    const authority = amd(line);
    const change = trailer === undefined ? {} : { edit: (spec: CertificateSpec) => ({ ...spec, signatureAlgorithm: pssSha384('explicit') }) };
    const emulated = hwid ? authority.vcek(hwid, tcb, { productName, ...change }) : authority.vlek(tcb, { cspId, ...change });
    const issuer = hwid ? 'ask' : 'asvk';
    expect(certificateForm(emulated.der, authority.key(hwid ? 'ASK' : 'ASVK').spki, true)).toBe(certificateForm(genuine, spkiOf(sample(line, issuer)), true));
  });

  test.each(LEAVES)('$file, in how long it lives', ({ file, line }) => {
    const genuine = new X509Certificate(realSample(file));
    const { hwid, cspId, tcb } = subjectOf(realSample(file));
    // Issued by a world whose clock reads the genuine start, a leaf ends as many years later, on the day it began.
    const emulated = new X509Certificate((hwid ? amd(line).vcek(hwid, tcb) : amd(line).vlek(tcb, { cspId })).der);
    const years = ({ validFrom, validTo }: X509Certificate): number => new Date(validTo).getUTCFullYear() - new Date(validFrom).getUTCFullYear();
    expect(years(emulated)).toBe(years(genuine));
    for (const { validFrom, validTo } of [genuine, emulated]) expect(new Date(validTo).toISOString().slice(5)).toBe(new Date(validFrom).toISOString().slice(5));
  });
});

describeReal('the comparison', () => {
  const genuine = (): Uint8Array => sample('Milan', 'ask');
  const issuer = (): Uint8Array => spkiOf(sample('Milan', 'ark'));
  test('fails for any changed byte outside key, identifiers and signature', () => {
    const before = certificateForm(genuine(), issuer(), false);
    const blanks = (before.match(/#/g) ?? []).length / 2;
    // Modulus 512, two key identifiers of 20 bytes each, signature 512 cut off: little enough is blank.
    expect(blanks).toBe(512 + 20 + 20);
    expect(before.length / 2).toBe(genuine().length - 512);
  });
  test('is made with genuine samples, not with emulated ones', () => {
    expect(createHash('sha256').update(issuer()).digest('hex')).toBe('9f056bee44377e29308cb5ffa895bdfb62d18881fa6bed8d6f075b0204089cb9');
  });
});

/** What a genuine leaf vouches for, read from its extensions. */
function subjectOf(der: Uint8Array): { hwid?: Uint8Array; cspId: string; productName: string; tcb: Tcb } {
  const { extensions = [] } = AsnConvert.parse(Buffer.from(der), Certificate).tbsCertificate;
  const value = (suffix: string): Buffer | undefined => {
    const found = extensions.find((e) => e.extnID === `1.3.6.1.4.1.3704.1.${suffix}`);
    return found && Buffer.from(found.extnValue.buffer);
  };
  // INTEGER of one or two bytes, IA5String of one length byte
  const level = (suffix: string): number => value(suffix)?.at(-1) ?? 0;
  const text = (suffix: string): string => value(suffix)?.subarray(2).toString('ascii') ?? '';
  const hwid = value('4');
  const tcb = { bootLoader: level('3.1'), tee: level('3.2'), snp: level('3.3'), microcode: level('3.8'), ...(value('3.9') ? { fmc: level('3.9') } : {}) };
  return { ...(hwid ? { hwid: new Uint8Array(hwid) } : {}), cspId: text('5'), productName: text('2'), tcb };
}
