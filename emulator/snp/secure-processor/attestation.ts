/** How an attestation report comes to say what it says: from the platform, the guest's context and the request. */
import { chipId } from '../platform/chip.ts';
import { ECDSA_P384_SHA384, REPORT_V2, SIGNING_KEY, type SnpReport } from '../report.ts';
import type { GuestContext } from './guest-context.ts';
import { type Platform, platformInfoBits } from './platform.ts';
import { refusal } from './status.ts';

/** KEY_SEL of a request. Source: AMD 56860 SEV-SNP Firmware ABI, MSG_REPORT_REQ. */
export const KEY_SELECT = { vlekIfLoaded: 0, vcek: 1, vlek: 2 } as const;

/** Which key signs a report; `none` where the VCEK is masked. */
export type SigningKey = keyof typeof SIGNING_KEY;

/** What a report is asked for with. */
export interface ReportContents {
  /** 64 bytes. */
  readonly reportData: Uint8Array;
  /** 0 to 3, or all ones for a report to the host. */
  readonly vmpl: number;
  readonly signingKey: SigningKey;
}

/**
 * The key that a request selects.
 * @param keySelect one of {@link KEY_SELECT}
 * @throws {FirmwareError} INVALID_PARAM for a selection that does not exist, INVALID_KEY for a key that is not loaded or that this guest may not use
 */
export function selectKey({ signer, maskChipKey }: Platform, { vcekDisabled }: Pick<GuestContext, 'vcekDisabled'>, keySelect: number): SigningKey {
  if (keySelect !== KEY_SELECT.vlekIfLoaded && keySelect !== KEY_SELECT.vcek && keySelect !== KEY_SELECT.vlek) throw refusal('INVALID_PARAM', `there is no key selection ${keySelect}`);
  const loaded = signer.kind === 'vlek';
  if (keySelect === KEY_SELECT.vlek && !loaded) throw refusal('INVALID_KEY', 'a VLEK is selected, but none is loaded');
  if (keySelect !== KEY_SELECT.vcek && loaded) return 'vlek';
  if (vcekDisabled) throw refusal('INVALID_KEY', 'this guest was launched with the VCEK disabled');
  return maskChipKey === true ? 'none' : 'vcek';
}

/** CHIP_ID where it is masked, REPORT_ID_MA without a migration agent. */
const NO_CHIP_ID = new Uint8Array(64);
const NO_MIGRATION_AGENT = new Uint8Array(32).fill(0xff);

/** The values of a report, signature left out: fields that the platform's report version lacks are left out too. */
export function assembleReport(platform: Platform, guest: GuestContext, { reportData, vmpl, signingKey }: ReportContents): SnpReport {
  const { reportVersion, cpuid, firmware, committedFirmware } = platform;
  if (!guest.policyBits) throw refusal('INVALID_GUEST_STATE', 'the guest has no policy yet');
  return {
    version: reportVersion,
    guestSvn: guest.guestSvn,
    policy: guest.policyBits,
    familyId: guest.familyId,
    imageId: guest.imageId,
    vmpl,
    signatureAlgo: ECDSA_P384_SHA384,
    currentTcb: platform.currentTcb,
    platformInfo: platformInfoBits(platform.platformInfo),
    keyInfo: { authorKeyEn: guest.authorKeyEnabled ? 1 : 0, maskChipKey: platform.maskChipKey ? 1 : 0, signingKey: SIGNING_KEY[signingKey], reserved5: 0 },
    reportData,
    measurement: guest.measurement,
    hostData: guest.hostData,
    idKeyDigest: guest.idKeyDigest,
    authorKeyDigest: guest.authorKeyDigest,
    reportId: guest.reportId,
    reportIdMa: NO_MIGRATION_AGENT,
    reportedTcb: platform.reportedTcb,
    ...(reportVersion >= 3 ? { cpuidFamId: cpuid.family, cpuidModId: cpuid.model, cpuidStep: cpuid.stepping } : {}),
    chipId: platform.chipIdMasked ? NO_CHIP_ID : chipId(platform.hwid),
    committedTcb: platform.committedTcb,
    currentBuild: firmware.build,
    currentMinor: firmware.minor,
    currentMajor: firmware.major,
    committedBuild: committedFirmware.build,
    committedMinor: committedFirmware.minor,
    committedMajor: committedFirmware.major,
    launchTcb: guest.launchTcb,
    ...(reportVersion >= 5 ? { launchMitVector: guest.launchMitVector, currentMitVector: platform.mitigationVector } : {}),
    signature: { r: NO_NUMBER, s: NO_NUMBER },
  };
}

/** r and s of a report that is not signed. */
const NO_NUMBER = new Uint8Array(72);

const REPORT_DATA_AT = REPORT_V2.locate('reportData').at;
const VMPL_AT = REPORT_V2.locate('vmpl').at;

/**
 * A report with another request's data and VMPL: all that differs between two reports of a guest as long as its platform stays as it is.
 * @param encoded 1184 bytes @returns a copy
 */
export function withRequest(encoded: Uint8Array, { reportData, vmpl }: Pick<ReportContents, 'reportData' | 'vmpl'>): Uint8Array {
  const copy = encoded.slice();
  copy.set(reportData, REPORT_DATA_AT);
  new DataView(copy.buffer).setUint32(VMPL_AT, vmpl, true);
  return copy;
}
