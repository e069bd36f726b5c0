/** What the guest and its platform may be: guest policy, platform info, keys of the ID block, privilege level. */
import { SIGNING_KEY, type SnpReport, VMPL_HOST } from '../../../emulator/snp/report.ts';
import type { VerifiedChain } from './chain.ts';
import { anyOf, type OneOf, type SnpExpectations, type Version } from './expectations.ts';
import type { SnpAppraisal, SnpReason } from './reasons.ts';

/** What a relying party wants of a flag. */
export type Wish = 'refused' | 'allowed' | 'required';

/** Every flag of the guest policy: the reason when it is not as wanted, and what is wanted when nothing is said. */
const POLICY_FLAGS = {
  debug: { reason: 'policy-debug', usual: 'refused' },
  migrateMa: { reason: 'policy-migrate-ma', usual: 'refused' },
  smt: { reason: 'policy-smt', usual: 'allowed' },
  singleSocket: { reason: 'policy-single-socket', usual: 'allowed' },
  cxlAllow: { reason: 'policy-cxl', usual: 'refused' },
  memAes256Xts: { reason: 'policy-aes-256-xts', usual: 'allowed' },
  raplDis: { reason: 'policy-rapl', usual: 'allowed' },
  ciphertextHidingDram: { reason: 'policy-ciphertext-hiding', usual: 'allowed' },
  pageSwapDisable: { reason: 'policy-page-swap', usual: 'allowed' },
} as const satisfies Record<string, { reason: SnpReason; usual: Wish }>;

/** A flag of the guest policy that a relying party may care about. */
export type PolicyFlag = keyof typeof POLICY_FLAGS;
/** A flag of PLATFORM_INFO that a relying party may care about. */
export type PlatformFlag = 'smtEn' | 'tsmeEn' | 'eccEn' | 'raplDis' | 'ciphertextHidingDramEn' | 'aliasCheckComplete' | 'tioEn';

/**
 * Expectations from one guest policy that says how far a guest may go, as go-sev-guest understands it: what weakens a guest (debugging,
 * migration, SMT, CXL) is allowed only where its bit is set; what strengthens it is required where its bit is set; the ABI is a minimum.
 * @param value GUEST_POLICY, as in `0x30000`
 */
export function maximumPolicy(value: bigint): Pick<SnpExpectations, 'policy' | 'minimumAbi'> & { readonly policy: Readonly<Record<PolicyFlag, Wish>> } {
  const weakens = (shift: bigint): Wish => ((value >> shift) & 1n ? 'allowed' : 'refused');
  const strengthens = (shift: bigint): Wish => ((value >> shift) & 1n ? 'required' : 'allowed');
  return {
    minimumAbi: { major: Number((value >> 8n) & 0xffn), minor: Number(value & 0xffn) },
    policy: {
      smt: weakens(16n),
      migrateMa: weakens(18n),
      debug: weakens(19n),
      singleSocket: strengthens(20n),
      cxlAllow: weakens(21n),
      memAes256Xts: strengthens(22n),
      raplDis: strengthens(23n),
      ciphertextHidingDram: strengthens(24n),
      pageSwapDisable: strengthens(25n),
    },
  };
}

/** Checks everything that a relying party may ask of guest and platform. */
export function checkPolicy(appraisal: SnpAppraisal, report: SnpReport, { signer, identity }: VerifiedChain, wishes: SnpExpectations): void {
  const { policy, keyInfo } = report;
  appraisal.check('vmpl-host', report.vmpl !== VMPL_HOST, () => ({ message: 'the host asked for this report', path: 'vmpl' }));
  if (wishes.vmpl !== undefined) oneOf(appraisal, 'vmpl-refused', 'vmpl', report.vmpl, wishes.vmpl);
  appraisal.check('policy-bit-17', policy.reserved17 === 1, () => ({ message: 'bit 17 is zero', path: 'policy.reserved17' }));
  for (const [flag, { reason, usual }] of Object.entries(POLICY_FLAGS) as [PolicyFlag, (typeof POLICY_FLAGS)[PolicyFlag]][]) {
    const wish = wishes.policy?.[flag] ?? usual;
    if (wish === 'allowed') continue;
    appraisal.check(reason, (policy[flag] === 1) === (wish === 'required'), () => ({ message: `the guest policy's ${flag} is ${policy[flag]}, and is ${wish}`, path: `policy.${flag}` }));
  }
  if (wishes.minimumAbi) {
    const stated = { major: policy.abiMajor, minor: policy.abiMinor };
    const { minimumAbi } = wishes;
    appraisal.check('policy-abi-below-minimum', !below(stated, minimumAbi), () => ({
      message: `the guest policy asks for ABI ${text(stated)} or later, and must ask for ${text(minimumAbi)} or later`,
      path: 'policy.abiMinor',
    }));
  }
  for (const [flag, wanted] of Object.entries(wishes.platform ?? {}) as [PlatformFlag, boolean][]) {
    appraisal.check('platform-info', (report.platformInfo[flag] === 1) === wanted, () => ({ message: `${flag} is ${report.platformInfo[flag]}, must be ${wanted ? 'on' : 'off'}`, path: `platformInfo.${flag}` }));
  }
  const { mitigations } = wishes;
  if (mitigations !== undefined) {
    for (const path of ['launchMitVector', 'currentMitVector'] as const) {
      const vector = report[path] ?? 0n;
      appraisal.check('mitigation-missing', (vector & mitigations) === mitigations, () => ({ message: `0x${vector.toString(16)} lacks some of 0x${mitigations.toString(16)}`, path }));
    }
  }
  appraisal.check('chip-key-masked', keyInfo.maskChipKey === 0 || wishes.allowMaskedChipKey === true, () => ({ message: "the chip's key is masked", path: 'keyInfo.maskChipKey' }));
  if (wishes.signer !== undefined) oneOf(appraisal, 'signer-refused', 'keyInfo.signingKey', signer, wishes.signer);
  if (wishes.cspId !== undefined) oneOf(appraisal, 'csp-id', 'vlek', identity.cspId ?? '', wishes.cspId);
  bytesOneOf(appraisal, 'id-key-digest', 'idKeyDigest', report.idKeyDigest, wishes.idKeyDigest);
  bytesOneOf(appraisal, 'author-key-digest', 'authorKeyDigest', report.authorKeyDigest, wishes.authorKeyDigest);
  bytesOneOf(appraisal, 'family-id', 'familyId', report.familyId, wishes.familyId);
  bytesOneOf(appraisal, 'image-id', 'imageId', report.imageId, wishes.imageId);
  const { minimumGuestSvn } = wishes;
  if (minimumGuestSvn !== undefined) appraisal.check('guest-svn-below-minimum', report.guestSvn >= minimumGuestSvn, () => ({ message: `is ${report.guestSvn}, must be at least ${minimumGuestSvn}`, path: 'guestSvn' }));
}

/** Checks that the report says it was signed by the kind of key that is presented. */
export function checkSigningKey(appraisal: SnpAppraisal, { keyInfo }: SnpReport, signer: keyof typeof SIGNING_KEY): void {
  appraisal.check('signing-key', keyInfo.signingKey === SIGNING_KEY[signer], () => {
    const [stated] = Object.entries(SIGNING_KEY).find(([, value]) => value === keyInfo.signingKey) ?? [`kind ${keyInfo.signingKey}`];
    return { message: `the report says that ${stated} signed it, and a ${signer} is presented`, path: 'keyInfo.signingKey' };
  });
}

/** Whether a version is older than another. */
export function below(a: Version, b: Version): boolean {
  const parts = (v: Version): number => v.major * 0x1000000 + v.minor * 0x1000 + (v.build ?? 0);
  return parts(a) < parts(b);
}

const text = ({ major, minor, build }: Version): string => `${major}.${minor}${build === undefined ? '' : `.${build}`}`;
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

function oneOf<T extends string | number>(appraisal: SnpAppraisal, reason: SnpReason, path: string, value: T, wish: OneOf<T>): void {
  appraisal.check(reason, anyOf(wish).includes(value), () => ({ message: `is ${value}, must be ${anyOf(wish).join(' or ')}`, path }));
}

/** Checks that a field holds one of the values that are expected, if any are. */
export function bytesOneOf(appraisal: SnpAppraisal, reason: SnpReason, path: string, value: Uint8Array, wish: OneOf<Uint8Array> | undefined): void {
  if (wish === undefined) return;
  appraisal.check(
    reason,
    anyOf(wish).some((wanted) => Buffer.compare(wanted, value) === 0),
    () => ({ message: `is ${hex(value)}, must be ${anyOf(wish).map(hex).join(' or ')}`, path }),
  );
}
