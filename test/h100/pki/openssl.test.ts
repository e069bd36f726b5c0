/** OpenSSL verifies every chain of NVIDIA's as strictly as it can, and takes the responder's answers. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NvidiaAuthority, nvidiaAuthorityOf } from '../../../emulator/h100/pki/authority.ts';
import { pem } from '../../../emulator/pki/der.ts';
import type { IssuedCertificate } from '../../../emulator/pki/issue.ts';
import { NVIDIA_CHIP_NAMES, type NvidiaChip } from '../../../emulator/pki/profiles/nvidia-chips.ts';
import { NVIDIA_PROFILES, type NvidiaCaId } from '../../../emulator/pki/profiles/nvidia.ts';
import type { FaultRule } from '../../../emulator/services/faults/plan.ts';
import { startServices } from '../../../emulator/services/start.ts';
import { fixedClock, seededWorld, systemClock, type World } from '../../../emulator/world.ts';

const HERE = spawnSync('openssl', ['version']).status === 0;
/** Within the lives of the genuine certificates, before NVIDIA issued any, and after those that end have ended. */
const CLOCKS = { 'the genuine dates': Date.UTC(2026, 0, 2), 'a time before NVIDIA issued them': Date.UTC(2019, 5, 1), 'a time with four-digit years only': Date.UTC(2077, 3, 5) } as const;
const PDI = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const device = (architecture: NvidiaChip): { architecture: NvidiaChip; pdi: Uint8Array; fwid: Uint8Array } => ({ architecture, pdi: PDI, fwid: new Uint8Array(48).fill(9) });
const newWorld = (at: number): World => seededWorld('openssl', fixedClock(at));

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'teemu-openssl-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function openssl(...args: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync('openssl', args, { cwd: dir, encoding: 'utf8' });
  return { status, stdout, stderr };
}

/** Writes a chain, leaf first, as `leaf.pem`, `between.pem` and `root.pem`. */
function write(chain: readonly IssuedCertificate[]): void {
  const texts = chain.map((certificate) => certificate.pem);
  writeFileSync(join(dir, 'leaf.pem'), texts[0] ?? '');
  writeFileSync(join(dir, 'between.pem'), texts.slice(1).join(''));
  writeFileSync(join(dir, 'root.pem'), texts.at(-1) ?? '');
}

/** Every chain there is. */
function chains(authority: NvidiaAuthority): [name: string, chain: readonly IssuedCertificate[]][] {
  return [
    ...NVIDIA_CHIP_NAMES.map((chip): [string, readonly IssuedCertificate[]] => [`the device chain of a ${chip}`, authority.deviceCertificates(device(chip))]),
    ...NVIDIA_CHIP_NAMES.map((chip): [string, readonly IssuedCertificate[]] => [`the RIM signer of a ${chip}`, authority.rimSigner(chip === 'LS10' ? 'switch' : 'driver', chip).chain]),
    ['NRAS', [...authority.nras().chain, authority.root('nras')]],
    ...[...NVIDIA_PROFILES].flatMap(([id, { responder, issuer }]): [string, readonly IssuedCertificate[]][] =>
      responder && issuer === id ? [[`the OCSP responder of ${id}`, [authority.ocspResponder(id as NvidiaCaId).certificate, authority.certificate(id)]]] : [],
    ),
  ];
}

describe.skipIf(!HERE).each(Object.entries(CLOCKS))('at %s, OpenSSL', (_, at) => {
  const authority = new NvidiaAuthority(newWorld(at));
  const usual = ['-attime', String(at / 1000), '-x509_strict', '-check_ss_sig', '-CAfile', 'root.pem'];

  test.each(chains(authority))('verifies %s', (_name, chain) => {
    write(chain);
    expect(openssl('verify', ...usual, '-untrusted', 'between.pem', 'leaf.pem')).toEqual({ status: 0, stdout: 'leaf.pem: OK\n', stderr: '' });
  });

  test.each(chains(authority))('does not verify %s under the root of another world', (_name, chain) => {
    const other = new NvidiaAuthority(seededWorld('another', fixedClock(at)));
    write(chain);
    writeFileSync(join(dir, 'root.pem'), other.root('device').pem + other.root('rim').pem + other.root('nras').pem);
    expect(openssl('verify', ...usual, '-untrusted', 'between.pem', 'leaf.pem').status).toBe(2);
  });

  test.each(['device-root', 'rim-root', 'nras-root', 'identity/GH100', 'identity/GB100'] as const)('verifies the revocation list of %s', (id) => {
    writeFileSync(join(dir, 'crl.pem'), pem('X509 CRL', authority.crl(id)));
    writeFileSync(join(dir, 'root.pem'), authority.certificate(id).pem);
    const { status, stderr } = openssl('crl', '-in', 'crl.pem', '-noout', '-CAfile', 'root.pem');
    expect([status, stderr.trim()]).toEqual([0, 'verify OK']);
  });
});

/** Asks the responder with OpenSSL's own client about every certificate of a device, leaf left out, and about RIM signers. */
describe.skipIf(!HERE)('openssl ocsp', () => {
  // OpenSSL judges the lives of answers by the clock of this machine.
  const world = seededWorld('openssl-ocsp', systemClock());
  const authority = nvidiaAuthorityOf(world);
  const gpu = authority.deviceCertificates(device('GH100'));
  const rim = authority.rimSigner('driver', 'GH100').chain;
  const asked = { 'the boot ROM': [gpu, 1], 'the provisioner': [gpu, 2], 'the identity authority': [gpu, 3], 'the RIM signer': [rim, 0], 'level 3 of RIMs': [rim, 1], 'the CA of RIMs': [rim, 2] } as const;

  async function ask([chain, at]: readonly [readonly IssuedCertificate[], number], extra: readonly string[], faults: readonly FaultRule[] = []): Promise<{ status: number | null; text: string }> {
    await using services = await startServices({ world, faults });
    writeFileSync(join(dir, 'certificate.pem'), chain[at]?.pem ?? '');
    writeFileSync(join(dir, 'issuer.pem'), chain[at + 1]?.pem ?? '');
    writeFileSync(
      join(dir, 'between.pem'),
      chain
        .slice(1)
        .map((certificate) => certificate.pem)
        .join(''),
    );
    writeFileSync(join(dir, 'root.pem'), chain.at(-1)?.pem ?? '');
    const args = ['ocsp', '-issuer', 'issuer.pem', ...extra, '-cert', 'certificate.pem', '-url', services.url.ocsp, '-CAfile', 'root.pem', '-verify_other', 'between.pem', '-timeout', '10'];
    return await new Promise((resolve, reject) => {
      const child = spawn('openssl', args, { cwd: dir });
      let text = '';
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => (text += part.toString()));
      child.once('error', reject);
      child.once('close', (status) => resolve({ status, text }));
    });
  }

  test.each(Object.entries(asked))('finds %s good, by SHA-1 and with a nonce', async (_, which) => {
    const { status, text } = await ask(which, []);
    expect([status, text]).toEqual([0, expect.stringMatching(/^Response verify OK\ncertificate.pem: good/m)]);
    expect(text).not.toMatch(/WARNING: no nonce|error/i);
  });

  test.each(['-sha1', '-sha256', '-sha384', '-sha512'])('finds the boot ROM good by %s, with and without a nonce', async (digest) => {
    for (const extra of [[digest], [digest, '-no_nonce']]) expect(await ask(asked['the boot ROM'], extra)).toEqual({ status: 0, text: expect.stringMatching(/Response verify OK\ncertificate.pem: good/) });
  });

  test('finds a device revoked, then on hold, then good again', async () => {
    const serial = gpu[1]?.spec.serial ?? new Uint8Array(0);
    authority.revoke('provisioner/GH100', serial, 'keyCompromise');
    expect((await ask(asked['the boot ROM'], [])).text).toMatch(/certificate.pem: revoked\n[\s\S]*Reason: keyCompromise/);
    authority.revoke('provisioner/GH100', serial, 'certificateHold');
    expect((await ask(asked['the boot ROM'], [])).text).toMatch(/certificate.pem: revoked\n[\s\S]*Reason: certificateHold/);
    expect(authority.release('provisioner/GH100', serial)).toBe(true);
    expect((await ask(asked['the boot ROM'], [])).text).toMatch(/certificate.pem: good/);
  });

  test.each([
    ['ocsp-try-later', /Responder Error: trylater/],
    ['ocsp-internal-error', /Responder Error: internalerror/],
    ['ocsp-malformed-request', /Responder Error: malformedrequest/],
    ['ocsp-sig-required', /Responder Error: sigrequired/],
    ['ocsp-unauthorized', /Responder Error: unauthorized/],
    ['ocsp-unknown', /certificate.pem: unknown/],
    ['ocsp-revoked', /certificate.pem: revoked/],
    ['ocsp-other-certificate', /ERROR: No Status found/],
    ['ocsp-wrong-nonce', /Nonce Verify error/],
    ['ocsp-missing-nonce', /WARNING: no nonce in response/],
    ['ocsp-unsigned', /Response Verify Failure/],
    ['ocsp-rogue-responder', /Response Verify Failure/],
    ['ocsp-no-certificate', /Response Verify Failure/],
    ['ocsp-other-authority', /Response Verify Failure/],
    ['ocsp-no-purpose', /Response Verify Failure/],
    ['ocsp-stale', /WARNING: Status times invalid/],
    ['ocsp-future', /WARNING: Status times invalid/],
  ])('notices %s', async (fault, says) => {
    expect((await ask(asked['the provisioner'], [], [{ fault }])).text).toMatch(says);
  });
});
