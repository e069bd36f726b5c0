/** What a verifier finds out about a device: what the claims of NVIDIA's tokens are made of. */

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
  /** Of a switch: its own identifier, 8 bytes. */
  readonly pdi?: Uint8Array;
  /** Identifiers, 8 bytes each, of the devices at the other end of its links, each once: of a GPU the switches, of a switch the GPUs. */
  readonly peers?: readonly Uint8Array[];
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
