/** The reference verifier as the emulated attestation service uses it: findings about a device, also where it is refused. */
import type { AppraisalFailure, AppraisalRequest, Appraise, ChainFinding, DeviceAppraisal, DeviceFindings, RimFinding } from '../../../emulator/services/nvidia/nras/appraise.ts';
import { writeCertId } from '../../../emulator/pki/ocsp/cert-id.ts';
import { writeOcspRequest } from '../../../emulator/pki/ocsp/request.ts';
import { sameBytes } from '../../../emulator/pki/read.ts';
import { keyOf } from '../kept.ts';
import { Appraisal, judge, type Verdict } from '../verdict.ts';
import { checkArchitecture, checkChainRevocation, checkFwid, checkMeasurements, checkReportSignature, deviceChain, manifestsOf, openDevice, type OpenDevice, revocable } from './device.ts';
import type { H100Expectations } from './expectations.ts';
import { checkDates } from './pki/certificate.ts';
import { DEVICE_PATH, type VerifiedDevice } from './pki/device.ts';
import type { OcspSource } from './pki/ocsp.ts';
import { SIGNER_PATH, type VerifiedSigner } from './pki/signer.ts';
import { H100Trust } from './pki/trust.ts';
import { H100_PASSES, H100_REASONS, type H100Appraisal, type H100Reason } from './reasons.ts';
import { checkManifestSignature, checkManifestSubject, manifestSigner, type ReadManifest } from './rim/manifest.ts';
import { checkNoConflict } from './rim/measurements.ts';

/** Things of each kind that are kept between one appraisal and the next. */
const KEPT = 256;

/** Leaves an appraisal for which there are no findings; never leaves this file. */
class Failed extends Error {
  readonly appraisal: DeviceAppraisal;

  constructor(reason: H100Reason, failure: AppraisalFailure) {
    super(reason);
    this.appraisal = { accepted: false, reason, failure };
  }
}

/**
 * A verifier for the emulated attestation service. It keeps what it found good: chains, manifests and OCSP responses, by their bytes.
 * @returns to be handed to the service, or to `startTeemu`
 */
export function h100Appraiser(): Appraise {
  let [roots, trust] = ['', new H100Trust([])];
  return (request) => {
    const key = keyOf([request.roots.device, request.roots.rim]);
    if (key !== roots) [roots, trust] = [key, new H100Trust([request.roots.device, request.roots.rim], { keep: KEPT })];
    try {
      return new DeviceAppraiser(request, { trust, now: request.at, allowHold: request.allowCertificateHold }).appraise();
    } catch (error) {
      if (error instanceof Failed) return error.appraisal;
      throw error;
    }
  };
}

/** One appraisal. */
class DeviceAppraiser {
  readonly #request: AppraisalRequest;
  readonly #wishes: H100Expectations;
  /** What was refused, in order: the first is the reason. */
  readonly #refused: H100Reason[] = [];

  constructor(request: AppraisalRequest, wishes: H100Expectations) {
    this.#request = request;
    this.#wishes = wishes;
  }

  appraise(): DeviceAppraisal {
    const { arch, evidence, certificateChain, nonce, device } = this.#request;
    const open = this.#must(
      (a) => openDevice(a, { architecture: arch, certificateChain, report: evidence }, this.#wishes),
      (reason) => (reason === 'certificate-malformed' ? 'certificate-chain' : 'evidence'),
    );
    const { read } = open;
    this.#must(
      (a) => a.check('device-kind', (open.architecture === 'LS10') === (device === 'switch'), () => ({ message: `is no ${device}` })),
      () => 'evidence',
    );
    this.#must(
      (a) => a.check('nonce-mismatch', sameBytes(read.report.request.nonce, nonce), () => ({ message: 'answers to another nonce' })),
      () => 'nonce-mismatch',
    );
    const chain = this.#must(
      (a) => deviceChain(a, this.#wishes, open.chain),
      (reason) => (reason === 'certificate-malformed' || reason === 'certificate-chain-length' ? 'certificate-chain' : 'attestation-chain'),
    );
    this.#must(
      (a) => checkReportSignature(a, read, chain),
      () => 'evidence-signature',
    );
    const manifests = this.#must(
      (a) => manifestsOf(a, read, { rim: (_, id) => this.#request.rim(id), ocsp: this.#ocsp }, 0, this.#wishes),
      () => 'rim',
    );
    const signed = manifests.map((manifest) => {
      const signer = this.#must(
        (a) => manifestSigner(a, this.#wishes.trust, manifest),
        () => 'rim-chain',
      );
      this.#must(
        (a) => checkManifestSignature(a, this.#wishes.trust, manifest, signer),
        () => 'rim-signature',
      );
      return { manifest, signer };
    });
    const findings = this.#findings(open, chain, signed);
    const [reason] = this.#refused;
    return reason === undefined ? { accepted: true, findings } : { accepted: false, reason, findings };
  }

  #judge<T>(verify: (appraisal: H100Appraisal) => T): Verdict<T, H100Reason> {
    return judge(new Appraisal(H100_REASONS, H100_PASSES), verify);
  }

  /** What must hold for there to be findings at all. */
  #must<T>(verify: (appraisal: H100Appraisal) => T, failure: (reason: H100Reason) => AppraisalFailure): T {
    const verdict = this.#judge(verify);
    if (verdict.accepted) return verdict.facts;
    throw new Failed(verdict.reason, failure(verdict.reason));
  }

  /** Whether something holds; what does not is kept as a reason. */
  #holds(verify: (appraisal: H100Appraisal) => unknown): boolean {
    const verdict = this.#judge(verify);
    if (!verdict.accepted) this.#refused.push(verdict.reason);
    return verdict.accepted;
  }

  readonly #ocsp: OcspSource = ({ certificate, issuer }) => ({ response: this.#request.ocsp(writeOcspRequest([writeCertId('sha384', issuer, certificate.serial)])) });

  #findings(open: OpenDevice, device: VerifiedDevice, signed: readonly { readonly manifest: ReadManifest; readonly signer: VerifiedSigner }[]): DeviceFindings {
    const { read } = open;
    const { statement } = read;
    const chain = this.#chain(device.certificates, DEVICE_PATH, 'certificate', 1);
    const archMatch = this.#holds((a) => checkArchitecture(a, open, device));
    // Drivers before 550 don't say which firmware their key was made for; the service judges them all the same.
    const fwidMatch = this.#holds((a) => checkFwid(a, read, device, true));
    const rims = new Map(signed.map(({ manifest, signer }) => [manifest.kind, this.#rim(manifest, signer, device, (manifest.kind === 'driver' ? statement.driverVersion : statement.vbiosVersion) ?? '')]));
    const manifests = signed.map(({ manifest }) => manifest);
    const indexNoConflict = this.#holds((a) => checkNoConflict(a, manifests));
    const measurementsMatch = this.#holds((a) => checkMeasurements(a, read, manifests));
    const [driverRim, vbiosRim] = [rims.get('driver'), rims.get('vbios')];
    if (!vbiosRim) throw new TypeError('a device was judged without the manifest of its VBIOS');
    const driver = manifests.find(({ kind }) => kind === 'driver');
    const held = [chain, driverRim?.chain, vbiosRim.chain].some((finding) => finding?.revocationReason === 'certificateHold');
    return {
      hardwareModel: device.hardwareModel,
      serial: device.serial,
      ...(statement.driverVersion === undefined ? {} : { driverVersion: statement.driverVersion }),
      vbiosVersion: statement.vbiosVersion,
      ...(statement.pdi ? { pdi: statement.pdi } : {}),
      peers: statement.peers,
      ...(driver ? { firmwareManufacturerId: driver.rim.firmwareManufacturerId } : {}),
      archMatch,
      fwidMatch,
      chain,
      ...(driverRim ? { driverRim } : {}),
      vbiosRim,
      indexNoConflict,
      measurementsMatch,
      secureBoot: measurementsMatch,
      // Nothing in a report says so: what a GPU with developer tools measures is not in a manifest.
      debug: false,
      ...(held ? { warning: 'a certificate is on hold' } : {}),
    };
  }

  #rim(manifest: ReadManifest, signer: VerifiedSigner, { architecture }: VerifiedDevice, version: string): RimFinding {
    const subject = this.#judge((a) => checkManifestSubject(a, manifest, signer, architecture, version));
    if (!subject.accepted) this.#refused.push(subject.reason);
    const available = manifest.rim.measurements.some(({ active }) => active);
    return {
      fetched: true,
      schemaValidated: true,
      signatureVerified: true,
      versionMatch: subject.accepted || subject.reason === 'rim-empty',
      measurementsAvailable: available,
      chain: this.#chain(signer.certificates, SIGNER_PATH, manifest.kind, 0),
    };
  }

  #chain(certificates: VerifiedDevice['certificates'], names: readonly string[], path: string, first: 0 | 1): ChainFinding {
    const expires = Math.min(...certificates.map(({ notAfter }) => notAfter));
    const valid = this.#holds((a) => {
      for (const [i, certificate] of certificates.entries()) checkDates(a, certificate, `${path}.${names[i]}`, this.#wishes.now);
    });
    let revocationReason: string | undefined;
    const revocation = this.#judge((a) =>
      checkChainRevocation(a, revocable(certificates, names, path, first), this.#ocsp, this.#wishes, (reason) => {
        revocationReason = reason;
      }),
    );
    if (!revocation.accepted) this.#refused.push(revocation.reason);
    const revoked = !revocation.accepted && (revocation.reason === 'certificate-revoked' || revocation.reason === 'certificate-on-hold');
    return {
      status: revoked ? 'revoked' : !valid ? 'expired' : revocation.accepted ? 'valid' : 'invalid',
      ocsp: revoked ? 'revoked' : revocation.accepted ? 'good' : 'unknown',
      expires,
      ...(revocationReason === undefined ? {} : { revocationReason }),
    };
  }
}
