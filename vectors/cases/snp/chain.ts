/** Certificates that do not vouch for the key, or not now. */
import { derIa5String, derInteger, OID } from '../../../emulator/pki/der.ts';
import { basicConstraintsLeaf, keyUsage } from '../../../emulator/pki/extensions.ts';
import { DEFAULT_CSP_ID } from '../../../emulator/snp/authority.ts';
import { amdRsaLabel } from '../../../emulator/snp/platform/products.ts';
import { SIGNING_KEY } from '../../../emulator/snp/report.ts';
import { AMD_OID, added, extension, named, replaced, shifted } from '../../edits/certificate.ts';
import { fields, keyInfo } from '../../edits/report.ts';
import type { SnpCase } from '../../model.ts';

const ABI = 'AMD 56860 SEV-SNP Firmware ABI, ATTESTATION_REPORT';
const KDS = 'AMD 57230 VCEK Certificate and KDS Interface Specification';
const DAY = 86_400_000;
const YEAR = 365.25 * DAY;

export const CHAIN_CASES: readonly SnpCase[] = [
  {
    id: 'snp/chain/foreign-root',
    expect: 'must-reject',
    stage: 'chain',
    severity: 'critical',
    ref: 'google/go-sev-guest#185',
    why: 'The chain is sound but ends at a root that nobody trusts, under the same names.',
    foreignRoot: true,
  },
  {
    id: 'snp/chain/ask-not-signed-by-ark',
    expect: 'must-reject',
    stage: 'chain',
    severity: 'critical',
    ref: 'google/go-sev-guest#36',
    why: 'The intermediate has the right name but another signer.',
    edits: { intermediateSigner: amdRsaLabel('ARK', 'Genoa') },
  },
  { id: 'snp/chain/vcek-wrong-ask', expect: 'must-reject', stage: 'chain', severity: 'critical', ref: KDS, why: 'The VCEK was signed by another ASK.', edits: { leafSigner: amdRsaLabel('ASK', 'Genoa') } },
  {
    id: 'snp/chain/vlek-as-vcek',
    expect: 'must-reject',
    stage: 'chain',
    severity: 'high',
    ref: 'microsoft/TEE-Attestation-Verification#142',
    why: 'A VLEK and its ASVK stand where VCEK and ASK belong, and the report says that a VCEK signed it.',
    options: { signer: 'vlek' },
    edits: { report: keyInfo({ signingKey: SIGNING_KEY.vcek }) },
    presentAs: 'vcek',
  },
  {
    id: 'snp/chain/ask-not-a-ca',
    expect: 'must-reject',
    stage: 'chain',
    severity: 'high',
    ref: 'RFC 5280 §4.2.1.9',
    why: 'The intermediate is no authority.',
    edits: { intermediate: replaced(OID.basicConstraints, () => [basicConstraintsLeaf()]) },
  },
  {
    id: 'snp/chain/ask-may-not-sign',
    expect: 'must-reject',
    stage: 'chain',
    severity: 'high',
    ref: 'RFC 5280 §4.2.1.3',
    why: 'The intermediate’s key is not for certificates.',
    edits: { intermediate: replaced(OID.keyUsage, () => [keyUsage('digitalSignature')]) },
  },
  { id: 'snp/chain/ark-expired', expect: 'must-reject', stage: 'chain', severity: 'high', ref: 'RFC 5280 §4.1.2.5', why: 'The root’s 25 years are over.', edits: { ark: shifted(-25 * YEAR) } },
  { id: 'snp/chain/ask-expired', expect: 'must-reject', stage: 'chain', severity: 'high', ref: 'RFC 5280 §4.1.2.5', why: 'The intermediate’s 25 years are over.', edits: { intermediate: shifted(-25 * YEAR) } },
  { id: 'snp/chain/vcek-expired', expect: 'must-reject', stage: 'chain', severity: 'high', ref: 'confidential-dot-ai/attestation-rs#83', why: 'The VCEK’s seven years are over.', later: 7.2 * YEAR },
  { id: 'snp/chain/vlek-expired', expect: 'must-reject', stage: 'chain', severity: 'high', ref: 'RFC 5280 §4.1.2.5', why: 'The VLEK’s year is over.', options: { signer: 'vlek' }, later: 1.2 * YEAR },
  { id: 'snp/chain/vcek-not-yet-valid', expect: 'must-reject', stage: 'chain', severity: 'high', ref: 'Dstack-TEE/dstack#1140', why: 'The VCEK was issued after the verifier’s time.', later: -0.5 * YEAR },
  { id: 'snp/chain/vcek-other-name', expect: 'must-reject', stage: 'chain', severity: 'medium', ref: KDS, why: 'The certificate that AMD signed is not called SEV-VCEK.', edits: { leaf: named('SEV-VLEK') } },
  {
    id: 'snp/chain/vcek-extension-twice',
    expect: 'must-reject',
    stage: 'chain',
    severity: 'high',
    ref: 'RFC 5280 §4.2',
    why: 'The VCEK states two levels of SNP firmware, and a verifier would take either.',
    edits: { leaf: replaced(AMD_OID.snp, (old) => [old, { ...old, value: derInteger(0x7f) }]) },
  },
  {
    id: 'snp/chain/vcek-with-csp-id',
    expect: 'must-reject',
    stage: 'chain',
    severity: 'medium',
    ref: KDS,
    why: 'A VCEK names a chip, a VLEK a provider; this one names both.',
    edits: { leaf: added({ oid: AMD_OID.cspId, value: derIa5String(DEFAULT_CSP_ID) }) },
  },
  {
    id: 'snp/chain/vcek-short-hwid',
    expect: 'must-reject',
    stage: 'chain',
    severity: 'high',
    ref: 'confidential-dot-ai/attestation-rs@c10ce0a',
    why: 'On Milan the hardware id has 64 bytes; eight would fit many chips.',
    edits: { leaf: extension(AMD_OID.hwid, (hwid) => hwid.slice(0, 8)) },
  },
  { id: 'snp/chain/vcek-key-usage', expect: 'must-reject', stage: 'chain', severity: 'low', ref: KDS, why: 'Genuine VCEKs have no extensions but AMD’s own.', edits: { leaf: added(keyUsage('digitalSignature')) } },
  {
    id: 'snp/chain/cpu-of-another-line',
    expect: 'must-reject',
    stage: 'chain',
    severity: 'high',
    ref: `${ABI}, CPUID_MOD_ID`,
    why: 'The report names a Genoa part, Milan’s keys vouch for it.',
    edits: { report: fields({ cpuidModId: 0x11 }) },
  },
];
