/** What inspecting OCSP requests and responses, and NVIDIA's certificates, says. */
import { describe, expect, test } from 'vitest';
import { nvidiaAuthorityOf } from '../../emulator/h100/pki/authority.ts';
import { CERTIFICATE_RECOGNISERS } from '../../emulator/inspect/certificates.ts';
import { OCSP_RECOGNISERS } from '../../emulator/inspect/h100/ocsp.ts';
import type { Section } from '../../emulator/inspect/inspection.ts';
import { writeCertId } from '../../emulator/pki/ocsp/cert-id.ts';
import { nonceExtension, writeOcspRequest } from '../../emulator/pki/ocsp/request.ts';
import { readCertificate } from '../../emulator/pki/read.ts';
import { NvidiaOcsp } from '../../emulator/services/nvidia/ocsp.ts';
import { fixedClock, seededWorld } from '../../emulator/world.ts';
import { describeReal, realSample } from '../real-samples.ts';

const AT = Date.parse('2026-06-01T12:00:00Z');
const DAY = 86_400_000;
const world = seededWorld('inspect', fixedClock(AT));
const authority = nvidiaAuthorityOf(world);
const service = new NvidiaOcsp({ world });
const SERIAL = Uint8Array.of(0x41, 1, 2, 3, 4, 5, 6, 7, 8);
const certId = writeCertId('sha1', readCertificate(authority.certificate('provisioner/GH100').der), SERIAL);
const request = writeOcspRequest([certId], [nonceExtension(Uint8Array.of(1, 2, 3))]);

function sections(src: Uint8Array, at?: number): readonly Section[] {
  const found = OCSP_RECOGNISERS.flatMap((row) => {
    try {
      return row.refuse(src) === undefined ? [row.inspect(src, at === undefined ? {} : { at })] : [];
    } catch {
      return [];
    }
  });
  expect(found).toHaveLength(1);
  return found[0] ?? [];
}
const value = (section: Section | undefined, path: string): string | undefined => section?.lines.find((l) => l.path === path)?.value;

describe('a request', () => {
  test('shows whose certificate it is about, by which hash, and the nonce', () => {
    const [section] = sections(request);
    expect(section?.title).toBe('OCSP request about one certificate');
    expect(['requests.0.serial', 'requests.0.hash', 'nonce'].map((path) => value(section, path))).toEqual(['0x410102030405060708', 'sha1', '010203']);
  });
});

describe('a response', () => {
  test('shows the status, who signed it, and the certificate of the responder', () => {
    const [section, certificate] = sections(service.answer(request).body, AT);
    expect(value(section, 'responses.0.status')).toBe('good');
    expect(section?.notes.map(({ kind }) => kind)).toEqual(['info']);
    expect(section?.lines.filter(({ broken }) => broken)).toEqual([]);
    expect(certificate?.title).toBe('certificate of NVIDIA OCSP Responder L3 GH100 ICA1 Identity');
    expect(value(certificate, 'extKeyUsage')).toBe('OCSPSigning, id-pkix-ocsp-nocheck');
  });

  test('says when it is stale, or begins later', () => {
    const { body } = service.answer(request);
    const broken = (at: number): string[] => sections(body, at)[0]?.lines.flatMap((l) => (l.broken ? [l.path] : [])) ?? [];
    expect([broken(AT + 2 * DAY), broken(AT - DAY)]).toEqual([['responses.0.nextUpdate'], ['responses.0.thisUpdate']]);
  });

  test('says when the signature is not that of the responder', () => {
    const { body } = service.answer(request);
    // The status is the one value of no contents that is context-specific.
    const forged = body.with(Buffer.from(body).indexOf(Buffer.from('8000180f', 'hex')), 0x82);
    const [section] = sections(forged);
    expect([value(section, 'responses.0.status'), section?.notes.map(({ kind }) => kind)]).toEqual(['unknown', ['broken']]);
  });

  test('that is an error shows which', () => {
    const [section] = sections(service.answer(new Uint8Array(3)).body);
    expect(section?.title).toBe('OCSP response: malformedRequest');
  });
});

describe('certificates of NVIDIA', () => {
  const inspected = (architecture: 'GH100' | 'GB100', at: number): Section | undefined =>
    CERTIFICATE_RECOGNISERS[1]?.inspect(authority.deviceCertificates({ architecture, pdi: SERIAL.subarray(1), fwid: new Uint8Array(48).fill(0xab) })[at]?.der ?? SERIAL, {})[0];

  test('show the firmware, the device and where to ask', () => {
    const leaf = inspected('GH100', 0);
    expect(value(leaf, 'dice.compositeDeviceId')).toBe(`FWID ${'ab'.repeat(48)}`);
    expect(value(leaf, 'subjectAltName')).toMatch(/^1\.3\.6\.1\.4\.1\.412\.274\.1 NVIDIA:GH100:48B02D[0-9A-F]{10}$/);
    expect(value(inspected('GB100', 0), 'dice.tcbInfo')).toBe(`NVIDIA GB100 A01 GSP, version 01, SVN 1, FWID ${'ab'.repeat(48)}, FWID ${'00'.repeat(48)}`);
    expect(value(inspected('GH100', 1), 'subject')).toBe('serialNumber=410102030405060708, C=US, O=NVIDIA Corporation, CN=GH100 A01 GSP BROM');
    expect(value(inspected('GH100', 2), 'authorityInfoAccess')).toBe('OCSP http://ocsp.ndis.nvidia.com');
  });
});

describeReal('genuine responses', () => {
  test.each(['gpu-certificate-l2', 'gpu-driver-rim-l4'])('%s reads as good and signed', (name) => {
    const [section, certificate] = sections(realSample(`h100/ocsp/${name}.ocsp.der`));
    expect([value(section, 'responses.0.status'), section?.notes.map(({ kind }) => kind), certificate?.name]).toEqual(['good', ['info'], 'certificate']);
  });
});
