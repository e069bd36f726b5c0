/**
 * What the attestation service asks of whoever verifies evidence for it. The emulator makes evidence and does not judge it: the verifier is
 * handed in by whoever composes the two, so that nothing here depends on it.
 */
import type { DeviceFindings } from '../../../h100/eat/findings.ts';

export type { ChainFinding, DeviceFindings, RimFinding } from '../../../h100/eat/findings.ts';

/** One device's evidence, with everything needed to judge it. */
export interface AppraisalRequest {
  readonly device: 'gpu' | 'switch';
  /** As the client names it: `HOPPER`, `BLACKWELL`, `LS10`. */
  readonly arch: string;
  /** The report: GET_MEASUREMENTS request and MEASUREMENTS response. */
  readonly evidence: Uint8Array;
  /** The device's certificates in PEM, leaf first. */
  readonly certificateChain: Uint8Array;
  /** What the client asked for: 32 bytes. */
  readonly nonce: Uint8Array;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Whether a certificate that is on hold will do (header `X-NVIDIA-OCSP-ALLOW-CERT-HOLD`). */
  readonly allowCertificateHold: boolean;
  /** The roots to trust, DER. */
  readonly roots: { readonly device: Uint8Array; readonly rim: Uint8Array };
  /** A manifest by its id, as the RIM service has it (XML); undefined for one that it does not have. */
  rim(id: string): Uint8Array | undefined;
  /** Asks the OCSP responder. @param request DER OCSPRequest @returns DER OCSPResponse */
  ocsp(request: Uint8Array): Uint8Array;
}

/** Why there are no claims about a device at all, by NRAS's own errors. */
export type AppraisalFailure =
  /** The evidence is for another nonce. */
  | 'nonce-mismatch'
  /** The chain is no chain of certificates. */
  | 'certificate-chain'
  /** The chain does not lead to NVIDIA's device root, or its leaf is not that of the report. */
  | 'attestation-chain'
  /** The report cannot be read. */
  | 'evidence'
  /** The report is not signed by the leaf. */
  | 'evidence-signature'
  /** There is no manifest for the driver or the firmware that the report names, or it cannot be read. */
  | 'rim'
  /** A manifest's certificates do not lead to NVIDIA's RIM root. */
  | 'rim-chain'
  /** A manifest's signature is wrong. */
  | 'rim-signature';

/** The verdict on one device. `reason` is the verifier's own code for what it refused first. */
export type DeviceAppraisal =
  | { readonly accepted: true; readonly findings: DeviceFindings }
  | { readonly accepted: false; readonly reason: string; readonly findings: DeviceFindings }
  | { readonly accepted: false; readonly reason: string; readonly failure: AppraisalFailure };

/** Judges one device's evidence. It never throws for evidence, however bad. */
export type Appraise = (request: AppraisalRequest) => DeviceAppraisal;
