/** A GPU as the device behind an SPDM responder: its chain, its key, what it measured. */
import { SPDM_VERSION } from '../../link/spdm/messages/header.ts';
import { encodeVendorData } from '../../link/spdm/messages/opaque-data.ts';
import type { ResponderIdentity } from '../../link/spdm/responder/identity.ts';
import { encodeOpaque } from '../report/opaque.ts';
import type { Gpu } from './gpu.ts';

/** DMTFSpecMeasurementValueType: the bit that says raw bits, and the type below it. */
const RAW = 0x80;
/** NVIDIA in the PCI-SIG's registry. */
const NVIDIA = 0x10de;

/**
 * A GPU's identity: one chain in slot 0, from NVIDIA's root to the attestation key. Every measurement counts as part of the trusted computing
 * base, which is assumed: no public record shows a summary hash of a GPU. So is the form of the opaque data in SPDM 1.2, which wants an element
 * of the vendor's around it; genuine reports are of 1.1.
 */
export function gpuIdentity(gpu: Gpu): ResponderIdentity {
  const certificates = gpu.certificates.map(({ der }) => der).toReversed();
  const measurements = gpu.measuredState.measurements.map(({ index, type, value }) => ({ index: index + 1, type: type & ~RAW, raw: (type & RAW) !== 0, value, tcb: true }));
  const opaque = encodeOpaque(gpu.measuredState.opaque);
  return {
    slots: new Map([[0, { certificates }]]),
    sign: (_slot, message) => gpu.attestationKey.sign(message),
    measurements: () => measurements,
    opaqueData: (version) => (version >= SPDM_VERSION.v12 ? encodeVendorData(version, NVIDIA, opaque) : opaque),
  };
}
