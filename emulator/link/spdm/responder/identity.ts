/** What a responder signs with and measures: a GPU, or an identity of its own. */
import { ecdsaWith, OID } from '../../../pki/der.ts';
import { authorityKeyIdentifier, basicConstraintsCa, basicConstraintsLeaf, keyUsage, subjectKeyIdentifier, testMarker } from '../../../pki/extensions.ts';
import { type CertificateSpec, issueCertificate } from '../../../pki/issue.ts';
import type { World } from '../../../world.ts';
import { sha384 } from '../messages/certificates.ts';
import type { SpdmVersion } from '../messages/header.ts';
import type { Measurement } from '../messages/measurements.ts';

/** One measurement of a device. */
export interface DeviceMeasurement extends Measurement {
  /** Whether it belongs to the trusted computing base, over which a summary hash can be asked for. */
  readonly tcb: boolean;
}

/** Chain of one slot. */
export interface Slot {
  /** DER, from the root to the leaf, whose key is on P-384. */
  readonly certificates: readonly Uint8Array[];
  /** DER of the root, where the first certificate is only signed by it. */
  readonly root?: Uint8Array;
}

/** A device behind a responder. */
export interface ResponderIdentity {
  /** By number, 0 to 7; slot 0 must be there. */
  readonly slots: ReadonlyMap<number, Slot>;
  /** Signs with the leaf's key of a slot: ECDSA with SHA-384. @returns r ‖ s, 96 bytes */
  sign(slot: number, message: Uint8Array): Uint8Array;
  /** The measurements as they are now, in order of their indices; at least one. */
  measurements(): readonly DeviceMeasurement[];
  /** Opaque data of MEASUREMENTS, at most 1024 bytes: in SPDM 1.1 of any form, from 1.2 on in that of OpaqueDataFmt1. */
  opaqueData?(version: SpdmVersion): Uint8Array;
}

const YEAR = 365 * 86_400_000;

function certificate(world: World, label: string, issuer: string, validity: { notBefore: number; notAfter: number }): Uint8Array {
  const key = world.ecKey(label, 'P-384');
  const signer = world.ecKey(issuer, 'P-384');
  const root = label === issuer;
  const spec: CertificateSpec = {
    serial: Uint8Array.of(0x01, ...world.derive(`serial/${label}`, 8)),
    issuer: [[OID.commonName, issuer]],
    subject: [[OID.commonName, label]],
    ...validity,
    spki: key.spki,
    signatureAlgorithm: ecdsaWith('P-384'),
    extensions: [
      subjectKeyIdentifier(key.spki),
      authorityKeyIdentifier(signer.spki),
      ...(root ? [keyUsage('keyCertSign', 'cRLSign'), basicConstraintsCa(), testMarker()] : [keyUsage('digitalSignature'), basicConstraintsLeaf()]),
    ],
  };
  return issueCertificate(spec, signer).der;
}

/**
 * A device that is nothing but a responder: keys and certificates of the World, and three measurements.
 * @param slots numbers of the slots that hold a chain
 */
export function standaloneIdentity(world: World, slots: readonly number[] = [0]): ResponderIdentity {
  // Certificates begin with a year of the clock, so that everything made in that year agrees.
  const notBefore = Math.floor(world.now() / YEAR) * YEAR;
  const validity = { notBefore, notAfter: notBefore + 10 * YEAR };
  const root = certificate(world, 'spdm root', 'spdm root', validity);
  const label = (slot: number): string => `spdm responder slot ${slot}`;
  const chains = new Map(slots.map((slot): [number, Slot] => [slot, { certificates: [root, certificate(world, label(slot), 'spdm root', validity)] }]));
  const measurements: DeviceMeasurement[] = [
    { index: 1, type: 0, raw: false, value: sha384(world.derive('spdm/measurement/rom', 32)), tcb: true },
    { index: 2, type: 1, raw: false, value: sha384(world.derive('spdm/measurement/firmware', 32)), tcb: true },
    { index: 3, type: 3, raw: true, value: world.derive('spdm/measurement/configuration', 24), tcb: false },
  ];
  return { slots: chains, sign: (slot, message) => world.ecKey(label(slot), 'P-384').sign(message), measurements: () => measurements };
}
