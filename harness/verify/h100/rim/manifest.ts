/** A reference integrity manifest as a verifier takes it: read, led back to a root, its signature checked, and about the right thing. */
import type { Architecture } from '../../../../emulator/h100/platform/models.ts';
import { checkRimSignature, type Rim, readRim } from '../../../../emulator/h100/rim/read.ts';
import { keyOf } from '../../kept.ts';
import { type VerifiedSigner, verifySigner } from '../pki/signer.ts';
import type { H100Trust } from '../pki/trust.ts';
import type { H100Appraisal } from '../reasons.ts';

/** What a manifest is about. */
export type RimKind = 'driver' | 'vbios';

/** How messages call a manifest. */
export const RIM_PATH: Readonly<Record<RimKind, string>> = { driver: 'driver_rim', vbios: 'vbios_rim' };
/** IANA enterprise number of NVIDIA. */
const NVIDIA = '5703';

/** A manifest that could be read. */
export interface ReadManifest {
  readonly kind: RimKind;
  readonly rim: Rim;
  /** Digest of its bytes. */
  readonly key: string;
}

/** Reads a manifest. @param src XML */
export function readManifest(appraisal: H100Appraisal, trust: H100Trust, kind: RimKind, src: Uint8Array): ReadManifest {
  const key = keyOf([src]);
  const rim = trust.keep(
    appraisal,
    'rim',
    () => key,
    () => appraisal.attempt('rim-malformed', () => readRim(src, RIM_PATH[kind])),
  );
  return { kind, rim, key };
}

/** Verifies the chain of the key that is to have signed a manifest. */
export function manifestSigner(appraisal: H100Appraisal, trust: H100Trust, { kind, rim, key }: ReadManifest): VerifiedSigner {
  return trust.keep(
    appraisal,
    'rim-signer',
    () => key,
    () => verifySigner(appraisal, trust, rim.signature.certificates, RIM_PATH[kind]),
  );
}

/** Checks that a manifest is signed by this key. */
export function checkManifestSignature(appraisal: H100Appraisal, trust: H100Trust, { kind, rim, key }: ReadManifest, signer: VerifiedSigner): void {
  trust.keep(
    appraisal,
    'rim-signature',
    () => key,
    () => {
      const fault = checkRimSignature(rim, signer.key);
      const what = fault === 'digest' ? 'the document is not the one that was signed' : 'the signature does not verify with the key of the first certificate';
      appraisal.check('rim-signature', fault === undefined, () => ({ message: what, path: RIM_PATH[kind] }));
    },
  );
}

/** Checks that a manifest is about a device's software. @param version what the report names */
export function checkManifestSubject(appraisal: H100Appraisal, { kind, rim }: ReadManifest, signer: VerifiedSigner, architecture: Architecture, version: string): void {
  const path = RIM_PATH[kind];
  const edition = architecture === 'LS10' ? 'SWITCH' : 'GPU';
  appraisal.check('rim-edition', rim.edition === edition && rim.model === architecture && signer.model === architecture, () => ({
    message: `is for a ${rim.edition} ${rim.model}, signed by the signer for ${signer.model}, and the device is a ${edition} ${architecture}`,
    path,
  }));
  appraisal.check('rim-manufacturer', rim.firmwareManufacturerId === NVIDIA, () => ({ message: `the manufacturer must be ${NVIDIA}, is ${rim.firmwareManufacturerId}`, path }));
  appraisal.check('rim-version', rim.version === version, () => ({ message: `is for ${rim.version}, and the report names ${version}`, path }));
  appraisal.check(
    'rim-empty',
    rim.measurements.some(({ active }) => active),
    () => ({ message: 'speaks for no measurement', path }),
  );
}
