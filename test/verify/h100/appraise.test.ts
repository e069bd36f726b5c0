/** The verifier as the emulated attestation service uses it: failures that leave nothing to say, and findings, also where a device is refused. */
import { describe, expect, test } from 'vitest';
import type { AppraisalRequest } from '../../../emulator/services/nvidia/nras/appraise.ts';
import { NvidiaOcsp } from '../../../emulator/services/nvidia/ocsp.ts';
import { h100Evidence } from '../../../emulator/h100/evidence/evidence.ts';
import { nvidiaAuthorityOf } from '../../../emulator/h100/pki/authority.ts';
import { ocspErrorResponse } from '../../../emulator/pki/ocsp/issue.ts';
import { fixedClock, seededWorld } from '../../../emulator/world.ts';
import { h100Appraiser } from '../../../harness/verify/index.ts';
import { type Edits, evidence, NOW, ROOTS, world } from './evidence.ts';
import { other, STRANGER } from './rejections/rejection.ts';

const appraise = h100Appraiser();
const responder = new NvidiaOcsp({ world });

/** A request about the first device. */
function request(edits: Edits = {}, more: Partial<AppraisalRequest> = {}, machine: Parameters<typeof evidence>[0] = {}): AppraisalRequest {
  const made = evidence(machine, edits);
  const [first] = made.evidence;
  if (!first) throw new Error('no device');
  return {
    device: 'gpu',
    arch: first.architecture,
    evidence: first.report,
    certificateChain: first.certificateChain,
    nonce: Buffer.from(first.nonce ?? '', 'hex'),
    at: NOW,
    allowCertificateHold: false,
    roots: { device: ROOTS[0] ?? new Uint8Array(), rim: ROOTS[1] ?? new Uint8Array() },
    rim: (id) => made.rims.get(id),
    ocsp: (src) => new Uint8Array(Buffer.from(responder.answer(src).body)),
    ...more,
  };
}

describe('an appraisal', () => {
  test('of good evidence finds everything good', () => {
    expect(appraise(request())).toMatchObject({
      accepted: true,
      findings: {
        hardwareModel: 'GH100 A01 GSP BROM',
        driverVersion: '550.90.07',
        vbiosVersion: '96.00.9F.00.01',
        firmwareManufacturerId: '5703',
        archMatch: true,
        fwidMatch: true,
        chain: { status: 'valid', ocsp: 'good' },
        driverRim: { fetched: true, schemaValidated: true, signatureVerified: true, versionMatch: true, measurementsAvailable: true, chain: { status: 'valid', ocsp: 'good' } },
        vbiosRim: { versionMatch: true },
        indexNoConflict: true,
        measurementsMatch: true,
        secureBoot: true,
        debug: false,
      },
    });
  });

  test.each<[string, Edits, Partial<AppraisalRequest>, string]>([
    ['for another nonce', {}, { nonce: new Uint8Array(32) }, 'nonce-mismatch'],
    ['whose chain is no PEM', {}, { certificateChain: new Uint8Array(3) }, 'certificate-chain'],
    ['whose chain lacks its root', {}, { certificateChain: new Uint8Array() }, 'certificate-chain'],
    ['whose leaf is signed by a stranger', { certificates: { attestation: { signedBy: STRANGER } } }, {}, 'attestation-chain'],
    ['under another root', {}, { roots: { device: nvidiaAuthorityOf(seededWorld('other', fixedClock(NOW))).root('device').der, rim: ROOTS[1] ?? new Uint8Array() } }, 'attestation-chain'],
    ['whose report is cut off', {}, { evidence: new Uint8Array(100) }, 'evidence'],
    ['of a GPU that is called a switch', {}, { device: 'switch' }, 'evidence'],
    ['of an unknown architecture', {}, { arch: 'AMPERE' }, 'evidence'],
    ['signed by a stranger', { reportSigner: STRANGER }, {}, 'evidence-signature'],
    ['without manifests', {}, { rim: () => undefined }, 'rim'],
    ['with a manifest that is none', {}, { rim: () => new Uint8Array(3) }, 'rim'],
    ['with a manifest under another root', { driverRim: { certificates: { l4: { signedBy: STRANGER } } } }, {}, 'rim-chain'],
    ['with a manifest signed by a stranger', { driverRim: { signedBy: STRANGER } }, {}, 'rim-signature'],
  ])('%s has no findings', (_, edits, more, failure) => {
    expect(appraise(request(edits, more))).toMatchObject({ accepted: false, failure });
  });

  test.each<[string, Edits, Partial<AppraisalRequest>, string, object]>([
    [
      'a measurement differs',
      { report: (r) => ({ ...r, measurements: r.measurements.map((m) => (m.index === 25 ? { ...m, value: other(m.value) } : m)) }) },
      {},
      'measurement-mismatch',
      { measurementsMatch: false, secureBoot: false },
    ],
    [
      'the firmware differs',
      { report: (r) => ({ ...r, opaque: r.opaque.map((f) => (f.name === 'FWID' ? { ...f, data: new Uint8Array(48).fill(1) } : f)) }) },
      {},
      'fwid-mismatch',
      { fwidMatch: false, measurementsMatch: true },
    ],
    ['a manifest is for another version', { vbiosRim: { edit: (c) => ({ ...c, version: '96.00.9F.00.02' }) } }, {}, 'rim-version', { vbiosRim: { versionMatch: false } }],
    [
      'a manifest speaks for nothing',
      { vbiosRim: { edit: (c) => ({ ...c, measurements: c.measurements.map((m) => ({ ...m, active: false })) }) } },
      {},
      'rim-empty',
      { vbiosRim: { versionMatch: true, measurementsAvailable: false } },
    ],
    ['two manifests speak for the same', { vbiosRim: { edit: (c) => ({ ...c, measurements: c.measurements.map((m) => (m.index === 25 ? { ...m, active: true } : m)) }) } }, {}, 'rim-conflict', { indexNoConflict: false }],
    ['a certificate has expired', { certificates: { bootRom: { edit: (spec) => ({ ...spec, notAfter: NOW - 1000 }) } } }, {}, 'certificate-expired', { chain: { status: 'expired', ocsp: 'good' } }],
    ['the responder puts off', {}, { ocsp: () => ocspErrorResponse('tryLater') }, 'ocsp-status', { chain: { status: 'invalid', ocsp: 'unknown' } }],
  ])('says what it found where %s', (_, edits, more, reason, findings) => {
    expect(appraise(request(edits, more))).toMatchObject({ accepted: false, reason, findings });
  });

  test.each(['certificateHold', 'keyCompromise'] as const)('of a device whose certificate is revoked for %s', (reason) => {
    // Of a world of its own: what is revoked stays so.
    const own = seededWorld(`revoked for ${reason}`, fixedClock(NOW));
    const authority = nvidiaAuthorityOf(own);
    const ocsp = new NvidiaOcsp({ world: own });
    const made = h100Evidence(own);
    const [device] = made.devices;
    const [, bootRom] = device?.certificates ?? [];
    if (!device || !bootRom) throw new Error('no device');
    authority.revoke('provisioner/GH100', bootRom.spec.serial, reason);
    const asked = (allowCertificateHold: boolean): ReturnType<typeof appraise> =>
      appraise({
        device: 'gpu',
        arch: 'HOPPER',
        evidence: device.report,
        certificateChain: Buffer.from(device.certificates.map(({ pem }) => pem).join('')),
        nonce: made.nonce,
        at: NOW,
        allowCertificateHold,
        roots: { device: authority.root('device').der, rim: authority.root('rim').der },
        rim: (id) => made.rims.get(id)?.xml,
        ocsp: (src) => new Uint8Array(Buffer.from(ocsp.answer(src).body)),
      });
    const held = reason === 'certificateHold';
    expect(asked(false)).toMatchObject({ accepted: false, reason: held ? 'certificate-on-hold' : 'certificate-revoked', findings: { chain: { status: 'revoked', ocsp: 'revoked', revocationReason: reason } } });
    expect(asked(true)).toMatchObject(held ? { accepted: true, findings: { chain: { status: 'valid', ocsp: 'good' }, warning: expect.any(String) as unknown } } : { accepted: false, reason: 'certificate-revoked' });
  });
});
