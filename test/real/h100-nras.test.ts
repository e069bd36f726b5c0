/** Genuine answers of NVIDIA's attestation service under the key set of their day: verdicts, and that every signed byte counts. */
import { expect, test } from 'vitest';
import { type NrasExpectations, type NrasVerdict, verifyNras } from '../../harness/verify/index.ts';
import { describeReal, realSample } from '../real-samples.ts';

const NOW = Date.parse('2026-06-29T02:08:10Z');
const sample = (name: string): Uint8Array => realSample(`h100/nras/${name}`);
const verify = (response: Uint8Array, wishes: Partial<NrasExpectations> = {}): NrasVerdict => verifyNras({ response, keys: sample('jwks-2026-06-29.json') }, { now: NOW, ...wishes });
const said = (v: NrasVerdict): string => (v.accepted ? 'accepted' : `${v.stage}: ${v.reason}`);
const nonceOf = (request: string): Uint8Array => new Uint8Array(Buffer.from((JSON.parse(Buffer.from(sample(request)).toString('utf8')) as { nonce: string }).nonce, 'hex'));

describeReal('genuine answers', () => {
  test.each([
    ['h100-success', 1],
    ['x8-success', 8],
  ] as const)('%s is accepted, for the nonce of its request and under the intermediate authority of that year', (name, devices) => {
    const verdict = verify(sample(`${name}.response.json`), { nonce: nonceOf(`${name}.request.json`), deviceCount: devices, anchors: [sample('x5c-1.der')], hardwareModels: ['GH100'] });
    expect(said(verdict)).toBe('accepted');
    if (verdict.accepted) expect(Object.keys(verdict.facts.devices)).toHaveLength(devices);
  });

  test('an answer about the wrong nonce is refused for what it says', () => {
    expect(said(verify(sample('x8-nonce-mismatch.response.json')))).toBe('tcb: device-error');
  });

  test('an answer says what the verifier of its evidence says', () => {
    const verdict = verify(sample('h100-success.response.json'));
    // The same device as gh100-tinfoil.
    expect(verdict.accepted && verdict.facts.devices['GPU-0']).toMatchObject({ ueid: '645491728318197586580044110930866076104639838622', driverVersion: '595.71.05', vbiosVersion: '96.00.D9.00.02', debug: false });
  });

  test.each<[string, Partial<NrasExpectations>, string]>([
    ['after an hour', { now: NOW + 3_600_000 }, 'freshness: token-expired'],
    ['two days later', { now: NOW + 2 * 86_400_000 }, 'chain: certificate-expired'],
    ['an hour before', { now: NOW - 3_600_000 }, 'freshness: token-not-yet-valid'],
    ['for another nonce', { nonce: new Uint8Array(32) }, 'binding: nonce-mismatch'],
    ['under the intermediate authority of another year', { anchors: [sampleOf('intermediate-003.der')] }, 'chain: root-untrusted'],
    ['for two devices', { deviceCount: 2 }, 'binding: device-count'],
    ['of another service', { issuer: 'https://example.org' }, 'binding: issuer'],
  ])('%s an answer is refused', (_, wishes, verdict) => {
    expect(said(verify(sample('h100-success.response.json'), wishes))).toBe(verdict);
  });

  test('an answer whose key is not in the key set is refused', () => {
    expect(said(verify(sample('detached-eat-v3claims-2025.json'), { now: 1_749_601_900_000 }))).toBe('chain: key-unknown');
  });

  test('an answer with any character of its tokens changed is refused', () => {
    const genuine = sample('h100-success.response.json');
    const accepted: number[] = [];
    for (let at = 0; at < genuine.length; at += 23) {
      const [old = 0] = genuine.subarray(at, at + 1);
      // Another letter, so that most changes leave base64 and JSON whole.
      if (verify(genuine.with(at, old === 0x42 ? 0x43 : 0x42)).accepted) accepted.push(at);
    }
    expect(accepted).toEqual([]);
  });
});

/** A sample for the table of cases, which is made also where there are no samples. */
function sampleOf(name: string): Uint8Array {
  return process.env.TEEMU_REAL_SAMPLES === undefined ? new Uint8Array() : sample(name);
}
