/** GUEST_POLICY: what a guest demands of the platform, checked when its launch starts. */
import { Layout } from '../../codec/layout.ts';
import { bits, type ValueOf } from '../../codec/rows.ts';
import { CodecError } from '../../errors.ts';
import { POLICY_FIELDS } from '../report.ts';
import { littleEndian64, type Platform, type PlatformInfo, platformInfoBits } from './platform.ts';
import { refusal } from './status.ts';

const GUEST_POLICY = new Layout('snp.guest-policy', 8, 'AMD 56860 SEV-SNP Firmware ABI, Guest Policy', { value: bits(0, 8, 'what the guest demands', POLICY_FIELDS) });

/** GUEST_POLICY by its bits. */
export type GuestPolicy = ValueOf<typeof GUEST_POLICY.rows>['value'];

/** What a platform must be for a guest that demands it: one row a demand. */
const DEMANDS: readonly { readonly unmet: (policy: GuestPolicy, info: PlatformInfo) => boolean; readonly why: string }[] = [
  { unmet: (policy, info) => policy.smt === 0 && info.smtEn === 1, why: 'the policy forbids SMT, and the platform has it on' },
  { unmet: (policy, info) => policy.raplDis === 1 && info.raplDis === 0, why: 'the policy demands that RAPL is off, and the platform has it on' },
  { unmet: (policy, info) => policy.ciphertextHidingDram === 1 && info.ciphertextHidingDramEn === 0, why: 'the policy demands ciphertext hiding, and the platform has it off' },
];

/**
 * Checks a policy against a platform as SNP_LAUNCH_START does.
 * That one socket only is used is checked when a guest is activated on its cores, which are not emulated.
 * @param policy 64 bits
 * @throws {FirmwareError} INVALID_PARAM when bits that must be zero or one are not, POLICY_FAILURE when the platform does not meet the policy
 */
export function checkPolicy(policy: bigint, platform: Platform): GuestPolicy {
  const demanded = decodePolicy(policy);
  if (demanded.reserved17 !== 1) throw refusal('INVALID_PARAM', 'bit 17 of the policy must be one');
  const { major, minor } = platform.firmware;
  if (demanded.abiMajor > major || (demanded.abiMajor === major && demanded.abiMinor > minor)) {
    throw refusal('POLICY_FAILURE', `the policy demands ABI ${demanded.abiMajor}.${demanded.abiMinor}, and the firmware has ${major}.${minor}`);
  }
  const info = platformInfoBits(platform.platformInfo);
  const broken = DEMANDS.find(({ unmet }) => unmet(demanded, info));
  if (broken) throw refusal('POLICY_FAILURE', broken.why);
  return demanded;
}

function decodePolicy(policy: bigint): GuestPolicy {
  if (policy < 0n || policy >> 64n !== 0n) throw refusal('INVALID_PARAM', 'the policy does not fit into 64 bits');
  try {
    return GUEST_POLICY.decode(littleEndian64(policy)).value;
  } catch (error) {
    if (error instanceof CodecError) throw refusal('INVALID_PARAM', error.message);
    throw error;
  }
}
