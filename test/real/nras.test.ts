/** Genuine answers of NRAS: ours have the same claims in the same order, and say the same of the same findings. */
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { readJws, signJws } from '../../emulator/crypto/jws.ts';
import { deviceClaims, errorClaims, overallClaims, type ClaimsVersion, type TokenFrame } from '../../emulator/h100/eat/claims.ts';
import type { ChainFinding, DeviceFindings, RimFinding } from '../../emulator/h100/eat/findings.ts';
import { inspect } from '../../emulator/inspect/index.ts';
import { DEVICE_ERRORS } from '../../emulator/services/nvidia/nras/errors.ts';
import { readAttestRequest } from '../../emulator/services/nvidia/nras/request.ts';
import { fixedClock, seededWorld } from '../../emulator/world.ts';
import { describeReal, realSample } from '../real-samples.ts';

type Claims = Readonly<Record<string, unknown>>;
const json = (name: string): unknown => JSON.parse(Buffer.from(realSample(`h100/nras/${name}`)).toString());
const eat = (name: string): { overall: string; devices: Readonly<Record<string, string>> } => {
  const [[, overall], devices] = json(name) as [[string, string], Record<string, string>];
  return { overall, devices };
};
const GOOD = ['detached-eat-v3claims-2025.json', 'h100-success.response.json', 'x8-success.response.json'];
const ALL = [...GOOD, 'x8-nonce-mismatch.response.json'];
const frameOf = ({ iss, nbf, exp, iat, jti }: Claims): TokenFrame => ({ iss, nbf, exp, iat, jti }) as TokenFrame;

/** Findings that genuine claims tell of. */
function findingsOf(claims: Claims): DeviceFindings {
  const chain = (name: string): ChainFinding => {
    const told = claims[name] as Claims | undefined;
    return { status: 'valid', ocsp: 'good', expires: told ? Date.parse(String(told['x-nvidia-cert-expiration-date'])) : 0 };
  };
  const rim = (prefix: string): RimFinding => ({ fetched: true, schemaValidated: true, signatureVerified: true, versionMatch: true, measurementsAvailable: true, chain: chain(`${prefix}-cert-chain`) });
  const digits = BigInt(String(claims.ueid)).toString(16);
  return {
    hardwareModel: String(claims.hwmodel),
    serial: new Uint8Array(Buffer.from(digits.padStart(40, '0'), 'hex')),
    driverVersion: String(claims['x-nvidia-gpu-driver-version']),
    vbiosVersion: String(claims['x-nvidia-gpu-vbios-version']),
    firmwareManufacturerId: String(claims.oemid),
    archMatch: true,
    fwidMatch: true,
    chain: chain('x-nvidia-gpu-attestation-report-cert-chain'),
    driverRim: rim('x-nvidia-gpu-driver-rim'),
    vbiosRim: rim('x-nvidia-gpu-vbios-rim'),
    indexNoConflict: true,
    measurementsMatch: true,
    secureBoot: true,
    debug: false,
  };
}

describeReal('genuine answers', () => {
  test.each(GOOD)('%s: the claims about each device are ours, to the byte', (name) => {
    const { overall, devices } = eat(name);
    const version = readJws(overall).payload['x-nvidia-ver'] as ClaimsVersion;
    for (const token of Object.values(devices)) {
      const genuine = readJws(token).payload;
      expect(JSON.stringify(deviceClaims('gpu', version, findingsOf(genuine), frameOf(genuine), String(genuine.eat_nonce)))).toBe(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    }
  });

  test('x8-nonce-mismatch.response.json: the errors are ours, to the byte', () => {
    for (const token of Object.values(eat('x8-nonce-mismatch.response.json').devices)) {
      expect(JSON.stringify(errorClaims(frameOf(readJws(token).payload), DEVICE_ERRORS['nonce-mismatch']))).toBe(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    }
  });

  test.each(ALL)('%s: the claims over all are ours, to the byte, and the digests are those of the tokens', (name) => {
    const { overall, devices } = eat(name);
    const genuine = readJws(overall).payload;
    const digests = Object.fromEntries(Object.entries(devices).map(([device, token]) => [device, createHash('sha256').update(token).digest('hex')]));
    const ours = overallClaims(genuine['x-nvidia-ver'] as ClaimsVersion, genuine['x-nvidia-overall-att-result'] === true, digests, frameOf(genuine), String(genuine.eat_nonce));
    expect(JSON.stringify(ours)).toBe(Buffer.from(overall.split('.')[1] ?? '', 'base64url').toString());
  });

  test.each(ALL)('%s: the header is ours, to the byte', (name) => {
    const { overall } = eat(name);
    const { kid } = readJws(overall).header;
    const ours = signJws({ kid }, {}, seededWorld('header', fixedClock(0)).ecKey('header', 'P-384'));
    expect(ours.split('.')[0]).toBe(overall.split('.')[0]);
  });

  test.each(['h100-success.request.json', 'x8-success.request.json'])('%s is a request that is understood', (name) => {
    expect(readAttestRequest(realSample(`h100/nras/${name}`), 'gpu', '2.0')).toMatchObject({ arch: 'HOPPER', version: '2.0', devices: expect.any(Array) });
  });

  test.each(ALL)('%s is taken apart by inspect, without anything broken', (name) => {
    const { format, sections } = inspect(realSample(`h100/nras/${name}`));
    expect(format).toBe('detached-eat');
    expect(sections).toHaveLength(1 + Object.keys(eat(name).devices).length);
    expect(sections.flatMap(({ notes }) => notes.filter(({ kind }) => kind === 'broken'))).toEqual([]);
  });
});
