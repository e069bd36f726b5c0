/** The form of every certificate and list of AMD's, from the table and the public descriptions alone. */
import { execFileSync } from 'node:child_process';
import { constants, createHash, verify, X509Certificate } from 'node:crypto';
import { tmpdir } from 'node:os';
import { AsnConvert } from '@peculiar/asn1-schema';
import { Certificate, CertificateList } from '@peculiar/asn1-x509';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TEST_MARKER } from '../../emulator/pki/issue.ts';
import { AMD_PROFILES, amdCertificateSpec, amdCrlSpec } from '../../emulator/pki/profiles/amd.ts';
import { LINE_TABLE, LINES } from '../../emulator/snp/platform/products.ts';
import { fixedClock, seededWorld } from '../../emulator/world.ts';
import { ALL, type AmdChain, amdChain, ISSUER, ROLES, type Role } from './amd-chain.ts';

const AT = Date.UTC(2026, 0, 2);
const DAY = 86_400_000;
const chains = Object.fromEntries(LINES.map((line) => [line, amdChain(line, AT)])) as Record<(typeof LINES)[number], AmdChain>;
const parsed = (line: (typeof LINES)[number], role: Role): Certificate => AsnConvert.parse(Buffer.from(chains[line].certificates[role]), Certificate);
const hex = (src: ArrayBuffer | Uint8Array): string => Buffer.from(src as Uint8Array).toString('hex');
const amd = (...suffixes: string[]): string[] => suffixes.map((suffix) => `1.3.6.1.4.1.3704.1.${suffix}`);

/** RSASSA-PSS-params: SHA-384 with NULL, MGF1 with SHA-384 with NULL, salt 48, then trailerField 1 or nothing (RFC 4055 §3.1). */
const PSS_REST = 'a00f300d06096086480165030402020500' + 'a11c301a06092a864886f70d010108300d06096086480165030402020500' + 'a203020130';
const PSS = { explicit: `3039${PSS_REST}a303020101`, omitted: `3034${PSS_REST}` };

describe.each(ALL)('%s %s', (line, role) => {
  const { tbsCertificate, signatureAlgorithm } = parsed(line, role);
  const x509 = new X509Certificate(chains[line].certificates[role]);

  test('is of X.509 version 3', () => {
    expect(tbsCertificate.version).toBe(2);
  });

  test('is signed by its issuer, and names it', () => {
    const issuer = new X509Certificate(chains[line].certificates[ISSUER[role]]);
    expect(x509.verify(issuer.publicKey)).toBe(true);
    expect(hex(AsnConvert.serialize(tbsCertificate.issuer))).toBe(hex(AsnConvert.serialize(parsed(line, ISSUER[role]).tbsCertificate.subject)));
  });

  test('has AMD’s names in AMD’s order: the country printable, the rest UTF-8', () => {
    const cn = { ARK: `ARK-${line}`, ASK: `SEV-${line}`, ASVK: `SEV-VLEK-${line}`, VCEK: 'SEV-VCEK', VLEK: 'SEV-VLEK' }[role];
    const names = tbsCertificate.subject.map(([attribute]) => [attribute?.type, attribute?.value.printableString === undefined ? 'utf8' : 'printable', attribute?.value.toString()]);
    expect(names).toEqual([
      ['2.5.4.11', 'utf8', 'Engineering'],
      ['2.5.4.6', 'printable', 'US'],
      ['2.5.4.7', 'utf8', 'Santa Clara'],
      ['2.5.4.8', 'utf8', 'CA'],
      ['2.5.4.10', 'utf8', 'Advanced Micro Devices'],
      ['2.5.4.3', 'utf8', cn],
    ]);
  });

  test('has the genuine serial', () => {
    const serials = { Milan: { ARK: '010000', ASK: '010001', ASVK: '010101' }, Genoa: { ARK: '020000', ASK: '020002', ASVK: '020101' }, Turin: { ARK: '030000', ASK: '030001', ASVK: '030101' } };
    expect(hex(tbsCertificate.serialNumber)).toBe(role === 'VCEK' || role === 'VLEK' ? '00' : serials[line][role]);
  });

  test('names PSS with SHA-384 inside and outside in the same bytes, the trailer written out by authorities only', () => {
    const algorithm = tbsCertificate.signature;
    expect(algorithm.algorithm).toBe('1.2.840.113549.1.1.10');
    expect(hex(algorithm.parameters ?? new ArrayBuffer(0))).toBe(PSS[role === 'VCEK' || role === 'VLEK' ? 'omitted' : 'explicit']);
    expect(hex(AsnConvert.serialize(signatureAlgorithm))).toBe(hex(AsnConvert.serialize(algorithm)));
  });

  test('certifies a key of the right kind', () => {
    const { publicKey } = x509;
    if (role === 'VCEK' || role === 'VLEK') expect(publicKey.asymmetricKeyDetails).toMatchObject({ namedCurve: 'secp384r1' });
    else {
      expect(publicKey.asymmetricKeyDetails).toMatchObject({ modulusLength: 4096, publicExponent: 65537n });
      expect(tbsCertificate.subjectPublicKeyInfo.algorithm.algorithm).toBe('1.2.840.113549.1.1.1');
    }
  });

  test('has the genuine extensions in the genuine order, critical or not', () => {
    const authority = ['2.5.29.14', '2.5.29.35', '2.5.29.19!', '2.5.29.15!', '2.5.29.31'];
    const levels = line === 'Turin' ? amd('1', '2', '3.9', '3.1', '3.2', '3.3', '3.5', '3.6', '3.7', '3.8') : amd('1', '2', '3.1', '3.2', '3.4', '3.5', '3.6', '3.7', '3.3', '3.8');
    const expected = {
      ARK: ['2.5.29.15!', '2.5.29.14', '2.5.29.19!', '2.5.29.31', '2.16.840.1.113730.1.13'],
      ASK: authority,
      ASVK: authority,
      VCEK: [...levels, ...amd('4')],
      VLEK: [...levels, ...amd('5')],
    }[role];
    expect((tbsCertificate.extensions ?? []).map((e) => `${e.extnID}${e.critical ? '!' : ''}`)).toEqual(expected);
  });

  test('lives as long as the genuine one, and at the clock of its world', () => {
    const years = { ARK: 25, ASK: 25, ASVK: 25, VCEK: 7, VLEK: 1 }[role];
    const [from, to] = [new Date(x509.validFrom), new Date(x509.validTo)];
    expect(to.getUTCFullYear() - from.getUTCFullYear()).toBe(years);
    expect(to.toISOString().slice(4)).toBe(from.toISOString().slice(4));
    expect(from.getTime()).toBeLessThanOrEqual(AT);
    expect(to.getTime()).toBeGreaterThan(AT);
  });
});

describe('the test marker', () => {
  const marked = (line: (typeof LINES)[number], role: Role): boolean => Buffer.from(chains[line].certificates[role]).includes(TEST_MARKER);
  test.each(LINES)('stands in the root of %s, as a Netscape Comment that is not critical', (line) => {
    const comment = parsed(line, 'ARK').tbsCertificate.extensions?.find((e) => e.extnID === '2.16.840.1.113730.1.13');
    expect(comment?.critical).toBe(false);
    // IA5String
    expect(Buffer.from(comment?.extnValue.buffer ?? new ArrayBuffer(0))).toEqual(Buffer.from([0x16, TEST_MARKER.length, ...Buffer.from(TEST_MARKER)]));
  });
  test('stands in every certificate of the table that signs itself', () => {
    const roots = ROLES.filter((role) => AMD_PROFILES[role].issuer === role);
    expect(roots).toEqual(['ARK']);
    for (const line of LINES) for (const role of roots) expect(marked(line, role)).toBe(true);
  });
  test('has no room in the others, whose extensions verifiers count', () => {
    for (const [line, role] of ALL) if (role !== 'ARK') expect(marked(line, role)).toBe(false);
  });
  test.each(LINES)('begins the hardware id of every emulated chip of %s instead', (line) => {
    const hwid = parsed(line, 'VCEK').tbsCertificate.extensions?.find((e) => e.extnID === amd('4')[0]);
    expect(
      Buffer.from(hwid?.extnValue.buffer ?? new ArrayBuffer(0))
        .subarray(0, 5)
        .toString('ascii'),
    ).toBe('TEEMU');
    expect(hwid?.extnValue.byteLength).toBe(line === 'Turin' ? 8 : 64);
  });
});

describe('the revocation list', () => {
  test.each(LINES)('of %s is issued and signed by its ARK', (line) => {
    const list = AsnConvert.parse(Buffer.from(chains[line].crl), CertificateList);
    const { publicKey } = new X509Certificate(chains[line].certificates.ARK);
    expect(hex(AsnConvert.serialize(list.tbsCertList.issuer))).toBe(hex(AsnConvert.serialize(parsed(line, 'ARK').tbsCertificate.subject)));
    const signed = Buffer.from(AsnConvert.serialize(list.tbsCertList));
    expect(verify('sha384', signed, { key: publicKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 48 }, Buffer.from(list.signature))).toBe(true);
    expect(hex(list.signatureAlgorithm.parameters ?? new ArrayBuffer(0))).toBe(PSS.omitted);
  });
  test('lists what AMD’s lists, nothing else: a replaced ASK of Genoa', () => {
    const world = seededWorld('x', fixedClock(AT));
    const revoked = LINES.map((line) => amdCrlSpec(line, AT, world.rsaKey(`amd/ark/${line}`), []).revoked.map((r) => hex(r.serial)));
    expect(revoked).toEqual([[], ['020001'], []]);
  });
  test('of a revoked ASK lists its serial under a higher number, from the second it was revoked', () => {
    const { authority } = amdChain('Milan', AT + 1234);
    const before = authority.crl();
    authority.revoke('ASK');
    const after = authority.crl();
    expect(hex(before)).not.toContain('0203010001');
    expect(hex(after)).toContain('0203010001');
    authority.reinstate();
    expect(authority.crl()).toEqual(before);
  });
});

describe('certificates of any clock', () => {
  const world = seededWorld('x', fixedClock(AT));
  const leaf = { hwid: new Uint8Array(64), tcb: LINE_TABLE.Milan.newestTcb };
  const clocks = fc.integer({ min: 0, max: Date.UTC(2400, 0, 1) / 1000 }).map((seconds) => seconds * 1000);
  test.each(ALL)('%s %s is valid at it', (line, role) => {
    const issuer = world.rsaKey(`amd/ark/${line}`);
    fc.assert(
      fc.property(clocks, (now) => {
        const { notBefore, notAfter } = amdCertificateSpec(AMD_PROFILES[role], line, now, { spki: issuer.spki, issuer }, leaf);
        expect(notBefore).toBeLessThanOrEqual(now);
        expect(notAfter).toBeGreaterThan(now);
      }),
      { numRuns: 300 },
    );
  });
  test.each(LINES)('the revocation list of %s is current at it', (line) => {
    const ark = world.rsaKey(`amd/ark/${line}`);
    fc.assert(
      fc.property(clocks, (now) => {
        const { thisUpdate, nextUpdate } = amdCrlSpec(line, now, ark, []);
        expect(thisUpdate).toBeLessThanOrEqual(now);
        expect((nextUpdate ?? 0) - now).toBeGreaterThan(300 * DAY);
      }),
    );
  });
  test('are the genuine authority’s own dates while those hold', () => {
    for (const line of LINES) {
      expect(new Date(new X509Certificate(chains[line].certificates.ARK).validFrom).getTime()).toBe(LINE_TABLE[line].issued.ark);
      expect(new Date(new X509Certificate(chains[line].certificates.ASVK).validFrom).getTime()).toBe(LINE_TABLE[line].issued.asvk);
    }
  });
});

describe('the same seed and clock', () => {
  const digest = (line: (typeof LINES)[number], at: number, seed?: string): string => {
    const { certificates, crl } = amdChain(line, at, seed);
    return createHash('sha256')
      .update(Buffer.concat([...Object.values(certificates), crl]))
      .digest('hex');
  };
  test.each(LINES)('give the same bytes for %s; another seed gives others', (line) => {
    expect(digest(line, AT)).toBe(digest(line, AT));
    expect(digest(line, AT, 'y')).not.toBe(digest(line, AT));
  });

  test('give the same bytes in another process, time zone, language and folder', () => {
    const dist = new URL('../../dist/emulator/', import.meta.url);
    const script = `
      const { AmdAuthority } = await import('${dist}snp/authority.js');
      const { hardwareId } = await import('${dist}snp/platform/chip.js');
      const { LINE_TABLE } = await import('${dist}snp/platform/products.js');
      const { fixedClock, seededWorld } = await import('${dist}world.js');
      const world = seededWorld('x', fixedClock(${AT}));
      const amd = new AmdAuthority(world, 'Genoa');
      const tcb = LINE_TABLE.Genoa.newestTcb;
      const all = [...['ARK', 'ASK', 'ASVK'].map((r) => amd.certificate(r).der), amd.vcek(hardwareId(world, 'Genoa'), tcb).der, amd.vlek(tcb).der, amd.crl()];
      process.stdout.write((await import('node:crypto')).createHash('sha256').update(Buffer.concat(all)).digest('hex'));`;
    const run = (env: Record<string, string>, cwd: string): string => execFileSync(process.execPath, ['--input-type=module', '-e', script], { env: { PATH: process.env.PATH, ...env }, cwd, encoding: 'utf8' });
    const hint = 'if dist/ is older than the sources, run npm run build';
    expect(run({ TZ: 'Asia/Kathmandu', LANG: 'tr_TR.UTF-8' }, tmpdir()), hint).toBe(digest('Genoa', AT));
    expect(run({ TZ: 'America/St_Johns', LANG: 'C' }, process.cwd()), hint).toBe(digest('Genoa', AT));
  });
});
