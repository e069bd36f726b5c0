/** Cases of machines of two vendors: a confidential VM with GPUs, each sound or not, bound to one another or not. */
import { createHash } from 'node:crypto';
import { OID } from '../../emulator/pki/der.ts';
import type { NccEdits, NccOptionsInput } from '../../emulator/machine/ncc-h100-v5.ts';
import type { Json } from '../../emulator/bundle.ts';
import { certificate, field, measurement, ocspStatus, other, without } from '../edits/nvidia.ts';
import { fields, flip } from '../edits/report.ts';
import { type CaseBase, cases, type Files, type Severity, type Stage } from '../model.ts';

/** The halves of the evidence, each in a folder of its own. */
export type NccPart = 'snp' | 'gpu';

/** What a row can change; what it leaves out is as in its base. */
interface NccChange {
  /** The machine: one H100 PCIe unless said here. */
  readonly options?: NccOptionsInput;
  /** The machine of the good twin, where it differs. */
  readonly goodOptions?: NccOptionsInput;
  readonly edits?: NccEdits | ((at: number) => NccEdits);
  /** A half comes from another machine. */
  readonly splice?: { readonly part: NccPart; readonly options: NccOptionsInput; readonly edits?: NccEdits };
  /** Changes of the files of the bundle, last of all. */
  readonly files?: (files: Files) => Files;
  /** Whose roots the relying party trusts, where that is not all of this world's. */
  readonly trusted?: 'foreign-amd' | 'foreign-nvidia' | 'amd-alone';
  /** When the verifier looks, in milliseconds after the evidence was made. */
  readonly later?: number;
  /** What the services do that a verifier asks, where it is not in the bundle. */
  readonly faults?: readonly Json[];
  /** The services answer with the OCSP responses of the bundle, as they are stored. */
  readonly replay?: true;
  /** What the relying party asks for besides an answer to the good twin's challenge. */
  readonly request?: Readonly<Record<string, Json>>;
}

interface NccRejectCase extends CaseBase, NccChange {
  readonly expect: 'must-reject';
  readonly stage: Stage;
  readonly reason: string;
}
interface NccAcceptCase extends CaseBase, NccChange {
  readonly expect: 'must-accept';
}

/** One case of such a machine. */
export type NccCase = NccRejectCase | NccAcceptCase;
type More = NccChange & Pick<CaseBase, 'bug' | 'policy'>;

function refused(slug: string, [stage, reason]: readonly [Stage, string], severity: Severity, ref: string, why: string, more: More): NccCase {
  return { id: `ncc-h100-v5/${slug}`, expect: 'must-reject', stage, reason, severity, ref, why, ...more };
}
function accepted(slug: string, severity: Severity, ref: string, why: string, more: More): NccCase {
  return { id: `ncc-h100-v5/${slug}`, expect: 'must-accept', severity, ref, why, ...more };
}

/** The challenge that every case of this table begins with. */
export const CHALLENGE: Uint8Array = Uint8Array.from({ length: 32 }, (_, i) => 0xc0 ^ i);

const BINDING = 'a confidential VM with GPUs: the parts must be one machine’s';
const LIUM = 'Datura-ai/lium-io#1106';
const ARS = 'attestation-rs, NVIDIA-GPU-EAT-v1';
const OTHER_NONCE = ['binding', 'gpu-nonce-mismatch'] as const;
const OTHER_EVIDENCE = ['binding', 'gpu-evidence-mismatch'] as const;
const DAY = 86_400_000;
const sha256 = (bytes: Uint8Array): Uint8Array => new Uint8Array(createHash('sha256').update(bytes).digest());
const TWO: NccOptionsInput = { gpu: 'h100-sxm', count: 2 };
const lacking =
  (part: string) =>
  (files: Files): Files =>
    new Map([...files].filter(([name]) => !name.startsWith(part)));
const edited =
  (name: string, edit: (contents: Uint8Array) => Uint8Array) =>
  (files: Files): Files =>
    new Map([...files].map(([own, contents]) => [own, own === name ? edit(contents) : contents]));
const devices = (edit: (list: readonly unknown[]) => unknown) => edited('gpu/evidence.json', (json) => Uint8Array.from(Buffer.from(JSON.stringify(edit(JSON.parse(Buffer.from(json).toString()) as unknown[])))));

const PART_CASES: readonly NccCase[] = [
  refused('parts/gpu-missing', ['parse', 'part-missing'], 'critical', LIUM, 'The guest is sound, and nothing is there of its GPUs.', { bug: 'authentication-bypass', files: lacking('gpu/') }),
  refused('parts/guest-missing', ['parse', 'part-missing'], 'critical', BINDING, 'The GPU is sound, and nothing is there of the guest that it is in.', { bug: 'authentication-bypass', files: lacking('snp/') }),
  refused('parts/no-gpu-in-list', ['parse', 'gpu-evidence-incomplete'], 'critical', LIUM, 'The list of GPUs is empty.', { bug: 'authentication-bypass', files: devices(() => []) }),
  refused('parts/no-gpu-evidence', ['parse', 'gpu-evidence-incomplete'], 'critical', LIUM, 'Manifests and certificates of GPUs are there, and no evidence.', {
    bug: 'authentication-bypass',
    files: lacking('gpu/evidence.json'),
  }),
  refused('parts/no-guest-report', ['parse', 'snp-evidence-incomplete'], 'critical', BINDING, 'Certificates of a guest are there, and no report.', { bug: 'authentication-bypass', files: lacking('snp/report.bin') }),
  refused('parts/guest-truncated', ['parse', 'snp-report-size'], 'high', 'microsoft/CCF#4679', 'The guest’s report ends in the middle.', {
    bug: 'denial-of-service',
    files: edited('snp/report.bin', (r) => r.slice(0, 600)),
  }),
  refused('parts/gpu-truncated', ['parse', 'gpu-evidence-json'], 'high', BINDING, 'The GPUs’ evidence ends in the middle.', { bug: 'denial-of-service', files: edited('gpu/evidence.json', (r) => r.slice(0, 600)) }),
];

const BINDING_CASES: readonly NccCase[] = [
  refused('binding/other-challenge', ['binding', 'challenge-mismatch'], 'critical', BINDING, 'The whole machine answers another challenge.', { options: { nonce: '01' }, goodOptions: {} }),
  refused('binding/challenge-not-in-guest', ['binding', 'challenge-mismatch'], 'critical', BINDING, 'The guest’s report data holds only the digest of the GPUs’ reports.', {
    edits: { reportData: (honest) => Uint8Array.of(...honest.slice(32), ...new Uint8Array(32)) },
  }),
  refused('binding/guest-of-another-challenge', ['binding', 'challenge-mismatch'], 'critical', BINDING, 'The GPU answers the challenge, the guest an older one.', { splice: { part: 'snp', options: { nonce: '01' } } }),
  refused('binding/gpu-of-another-challenge', OTHER_NONCE, 'critical', BINDING, 'The guest answers the challenge, the GPU an older one.', { splice: { part: 'gpu', options: { nonce: '01' } } }),
  refused('binding/gpu-nonce-changed', OTHER_NONCE, 'critical', ARS, 'The GPU was asked with a nonce that is one bit off.', { edits: { gpuNonce: other } }),
  refused('binding/gpu-nonce-zero', OTHER_NONCE, 'critical', ARS, 'The GPU was asked with zeros.', { edits: { gpuNonce: () => new Uint8Array(32) } }),
  refused('binding/gpu-nonce-is-challenge', OTHER_NONCE, 'high', ARS, 'The GPU was asked with the challenge itself, which binds it to no guest of this scheme.', {
    policy: 'the GPU’s nonce is derived as the scheme says',
    edits: { gpuNonce: () => CHALLENGE },
  }),
  refused('binding/gpu-nonce-without-label', OTHER_NONCE, 'high', ARS, 'The GPU was asked with a digest of the challenge, without the label that keeps protocols apart.', {
    policy: 'the GPU’s nonce is derived as the scheme says',
    edits: { gpuNonce: () => sha256(CHALLENGE) },
  }),
  refused('binding/guest-commits-to-nothing', OTHER_EVIDENCE, 'critical', BINDING, 'The guest’s report data holds the challenge, and nothing about GPUs.', {
    edits: { reportData: (honest) => Uint8Array.of(...honest.slice(0, 32), ...new Uint8Array(32)) },
  }),
  refused('binding/guest-commits-to-another-gpu', OTHER_EVIDENCE, 'critical', BINDING, 'The guest commits to another report than that of the GPU beside it.', { edits: { reportData: other } }),
  refused('binding/gpu-of-another-machine', OTHER_EVIDENCE, 'critical', BINDING, 'The GPU is that of another machine, asked with the same challenge.', { splice: { part: 'gpu', options: { machine: 1 } } }),
  refused('binding/guest-of-another-machine', OTHER_EVIDENCE, 'critical', BINDING, 'The guest is that of another machine, asked with the same challenge: its own GPUs would not do.', {
    splice: { part: 'snp', options: { machine: 1 } },
  }),
  refused('binding/newer-report-of-the-gpu', OTHER_EVIDENCE, 'high', BINDING, 'The GPU’s report is one that it gave later, for the same challenge.', {
    edits: {},
    splice: { part: 'gpu', options: {}, edits: { gpu: { report: (r) => ({ ...r, responderNonce: other(r.responderNonce) }) } } },
  }),
  refused('binding/gpu-left-out', OTHER_EVIDENCE, 'critical', BINDING, 'The guest has two GPUs, and shows one.', { options: TWO, files: devices(([first]) => [first]) }),
  refused('binding/gpu-added', OTHER_EVIDENCE, 'critical', BINDING, 'The guest has one GPU, and shows that of a neighbour beside it.', { options: { gpu: 'h100-sxm', count: 1 }, splice: { part: 'gpu', options: TWO } }),
  refused('binding/gpus-swapped', OTHER_EVIDENCE, 'low', BINDING, 'The GPUs stand there in another order than the guest commits to.', {
    policy: 'the order of the GPUs counts',
    options: TWO,
    files: devices((list) => list.toReversed()),
  }),
  refused('binding/challenge-alone', OTHER_EVIDENCE, 'high', BINDING, 'Guest and GPU are bound by the challenge alone, and more is asked for.', {
    policy: 'the guest commits to the GPUs’ reports',
    options: { binding: 'nonce' },
    goodOptions: {},
  }),
  refused('binding/challenge-alone-other-nonce', OTHER_NONCE, 'critical', BINDING, 'Bound by the challenge alone, the GPU answers another one.', {
    policy: 'bound by the challenge alone',
    options: { binding: 'nonce' },
    edits: { gpuNonce: other },
    request: { binding: 'nonce' },
  }),
  refused('binding/challenge-alone-more-data', OTHER_EVIDENCE, 'medium', BINDING, 'Bound by the challenge alone, the guest’s report data holds more than that.', {
    policy: 'bound by the challenge alone',
    options: { binding: 'nonce' },
    edits: { reportData: other },
    request: { binding: 'nonce' },
  }),
  refused('binding/expected-gpus', ['binding', 'gpu-device-count'], 'high', LIUM, 'One GPU is there and bound, and two are expected.', {
    policy: 'two GPUs',
    options: { gpu: 'h100-sxm', count: 1 },
    goodOptions: TWO,
    request: { deviceCount: 2 },
  }),
];

const HALF_CASES: readonly NccCase[] = [
  refused('guest/debug-allowed', ['policy', 'snp-policy-debug'], 'critical', 'confidential-dot-ai/attestation-rs#67', 'The guest may be debugged, and the GPU is sound.', {
    options: { policy: '0xb0000' },
    goodOptions: {},
  }),
  refused('guest/report-changed', ['signature', 'snp-report-signature'], 'critical', 'confidential-containers/trustee@f3509421', 'The guest’s measurement was changed after signing.', {
    files: edited('snp/report.bin', flip('measurement')),
  }),
  refused('guest/chip-of-another-key', ['binding', 'snp-chip-id-mismatch'], 'critical', 'virtee/snpguest#159', 'The guest’s report names another chip than its key.', {
    edits: { snp: { report: fields({ chipId: new Uint8Array(64).fill(7) }) } },
  }),
  refused('guest/vmpl', ['policy', 'snp-vmpl-refused'], 'high', 'project-oak/oak#4931', 'Software of a lower privilege asked for the guest’s report.', {
    policy: 'VMPL 0 only',
    options: { vmpl: 1 },
    goodOptions: {},
    request: { vmpl: 0 },
  }),
  refused('guest/host-data', ['binding', 'snp-host-data-mismatch'], 'high', BINDING, 'The host launched the guest with other data than expected.', {
    policy: 'host data given',
    options: { hostData: '02' },
    goodOptions: { hostData: '01' },
    request: { hostData: `01${'00'.repeat(31)}` },
  }),
  refused('guest/list-missing', ['revocation', 'snp-crl-missing'], 'medium', 'confidential-dot-ai/attestation-rs#83', 'AMD’s revocation list is not there, and it is asked for.', {
    policy: 'a revocation list is required',
    files: lacking('snp/crl.der'),
  }),
  refused('guest/key-expired', ['chain', 'snp-certificate-expired'], 'high', 'confidential-dot-ai/attestation-rs#83', 'The guest’s key ended years ago; the GPU’s never does.', { later: 8 * 365 * DAY }),
  refused('gpu/signature', ['signature', 'gpu-report-signature'], 'critical', 'Bluethroat audit of Phala trust-center, finding 6', 'The GPU’s signature is not that of its report, and the guest commits to it.', {
    edits: { gpu: { signedReport: other } },
  }),
  refused('gpu/firmware', ['tcb', 'gpu-measurement-mismatch'], 'critical', 'TCG Reference Integrity Manifest Information Model', 'The guest is sound, and its GPU runs other firmware.', {
    edits: { gpu: measurement(1, other) },
  }),
  refused('gpu/developer-tools', ['tcb', 'gpu-measurement-mismatch'], 'high', 'NVIDIA/nvtrust#35', 'The guest is sound, and its GPU runs with developer tools.', { options: { ccMode: 'devtools' }, goodOptions: {} }),
  refused('gpu/second-of-two', ['tcb', 'gpu-measurement-mismatch'], 'critical', BINDING, 'The first GPU is sound, the second runs other firmware.', {
    options: TWO,
    edits: { gpu: { report: (r, { index }) => (index === 1 ? { ...r, measurements: r.measurements.map((m) => (m.index === 1 ? { ...m, value: other(m.value) } : m)) } : r) } },
  }),
  refused('gpu/revoked', ['revocation', 'gpu-certificate-revoked'], 'high', 'RFC 6960 §2.2', 'The guest is sound, and NVIDIA has revoked its GPU’s certificates.', {
    edits: (at) => ({ gpu: ocspStatus((single) => ({ ...single, status: { kind: 'revoked', at: at - DAY, reason: 'keyCompromise' } })) }),
    replay: true,
  }),
  refused('gpu/stale', ['revocation', 'gpu-ocsp-stale'], 'medium', 'RFC 6960 §3.2', 'What is said of the GPU’s certificates counted until yesterday; the guest’s list still counts.', { later: 2 * DAY, replay: true }),
  refused('gpu/no-manifest', ['parse', 'gpu-rim-missing'], 'high', 'NVIDIA/nvtrust#66', 'There is no manifest for the GPU’s driver.', {
    files: lacking('gpu/driver_rim.xml'),
    faults: [{ match: 'rim.get', fault: 'rim-not-found' }],
  }),
  refused('gpu/fwid', ['binding', 'gpu-fwid-mismatch'], 'critical', 'TCG DICE Attestation Architecture 1.1', 'The GPU’s report names other firmware than its key is for.', {
    edits: { gpu: field('FWID', new Uint8Array(48)) },
  }),
  refused('gpu/leaf-without-usage', ['chain', 'gpu-certificate-extension-missing'], 'medium', 'RFC 5280 §4.2.1.3', 'The GPU’s certificate does not say what its key is for.', {
    edits: { gpu: certificate('attestation', without(OID.keyUsage)) },
  }),
  refused('gpu/driver-too-old', ['tcb', 'gpu-driver-below-minimum'], 'high', 'the relying party asked for it', 'The guest is sound, and its GPU’s driver is older than allowed.', {
    policy: 'driver 550.144.03 at least',
    goodOptions: { driver: '550.144.03' },
    request: { minimumDriver: '550.144.03' },
  }),
  refused('roots/foreign-amd', ['chain', 'snp-root-untrusted'], 'critical', 'google/go-sev-guest#185', 'The guest’s chain ends at a root that nobody trusts; the GPU’s is sound.', { trusted: 'foreign-amd' }),
  refused('roots/foreign-nvidia', ['chain', 'gpu-root-untrusted'], 'critical', BINDING, 'The GPU’s chain ends at a root that nobody trusts; the guest’s is sound.', { trusted: 'foreign-nvidia' }),
  refused('roots/amd-alone', ['chain', 'gpu-root-untrusted'], 'critical', BINDING, 'The relying party trusts AMD, and never said that it trusts NVIDIA.', { trusted: 'amd-alone' }),
];

const OK_CASES: readonly NccCase[] = [
  accepted('ok/eight-gpus', 'high', BINDING, 'Eight GPUs of an HGX board.', { options: { gpu: 'h100-sxm', count: 8 }, request: { deviceCount: 8 }, goodOptions: { gpu: 'h100-sxm', count: 8, machine: 1 } }),
  accepted('ok/challenge-alone', 'medium', BINDING, 'Guest and GPU are bound by the challenge alone, and no more is asked for.', {
    policy: 'bound by the challenge alone',
    options: { binding: 'nonce', machine: 1 },
    goodOptions: { binding: 'nonce' },
    request: { binding: 'nonce' },
  }),
  accepted('ok/vlek', 'medium', 'google/go-sev-guest#47', 'A VLEK signed the guest’s report.', { options: { signer: 'vlek' } }),
  accepted('ok/report-version-2', 'medium', 'google/go-sev-guest#103', 'The guest’s report is of version 2.', { options: { reportVersion: 2 } }),
  accepted('ok/report-version-5', 'medium', 'AMD 56860 SEV-SNP Firmware ABI, ATTESTATION_REPORT', 'The guest’s report is of version 5.', { options: { reportVersion: 5 } }),
  accepted('ok/both-wishes', 'medium', BINDING, 'What is asked of the guest and of the GPU holds.', {
    options: { hostData: '01', machine: 1 },
    goodOptions: { hostData: '01' },
    request: { hostData: `01${'00'.repeat(31)}`, minimumDriver: '550.90.07' },
  }),
  accepted('ok/other-gpu', 'high', BINDING, 'An H200 with a newer driver.', { options: { gpu: 'h200' } }),
  accepted('ok/two-gpus-two-firmwares', 'medium', BINDING, 'Two GPUs whose VBIOSes are of different releases, each with its manifest.', {
    options: { gpu: 'h100-pcie', count: 2, vbios: '96.00.9F.00.01,96.00.74.00.1C' },
  }),
];

export const NCC_CASES: readonly NccCase[] = cases('ncc-h100-v5', [...PART_CASES, ...BINDING_CASES, ...HALF_CASES, ...OK_CASES]);
