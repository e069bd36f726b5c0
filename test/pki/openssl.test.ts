/** OpenSSL reads and verifies every certificate and list without complaint. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pem } from '../../emulator/pki/der.ts';
import { TEST_MARKER } from '../../emulator/pki/issue.ts';
import { LINES } from '../../emulator/snp/platform/products.ts';
import { ALL, type AmdChain, amdChain, ROLES, type Role } from './amd-chain.ts';

const HERE = spawnSync('openssl', ['version']).status === 0;
/** The usual clock, and two outside of the lives of the genuine authorities. */
const CLOCKS = {
  'the genuine dates': Date.UTC(2026, 0, 2),
  'a time before AMD issued them': Date.UTC(2019, 5, 1),
  'a time after they end': Date.UTC(2050, 0, 1),
  'a time with four-digit years only': Date.UTC(2077, 3, 5),
} as const;

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'teemu-openssl-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function openssl(...args: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync('openssl', args, { cwd: dir, encoding: 'utf8' });
  return { status, stdout, stderr };
}

/** Writes a chain into the folder: `VCEK.pem`, `crl.der`, `crl.pem`. */
function write(chain: AmdChain): void {
  for (const role of ROLES) writeFileSync(join(dir, `${role}.pem`), pem('CERTIFICATE', chain.certificates[role]));
  writeFileSync(join(dir, 'crl.der'), chain.crl);
  writeFileSync(join(dir, 'crl.pem'), pem('X509 CRL', chain.crl));
}

describe.skipIf(!HERE).each(Object.entries(CLOCKS))('at %s, OpenSSL', (_, at) => {
  const seconds = String(at / 1000);
  const chains = LINES.map((line) => amdChain(line, at));

  test.each(ALL)('prints %s %s', (line, role) => {
    write(chains.find((chain) => chain.line === line) as AmdChain);
    const { status, stdout, stderr } = openssl('x509', '-in', `${role}.pem`, '-noout', '-text');
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toContain('Signature Algorithm: rsassaPss');
    expect(stdout).not.toMatch(/unsupported|error|unable/i);
    expect(/Netscape Comment:\s+TEEMU TEST KEY - DO NOT TRUST/.test(stdout)).toBe(role === 'ARK');
    expect(TEST_MARKER).toBe('TEEMU TEST KEY - DO NOT TRUST');
  });

  test.each(ALL)('verifies %s %s up to the root', (line, role) => {
    write(chains.find((chain) => chain.line === line) as AmdChain);
    const between = { ARK: [], ASK: [], ASVK: [], VCEK: ['-untrusted', 'ASK.pem'], VLEK: ['-untrusted', 'ASVK.pem'] }[role];
    expect(openssl('verify', '-attime', seconds, '-CAfile', 'ARK.pem', ...between, `${role}.pem`)).toEqual({ status: 0, stdout: `${role}.pem: OK\n`, stderr: '' });
  });

  test.each(LINES)('prints the revocation list of %s and verifies it by the root', (line) => {
    write(chains.find((chain) => chain.line === line) as AmdChain);
    const { status, stdout, stderr } = openssl('crl', '-inform', 'DER', '-in', 'crl.der', '-noout', '-text', '-CAfile', 'ARK.pem');
    expect([status, stderr.trim()]).toEqual([0, 'verify OK']);
    expect(stdout).toContain(`CN = ARK-${line}`);
    expect(stdout).toContain('X509v3 CRL Number');
  });

  test.each(LINES)('finds ASK and ASVK of %s on no list', (line) => {
    write(chains.find((chain) => chain.line === line) as AmdChain);
    for (const role of ['ASK', 'ASVK']) {
      expect(openssl('verify', '-attime', seconds, '-crl_check', '-CRLfile', 'crl.pem', '-CAfile', 'ARK.pem', `${role}.pem`)).toMatchObject({ status: 0, stdout: `${role}.pem: OK\n` });
    }
  });
});

describe.skipIf(!HERE)('OpenSSL refuses', () => {
  const at = CLOCKS['the genuine dates'];
  const seconds = String(at / 1000);
  const refusal = (message: RegExp): unknown => ({ status: 2, stdout: expect.anything(), stderr: expect.stringMatching(message) });
  const verifyLeaf = (role: Role, between: Role, when = seconds): unknown => openssl('verify', '-attime', when, '-CAfile', 'ARK.pem', '-untrusted', `${between}.pem`, `${role}.pem`);

  test('a VCEK below the ASVK', () => {
    write(amdChain('Milan', at));
    expect(verifyLeaf('VCEK', 'ASVK')).toEqual(refusal(/unable to get local issuer certificate/));
  });
  test('a VCEK of another seed', () => {
    write(amdChain('Milan', at));
    writeFileSync(join(dir, 'VCEK.pem'), pem('CERTIFICATE', amdChain('Milan', at, 'y').certificates.VCEK));
    expect(verifyLeaf('VCEK', 'ASK')).toEqual(refusal(/certificate signature failure/));
  });
  test('a VLEK two years later', () => {
    write(amdChain('Milan', at));
    expect(verifyLeaf('VLEK', 'ASVK', String(at / 1000 + 2 * 366 * 86_400))).toEqual(refusal(/certificate has expired/));
  });
  test('an ASK that was revoked', () => {
    const chain = amdChain('Milan', at);
    chain.authority.revoke('ASK');
    write({ ...chain, crl: chain.authority.crl() });
    expect(openssl('verify', '-attime', seconds, '-crl_check', '-CRLfile', 'crl.pem', '-CAfile', 'ARK.pem', 'ASK.pem')).toEqual(refusal(/certificate revoked/));
  });
});
