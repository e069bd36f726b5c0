/**
 * What the attestation service asks of whoever verifies evidence for it. The emulator makes evidence and does not judge it: the verifier is
 * handed in by whoever composes the two, so that nothing here depends on it.
 */

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

/** What was found out about a chain of certificates. */
export interface ChainFinding {
  readonly status: 'valid' | 'expired' | 'revoked' | 'invalid';
  readonly ocsp: 'good' | 'revoked' | 'unknown';
  /** When the first of its certificates ends, in milliseconds since 1970. */
  readonly expires: number;
  /** As OCSP names it: `certificateHold`. */
  readonly revocationReason?: string;
}

/** What was found out about a manifest. */
export interface RimFinding {
  readonly fetched: boolean;
  readonly schemaValidated: boolean;
  readonly signatureVerified: boolean;
  readonly versionMatch: boolean;
  readonly measurementsAvailable: boolean;
  readonly chain: ChainFinding;
}

/** What was found out about a device whose evidence could be read and is authentic. */
export interface DeviceFindings {
  /** Common name of the certificate above the leaf: `GH100 A01 GSP BROM`. */
  readonly hardwareModel: string;
  /** Serial number of the leaf, unsigned, big-endian. */
  readonly serial: Uint8Array;
  /** Absent for a switch, which has none. */
  readonly driverVersion?: string;
  readonly vbiosVersion: string;
  /** `FirmwareManufacturerId` of the driver's manifest; absent for a switch. */
  readonly firmwareManufacturerId?: string;
  /** Whether the device is of the architecture that the client named. */
  readonly archMatch: boolean;
  readonly fwidMatch: boolean;
  readonly chain: ChainFinding;
  /** Absent for a switch. */
  readonly driverRim?: RimFinding;
  readonly vbiosRim: RimFinding;
  /** Whether driver and VBIOS manifest speak for different slots. */
  readonly indexNoConflict: boolean;
  readonly measurementsMatch: boolean;
  readonly secureBoot: boolean;
  readonly debug: boolean;
  /** What a relying party should know of, though the evidence is good. */
  readonly warning?: string;
}

/** The verdict on one device. `reason` is the verifier's own code for what it refused first. */
export type DeviceAppraisal =
  | { readonly accepted: true; readonly findings: DeviceFindings }
  | { readonly accepted: false; readonly reason: string; readonly findings: DeviceFindings }
  | { readonly accepted: false; readonly reason: string; readonly failure: AppraisalFailure };

/** Judges one device's evidence. It never throws for evidence, however bad. */
export type Appraise = (request: AppraisalRequest) => DeviceAppraisal;
