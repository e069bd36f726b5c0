/** NVIDIA's OCSP responder: whom it answers, with what, and what its faults do. */
import { verify } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { nvidiaAuthorityOf } from '../../../emulator/h100/pki/authority.ts';
import { type CertIdHash, integerContents, writeCertId } from '../../../emulator/pki/ocsp/cert-id.ts';
import { nonceExtension, writeOcspRequest } from '../../../emulator/pki/ocsp/request.ts';
import { type ReadBasicResponse, readOcspResponse, readSuccessful } from '../../../emulator/pki/ocsp/response.ts';
import type { NvidiaAuthorityId, NvidiaCaId } from '../../../emulator/pki/profiles/nvidia.ts';
import { readCertificate } from '../../../emulator/pki/read.ts';
import { control } from '../../../emulator/services/control/control.ts';
import { answerFetch } from '../../../emulator/services/http/fetch.ts';
import { assembled, bytesOf, NOW, readCrl } from '../world.ts';

const HOST = 'http://ocsp.ndis.nvidia.com';
const DAY = 86_400_000;
const PDI = Uint8Array.of(0x48, 0xb0, 1, 2, 3, 4, 5, 6);
const BROM = Uint8Array.of(0x41, ...PDI);
const hex = (src: Uint8Array): string => Buffer.from(src).toString('hex');
const TYPE = { 'content-type': 'application/ocsp-request' };

function responder(seed = 'ocsp') {
  const services = assembled({}, seed);
  const authority = nvidiaAuthorityOf(services.world);
  const id = (issuer: NvidiaCaId, serial: Uint8Array, hash: CertIdHash = 'sha384'): Uint8Array => writeCertId(hash, readCertificate(authority.certificate(issuer).der), integerContents(serial));
  const post = async (body: Uint8Array, headers: Record<string, string> = TYPE): Promise<Response> => services.app.fetch(new Request(`${HOST}/`, { method: 'POST', body: new Uint8Array(body), headers }));
  const ask = async (ids: readonly Uint8Array[], nonce?: Uint8Array): Promise<Uint8Array> => bytesOf(await post(writeOcspRequest(ids, nonce ? [nonceExtension(nonce)] : [])));
  const status = async (ids: readonly Uint8Array[]): Promise<unknown[]> => readSuccessful(await ask(ids)).responses.map((single) => single.status);
  const told = async (what: unknown): Promise<{ status: number; body: { error?: { path?: string; message: string } } }> => {
    const answer = control({ ...services, evidence: {} });
    const response = await answerFetch(answer, new Request('http://127.0.0.1/revoke', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(what) }), () => NOW);
    return { status: response.status, body: (await response.json()) as { error?: { path?: string; message: string } } };
  };
  return { ...services, authority, id, post, ask, status, told };
}
const good = { kind: 'good' };
const revoked = (reason: string): unknown => ({ kind: 'revoked', at: NOW, reason });

describe('an answer', () => {
  const known: readonly (readonly [certificate: NvidiaAuthorityId, issuer: NvidiaCaId])[] = [
    ['identity/GH100', 'device-root'],
    ['provisioner/GH100', 'identity/GH100'],
    ['provisioner/LS10', 'identity/GH100'],
    ['provisioner/GB100', 'identity/GB100'],
    ['rim-ca/GH100', 'rim-root'],
    ['rim-l3/LS10', 'rim-ca/LS10'],
    ['rim-l4/driver/GH100', 'rim-l3/GH100'],
    ['rim-l4/vbios/GH100', 'rim-l3/GH100'],
    ['nras-intermediate', 'nras-root'],
  ];

  test.each(known)('about %s is good, by the responder that %s certifies, for a day', async (certificate, issuer) => {
    const { authority, id, ask } = responder();
    for (const hash of ['sha1', 'sha256', 'sha384', 'sha512'] as const) {
      const certId = id(issuer, authority.certificate(certificate).spec.serial, hash);
      const { responses, certificates, tbs, signature, nonce } = readSuccessful(await ask([certId], new Uint8Array(32).fill(7)));
      expect(responses.map((single) => [hex(single.certId.der), single.status, single.thisUpdate, single.nextUpdate])).toEqual([[hex(certId), good, NOW, NOW + DAY]]);
      expect(hex(nonce ?? new Uint8Array(0))).toBe('07'.repeat(32));
      const own = readCertificate(certificates[0] ?? new Uint8Array(0));
      expect(verify('sha384', own.tbs, authority.key(issuer).publicKey, own.signature)).toBe(true);
      expect(verify('sha384', tbs, authority.ocspResponder(issuer).signer.publicKey, signature)).toBe(true);
    }
  });

  test.each([1, 16, 32, 33, 128])('repeats a nonce of %i bytes, and has none where none was asked for', async (length) => {
    const { id, ask } = responder();
    const nonce = new Uint8Array(length).fill(3);
    expect(hex(readSuccessful(await ask([id('provisioner/GH100', BROM)], nonce)).nonce ?? new Uint8Array(0))).toBe(hex(nonce));
    expect(readSuccessful(await ask([id('provisioner/GH100', BROM)])).extensions).toEqual([]);
  });

  test('of the same second to the same request is the same, in any world of the seed', async () => {
    const [one, other, another] = [responder(), responder(), responder('another')];
    const nonce = new Uint8Array(16);
    const asked = async ({ id, ask }: typeof one): Promise<string> => hex(await ask([id('provisioner/GH100', BROM)], nonce));
    expect(await asked(one)).toBe(await asked(other));
    expect(await asked(one)).not.toBe(await asked(another));
  });

  test('without a nonce is of the start of the minute, whatever was asked before', async () => {
    const { id, ask, clock } = responder();
    clock.advance(59_000);
    const late = readSuccessful(await ask([id('provisioner/GH100', BROM)])).producedAt;
    clock.advance(1000);
    expect([late, readSuccessful(await ask([id('provisioner/GH100', BROM)])).producedAt]).toEqual([NOW, NOW + 60_000]);
  });

  test('knows any device by its PDI, and no other serial', async () => {
    const { id, status } = responder();
    const asked = [BROM, Uint8Array.of(0x50, ...PDI), BROM.subarray(1), Uint8Array.of(1)].map((serial) => id('provisioner/GH100', serial));
    expect(await status(asked)).toEqual([good, { kind: 'unknown' }, { kind: 'unknown' }, { kind: 'unknown' }]);
    expect(await status([id('provisioner/LS10', Uint8Array.of(0x50, ...PDI))])).toEqual([good]);
  });

  test('is unauthorized about what NVIDIA did not issue, about attestation keys, and about several authorities at once', async () => {
    const { authority, id, ask } = responder();
    const [leaf, brom] = authority.deviceCertificates({ architecture: 'GH100', pdi: PDI, fwid: new Uint8Array(48) });
    const aboutLeaf = writeCertId('sha384', readCertificate(brom?.der ?? new Uint8Array(0)), integerContents(leaf?.spec.serial ?? BROM));
    const mixed = [id('provisioner/GH100', BROM), id('identity/GH100', authority.serial('provisioner/GH100'))];
    for (const ids of [[aboutLeaf], mixed]) expect(readOcspResponse(await ask(ids)).status).toBe('unauthorized');
  });

  test.each<[string, (id: Uint8Array) => Uint8Array]>([
    ['no DER', () => new Uint8Array(10)],
    ['nothing', () => new Uint8Array(0)],
    ['an empty nonce', (id) => writeOcspRequest([id], [nonceExtension(new Uint8Array(0))])],
    ['a nonce of 129 bytes', (id) => writeOcspRequest([id], [nonceExtension(new Uint8Array(129))])],
  ])('to %s is malformedRequest, with status 200', async (_, body) => {
    const { post, id } = responder();
    const response = await post(body(id('provisioner/GH100', BROM)));
    expect([response.status, response.headers.get('content-type'), readOcspResponse(await bytesOf(response)).status]).toEqual([200, 'application/ocsp-response', 'malformedRequest']);
  });

  test('to another content type is 415', async () => {
    const { post, id } = responder();
    const body = writeOcspRequest([id('provisioner/GH100', BROM)]);
    expect((await post(body, { 'content-type': 'application/json' })).status).toBe(415);
    expect((await post(body, { 'content-type': 'application/ocsp-request', authorization: 'Bearer nvapi-x' })).status).toBe(200);
  });

  test('to GET is that to POST, percent-encoded in either way or not at all', async () => {
    const { app, id, ask } = responder();
    // All of +, / and = occur in one of these.
    const requests = Array.from({ length: 40 }, (_, i) => [id('provisioner/GH100', Uint8Array.of(0x41, ...PDI.subarray(1), i))]);
    expect(requests.map((ids) => Buffer.from(writeOcspRequest(ids)).toString('base64')).join('')).toMatch(/^(?=.*\+)(?=.*\/)(?=.*=)/);
    for (const ids of requests) {
      const text = Buffer.from(writeOcspRequest(ids)).toString('base64');
      const expected = hex(await ask(ids));
      for (const path of [encodeURIComponent(text), text]) expect(hex(await bytesOf(await app.fetch(new Request(`${HOST}/${path}`))))).toBe(expected);
      expect(hex(await bytesOf(await app.fetch(new Request(`http://127.0.0.1/ocsp/${encodeURIComponent(text)}`))))).toBe(expected);
    }
  });

  test('to GET of base64 that no encoder writes is malformedRequest', async () => {
    const { app } = responder();
    expect(readOcspResponse(await bytesOf(await app.fetch(new Request(`${HOST}/MEx`)))).status).toBe('malformedRequest');
  });
});

describe('revocation through the control port', () => {
  test('puts a device on hold, takes that back, and revokes it for good', async () => {
    const { id, status, told } = responder();
    const device = { device: hex(PDI) };
    const asked = [id('provisioner/GH100', BROM)];
    expect((await told({ ...device, reason: 'certificateHold' })).status).toBe(200);
    expect(await status(asked)).toEqual([revoked('certificateHold')]);
    expect((await told({ ...device, reason: 'removeFromCRL' })).status).toBe(200);
    expect(await status(asked)).toEqual([good]);
    expect((await told(device)).status).toBe(200);
    expect(await status(asked)).toEqual([revoked('keyCompromise')]);
    expect((await told({ ...device, reason: 'removeFromCRL' })).body.error?.message).toMatch(/only what is on hold/);
  });

  test.each([
    [{ authority: 'provisioner/GH100' }, 'identity/GH100', 'provisioner/GH100'],
    [{ authority: 'identity/GH100' }, 'device-root', 'identity/GH100'],
    [{ authority: 'rim-ca/GH100', reason: 'superseded' }, 'rim-root', 'rim-ca/GH100'],
    [{ authority: 'rim-l3/GH100' }, 'rim-ca/GH100', 'rim-l3/GH100'],
    [{ authority: 'rim-l4/driver/GH100' }, 'rim-l3/GH100', 'rim-l4/driver/GH100'],
  ] as const)('revokes %o', async (what, issuer, certificate) => {
    const { authority, id, status, told, app } = responder();
    expect((await told(what)).status).toBe(200);
    const asked = [id(issuer, authority.serial(certificate))];
    expect(await status(asked)).toEqual([revoked('reason' in what ? what.reason : 'keyCompromise')]);
    app.reset();
    expect(await status(asked)).toEqual([good]);
  });

  test('revokes by serial, and a certificate that somebody holds', async () => {
    const { authority, id, status, told } = responder();
    expect((await told({ serial: '0102', issuer: 'provisioner/GH100' })).status).toBe(200);
    expect(await status([id('provisioner/GH100', Uint8Array.of(1, 2))])).toEqual([revoked('keyCompromise')]);
    const [, brom] = authority.deviceCertificates({ architecture: 'GH100', pdi: PDI, fwid: new Uint8Array(48) });
    expect((await told({ vendor: 'nvidia', certificate: brom?.pem })).status).toBe(200);
    expect(await status([id('provisioner/GH100', BROM)])).toEqual([revoked('keyCompromise')]);
  });

  test('refuses what NVIDIA did not issue: an attestation key, a certificate of another world, a root', async () => {
    const { authority, told } = responder();
    const other = nvidiaAuthorityOf(responder('another').world);
    const [leaf] = authority.deviceCertificates({ architecture: 'GH100', pdi: PDI, fwid: new Uint8Array(48) });
    for (const what of [{ vendor: 'nvidia', certificate: leaf?.pem }, { vendor: 'nvidia', certificate: other.certificate('identity/GH100').pem }, { authority: 'device-root' }, { device: '00' }])
      expect((await told(what)).status).toBe(400);
  });

  test('is on the list that the certificates name', async () => {
    const { authority, app, told } = responder();
    const list = async (path: string): Promise<string[]> => readCrl(await bytesOf(await app.fetch(new Request(`http://crl.ndis.nvidia.com${path}`)))).serials;
    expect([await list('/crl/l1-root.crl'), await list('/crl/l2-gh100.crl')]).toEqual([[], []]);
    await told({ authority: 'provisioner/GH100' });
    expect([await list('/crl/l1-root.crl'), await list('/crl/l2-gh100.crl')]).toEqual([[], [hex(authority.serial('provisioner/GH100'))]]);
    for (const path of ['/crl/l2-gb100.crl', '/crl-corim/l1-corim', '/crl-nras/nv-nras-l1-root.crl']) expect(await list(path)).toEqual([]);
    expect((await app.fetch(new Request('http://crl.ndis.nvidia.com/crl/l3.crl'))).status).toBe(404);
  });
});

describe('the fault', () => {
  const nonce = new Uint8Array(16).fill(5);
  async function disturbed(
    fault: string,
    parameters: Record<string, string | number> = {},
  ): Promise<{ src: Uint8Array; basic: ReadBasicResponse; services: ReturnType<typeof responder>; signed: boolean; vouched: boolean }> {
    const services = responder();
    services.app.faults.add({ fault, parameters });
    const src = await services.ask([services.id('identity/GH100', services.authority.serial('provisioner/GH100'))], nonce);
    const basic = readOcspResponse(src).basic as ReadBasicResponse;
    const certificate = basic?.certificates[0] ? readCertificate(basic.certificates[0]) : undefined;
    return {
      src,
      basic,
      services,
      signed: basic && verify('sha384', basic.tbs, services.authority.ocspResponder('identity/GH100').signer.publicKey, basic.signature),
      vouched: certificate !== undefined && verify('sha384', certificate.tbs, services.authority.key('identity/GH100').publicKey, certificate.signature),
    };
  }
  const whole = { signed: true, vouched: true };
  const single = ({ responses }: ReadBasicResponse): ReadBasicResponse['responses'][number] => responses[0] as ReadBasicResponse['responses'][number];

  test.each(['try-later', 'internal-error', 'malformed-request', 'sig-required', 'unauthorized'])('ocsp-%s is that error', async (name) => {
    const { src } = await disturbed(`ocsp-${name}`);
    expect(readOcspResponse(src).status).toBe(name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase()));
  });

  test('ocsp-unknown and ocsp-revoked change the status, and nothing else is wrong', async () => {
    const unknown = await disturbed('ocsp-unknown');
    expect([single(unknown.basic).status, unknown]).toEqual([{ kind: 'unknown' }, expect.objectContaining(whole)]);
    const held = await disturbed('ocsp-revoked', { reason: 'certificateHold' });
    expect([single(held.basic).status, held]).toEqual([revoked('certificateHold'), expect.objectContaining(whole)]);
  });

  test('ocsp-wrong-nonce and ocsp-missing-nonce leave a signed answer', async () => {
    const wrong = await disturbed('ocsp-wrong-nonce');
    expect(wrong).toMatchObject(whole);
    expect(hex(wrong.basic.nonce ?? new Uint8Array(0))).toBe(`04${'05'.repeat(15)}`);
    const missing = await disturbed('ocsp-missing-nonce');
    expect([missing.basic.nonce, missing]).toEqual([undefined, expect.objectContaining(whole)]);
  });

  test('ocsp-unsigned has the right certificate, and a signature of another key', async () => {
    expect(await disturbed('ocsp-unsigned')).toMatchObject({ signed: false, vouched: true });
  });

  test('ocsp-rogue-responder has the right signature, and a certificate that the authority did not issue', async () => {
    expect(await disturbed('ocsp-rogue-responder')).toMatchObject({ signed: true, vouched: false });
  });

  test('ocsp-no-certificate has none, and ocsp-other-authority that of the device root', async () => {
    expect((await disturbed('ocsp-no-certificate')).basic.certificates).toEqual([]);
    const other = await disturbed('ocsp-other-authority');
    expect(other.basic.certificates.map(hex)).toEqual([hex(other.services.authority.ocspResponder('device-root').certificate.der)]);
  });

  test('ocsp-no-purpose and ocsp-expired-responder change the certificate of the responder', async () => {
    const [none, expired] = [await disturbed('ocsp-no-purpose'), await disturbed('ocsp-expired-responder')];
    const read = ({ basic }: typeof none) => readCertificate(basic.certificates[0] ?? new Uint8Array(0));
    expect(read(none).extensions.map(({ oid }) => oid)).not.toContain('2.5.29.37');
    expect(read(expired).notAfter).toBe(NOW - DAY);
    expect([none, expired]).toEqual([expect.objectContaining(whole), expect.objectContaining(whole)]);
  });

  test.each([
    ['ocsp-stale', { days: 2 }, NOW - 3 * DAY, NOW - 2 * DAY],
    ['ocsp-future', { days: 2 }, NOW + 2 * DAY, NOW + 3 * DAY],
    ['ocsp-no-next-update', {}, NOW, undefined],
  ] as const)('%s changes the times', async (name, parameters, from, until) => {
    const answer = await disturbed(name, parameters);
    expect([single(answer.basic).thisUpdate, single(answer.basic).nextUpdate, answer]).toEqual([from, until, expect.objectContaining(whole)]);
  });

  test('ocsp-other-certificate is about a serial that was not asked for', async () => {
    const { basic, services, ...rest } = await disturbed('ocsp-other-certificate');
    expect(hex(single(basic).certId.serial)).not.toBe(hex(services.authority.serial('provisioner/GH100')));
    expect(rest).toMatchObject(whole);
  });

  test('does nothing to what is no request', async () => {
    const { app, post } = responder();
    app.faults.add({ fault: 'ocsp-unknown' });
    expect(readOcspResponse(await bytesOf(await post(new Uint8Array(3)))).status).toBe('malformedRequest');
  });
});
