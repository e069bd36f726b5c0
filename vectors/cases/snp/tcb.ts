/** Firmware that is not what the certificate is for, or not what is wanted. */
import { derInteger } from '../../../emulator/pki/der.ts';
import { AMD_OID, extension, lacking } from '../../edits/certificate.ts';
import { tcbs } from '../../edits/report.ts';
import { allowed, type SnpCase, type SnpRejectCase } from '../../model.ts';

const ABI = 'AMD 56860 SEV-SNP Firmware ABI, ATTESTATION_REPORT';

const COMPONENTS = ['bootLoader', 'tee', 'snp', 'microcode'] as const;
type Component = (typeof COMPONENTS)[number];
const slugOf = (component: Component): string => (component === 'bootLoader' ? 'boot-loader' : component);
/** What the firmware of the usual machine reports. */
const REPORTED: Readonly<Record<Component, number>> = { bootLoader: 4, tee: 0, snp: 0x17, microcode: 0xd5 };
const PROVISIONAL = 'the running firmware must be committed';
const MINIMUM = 'a minimum is given';

/** Ways to write a level of 0x17 that DER does not know, or that are no level. */
const MALFORMED: readonly (readonly [slug: string, value: readonly number[], why: string])[] = [
  ['negative', [2, 1, 0xd5], 'The level is a negative number.'],
  ['over-long', [2, 2, 0, 0x17], 'The level has a zero before it that DER does not allow.'],
  ['long-length', [2, 0x81, 1, 0x17], 'The length of the level is written in two bytes where DER asks for one.'],
  ['trailing', [2, 1, 0x17, 0], 'A byte follows the level.'],
  ['no-contents', [2, 0], 'The level is a number of no bytes.'],
  ['cut-short', [2, 4, 0x17], 'The level says that it is longer than it is.'],
  ['null', [5, 0], 'There is a NULL in place of the level.'],
];

const unusedLevel = (level: 'spl4' | 'spl5' | 'spl6' | 'spl7'): SnpRejectCase => ({
  ...{ id: `snp/tcb/certificate-with-${level}`, expect: 'must-reject', stage: 'tcb', reason: 'leaf-tcb-mismatch', severity: 'medium', ref: 'AMD 57230 VCEK Certificate and KDS Interface Specification' },
  why: `The VCEK is for a level of ${level.toUpperCase()} that no report of the line states.`,
  edits: { leaf: extension(AMD_OID[level], () => derInteger(1)) },
});

const belowMinimum = (which: 'committedTcb' | 'launchTcb', component: Component, ref: string): SnpRejectCase => ({
  ...{ id: `snp/tcb/${which.replace('Tcb', '')}-${slugOf(component)}-below-minimum`, expect: 'must-reject', stage: 'tcb', reason: 'tcb-below-minimum', severity: 'medium', ref },
  ...{ why: `Of the ${which} only the level of the ${component} is below what the relying party asks for.`, policy: MINIMUM },
  edits: { report: tcbs({ [which]: { [component]: REPORTED[component] - 1 } }) },
  request: { minimumTcb: REPORTED, allowProvisionalFirmware: true },
});
const LOW = (['bootLoader', 'snp', 'microcode'] as const).flatMap((component) => [belowMinimum('committedTcb', component, 'enarx/steward#154'), belowMinimum('launchTcb', component, 'Freax13/mushroom#61')]);

/** The reported TCB and its certificate agree, and one level is too low. */
const reportedBelow = (component: 'bootLoader' | 'microcode'): SnpRejectCase => ({
  ...{ id: `snp/tcb/reported-${slugOf(component)}-below-minimum`, expect: 'must-reject', stage: 'tcb', reason: 'tcb-below-minimum', severity: 'high', ref: 'edgelesssys/constellation@23bf4aa66' },
  ...{ why: `The level of the ${component}, which report and VCEK agree on, is below what the relying party asks for.`, policy: MINIMUM },
  ...{ options: { set: [`reportedTcb.${component}=${REPORTED[component] - 1}`] }, goodOptions: {} },
  request: { minimumTcb: REPORTED },
});

export const TCB_CASES: readonly SnpCase[] = [
  ...COMPONENTS.map(
    (component): SnpRejectCase => ({
      ...{ id: `snp/tcb/certificate-for-higher-${slugOf(component)}`, expect: 'must-reject', stage: 'tcb', reason: 'leaf-tcb-mismatch', severity: 'critical', ref: 'Trail of Bits TOB-WAPI-8' },
      why: `The VCEK is for a higher level of the ${component} than the report states.`,
      edits: { leaf: extension(AMD_OID[component], () => derInteger(0xfe)) },
    }),
  ),
  {
    id: 'snp/tcb/certificate-for-other-fmc',
    expect: 'must-reject',
    stage: 'tcb',
    reason: 'leaf-tcb-mismatch',
    severity: 'critical',
    ref: 'google/go-sev-guest#165',
    why: 'On Turin the TCB has an FMC, and the VCEK is for another level of it.',
    options: { product: 'turin' },
    edits: { leaf: extension(AMD_OID.fmc, () => derInteger(9)) },
  },
  {
    id: 'snp/tcb/vlek-for-other-snp',
    expect: 'must-reject',
    stage: 'tcb',
    reason: 'leaf-tcb-mismatch',
    severity: 'critical',
    ref: 'confidential-dot-ai/attestation-rs@48e8734',
    why: 'The VLEK is for another level of the SNP firmware than the report states.',
    options: { signer: 'vlek' },
    edits: { leaf: extension(AMD_OID.snp, () => derInteger(1)) },
  },
  ...(['spl4', 'spl5', 'spl6', 'spl7'] as const).map(unusedLevel),
  ...(['bootLoader', 'tee', 'microcode'] as const).map(
    (component): SnpRejectCase => ({
      ...{ id: `snp/tcb/extension-missing-${slugOf(component)}`, expect: 'must-reject', stage: 'tcb', reason: 'leaf-tcb-missing', severity: 'high', ref: 'virtee/snpguest#159' },
      why: `The VCEK does not say for which ${component} it is.`,
      edits: { leaf: lacking(AMD_OID[component]) },
    }),
  ),
  {
    id: 'snp/tcb/extension-missing-all',
    expect: 'must-reject',
    stage: 'tcb',
    reason: 'leaf-tcb-missing',
    severity: 'high',
    ref: 'virtee/snpguest#159',
    why: 'The VCEK says of no firmware that it is for it.',
    edits: { leaf: lacking(...COMPONENTS.map((component) => AMD_OID[component])) },
  },
  {
    id: 'snp/tcb/extension-missing-fmc',
    expect: 'must-reject',
    stage: 'tcb',
    reason: 'leaf-tcb-missing',
    severity: 'high',
    ref: 'google/go-sev-guest#165',
    why: 'On Turin, the VCEK does not say for which FMC it is.',
    options: { product: 'turin' },
    edits: { leaf: lacking(AMD_OID.fmc) },
  },
  ...MALFORMED.map(
    ([slug, value, why]): SnpRejectCase => ({
      ...{ id: `snp/tcb/extension-${slug}`, expect: 'must-reject', stage: 'tcb', reason: 'leaf-tcb-malformed', severity: 'high', ref: 'microsoft/TEE-Attestation-Verification#142', bug: 'parser-differential', why },
      edits: { leaf: extension(AMD_OID.snp, () => Uint8Array.from(value)) },
    }),
  ),
  ...(['bootLoader', 'microcode'] as const).map(
    (component): SnpRejectCase => ({
      ...{ id: `snp/tcb/reported-${slugOf(component)}-above-current`, expect: 'must-reject', stage: 'tcb', reason: 'tcb-reported-above-current', severity: 'high', ref: `${ABI}, REPORTED_TCB` },
      why: `The reported level of the ${component} is above the one that runs.`,
      edits: { report: tcbs({ currentTcb: { [component]: REPORTED[component] - 1 }, committedTcb: { [component]: REPORTED[component] - 1 } }) },
    }),
  ),
  ...(['bootLoader', 'tee', 'microcode'] as const).map(
    (component): SnpRejectCase => ({
      ...{ id: `snp/tcb/committed-${slugOf(component)}-above-current`, expect: 'must-reject', stage: 'tcb', reason: 'tcb-committed-above-current', severity: 'medium', ref: `${ABI}, COMMITTED_TCB` },
      why: `The committed level of the ${component} is above the one that runs.`,
      edits: { report: tcbs({ committedTcb: { [component]: 0xfe } }) },
      request: { allowProvisionalFirmware: true },
    }),
  ),
  {
    id: 'snp/tcb/committed-minor-above-current',
    expect: 'must-reject',
    stage: 'tcb',
    reason: 'firmware-committed-above-current',
    severity: 'medium',
    ref: `${ABI}, COMMITTED_MINOR`,
    why: 'The committed firmware is of a later version than the one that runs.',
    edits: { report: (r) => ({ ...r, committedMinor: r.currentMinor + 1, committedBuild: 0 }) },
    request: { allowProvisionalFirmware: true },
  },
  ...LOW,
  ...LOW.filter(({ id }) => id.includes('-snp-')).map((row) =>
    allowed(row, 'The same levels for a relying party that asks for less.', { request: { minimumTcb: { ...REPORTED, snp: REPORTED.snp - 1 }, allowProvisionalFirmware: true } }),
  ),
  reportedBelow('bootLoader'),
  reportedBelow('microcode'),
  {
    id: 'snp/tcb/firmware-below-minimum',
    expect: 'must-reject',
    stage: 'tcb',
    reason: 'firmware-below-minimum',
    severity: 'high',
    ref: `${ABI}, COMMITTED_BUILD`,
    why: 'The platform could go back to firmware older than the relying party accepts.',
    policy: MINIMUM,
    options: { set: ['committedBuild=20', 'currentBuild=20'] },
    goodOptions: {},
    request: { more: { minimumFirmware: { major: 1, minor: 55, build: 29 } } },
  },
  {
    id: 'snp/tcb/provisional-minor',
    expect: 'must-reject',
    stage: 'tcb',
    reason: 'firmware-provisional',
    severity: 'medium',
    ref: 'tinfoilsh/verifier@abb44ae',
    why: 'The running version can still be rolled back, though its build is lower.',
    policy: PROVISIONAL,
    edits: { report: (r) => ({ ...r, committedMinor: r.currentMinor - 1, committedBuild: 255 }) },
  },
  {
    id: 'snp/tcb/provisional-build-allowed',
    expect: 'must-accept',
    severity: 'medium',
    ref: 'tinfoilsh/verifier@abb44ae',
    why: 'The running build can be rolled back, which the relying party accepts.',
    policy: 'running firmware need not be committed',
    edits: { report: (r) => ({ ...r, committedBuild: r.currentBuild - 1 }) },
    request: { allowProvisionalFirmware: true },
  },
  {
    id: 'snp/tcb/below-minimum-allowed',
    expect: 'must-accept',
    severity: 'high',
    ref: 'edgelesssys/constellation@23bf4aa66',
    why: 'The platform’s levels are exactly the lowest that the relying party accepts.',
    policy: MINIMUM,
    options: { set: ['reportedTcb.snp=0x08', 'committedTcb.snp=0x08', 'currentTcb.snp=0x08', 'launchTcb.snp=0x08'] },
    request: { minimumTcb: { bootLoader: 4, tee: 0, snp: 8, microcode: 0xd5 } },
  },
  ...(['bootLoader', 'tee', 'snp', 'microcode'] as const).map(
    (component): SnpCase => ({
      id: `snp/tcb/certificate-for-other-${component.toLowerCase().replace('bootloader', 'boot-loader')}`,
      expect: 'must-reject',
      stage: 'tcb',
      reason: 'leaf-tcb-mismatch',
      severity: 'critical',
      ref: 'confidential-dot-ai/attestation-rs@48e8734',
      why: `The VCEK is for another level of the ${component} than the report states.`,
      edits: { leaf: extension(AMD_OID[component], () => derInteger(1)) },
    }),
  ),
  {
    id: 'snp/tcb/extension-missing',
    expect: 'must-reject',
    stage: 'tcb',
    reason: 'leaf-tcb-missing',
    severity: 'high',
    ref: 'virtee/snpguest#159',
    why: 'The VCEK does not say for which SNP firmware it is.',
    edits: { leaf: extension(AMD_OID.snp, () => undefined) },
  },
  {
    id: 'snp/tcb/extension-no-integer',
    expect: 'must-reject',
    stage: 'tcb',
    reason: 'leaf-tcb-malformed',
    severity: 'high',
    ref: 'microsoft/TEE-Attestation-Verification#142',
    why: 'The level stands in an OCTET STRING.',
    edits: { leaf: extension(AMD_OID.snp, (value) => Uint8Array.of(4, ...value.subarray(1))) },
  },
  {
    id: 'snp/tcb/extension-above-255',
    expect: 'must-reject',
    stage: 'tcb',
    reason: 'leaf-tcb-malformed',
    severity: 'high',
    ref: 'microsoft/TEE-Attestation-Verification#142',
    why: 'The level is 256 more than the report’s, which has a byte for it.',
    edits: { leaf: extension(AMD_OID.snp, (value) => derInteger(256 + (value.at(-1) ?? 0))) },
  },
  {
    id: 'snp/tcb/reported-above-current',
    expect: 'must-reject',
    stage: 'tcb',
    reason: 'tcb-reported-above-current',
    severity: 'high',
    ref: `${ABI}, REPORTED_TCB`,
    why: 'No firmware reports a TCB above the one that runs.',
    edits: { report: tcbs({ currentTcb: { snp: 0x10 }, committedTcb: { snp: 0x10 } }) },
  },
  {
    id: 'snp/tcb/committed-above-current',
    expect: 'must-reject',
    stage: 'tcb',
    reason: 'tcb-committed-above-current',
    severity: 'medium',
    ref: `${ABI}, COMMITTED_TCB`,
    why: 'What is committed cannot be newer than what runs.',
    edits: { report: tcbs({ committedTcb: { snp: 0x7f } }) },
    request: { allowProvisionalFirmware: true },
  },
  {
    id: 'snp/tcb/committed-build-above-current',
    expect: 'must-reject',
    stage: 'tcb',
    reason: 'firmware-committed-above-current',
    severity: 'medium',
    ref: `${ABI}, COMMITTED_BUILD`,
    why: 'What is committed cannot be newer than what runs.',
    edits: { report: (r) => ({ ...r, committedBuild: r.currentBuild + 1 }) },
    request: { allowProvisionalFirmware: true },
  },
  {
    id: 'snp/tcb/below-minimum',
    expect: 'must-reject',
    stage: 'tcb',
    reason: 'tcb-below-minimum',
    severity: 'high',
    ref: 'edgelesssys/constellation@23bf4aa66',
    why: 'The platform is honest about firmware that the relying party no longer accepts.',
    policy: MINIMUM,
    options: { set: ['reportedTcb.snp=0x08', 'committedTcb.snp=0x08', 'currentTcb.snp=0x08'] },
    goodOptions: {},
    request: { minimumTcb: { bootLoader: 4, tee: 0, snp: 0x17, microcode: 0xd5 } },
  },
  {
    id: 'snp/tcb/provisional-tcb',
    expect: 'must-reject',
    stage: 'tcb',
    reason: 'firmware-provisional',
    severity: 'medium',
    ref: 'tinfoilsh/verifier@abb44ae',
    why: 'The running firmware can still be rolled back.',
    policy: PROVISIONAL,
    options: { preset: 'aws' },
    goodOptions: { preset: 'aws', set: ['currentTcb.microcode=0xdb'] },
  },
  {
    id: 'snp/tcb/provisional-build',
    expect: 'must-reject',
    stage: 'tcb',
    reason: 'firmware-provisional',
    severity: 'medium',
    ref: 'tinfoilsh/verifier@abb44ae',
    why: 'The running build can still be rolled back.',
    policy: PROVISIONAL,
    edits: { report: (r) => ({ ...r, committedBuild: r.currentBuild - 1 }) },
  },
];
