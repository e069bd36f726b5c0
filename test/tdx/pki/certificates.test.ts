/** Intel's certificates and lists: names, lifetimes, extensions, revocation, and what OpenSSL makes of them. */
import { spawnSync } from 'node:child_process';
import { createHash, verify, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CodecError, TeemuError } from '../../../emulator/errors.ts';
import { pem } from '../../../emulator/pki/der.ts';
import { TEST_MARKER } from '../../../emulator/pki/issue.ts';
import type { IntelAuthorityRole, IntelCaRole } from '../../../emulator/pki/profiles/intel.ts';
import { readCertificate, readCrl } from '../../../emulator/pki/read.ts';
import { readSgxExtension, SGX_EXTENSION_OID } from '../../../emulator/pki/sgx-extension.ts';
import { IntelAuthority } from '../../../emulator/tdx/authority.ts';
import { platformInstanceId, ppid } from '../../../emulator/tdx/platform/id.ts';
import { certifiedTcbs, PLATFORM_MODELS } from '../../../emulator/tdx/platform/models.ts';
import { PCK_CAS, platformState, tdxPlatform } from '../../../emulator/tdx/platform/platform.ts';
import { AdjustableClock, fixedClock, seededWorld, type World } from '../../../emulator/world.ts';
import { iterations } from '../../hostile/iterations.ts';

/** Within the lives of the genuine authorities. */
const AT = Date.parse('2026-06-30T12:00:00Z');
const world = (at = AT, seed = 'intel'): World => seededWorld(seed, fixedClock(at));
const intel = (at = AT): IntelAuthority => new IntelAuthority(world(at));
const hex = (src: Uint8Array): string => Buffer.from(src).toString('hex');
const ROLES = ['ROOT', 'PLATFORM', 'PROCESSOR', 'TCB_SIGNING'] as const satisfies readonly IntelAuthorityRole[];
const CAS = ['ROOT', 'PLATFORM', 'PROCESSOR'] as const satisfies readonly IntelCaRole[];
const spkiOf = (der: Uint8Array): Uint8Array => new Uint8Array(new X509Certificate(der).publicKey.export({ type: 'spki', format: 'der' }));

describe('every certificate', () => {
  test.each(ROLES)('of %s is signed by the root over its bytes', (role) => {
    const authority = intel();
    const { tbs, signature } = readCertificate(authority.certificate(role).der);
    expect(verify('sha256', tbs, authority.key('ROOT').publicKey, signature)).toBe(true);
  });

  test.each(ROLES)('of %s has its key identifier, SHA-1 of the whole key info, for a serial', (role) => {
    const { der } = intel().certificate(role);
    const identifier = createHash('sha1').update(spkiOf(der)).digest('hex').toUpperCase();
    expect(new X509Certificate(der).serialNumber).toBe(identifier.replace(/^0+/, ''));
  });

  test('of a platform has exactly six extensions, and its serial and ids begin with the marker', () => {
    const { der, spec } = intel().pck(tdxPlatform());
    const { extensions, serial } = readCertificate(der);
    expect(extensions.map(({ oid, critical }) => `${oid}${critical ? ' critical' : ''}`)).toEqual(['2.5.29.35', '2.5.29.31', '2.5.29.14', '2.5.29.15 critical', '2.5.29.19 critical', SGX_EXTENSION_OID]);
    const sgx = readSgxExtension(extensions[5]?.value ?? new Uint8Array(0));
    for (const id of [serial, sgx.ppid, sgx.platform?.instanceId ?? []]) expect(Buffer.from(id).toString('latin1')).toMatch(/^TEEMU/);
    expect([serial.length, spec.serial.length]).toEqual([20, 20]);
  });

  test('of a root says in words that it is a test root, in a sixth extension that is not critical', () => {
    const { extensions } = readCertificate(intel().certificate('ROOT').der);
    expect(extensions).toHaveLength(6);
    expect(extensions[5]).toMatchObject({ oid: '2.16.840.1.113730.1.13', critical: false });
    expect(Buffer.from(extensions[5]?.value ?? []).toString('latin1')).toContain(TEST_MARKER);
  });

  test('names Intel exactly', () => {
    const authority = intel();
    const subjects = [...ROLES.map((role) => authority.certificate(role)), authority.pck(tdxPlatform())].map(({ der }) => new X509Certificate(der).subject);
    const rest = 'O=Intel Corporation\nL=Santa Clara\nST=CA\nC=US';
    expect(subjects).toEqual(['Intel SGX Root CA', 'Intel SGX PCK Platform CA', 'Intel SGX PCK Processor CA', 'Intel SGX TCB Signing', 'Intel SGX PCK Certificate'].map((cn) => `CN=${cn}\n${rest}`));
  });

  test('lives as long as the genuine ones', () => {
    const authority = intel();
    const life = (der: Uint8Array): string[] => [new X509Certificate(der).validFrom, new X509Certificate(der).validTo].map((t) => new Date(t).toISOString());
    expect(life(authority.certificate('ROOT').der)).toEqual(['2018-05-21T10:45:10.000Z', '2049-12-31T23:59:59.000Z']);
    expect(life(authority.certificate('PLATFORM').der)).toEqual(['2018-05-21T10:50:10.000Z', '2033-05-21T10:50:10.000Z']);
    expect(life(authority.certificate('PROCESSOR').der)).toEqual(['2018-05-21T10:50:10.000Z', '2033-05-21T10:50:10.000Z']);
    expect(life(authority.certificate('TCB_SIGNING').der)).toEqual(['2025-05-06T09:25:00.000Z', '2032-05-06T09:25:00.000Z']);
    const [from = '', to = ''] = life(authority.pck(tdxPlatform()).der);
    expect(Number(to.slice(0, 4)) - Number(from.slice(0, 4))).toBe(7);
    expect(to.slice(4)).toBe(from.slice(4));
  });

  test('is valid at any time from 1980 to 2200', () => {
    fc.assert(
      fc.property(fc.date({ min: new Date('1980-01-01'), max: new Date('2200-01-01'), noInvalidDate: true }), (date) => {
        const at = date.getTime();
        const authority = intel(at);
        const platform = tdxPlatform('emerald-rapids', { index: 7 });
        const spec = authority.pck(platform).spec;
        for (const { notBefore, notAfter } of [...ROLES.map((role) => authority.certificate(role).spec), spec]) {
          expect(notBefore).toBeLessThanOrEqual(at);
          expect(notAfter).toBeGreaterThan(at + 300 * 86_400_000);
        }
      }),
      { numRuns: 40 },
    );
  });

  test('is the same in another world of the same seed and clock, and another in one of another seed', () => {
    const one = [...ROLES.map((role) => intel().certificate(role).pem), intel().pck(tdxPlatform()).pem];
    expect([...ROLES.map((role) => intel().certificate(role).pem), intel().pck(tdxPlatform()).pem]).toEqual(one);
    const other = new IntelAuthority(world(AT, 'other'));
    expect(other.certificate('ROOT').pem).not.toBe(one[0]);
  });

  test('of a platform changes key and serial with its TCB and nothing with the hour', () => {
    const platform = tdxPlatform();
    const [newest, older] = certifiedTcbs(platform.model, AT);
    const authority = intel();
    expect(hex(authority.pck(platform, newest).spec.spki)).not.toBe(hex(authority.pck(platform, older).spec.spki));
    expect(hex(authority.pck(platform, newest).spec.serial)).not.toBe(hex(authority.pck(platform, older).spec.serial));
    expect(intel(AT + 3_600_000).pck(platform).pem).toBe(authority.pck(platform).pem);
  });

  test('of the Processor CA has no platform items and names the list of that authority', () => {
    const { der } = intel().pck(tdxPlatform('emerald-rapids', { ca: 'processor' }));
    const { extensions } = readCertificate(der);
    expect(readSgxExtension(extensions[5]?.value ?? new Uint8Array(0)).platform).toBeUndefined();
    expect(Buffer.from(extensions[1]?.value ?? []).toString('latin1')).toContain('pckcrl?ca=processor&encoding=der');
    expect(new X509Certificate(der).issuer).toContain('Intel SGX PCK Processor CA');
  });
});

describe('the SGX extension', () => {
  test.each(Object.keys(PLATFORM_MODELS))('of %s says what the table says', (name) => {
    const platform = tdxPlatform(name);
    const { tcb } = platformState(platform, AT);
    const value = readCertificate(intel().pck(platform).der).extensions[5]?.value ?? new Uint8Array(0);
    expect(readSgxExtension(value)).toEqual({
      ppid: ppid(world(), platform),
      components: tcb.sgx,
      pceSvn: tcb.pceSvn,
      cpuSvn: Uint8Array.from(tcb.sgx),
      pceId: new Uint8Array(2),
      fmspc: Uint8Array.from(Buffer.from(platform.model.fmspc, 'hex')),
      sgxType: platform.model.sgxType,
      platform: { instanceId: platformInstanceId(world(), platform), configuration: platform.model.configuration },
    });
  });

  test('that is changed in one bit is read without that bit, or refused, but never anything else', () => {
    const value = readCertificate(intel().pck(tdxPlatform()).der).extensions[5]?.value ?? new Uint8Array(0);
    const good = readSgxExtension(value);
    for (let at = 0; at < value.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const bad = value.slice();
        bad[at] = (bad[at] ?? 0) ^ (1 << bit);
        try {
          expect(readSgxExtension(bad)).not.toEqual(good);
        } catch (cause) {
          if (!(cause instanceof CodecError)) throw cause;
        }
      }
    }
  });

  test(`of ${iterations} hostile inputs throws nothing but CodecError`, () => {
    const value = readCertificate(intel().pck(tdxPlatform()).der).extensions[5]?.value ?? new Uint8Array(0);
    const cuts = fc.nat(value.length).map((n) => value.slice(0, n));
    const edited = fc.array(fc.tuple(fc.nat(value.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }).map((edits) => {
      const bad = value.slice();
      for (const [at, byte] of edits) bad[at] = byte;
      return bad;
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 700 }), cuts, edited), (src) => {
        try {
          readSgxExtension(src);
        } catch (cause) {
          if (!(cause instanceof TeemuError)) throw cause;
        }
      }),
      { numRuns: iterations },
    );
  });
});

describe('the lists', () => {
  const DAY = 86_400_000;

  test.each(CAS)('of %s is signed by its authority, and begins before now', (role) => {
    const authority = intel();
    const { tbs, signature, thisUpdate, revoked } = readCrl(authority.crl(role));
    expect(verify('sha256', tbs, authority.key(role).publicKey, signature)).toBe(true);
    expect(thisUpdate).toBeLessThanOrEqual(AT);
    expect(revoked).toEqual([]);
  });

  test('of the root lives a year, those of the others thirty days', () => {
    const life = (role: IntelCaRole): number => {
      const { thisUpdate, nextUpdate = 0 } = readCrl(intel().crl(role));
      return (nextUpdate - thisUpdate) / DAY;
    };
    expect(CAS.map(life)).toEqual([365, 30, 30]);
  });

  test('name a revoked machine under its authority and nowhere else, for the compromise of its key', () => {
    const authority = intel();
    const platform = tdxPlatform('sapphire-rapids', { index: 3 });
    authority.revokePck(platform);
    const { revoked, thisUpdate } = readCrl(authority.crl('PLATFORM'));
    expect(revoked.map(({ serial, revokedAt, extensions }) => [hex(serial), revokedAt, extensions.map(({ oid, value }) => `${oid}=${hex(value)}`)])).toEqual([
      [hex(authority.pck(platform).spec.serial), thisUpdate, ['2.5.29.21=0a0101']],
    ]);
    expect([readCrl(authority.crl('PROCESSOR')).revoked, readCrl(authority.crl('ROOT')).revoked]).toEqual([[], []]);
  });

  test('name a revoked authority on the list of the root', () => {
    const authority = intel();
    for (const role of ['PLATFORM', 'PROCESSOR', 'TCB_SIGNING'] as const) authority.revoke(role);
    const serials = readCrl(authority.crl('ROOT')).revoked.map(({ serial }) => BigInt(`0x${hex(serial)}`));
    expect(serials).toEqual((['PLATFORM', 'PROCESSOR', 'TCB_SIGNING'] as const).map((role) => BigInt(`0x${new X509Certificate(authority.certificate(role).der).serialNumber}`)));
  });

  test('hold nothing that a clock which was turned back has still before it', () => {
    const clock = new AdjustableClock(fixedClock(AT));
    const authority = new IntelAuthority(seededWorld('intel', clock));
    authority.revokePck(tdxPlatform());
    clock.advance(-DAY);
    const { revoked, thisUpdate } = readCrl(authority.crl('PLATFORM'));
    expect(revoked).toEqual([]);
    expect(thisUpdate).toBeLessThanOrEqual(AT - DAY);
    clock.advance(DAY);
    expect(readCrl(authority.crl('PLATFORM')).revoked).toHaveLength(1);
  });

  test('are empty again when everything is taken back', () => {
    const authority = intel();
    const before = authority.crl('PLATFORM');
    const { period } = authority;
    authority.revokePck(tdxPlatform());
    expect(authority.period).not.toBe(period);
    authority.reinstate();
    expect(hex(authority.crl('PLATFORM'))).toBe(hex(before));
  });

  test('can be made wrong before they are signed, or be signed by another key', () => {
    const authority = intel();
    expect(readCrl(authority.crl('PLATFORM', { edit: (spec) => ({ ...spec, extensions: [] }) })).extensions).toEqual([]);
    const { tbs, signature } = readCrl(authority.crl('PLATFORM', { signedBy: authority.key('PROCESSOR') }));
    expect(verify('sha256', tbs, authority.key('PLATFORM').publicKey, signature)).toBe(false);
    expect(verify('sha256', tbs, authority.key('PROCESSOR').publicKey, signature)).toBe(true);
  });
});

const HAS_OPENSSL = spawnSync('openssl', ['version']).status === 0;
describe.skipIf(!HAS_OPENSSL)('OpenSSL', () => {
  let dir: string;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'teemu-intel-'));
    const authority = intel();
    for (const role of ROLES) writeFileSync(join(dir, `${role}.pem`), authority.certificate(role).pem);
    for (const ca of PCK_CAS) writeFileSync(join(dir, `${ca}.pem`), authority.pck(tdxPlatform('emerald-rapids', { ca })).pem);
    authority.revokePck(tdxPlatform('emerald-rapids', { index: 1 }));
    writeFileSync(join(dir, 'revoked.pem'), authority.pck(tdxPlatform('emerald-rapids', { index: 1 })).pem);
    writeFileSync(join(dir, 'crls.pem'), CAS.map((role) => pem('X509 CRL', authority.crl(role))).join(''));
    for (const role of CAS) writeFileSync(join(dir, `${role}.crl`), authority.crl(role));
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  const openssl = (...args: string[]): { status: number | null; stdout: string; stderr: string } => spawnSync('openssl', args, { cwd: dir, encoding: 'utf8' });
  const verified = (leaf: string, between: string): ReturnType<typeof openssl> =>
    openssl('verify', '-attime', String(AT / 1000), '-crl_check_all', '-CRLfile', 'crls.pem', '-CAfile', 'ROOT.pem', '-untrusted', between, leaf);

  test.each([
    ['platform.pem', 'PLATFORM.pem'],
    ['processor.pem', 'PROCESSOR.pem'],
    ['TCB_SIGNING.pem', 'ROOT.pem'],
  ])('verifies %s up to the root, with every list', (leaf, between) => {
    expect(verified(leaf, between)).toMatchObject({ status: 0, stdout: `${leaf}: OK\n` });
  });

  test('finds a revoked machine on the list', () => {
    const { status, stdout, stderr } = verified('revoked.pem', 'PLATFORM.pem');
    expect(status).not.toBe(0);
    expect(stdout + stderr).toContain('certificate revoked');
  });

  test.each([...ROLES, 'platform', 'processor'])('prints %s without complaint', (name) => {
    const { status, stdout, stderr } = openssl('x509', '-in', `${name}.pem`, '-noout', '-text');
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toContain('ecdsa-with-SHA256');
    expect(/Netscape Comment:\s+TEEMU TEST KEY - DO NOT TRUST/.test(stdout)).toBe(name === 'ROOT');
  });

  test.each(CAS)('prints the list of %s and verifies it', (role) => {
    const { status, stdout, stderr } = openssl('crl', '-inform', 'DER', '-in', `${role}.crl`, '-noout', '-text', '-CAfile', `${role}.pem`);
    expect([status, stderr.trim()]).toEqual([0, 'verify OK']);
    expect(stdout).toMatch(/X509v3 CRL Number:\s+1\s+X509v3 Authority Key Identifier/);
  });
});
