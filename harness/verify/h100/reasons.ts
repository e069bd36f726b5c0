/** Every reason for which NVIDIA evidence is refused: one row each. A row is also the check that was done when it did not happen. */
import { CERTIFICATE_REASONS } from '../reasons.ts';
import { type Appraisal, AT, type Check, passesOf, type ReasonRow, type ReasonTable } from '../verdict.ts';

const SPDM = 'DSP0274 1.1.3, GET_MEASUREMENTS and MEASUREMENTS';
const OPAQUE = 'NVIDIA attestation SDK, opaque data of the report';
const EVIDENCE = 'NVIDIA attestation SDK, serialized evidence';
const DICE = 'TCG DICE Attestation Architecture 1.1';
const GENUINE = 'as in all genuine chains';
const OCSP = (section: string): string => `RFC 6960 §${section}`;
const SWID = 'TCG Reference Integrity Manifest Information Model; ISO 19770-2:2015';
const PPCIE = 'NVIDIA protected PCIe verifier, topology';
const ASKED = 'the caller asked for it';
const { parse, chain, revocation, signature, tcb, policy, binding, freshness } = AT;

const H100_ONLY = {
  'evidence-incomplete': parse('there is evidence of at least one device, and of no more than can be in a machine', 'teemu: the bundle on disk'),
  'evidence-json': parse('the evidence is a JSON list of devices, each with its architecture, certificates and report, and with nothing unknown', EVIDENCE),
  'evidence-architecture': parse('the architecture is HOPPER, BLACKWELL or LS10', EVIDENCE),
  'report-malformed': parse('every length in the report is that of what follows, every value is one that SPDM knows, and nothing follows', SPDM),
  'report-request': parse('the report answers a request of SPDM 1.1 for all measurements, signed by the key in slot 0', SPDM),
  'report-blocks': parse('the report has as many measurements as a device of its kind, numbered from 1, each a digest of 48 bytes', SPDM),
  'opaque-field-twice': parse('no opaque field stands there twice', OPAQUE),
  'opaque-field-unknown': parse('no opaque field is of an unknown type', OPAQUE),
  'opaque-field-missing': parse('every opaque field is there that all devices of the kind have', OPAQUE),
  'opaque-field-malformed': parse('every opaque field has the length and the form that its type has', OPAQUE),
  'opaque-data-version': parse('the opaque data are of version 0 or 1', OPAQUE),
  'nvdec-status': parse('the state of the video decoder is on (0xaa) or off (0x55)', OPAQUE),
  'protected-pcie-status': parse('the state of protected PCIe is on (0xaa) or off (0x55)', OPAQUE),
  'feature-flag': parse('the feature flag is known, and says of protected PCIe what its state says', OPAQUE),
  'rim-missing': parse('the reference integrity manifests are there for every version that the report names', EVIDENCE),
  'rim-malformed': parse('a manifest is XML of the form that NVIDIA writes, within bounds', SWID),

  'certificate-chain-length': chain('a chain of a device has five certificates, and one of a manifest four, last the root', GENUINE),
  'certificate-extension-missing': chain('every certificate has the extensions that its place asks for', GENUINE),
  'certificate-key-identifier': chain("every certificate names the key above it by that key's identifier", 'RFC 5280 §4.2.1.1'),
  'certificate-chip': chain('every certificate of a chain is for the same kind of chip', GENUINE),
  'certificate-serial': chain("a device's certificates have their serial numbers in their subjects too", GENUINE),
  'leaf-key': chain('the attestation key, and the key that signs manifests, are on P-384', 'FIPS 186-5'),
  'leaf-authority': chain('the certificates of these keys are no authorities', 'RFC 5280 §4.2.1.9'),
  'leaf-key-usage': chain('these keys are for signatures', 'RFC 5280 §4.2.1.3'),
  'device-info': chain("the leaf names NVIDIA and the kind of chip, as SPDM's device information does", 'DSP0274 1.1.3, otherName DMTF-device-info'),
  'device-pdi': chain('the serial number of the certificate above the leaf is a prefix of one byte and the identifier of the device', GENUINE),
  'fwid-missing': chain('the leaf states the firmware that its key was made for', DICE),
  'fwid-malformed': chain('what the leaf states of its firmware can be read, and is a SHA-384 digest', DICE),
  'fwid-issuer': chain('what the leaf states of its firmware names the key above it', DICE),

  'ocsp-missing': revocation('there is an OCSP response about every certificate that can be revoked', OCSP('2.2')),
  'ocsp-malformed': revocation('every OCSP response is DER of one, and of nothing else', OCSP('4.2.1')),
  'ocsp-status': revocation('the responder answered, and did not put off', OCSP('2.3')),
  'ocsp-other-certificate': revocation('the response is about the certificate, by its issuer and its serial number, and about no other', OCSP('3.2')),
  'ocsp-responder-missing': revocation("the responder's certificate is in the response, exactly one", 'as in all genuine responses'),
  'ocsp-responder': revocation("the responder is the one that the response names, and is certified by the certificate's own issuer", OCSP('4.2.2.2')),
  'ocsp-responder-usage': revocation('the responder may sign OCSP responses, and is no authority', OCSP('4.2.2.2')),
  'ocsp-responder-dates': revocation("the responder's certificate is valid while the response counts", OCSP('4.2.2.2')),
  'ocsp-extension-critical': revocation('the response has no critical extension that the verifier does not know', OCSP('4.4')),
  'ocsp-signature': revocation('the response is signed by the responder with ECDSA and SHA-384', OCSP('3.2')),
  'ocsp-nonce': revocation('the response has the nonce that was asked with', OCSP('4.4.1')),
  'ocsp-future': revocation('the response has been issued already', OCSP('3.2')),
  'ocsp-no-next-update': revocation('the response says until when it counts', OCSP('4.2.2.1')),
  'ocsp-stale': revocation('the response still counts', OCSP('3.2')),
  'certificate-revoked': revocation('no certificate is revoked', OCSP('2.2')),
  'certificate-on-hold': revocation('no certificate is on hold', OCSP('2.2')),
  'certificate-status-unknown': revocation('the responder knows every certificate', OCSP('2.2')),

  'rim-signature': signature('a manifest is signed, as it lies, by the first of its certificates', 'XML Signature 1.1; RFC 6931'),
  'report-signature': signature('the report is signed by the attestation key', `${SPDM}; FIPS 186-5`),

  'rim-edition': tcb('a manifest is for a device of its kind', SWID),
  'rim-version': tcb('a manifest is for the version that the report names', SWID),
  'rim-manufacturer': tcb('a manifest is for firmware made by NVIDIA', SWID),
  'rim-empty': tcb('a manifest speaks for at least one measurement', SWID),
  'rim-conflict': tcb("the driver's manifest and the VBIOS's speak for different measurements", 'NVIDIA attestation SDK, x-nvidia-gpu-vbios-index-no-conflict'),
  'rim-index': tcb('a manifest speaks only for measurements that the device makes', SWID),
  'measurement-mismatch': tcb('every measurement that a manifest speaks for has one of the values that it allows', SWID),
  'measurement-count': tcb('a measurement is zero exactly where nothing was measured', 'NVIDIA attestation SDK, MSRSCNT'),
  'driver-below-minimum': tcb('the driver is no older than the minimum', ASKED),
  'vbios-below-minimum': tcb('the VBIOS is no older than the minimum', ASKED),

  'architecture-mismatch': policy('the device is of the architecture that the evidence names', EVIDENCE),
  'device-kind': policy('the chip is one of those expected', ASKED),
  'mode-refused': policy('the device runs in one of the modes that are expected', ASKED),
  'mode-mixed': policy('all GPUs run in the same mode', 'NVIDIA local GPU verifier, uniform mode'),
  'confidential-computing-off': policy('confidential computing is on', 'NVML, confidential compute system state'),
  'developer-tools': policy('developer tools are off', 'NVML, confidential compute system state'),
  'system-mode': policy('the mode that the system states is the one in the report', 'NVML, confidential compute system state'),

  'nonce-document': binding('a nonce that stands beside the report is the one in it', EVIDENCE),
  'nonce-mismatch': binding('the nonce is the one that was asked with', ASKED),
  'nonce-mixed': binding('all devices answer to the same nonce', 'teemu: one challenge for one machine'),
  'fwid-absent': binding('the report states the firmware that its key was made for', OPAQUE),
  'fwid-mismatch': binding('report and leaf state the same firmware', DICE),
  'pdi-mismatch': binding('a switch names itself by the identifier in its certificates', OPAQUE),
  'version-mismatch': binding('versions that stand beside the report are those in it', 'NVML, driver and VBIOS version'),
  'device-twice': binding('every device is there once', 'teemu: one piece of evidence for each device'),
  'device-count': binding('there are as many devices as expected', ASKED),
  topology: binding('the eight GPUs name the four switches, and the switches the GPUs, and nobody else', PPCIE),
  'device-unexpected': binding('the devices are those expected', ASKED),

  'ocsp-too-old': freshness('no OCSP response is older than the caller allows', ASKED),
} as const satisfies Record<string, ReasonRow>;

type Shared = Exclude<keyof typeof CERTIFICATE_REASONS, `crl-${string}` | 'root-revoked' | 'intermediate-revoked' | 'leaf-revoked' | 'leaf-too-old'>;

/** Code of a reason to refuse NVIDIA evidence. */
export type H100Reason = keyof typeof H100_ONLY | Shared;

const {
  'crl-malformed': _malformed,
  'crl-missing': _missing,
  'crl-version': _version,
  'crl-issuer': _issuer,
  'crl-algorithm': _algorithm,
  'crl-signature': _signature,
  'crl-extension-critical': _critical,
  'crl-future': _future,
  'crl-no-next-update': _next,
  'crl-stale': _stale,
  'crl-too-old': _old,
  'root-revoked': _root,
  'intermediate-revoked': _intermediate,
  'leaf-revoked': _leaf,
  'leaf-too-old': _leafOld,
  ...shared
} = CERTIFICATE_REASONS;

/** Every reason to refuse NVIDIA evidence, by its code. */
export const H100_REASONS: ReasonTable<H100Reason> = { ...shared, ...H100_ONLY };
/** The passed check of each. */
export const H100_PASSES: Map<H100Reason, Check<H100Reason>> = passesOf(H100_REASONS);

/** Checks over NVIDIA evidence under way. */
export type H100Appraisal = Appraisal<H100Reason>;
