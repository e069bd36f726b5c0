/** Guests that are allowed more than the relying party wants. */
import { VMPL_HOST } from '../../../emulator/snp/report.ts';
import { fields, keyInfo, policy } from '../../edits/report.ts';
import { allowed, OF_THE_GOOD_TWIN, type SnpCase, type SnpRejectCase } from '../../model.ts';

const ABI = 'AMD 56860 SEV-SNP Firmware ABI, ATTESTATION_REPORT';
const POLICY = 'AMD 56860 SEV-SNP Firmware ABI, GUEST_POLICY';

const FLAGS_ASKED = 'the platform is set up as asked for';
const ID_BLOCK = 'the guest’s ID block is an expected one';
const AZURE = { preset: 'azure-cvm' } as const;
/** What the ID block of that machine states. */
const AZURE_FAMILY = '02212000000000000000000000000000';
const AZURE_IMAGE = '02000000000000000000000000000000';
const AUTHOR = 'ab'.repeat(48);

/** Flags of PLATFORM_INFO, and what each is about. The usual machine has SMT, ECC and the check of aliases on, everything else off. */
const FLAGS: readonly (readonly [flag: string, slug: string, usual: 0 | 1, what: string])[] = [
  ['smtEn', 'smt', 1, 'SMT'],
  ['tsmeEn', 'tsme', 0, 'Transparent memory encryption'],
  ['eccEn', 'ecc', 1, 'Error correction of memory'],
  ['raplDis', 'rapl-disabled', 0, 'The switch that turns RAPL off'],
  ['ciphertextHidingDramEn', 'ciphertext-hiding', 0, 'Ciphertext hiding'],
  ['aliasCheckComplete', 'alias-check', 1, 'The check of memory aliases'],
  ['tioEn', 'tio', 0, 'Trusted I/O'],
];
const VIRTEE = 'virtee/sev@8e10d96';

/** One flag is other than asked for; all others are as asked, or not asked for. */
const flagCase = ([flag, slug, usual, what]: (typeof FLAGS)[number], value: 0 | 1): SnpRejectCase => ({
  ...{
    id: `snp/policy/platform-${slug}-${value === 1 ? 'on' : 'off'}`,
    expect: 'must-reject',
    stage: 'policy',
    reason: 'platform-info',
    severity: 'medium',
    ref: flag === 'smtEn' || flag === 'tsmeEn' ? VIRTEE : `${ABI}, PLATFORM_INFO`,
  },
  ...{ why: `${what} is ${value === 1 ? 'on, and the relying party wants it off' : 'off, and the relying party wants it on'}.`, policy: FLAGS_ASKED },
  options: value === usual ? {} : { set: [`platformInfo.${flag}=${value}`] },
  goodOptions: value === usual ? { set: [`platformInfo.${flag}=${1 - value}`] } : {},
  request: { more: { platform: { [flag]: value === 0 } } },
});
const flagCases = FLAGS.flatMap((row) => [flagCase(row, 1), flagCase(row, 0)]);

/** Bits of the guest policy that only strengthen it: required, and not set. */
const STRENGTHENS: readonly (readonly [bit: number, slug: string, field: string, reason: string, what: string])[] = [
  [22, 'aes-128-possible', 'memAes256Xts', 'policy-aes-256-xts', 'memory is encrypted with AES-256-XTS'],
  [23, 'rapl-possible', 'raplDis', 'policy-rapl', 'RAPL is off'],
  [24, 'ciphertext-visible', 'ciphertextHidingDram', 'policy-ciphertext-hiding', 'the host can’t see ciphertext'],
];
const strengthens = STRENGTHENS.map(
  ([bit, slug, field, reason, what]): SnpRejectCase => ({
    ...{ id: `snp/policy/${slug}`, expect: 'must-reject', stage: 'policy', reason, severity: 'low', ref: POLICY, why: `The relying party asks that ${what}; the guest does not.`, policy: `${what}` },
    ...{ options: {}, goodOptions: { set: [`policy.${field}=1`] }, request: { maximumPolicy: 0x30000n | (1n << BigInt(bit)) } },
  }),
);

const vmpl = (level: 2 | 3): SnpRejectCase => ({
  ...{ id: `snp/policy/vmpl-${level}-where-0-is-asked`, expect: 'must-reject', stage: 'policy', reason: 'vmpl-refused', severity: 'high', ref: 'project-oak/oak#4931' },
  ...{ why: `Software at VMPL ${level}, which the guest does not trust, asked for the report.`, policy: 'VMPL 0 is required' },
  ...{ options: { vmpl: level }, goodOptions: {}, request: { vmpl: 0 } },
});

/** Values from the ID block: what is asked for is not what the report states. */
const ID_BLOCK_VALUES: readonly (readonly [slug: string, member: string, field: string, size: number, severity: SnpRejectCase['severity'], ref: string])[] = [
  ['id-key-digest', 'idKeyDigest', 'idKeyDigest', 48, 'high', 'virtee/snpguest@5d8c1e3'],
  ['author-key-digest', 'authorKeyDigest', 'authorKeyDigest', 48, 'high', `${ABI}, AUTHOR_KEY_DIGEST`],
  ['family-id', 'familyId', 'familyId', 16, 'medium', `${ABI}, FAMILY_ID`],
  ['image-id', 'imageId', 'imageId', 16, 'medium', `${ABI}, IMAGE_ID`],
];
const idBlockValues = ID_BLOCK_VALUES.map(
  ([slug, member, field, size, severity, ref]): SnpRejectCase => ({
    ...{ id: `snp/policy/${slug}`, expect: 'must-reject', stage: 'policy', reason: slug, severity, ref, why: `The measurement is right, and ${field} is another than expected.`, policy: ID_BLOCK },
    options: { ...AZURE, append: 'quiet', set: [`${field}=${'cd'.repeat(size)}`] },
    goodOptions: { ...AZURE, append: 'quiet', set: [`${field}=${'ab'.repeat(size)}`] },
    request: { maximumPolicy: 0x30000n, measurement: OF_THE_GOOD_TWIN, more: { [member]: 'ab'.repeat(size) } },
  }),
);

const MORE_REFUSED: readonly SnpRejectCase[] = [
  ...flagCases,
  ...strengthens,
  vmpl(2),
  vmpl(3),
  ...idBlockValues,
  {
    id: 'snp/policy/guest-svn-low',
    expect: 'must-reject',
    stage: 'policy',
    reason: 'guest-svn-below-minimum',
    severity: 'medium',
    ref: `${ABI}, GUEST_SVN`,
    why: 'The guest is an older release of itself than the relying party accepts.',
    policy: ID_BLOCK,
    options: { ...AZURE, set: ['guestSvn=9'] },
    goodOptions: AZURE,
    request: { more: { minimumGuestSvn: 10 } },
  },
  {
    id: 'snp/policy/csp-id',
    expect: 'must-reject',
    stage: 'policy',
    reason: 'csp-id',
    severity: 'medium',
    ref: 'AMD 57230 VCEK Certificate and KDS Interface Specification, CSP_ID',
    why: 'The VLEK is another provider’s.',
    policy: 'the provider is an expected one',
    options: { signer: 'vlek', cspId: 'CN=cc-eu-west-1.example.com' },
    goodOptions: { signer: 'vlek' },
    request: { more: { cspId: 'CN=cc-us-east-2.amazonaws.com' } },
  },
  {
    id: 'snp/policy/vlek-where-vcek-is-asked',
    expect: 'must-reject',
    stage: 'policy',
    reason: 'signer-refused',
    severity: 'medium',
    ref: `${ABI}, KEY_INFO.SIGNING_KEY`,
    why: 'A key that all of a provider’s machines share signed the report.',
    policy: 'the chip’s own key is required',
    options: { signer: 'vlek' },
    goodOptions: {},
    request: { more: { signer: 'vcek' } },
  },
  {
    id: 'snp/policy/mitigation-missing',
    expect: 'must-reject',
    stage: 'policy',
    reason: 'mitigation-missing',
    severity: 'medium',
    ref: `${ABI}, CURRENT_MIT_VECTOR`,
    why: 'A mitigation that the relying party asks for was on at launch and is off now.',
    policy: 'mitigations are asked for',
    options: { reportVersion: 5, set: ['currentMitVector=0x0a'] },
    goodOptions: { reportVersion: 5 },
    request: { more: { mitigations: '0x1' } },
  },
  {
    id: 'snp/policy/mitigation-missing-at-launch',
    expect: 'must-reject',
    stage: 'policy',
    reason: 'mitigation-missing',
    severity: 'medium',
    ref: `${ABI}, LAUNCH_MIT_VECTOR`,
    why: 'A mitigation that the relying party asks for is on, but was off when the guest was launched.',
    policy: 'mitigations are asked for',
    options: { reportVersion: 5, set: ['launchMitVector=0x0a'] },
    goodOptions: { reportVersion: 5 },
    request: { more: { mitigations: '0x1' } },
  },
  {
    id: 'snp/policy/abi-major-below-minimum',
    expect: 'must-reject',
    stage: 'policy',
    reason: 'policy-abi-below-minimum',
    severity: 'medium',
    ref: POLICY,
    why: 'The minor version that the guest asks for is high enough, the major one is not.',
    policy: 'a minimum is given',
    options: { policy: '0x300ff', set: ['currentMinor=255', 'committedMinor=255'] },
    goodOptions: { policy: '0x30137' },
    request: { maximumPolicy: 0x30137n },
  },
  {
    id: 'snp/policy/host-asked-of-any-level',
    expect: 'must-reject',
    stage: 'policy',
    reason: 'vmpl-host',
    severity: 'critical',
    ref: 'microsoft/confidential-sidecar-containers#167',
    why: 'The host asked for the report; that the relying party names no level does not make it a guest’s.',
    edits: { report: fields({ vmpl: VMPL_HOST }) },
  },
  {
    id: 'snp/policy/debug-among-others',
    expect: 'must-reject',
    stage: 'policy',
    reason: 'policy-debug',
    severity: 'critical',
    ref: 'confidential-dot-ai/attestation-rs#67',
    why: 'Everything that the relying party asks for is set, and debugging with it.',
    options: { policy: '0x20b0000' },
    goodOptions: { policy: '0x2030000' },
    request: { maximumPolicy: 0x2030000n },
  },
];

const WHERE_WANTED: Readonly<Record<string, readonly [id: string, why: string, request: NonNullable<SnpCase['request']>]>> = {
  'snp/policy/vmpl-2-where-0-is-asked': ['snp/policy/vmpl-2-allowed', 'The relying party takes reports of any level of the guest.', {}],
  'snp/policy/vmpl-3-where-0-is-asked': ['snp/policy/vmpl-3-allowed', 'The relying party takes reports of any level of the guest.', {}],
  'snp/policy/vlek-where-vcek-is-asked': ['snp/policy/vlek-allowed', 'The relying party takes either kind of key.', { more: { signer: ['vcek', 'vlek'] } }],
  'snp/policy/csp-id': ['snp/policy/csp-id-one-of-two', 'The provider is the second that the relying party names.', { more: { cspId: ['CN=cc-us-east-2.amazonaws.com', 'CN=cc-eu-west-1.example.com'] } }],
  'snp/policy/guest-svn-low': ['snp/policy/guest-svn-low-allowed', 'The relying party asks for no more than the guest states.', { more: { minimumGuestSvn: 9 } }],
  'snp/policy/platform-smt-on': ['snp/policy/platform-smt-on-allowed', 'The relying party does not mind SMT.', { more: { platform: { tsmeEn: false } } }],
  'snp/policy/platform-tsme-on': ['snp/policy/platform-tsme-on-allowed', 'The relying party does not mind memory encryption, and asks for SMT.', { more: { platform: { smtEn: true } } }],
};

export const POLICY_CASES: readonly SnpCase[] = [
  ...MORE_REFUSED,
  ...MORE_REFUSED.flatMap((row) => {
    const wanted = WHERE_WANTED[row.id];
    return wanted ? [allowed(row, wanted[1], { id: wanted[0], request: wanted[2] })] : [];
  }),
  {
    id: 'snp/policy/id-block-as-expected',
    expect: 'must-accept',
    severity: 'high',
    ref: `${ABI}, FAMILY_ID`,
    why: 'Every value of the ID block is the expected one.',
    policy: ID_BLOCK,
    options: { ...AZURE, set: [`authorKeyDigest=${AUTHOR}`] },
    goodOptions: { ...AZURE, set: [`authorKeyDigest=${AUTHOR}`, 'guestSvn=11'] },
    request: { more: { familyId: AZURE_FAMILY, imageId: AZURE_IMAGE, authorKeyDigest: AUTHOR, minimumGuestSvn: 10 } },
  },
  {
    id: 'snp/policy/chip-key-masked-allowed',
    expect: 'must-accept',
    severity: 'low',
    ref: `${ABI}, KEY_INFO.MASK_CHIP_KEY`,
    why: 'The relying party takes reports that say so and are signed all the same.',
    policy: 'masked keys are allowed',
    edits: { report: keyInfo({ maskChipKey: 1 }) },
    request: { more: { allowMaskedChipKey: true } },
  },
  {
    id: 'snp/policy/cxl-wanted',
    expect: 'must-accept',
    severity: 'low',
    ref: 'google/go-sev-guest#161',
    why: 'The relying party allows CXL.',
    policy: 'CXL is allowed',
    options: { policy: '0x230000' },
    request: { maximumPolicy: 0x230000n },
  },
  {
    id: 'snp/policy/migration-wanted',
    expect: 'must-accept',
    severity: 'low',
    ref: POLICY,
    why: 'The relying party allows a migration agent.',
    policy: 'a migration agent is allowed',
    options: { policy: '0x70000' },
    request: { maximumPolicy: 0x70000n },
  },
  {
    id: 'snp/policy/debug-allowed',
    expect: 'must-reject',
    stage: 'policy',
    reason: 'policy-debug',
    severity: 'critical',
    ref: 'confidential-dot-ai/attestation-rs#67',
    why: 'A host can read a guest that allows debugging.',
    options: { policy: '0xb0000' },
    goodOptions: {},
  },
  {
    id: 'snp/policy/migration-agent-allowed',
    expect: 'must-reject',
    stage: 'policy',
    reason: 'policy-migrate-ma',
    severity: 'high',
    ref: POLICY,
    why: 'A migration agent may move the guest.',
    policy: 'no migration agent is allowed',
    options: { policy: '0x70000' },
    goodOptions: {},
  },
  {
    id: 'snp/policy/cxl-allowed',
    expect: 'must-reject',
    stage: 'policy',
    reason: 'policy-cxl',
    severity: 'medium',
    ref: 'google/go-sev-guest#160',
    why: 'The guest’s memory may lie behind CXL.',
    policy: 'CXL is forbidden',
    options: { policy: '0x230000' },
    goodOptions: {},
  },
  {
    id: 'snp/policy/smt-allowed',
    expect: 'must-reject',
    stage: 'policy',
    reason: 'policy-smt',
    severity: 'medium',
    ref: POLICY,
    why: 'The relying party does not want threads of others on the guest’s cores.',
    policy: 'SMT is forbidden',
    options: {},
    goodOptions: { set: ['policy.smt=0', 'platformInfo.smtEn=0'] },
    request: { maximumPolicy: 0x20000n },
  },
  {
    id: 'snp/policy/more-sockets',
    expect: 'must-reject',
    stage: 'policy',
    reason: 'policy-single-socket',
    severity: 'low',
    ref: POLICY,
    why: 'The relying party asks for guests of one socket.',
    policy: 'one socket is required',
    options: {},
    goodOptions: { policy: '0x130000' },
    request: { maximumPolicy: 0x130000n },
  },
  {
    id: 'snp/policy/page-swap-possible',
    expect: 'must-reject',
    stage: 'policy',
    reason: 'policy-page-swap',
    severity: 'low',
    ref: POLICY,
    why: 'The relying party asks that the host cannot swap pages.',
    policy: 'page swapping is forbidden',
    options: {},
    goodOptions: { policy: '0x2030000' },
    request: { maximumPolicy: 0x2030000n },
  },
  {
    id: 'snp/policy/abi-below-minimum',
    expect: 'must-reject',
    stage: 'policy',
    reason: 'policy-abi-below-minimum',
    severity: 'medium',
    ref: POLICY,
    why: 'The guest would run on firmware of an older ABI than the relying party wants.',
    policy: 'a minimum is given',
    options: {},
    goodOptions: { policy: '0x30137' },
    request: { maximumPolicy: 0x30137n },
  },
  {
    id: 'snp/policy/bit-17-zero',
    expect: 'must-reject',
    stage: 'policy',
    reason: 'policy-bit-17',
    severity: 'medium',
    ref: POLICY,
    why: 'Bit 17 must be one; no firmware launches such a guest.',
    edits: { report: policy({ reserved17: 0 }) },
  },
  {
    id: 'snp/policy/vmpl-1-where-0-is-asked',
    expect: 'must-reject',
    stage: 'policy',
    reason: 'vmpl-refused',
    severity: 'high',
    ref: 'confidential-dot-ai/attestation-rs#67',
    why: 'Less privileged software inside the guest asked for the report.',
    policy: 'VMPL 0 is required',
    options: { vmpl: 1 },
    goodOptions: {},
    request: { vmpl: 0 },
  },
  {
    id: 'snp/policy/host-asked',
    expect: 'must-reject',
    stage: 'policy',
    reason: 'vmpl-host',
    severity: 'critical',
    ref: 'microsoft/CCF#6583',
    why: 'The host asked for the report, and chose its report data.',
    edits: { report: fields({ vmpl: VMPL_HOST }) },
    request: { vmpl: 0 },
  },
  {
    id: 'snp/policy/chip-key-masked',
    expect: 'must-reject',
    stage: 'policy',
    reason: 'chip-key-masked',
    severity: 'low',
    ref: `${ABI}, KEY_INFO.MASK_CHIP_KEY`,
    why: 'A VCEK signed, but the report says that the chip’s key is masked.',
    policy: 'masked keys are forbidden',
    edits: { report: keyInfo({ maskChipKey: 1 }) },
  },
];
