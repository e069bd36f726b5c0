/** NRAS: genuine requests are judged by the reference verifier, and the answers by the verifier of such answers; what its faults do. */
import { createHash, createPublicKey, verify, X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { H100OptionsInput } from '../../../emulator/h100/evidence/options.ts';
import { type H100Edits, h100Evidence } from '../../../emulator/h100/evidence/evidence.ts';
import { nvidiaAuthorityOf } from '../../../emulator/h100/pki/authority.ts';
import { pemBlocks } from '../../../emulator/pki/read.ts';
import { NRAS_FAULTS } from '../../../emulator/services/nvidia/nras/faults.ts';
import type { ServicesOptions } from '../../../emulator/services/start.ts';
import { h100Appraiser } from '../../../harness/verify/h100/appraise.ts';
import { verifyNras } from '../../../harness/verify/nras.ts';
import { assembled, NOW } from '../world.ts';

const HOST = 'https://nras.attestation.nvidia.com';
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const NONCE = 'ab'.repeat(32);

type Claims = Record<string, unknown>;
type Eat = [[string, string], Record<string, string>];
interface Device {
  readonly evidence: string;
  readonly certificate: string;
}

function service(options: Partial<Omit<ServicesOptions, 'world'>> = {}) {
  const services = assembled({ nras: { appraise: h100Appraiser() }, ...options }, 'nras');
  const { world, app } = services;
  const devices = (input: H100OptionsInput = {}, edits?: H100Edits, kind: 'gpu' | 'switch' = 'gpu'): Device[] =>
    h100Evidence(world, { nonce: NONCE, ...input }, edits)
      .devices.filter(({ architecture }) => (architecture === 'LS10') === (kind === 'switch'))
      .map(({ report, certificates }) => ({ evidence: Buffer.from(report).toString('base64'), certificate: Buffer.from(certificates.map(({ pem }) => pem).join('')).toString('base64') }));
  const post = (body: unknown, path = '/v3/attest/gpu', headers: Record<string, string> = {}, base = HOST): Promise<Response> =>
    app.fetch(new Request(`${base}${path}`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: typeof body === 'string' ? body : JSON.stringify(body) }));
  const attest = async (list: readonly Device[], { path, headers, base, ...members }: { path?: string; headers?: Record<string, string>; base?: string } & Record<string, unknown> = {}): Promise<Eat> => {
    const response = await post({ nonce: NONCE, arch: 'HOPPER', evidence_list: list, ...members }, path, headers, base);
    expect(response.status).toBe(200);
    return (await response.json()) as Eat;
  };
  const keys = async (): Promise<Uint8Array> => new Uint8Array(await (await app.fetch(new Request(`${HOST}/.well-known/jwks.json`))).arrayBuffer());
  const verdict = async (eat: unknown, more: object = {}): Promise<string> => {
    const answer = verifyNras({ response: new Uint8Array(Buffer.from(JSON.stringify(eat))), keys: await keys() }, { now: NOW, nonce: new Uint8Array(Buffer.from(NONCE, 'hex')), ...more });
    return answer.accepted ? 'accepted' : answer.reason;
  };
  return { ...services, devices, post, attest, keys, verdict };
}

/** For tests that leave nothing behind. */
const shared = service();
const good = shared.devices();

const part = (token: string, i: number): Claims => JSON.parse(Buffer.from(token.split('.')[i] ?? '', 'base64url').toString()) as Claims;
const claimsOf = (token: string): Claims => part(token, 1);
const overallOf = ([[, token]]: Eat): Claims => claimsOf(token);

describe('good evidence', () => {
  test.each<[string, H100OptionsInput, Record<string, unknown>]>([
    ['of an H100 on a PCIe card, claims 2.0', {}, {}],
    ['of an H100 on a PCIe card, claims 3.0', {}, { claims_version: '3.0' }],
    ['of an H100 by version 4 of the interface', {}, { path: '/v4/attest/gpu' }],
    ['of eight H100s in protected PCIe mode', { gpu: 'h100-sxm', mode: 'ppcie' }, {}],
    ['of an H200', { gpu: 'h200' }, {}],
    ['of a B200', { gpu: 'b200' }, { arch: 'BLACKWELL' }],
  ])('%s is accepted', async (_, input, members) => {
    const { attest, devices, verdict } = shared;
    const list = devices(input);
    const eat = await attest(list, members);
    expect(overallOf(eat)).toMatchObject({ 'x-nvidia-overall-att-result': true, sub: 'NVIDIA-PLATFORM-ATTESTATION', eat_nonce: NONCE, iss: HOST });
    expect(await verdict(eat, { deviceCount: list.length })).toBe('accepted');
  });

  test('of four switches is accepted', async () => {
    const { attest, devices, verdict } = shared;
    const list = devices({ gpu: 'h100-sxm', mode: 'ppcie' }, undefined, 'switch');
    expect(list).toHaveLength(4);
    const eat = await attest(list, { path: '/v4/attest/switch', arch: 'LS10' });
    expect(Object.keys(eat[1]).toSorted()).toEqual(['SWITCH-0', 'SWITCH-1', 'SWITCH-2', 'SWITCH-3']);
    expect(claimsOf(eat[1]['SWITCH-0'] ?? '')).toMatchObject({ hwmodel: 'LS_10 A01 FSP BROM', oemid: null, measres: 'success' });
    expect(await verdict(eat)).toBe('accepted');
  });

  test('of protected PCIe names the four switches and the eight GPUs, as each other and as their certificates do', async () => {
    const { attest, devices } = shared;
    const machine = { gpu: 'h100-sxm', mode: 'ppcie' } as const;
    const [gpus, switches] = [devices(machine), devices(machine, undefined, 'switch')];
    const said = async (list: readonly Device[], kind: 'gpu' | 'switch', arch: string): Promise<Claims[]> => Object.values((await attest(list, { path: `/v4/attest/${kind}`, arch }))[1]).map(claimsOf);
    // The identifier is the end of the serial number of the boot ROM's certificate.
    const bootRom = ({ certificate }: Device): X509Certificate => new X509Certificate(pemBlocks(Buffer.from(certificate, 'base64'), 'CERTIFICATE', 'chain')[1] ?? '');
    const own = (list: readonly Device[]): string[] => list.map((device) => bootRom(device).serialNumber.slice(2)).sort();
    for (const claims of await said(gpus, 'gpu', 'HOPPER')) expect(claims['x-nvidia-gpu-switch-pdis']).toEqual(own(switches));
    const told = await said(switches, 'switch', 'LS10');
    for (const claims of told) expect(claims['x-nvidia-switch-gpu-pdis']).toEqual(own(gpus));
    expect(told.map((claims) => claims['x-nvidia-switch-pdi']).sort()).toEqual(own(switches));
  });
});

describe('a token', () => {
  test('is signed as the key set says, whose certificates lead to the root of NRAS', async () => {
    const { attest, devices, keys, world } = shared;
    const [[type, overall], tokens] = await attest(devices());
    expect(type).toBe('JWT');
    const set = (JSON.parse(Buffer.from(await keys()).toString()) as { keys: { kid: string; x5c: string[]; kty: string; crv: string; x: string; y: string }[] }).keys;
    for (const token of [overall, ...Object.values(tokens)]) {
      const { kid, alg } = part(token, 0);
      expect(Object.keys(part(token, 0))).toEqual(['kid', 'alg']);
      expect(alg).toBe('ES384');
      expect(kid).toMatch(/^nv-eat-kid-prod-\d{17}-[0-9a-f-]{36}$/);
      const key = set.find((one) => one.kid === kid);
      expect(Object.keys(key ?? {})).toEqual(['kty', 'crv', 'kid', 'x5c', 'x', 'y']);
      const [leaf, intermediate] = (key?.x5c ?? []).map((der) => new X509Certificate(Buffer.from(der, 'base64')));
      const end = token.lastIndexOf('.');
      const signed = (publicKey: ReturnType<typeof createPublicKey>): boolean =>
        verify('sha384', Buffer.from(token.slice(0, end)), { key: publicKey, dsaEncoding: 'ieee-p1363' }, Buffer.from(token.slice(end + 1), 'base64url'));
      expect(signed(createPublicKey({ key: { kty: 'EC', crv: 'P-384', x: key?.x ?? '', y: key?.y ?? '' }, format: 'jwk' }))).toBe(true);
      expect(leaf && intermediate && signed(leaf.publicKey) && leaf.verify(intermediate.publicKey)).toBe(true);
      expect(intermediate?.verify(new X509Certificate(nvidiaAuthorityOf(world).root('nras').der).publicKey)).toBe(true);
    }
  });

  test('over all has the SHA-256 of each device’s', async () => {
    const { attest, devices } = shared;
    const eat = await attest(devices({ gpu: 'h100-sxm', count: 3 }));
    expect(overallOf(eat).submods).toEqual(Object.fromEntries(Object.entries(eat[1]).map(([name, token]) => [name, ['DIGEST', ['SHA-256', createHash('sha256').update(token).digest('hex')]]])));
  });

  test('is valid for an hour from now, and no two have the same id', async () => {
    const { attest, devices } = shared;
    const [[, overall], tokens] = await attest(devices({ gpu: 'h100-sxm', count: 2 }));
    const claims = [overall, ...Object.values(tokens)].map(claimsOf);
    for (const { nbf, iat, exp, jti } of claims) {
      expect({ nbf, iat, exp }).toEqual({ nbf: NOW / 1000, iat: NOW / 1000, exp: NOW / 1000 + 3600 });
      expect(jti).toMatch(UUID);
    }
    expect(new Set(claims.map(({ jti }) => jti)).size).toBe(3);
  });

  test('holds nothing that base64 would write otherwise than base64url', async () => {
    const { attest, devices } = shared;
    for (const version of ['2.0', '3.0']) for (const token of Object.values((await attest(devices(), { claims_version: version }))[1])) expect(token.split('.')[1]).not.toMatch(/[-_]/);
  });

  test.each([
    ['NVIDIA’s host', HOST, '', HOST],
    ['a base URL', 'http://127.0.0.1:8080', '', 'http://127.0.0.1:8080'],
    ['a base URL with a path', 'http://127.0.0.1:8080', '/nras', 'http://127.0.0.1:8080/nras'],
  ])('names as issuer the service as it was asked at %s', async (_, base, prefix, issuer) => {
    const { attest, devices } = shared;
    const eat = await attest(devices(), { base, path: `${prefix}/v4/attest/gpu`, headers: { host: new URL(base).host } });
    expect(overallOf(eat).iss).toBe(issuer);
    expect(claimsOf(eat[1]['GPU-0'] ?? '').iss).toBe(issuer);
  });
});

describe('evidence that is refused gets a token that says why:', () => {
  test.each<[string, H100Edits, Record<string, unknown>, number, string]>([
    ['another nonce', {}, { nonce: 'cd'.repeat(32) }, 4010, 'NONCE_NOT_MATCHING'],
    ['a report whose signature was changed', { signedReport: (report) => report.with(report.length - 1, (report.at(-1) ?? 0) ^ 1) }, {}, 4013, 'INVALID_EVIDENCE_SIGNATURE'],
    ['a report by another key', { reportSigner: shared.world.ecKey('stranger', 'P-384') }, {}, 4013, 'INVALID_EVIDENCE_SIGNATURE'],
    ['a report that ends early', { signedReport: (report) => report.slice(0, 100) }, {}, 4008, 'INVALID_EVIDENCE'],
  ])('%s', async (_, edits, members, code, message) => {
    const { attest, devices, verdict } = shared;
    const eat = await attest(devices({}, edits), members);
    expect(overallOf(eat)['x-nvidia-overall-att-result']).toBe(false);
    const claims = claimsOf(eat[1]['GPU-0'] ?? '');
    expect(Object.keys(claims)).toEqual(['iss', 'nbf', 'exp', 'iat', 'jti', 'x-nvidia-error-details']);
    expect(claims['x-nvidia-error-details']).toMatchObject({ code, message });
    expect(await verdict(eat)).not.toBe('accepted');
  });

  test('a chain in which certificates of another device stand', async () => {
    const { attest, devices } = shared;
    const [one, two] = [devices({ machine: 1 })[0], devices({ machine: 2 })[0]];
    const eat = await attest([{ evidence: one?.evidence ?? '', certificate: two?.certificate ?? '' }]);
    expect(claimsOf(eat[1]['GPU-0'] ?? '')['x-nvidia-error-details']).toMatchObject({ message: expect.stringMatching(/SIGNATURE|CHAIN/) });
  });

  test('one device of three fails, and so does the whole', async () => {
    const { attest, devices } = shared;
    const eat = await attest(devices({ gpu: 'h100-sxm', count: 3 }, { signedReport: (report, place) => (place.index === 1 ? report.with(report.length - 1, (report.at(-1) ?? 0) ^ 1) : report) }));
    expect(overallOf(eat)['x-nvidia-overall-att-result']).toBe(false);
    expect(['GPU-0', 'GPU-1', 'GPU-2'].map((name) => 'x-nvidia-error-details' in claimsOf(eat[1][name] ?? ''))).toEqual([false, true, false]);
  });
});

describe('evidence that is authentic but not good gets claims that say so:', () => {
  test('another measurement', async () => {
    const { attest, devices, verdict } = shared;
    const eat = await attest(devices({ set: ['measurements.9=ff*'] }), { claims_version: '3.0' });
    expect(claimsOf(eat[1]['GPU-0'] ?? '')).toMatchObject({ measres: 'fail', 'x-nvidia-gpu-attestation-report-signature-verified': true });
    expect(overallOf(eat)['x-nvidia-overall-att-result']).toBe(false);
    expect(await verdict(eat)).not.toBe('accepted');
  });

  test('a GPU that was revoked', async () => {
    const { attest, devices, vendors } = service();
    const list = devices();
    vendors.h100.revoke({ authority: 'provisioner/GH100', reason: 'keyCompromise' });
    const eat = await attest(list, { claims_version: '3.0' });
    expect(claimsOf(eat[1]['GPU-0'] ?? '')['x-nvidia-gpu-attestation-report-cert-chain']).toMatchObject({ 'x-nvidia-cert-status': 'revoked', 'x-nvidia-cert-ocsp-status': 'revoked' });
    expect(overallOf(eat)['x-nvidia-overall-att-result']).toBe(false);
  });

  test('a manifest on hold: refused, or accepted with a warning where the client allows it', async () => {
    const { attest, devices, vendors } = service();
    const list = devices();
    vendors.h100.revoke({ authority: 'rim-l4/driver/GH100', reason: 'certificateHold' });
    const results = [];
    for (const headers of [{}, { 'X-NVIDIA-OCSP-ALLOW-CERT-HOLD': 'false' }, { 'X-NVIDIA-OCSP-ALLOW-CERT-HOLD': 'true' }]) {
      const eat = await attest(list, { headers: headers as Record<string, string> });
      results.push([overallOf(eat)['x-nvidia-overall-att-result'], typeof claimsOf(eat[1]['GPU-0'] ?? '')['x-nvidia-attestation-warning'] === 'string']);
    }
    expect(results.map(([accepted]) => accepted)).toEqual([false, false, true]);
    expect(results[2]).toEqual([true, true]);
  });
});

describe('a request that cannot be is refused:', () => {
  test.each<[string, unknown, number]>([
    ['no JSON', 'x', 4000],
    ['a list', [], 4000],
    ['nested too deep', `${'['.repeat(100)}${']'.repeat(100)}`, 4000],
    ['no nonce', { evidence_list: good }, 4003],
    ['a nonce that is too short', { nonce: 'ab', evidence_list: good }, 4003],
    ['a nonce that is no hexadecimal', { nonce: 'zz'.repeat(32), evidence_list: good }, 4003],
    ['a nonce that is a number', { nonce: 1, evidence_list: good }, 4003],
    ['another architecture', { nonce: NONCE, arch: 'AMPERE', evidence_list: good }, 4004],
    ['a switch as a GPU', { nonce: NONCE, arch: 'LS10', evidence_list: good }, 4004],
    ['another version of the claims', { nonce: NONCE, claims_version: '9.0', evidence_list: good }, 4005],
    ['no evidence', { nonce: NONCE }, 4006],
    ['an empty list', { nonce: NONCE, evidence_list: [] }, 4006],
    ['more devices than a machine has', { nonce: NONCE, evidence_list: new Array(17).fill(good[0]) }, 4006],
    ['evidence that is no base64', { nonce: NONCE, evidence_list: [{ ...good[0], evidence: '***' }] }, 4006],
    ['evidence that is too long', { nonce: NONCE, evidence_list: [{ ...good[0], evidence: 'A'.repeat(40_000) }] }, 4006],
    ['no certificate', { nonce: NONCE, evidence_list: [{ evidence: good[0]?.evidence }] }, 4006],
  ])('%s', async (_, body, code) => {
    const response = await shared.post(body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code, httpStatus: '400 BAD_REQUEST' });
  });

  test('without a verifier, whatever is asked: 503, and what to do', async () => {
    const { post } = service({ nras: {} });
    const response = await post({ nonce: NONCE, evidence_list: good });
    expect(response.status).toBe(503);
    expect(((await response.json()) as { description: string }).description).toContain('nras.appraise');
  });

  test('at a path that is not there: switches in version 1', async () => {
    expect((await shared.post({}, '/v1/attest/switch')).status).toBe(404);
  });
});

describe('an interface', () => {
  test.each([
    ['/v1/attest/gpu', '2.0'],
    ['/v2/attest/gpu', '2.0'],
    ['/v3/attest/gpu', '2.0'],
    ['/v4/attest/gpu', '3.0'],
  ])('%s gives claims %s unless asked otherwise', async (path, version) => {
    const { attest, devices } = shared;
    expect(overallOf(await attest(devices(), { path }))['x-nvidia-ver']).toBe(version);
    const other = version === '2.0' ? '3.0' : '2.0';
    expect(overallOf(await attest(devices(), { path, claims_version: other }))['x-nvidia-ver']).toBe(other);
  });

  test('takes one device’s evidence without a list around it', async () => {
    const { post, devices } = shared;
    const response = await post({ nonce: NONCE, arch: 'HOPPER', ...devices()[0] }, '/v1/attest/gpu');
    expect(overallOf((await response.json()) as Eat)['x-nvidia-overall-att-result']).toBe(true);
  });

  test.each(['/health', '/'])('%s answers', async (path) => {
    const response = await shared.app.fetch(new Request(`${HOST}${path}`));
    expect([response.status, response.headers.get('x-request-id')]).toEqual([200, expect.stringMatching(UUID)]);
  });
});

describe('the key set', () => {
  test('has the key of today and that of yesterday, and tokens of yesterday are still good', async () => {
    const { attest, devices, keys, clock, verdict } = service();
    const eat = await attest(devices());
    const kids = async (): Promise<string[]> => (JSON.parse(Buffer.from(await keys()).toString()) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid);
    const before = await kids();
    clock.advance(86_400_000);
    expect((await kids())[1]).toBe(before[0]);
    expect(await verdict(eat)).toBe('accepted');
    clock.advance(86_400_000);
    expect(await verdict(eat)).not.toBe('accepted');
  });
});

describe('with the fault', () => {
  /** Why a relying party refuses the answer. */
  const REASONS: Readonly<Record<string, string>> = {
    'nras-expired': 'token-expired',
    'nras-future': 'token-not-yet-valid',
    'nras-other-issuer': 'issuer',
    'nras-other-nonce': 'nonce-mismatch',
    'nras-other-overall-nonce': 'nonce-mismatch',
    'nras-no-nonce': 'nonce-missing',
    'nras-signed-by-stranger': 'token-signature',
    'nras-unknown-key': 'key-unknown',
    'nras-unsigned': 'token-malformed',
    'nras-device-signature': 'token-signature',
    'nras-device-digest': 'submodule-digest',
    'nras-device-missing': 'submodule-missing',
    'nras-device-extra': 'submodule-unlisted',
    'nras-overall-alone': 'eat-malformed',
    'nras-measurements-fail': 'measurement-result',
    'nras-debug': 'debug-enabled',
    'nras-overall-false': 'overall-result',
    'nras-overall-text': 'overall-result',
    'nras-keys-empty': 'key-unknown',
    'nras-keys-other': 'key-certificate',
    'nras-keys-without-certificates': 'key-certificate',
  };
  const two = shared.devices({ gpu: 'h100-sxm', count: 2 });

  test('there is one test of each', () => {
    expect(Object.keys(REASONS).toSorted()).toEqual(NRAS_FAULTS.map(({ name }) => name).toSorted());
  });

  test.each(Object.entries(REASONS))('%s, the verdict is %s', async (fault, reason) => {
    const { app, attest, verdict } = shared;
    expect(await verdict(await attest(two))).toBe('accepted');
    app.faults.add({ match: fault.startsWith('nras-keys') ? 'nras.jwks' : 'nras.attest.*', fault });
    const told = await verdict(await attest(two));
    app.faults.reset();
    expect(told).toBe(reason);
  });
});
