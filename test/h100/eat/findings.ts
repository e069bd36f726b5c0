/** Findings about a device that is good, for tests of claims. */
import type { TokenFrame } from '../../../emulator/h100/eat/claims.ts';
import type { ChainFinding, DeviceFindings, RimFinding } from '../../../emulator/h100/eat/findings.ts';

const chain: ChainFinding = { status: 'valid', ocsp: 'good', expires: Date.UTC(2027, 0, 1) };
const rim: RimFinding = { fetched: true, schemaValidated: true, signatureVerified: true, versionMatch: true, measurementsAvailable: true, chain };

export const FRAME: TokenFrame = { iss: 'https://nras.attestation.nvidia.com', nbf: 1000, exp: 4600, iat: 1000, jti: '00000000-0000-4000-8000-000000000000' };

export const FINDINGS: DeviceFindings = {
  hardwareModel: 'GH100 A01 GSP BROM',
  serial: Uint8Array.of(1, 2, 3),
  driverVersion: '550.90.07',
  vbiosVersion: '96.00.9F.00.01',
  firmwareManufacturerId: '5703',
  archMatch: true,
  fwidMatch: true,
  chain,
  driverRim: rim,
  vbiosRim: rim,
  indexNoConflict: true,
  measurementsMatch: true,
  secureBoot: true,
  debug: false,
};
