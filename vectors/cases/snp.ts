/** SEV-SNP cases: one row each. */
import { REPORT_V3, SIGNATURE, SIGNED_SIZE, signReport } from '../../emulator/snp/report.ts';
import type { CertificateSpec } from '../../emulator/pki/issue.ts';
import { keyUsage } from '../../emulator/pki/extensions.ts';
import type { SnpCase } from '../model.ts';

const ABI = 'AMD 56860 SEV-SNP Firmware ABI, ATTESTATION_REPORT';
const KDS = 'AMD 57230 VCEK Certificate and KDS Interface Specification';
const YEAR = 365.25 * 86_400_000;

const R = SIGNED_SIZE + SIGNATURE.locate('r').at;
const S = SIGNED_SIZE + SIGNATURE.locate('s').at;
const NUMBER = SIGNATURE.locate('r').size;

/** A copy with one byte changed. */
function flip(report: Uint8Array, at: number, mask = 1): Uint8Array {
  const copy = report.slice();
  copy[at] = (copy[at] ?? 0) ^ mask;
  return copy;
}

function swapHalves(report: Uint8Array): Uint8Array {
  const copy = report.slice();
  copy.set(report.subarray(S, S + NUMBER), R);
  copy.set(report.subarray(R, R + NUMBER), S);
  return copy;
}

/** An extension of the certificate, changed or left out. */
function changeExtension(oid: string, change: (value: Uint8Array) => Uint8Array | undefined): (spec: CertificateSpec) => CertificateSpec {
  return (spec) => ({
    ...spec,
    extensions: spec.extensions.flatMap((e) => {
      if (e.oid !== oid) return [e];
      const value = change(e.value);
      return value ? [{ ...e, value }] : [];
    }),
  });
}

const SNP_SPL = '1.3.6.1.4.1.3704.1.3.3';

/** In order of the stage at which a strict verifier notices. */
export const SNP_CASES: readonly SnpCase[] = [
  { id: 'snp/report/version-unknown', expect: 'must-reject', stage: 'parse', severity: 'medium', ref: `${ABI}, VERSION`, why: 'A structure of an unknown version means nothing.', after: (report, world) => signAgain(flip(report, REPORT_V3.locate('version').at, 0x60), world) },
  { id: 'snp/report/truncated', expect: 'must-reject', stage: 'parse', severity: 'high', ref: ABI, why: 'The last byte is missing.', after: (report) => report.slice(0, -1) },
  { id: 'snp/report/reserved-set', expect: 'must-reject', stage: 'parse', severity: 'medium', ref: `${ABI}, reserved fields must be zero`, why: 'A signed reserved byte is set: the firmware is not what the verifier knows.', edits: { report: (r) => ({ ...r, reserved0x4c: Uint8Array.of(1, 0, 0, 0) }) } },
  { id: 'snp/report/signature-algorithm', expect: 'must-reject', stage: 'parse', severity: 'medium', ref: `${ABI}, SIGNATURE_ALGO`, why: 'Only 1, ECDSA P-384 with SHA-384, is defined.', edits: { report: (r) => ({ ...r, signatureAlgo: 2 }) } },

  { id: 'snp/chain/foreign-root', expect: 'must-reject', stage: 'chain', severity: 'critical', ref: KDS, why: 'The chain is sound but ends at a root that nobody trusts, under the same names.', foreignRoot: true },
  { id: 'snp/chain/ask-not-signed-by-ark', expect: 'must-reject', stage: 'chain', severity: 'critical', ref: 'google/go-sev-guest#36', why: 'The intermediate has the right name but another signer.', edits: { intermediateSigner: 'amd/ark/Genoa' } },
  { id: 'snp/chain/vcek-wrong-ask', expect: 'must-reject', stage: 'chain', severity: 'critical', ref: KDS, why: 'The VCEK was signed by another ASK.', edits: { leafSigner: 'amd/ask/Genoa' } },
  { id: 'snp/chain/vlek-claimed-by-vcek-report', expect: 'must-reject', stage: 'chain', severity: 'high', ref: `${ABI}, KEY_INFO.SIGNING_KEY`, why: 'A VCEK signed a report that says a VLEK did.', edits: { report: (r) => ({ ...r, keyInfo: { ...r.keyInfo, signingKey: 1 } }) } },
  { id: 'snp/chain/ask-not-a-ca', expect: 'must-reject', stage: 'chain', severity: 'high', ref: 'RFC 5280 §4.2.1.3', why: 'The intermediate may not sign certificates.', edits: { intermediate: (spec) => ({ ...spec, extensions: spec.extensions.map((e) => (e.oid === keyUsage('digitalSignature').oid ? keyUsage('digitalSignature') : e)) }) } },
  { id: 'snp/chain/vcek-expired', expect: 'must-reject', stage: 'chain', severity: 'high', ref: 'RFC 5280 §4.1.2.5', why: 'The VCEK’s seven years are over.', later: 7.2 * YEAR },
  { id: 'snp/chain/vcek-not-yet-valid', expect: 'must-reject', stage: 'chain', severity: 'high', ref: 'RFC 5280 §4.1.2.5', why: 'The VCEK was issued after the verifier’s time.', later: -0.5 * YEAR },

  { id: 'snp/revocation/ask-revoked', expect: 'must-reject', stage: 'revocation', severity: 'high', ref: KDS, why: 'AMD has revoked the intermediate.', revoke: 'ASK' },

  { id: 'snp/signature/r-bit-flipped', expect: 'must-reject', stage: 'signature', severity: 'critical', ref: ABI, why: 'One bit of r is flipped.', after: (report) => flip(report, R) },
  { id: 'snp/signature/s-bit-flipped', expect: 'must-reject', stage: 'signature', severity: 'critical', ref: ABI, why: 'One bit of s is flipped.', after: (report) => flip(report, S) },
  { id: 'snp/signature/halves-swapped', expect: 'must-reject', stage: 'signature', severity: 'high', ref: ABI, why: 'r and s are exchanged.', after: swapHalves },
  { id: 'snp/signature/wrong-key', expect: 'must-reject', stage: 'signature', severity: 'critical', ref: 'virtee/sev@c3b7092', why: 'An unrelated key signed the report.', after: signAgain },
  { id: 'snp/signature/measurement-changed', expect: 'must-reject', stage: 'signature', severity: 'critical', ref: 'confidential-containers/trustee@f3509421', why: 'The measurement was changed after signing.', after: (report) => flip(report, REPORT_V3.locate('measurement').at) },
  { id: 'snp/signature/report-data-changed', expect: 'must-reject', stage: 'signature', severity: 'critical', ref: ABI, why: 'The report data was changed after signing.', after: (report) => flip(report, REPORT_V3.locate('reportData').at) },

  { id: 'snp/tcb/certificate-differs', expect: 'must-reject', stage: 'tcb', severity: 'critical', ref: 'confidential-dot-ai/attestation-rs@48e8734', why: 'The VCEK is for an older SNP firmware than the report states.', edits: { leaf: changeExtension(SNP_SPL, () => Uint8Array.of(2, 1, 0x08)) } },
  { id: 'snp/tcb/extension-missing', expect: 'must-reject', stage: 'tcb', severity: 'high', ref: 'virtee/snpguest#159', why: 'The VCEK does not say for which SNP firmware it is.', edits: { leaf: changeExtension(SNP_SPL, () => undefined) } },
  { id: 'snp/tcb/reported-above-current', expect: 'must-reject', stage: 'tcb', severity: 'high', ref: `${ABI}, REPORTED_TCB`, why: 'No firmware reports a TCB above the one that runs.', edits: { report: (r) => ({ ...r, currentTcb: { ...r.currentTcb, snp: r.reportedTcb.snp - 1 }, committedTcb: { ...r.committedTcb, snp: r.reportedTcb.snp - 1 } }) } },
  { id: 'snp/tcb/below-minimum', expect: 'must-reject', stage: 'tcb', severity: 'high', ref: 'edgelesssys/constellation@23bf4aa66', why: 'The platform is honest about firmware that the relying party no longer accepts.', options: { set: ['reportedTcb.snp=0x08', 'committedTcb.snp=0x08', 'currentTcb.snp=0x08'] }, goodOptions: {}, request: { minimumTcb: { bootLoader: 4, tee: 0, snp: 0x17, microcode: 0xd5 } } },

  { id: 'snp/chip/id-differs', expect: 'must-reject', stage: 'binding', severity: 'critical', ref: 'virtee/snpguest#159', why: 'The report names another chip than the VCEK; both are correctly signed.', edits: { report: (r) => ({ ...r, chipId: r.chipId.with(40, (r.chipId[40] ?? 0) ^ 1) }) } },

  { id: 'snp/policy/debug-allowed', expect: 'must-reject', stage: 'policy', severity: 'critical', ref: 'confidential-dot-ai/attestation-rs#67', why: 'A host can read a guest that allows debugging.', options: { policy: '0xb0000' }, goodOptions: {} },
  { id: 'snp/policy/migration-agent-allowed', expect: 'must-reject', stage: 'policy', severity: 'high', ref: `${ABI}, GUEST_POLICY`, why: 'A migration agent may move the guest.', options: { policy: '0x70000' }, goodOptions: {} },
  { id: 'snp/policy/vmpl-1-where-0-is-asked', expect: 'must-reject', stage: 'policy', severity: 'high', ref: 'confidential-dot-ai/attestation-rs#67', why: 'Less privileged software inside the guest asked for the report.', options: { vmpl: 1 }, goodOptions: {}, request: { vmpl: 0 } },
  { id: 'snp/policy/provisional-firmware', expect: 'must-reject', stage: 'policy', severity: 'medium', ref: 'tinfoilsh/verifier@abb44ae', why: 'The running firmware can still be rolled back.', options: { preset: 'aws' }, goodOptions: { preset: 'aws', set: ['currentTcb.microcode=0xdb'] } },

  { id: 'snp/binding/report-data', expect: 'must-reject', stage: 'binding', severity: 'critical', ref: 'agentrust-io/cmcp#386', why: 'The report answers another challenge.', options: { reportData: '11' }, goodOptions: { reportData: '22' }, request: { reportData: '22' } },
  { id: 'snp/binding/host-data', expect: 'must-reject', stage: 'binding', severity: 'high', ref: ABI, why: 'The host launched the guest with other data than expected.', options: { hostData: '11' }, goodOptions: { hostData: '22' }, request: { hostData: '22' } },
  { id: 'snp/binding/measurement', expect: 'must-reject', stage: 'binding', severity: 'critical', ref: 'confidential-dot-ai/attestation-go#12', why: 'Another command line was measured than expected.', options: { append: 'init=/bin/sh' }, goodOptions: { append: 'quiet' }, request: { measurement: 'of the good twin' } },

  { id: 'snp/ok/vlek', expect: 'must-accept', severity: 'high', ref: 'google/go-sev-guest#47', why: 'Signed by a VLEK under an ASVK.', options: { signer: 'vlek' } },
  { id: 'snp/ok/reported-below-current', expect: 'must-accept', severity: 'medium', ref: 'google/go-sev-guest#72', why: 'A platform may report a TCB below the one that runs.', options: { preset: 'qemu' } },
  { id: 'snp/ok/version-4', expect: 'must-accept', severity: 'medium', ref: ABI, why: 'Version 4 is laid out like version 3.', options: { preset: 'gce' } },
];

function signAgain(report: Uint8Array, world: Parameters<NonNullable<SnpCase['after']>>[1]): Uint8Array {
  return signReport(report, world.ecKey('vectors/stranger', 'P-384'));
}
