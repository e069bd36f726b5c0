/** What a TD and its platform may be, and what ties a quote to a TD and to the one who asked. */
import type { TdBody } from '../../../emulator/tdx/quote/tables.ts';
import { anyOf, type ConfigurationFlag, type OneOf, type TdxExpectations } from './expectations.ts';
import type { VerifiedPck } from './pki/chains.ts';
import type { TdxAppraisal, TdxReason } from './reasons.ts';

/** What a relying party wants of a flag. */
export type Wish = 'refused' | 'allowed' | 'required';

interface Flag {
  readonly reason: TdxReason;
  /** What is wanted when nothing is said. */
  readonly usual: Wish;
}

/** Attributes of a TD. */
const ATTRIBUTES = {
  debug: { reason: 'td-debug', usual: 'refused' },
  hgsPlusProf: { reason: 'td-profiling', usual: 'refused' },
  perfProf: { reason: 'td-profiling', usual: 'refused' },
  pmtProf: { reason: 'td-profiling', usual: 'refused' },
  icssd: { reason: 'td-attribute', usual: 'allowed' },
  lass: { reason: 'td-attribute', usual: 'allowed' },
  septVeDisable: { reason: 'td-sept-ve', usual: 'required' },
  migratable: { reason: 'td-migratable', usual: 'refused' },
  pks: { reason: 'td-attribute', usual: 'allowed' },
  kl: { reason: 'td-attribute', usual: 'allowed' },
  tpa: { reason: 'td-attribute', usual: 'allowed' },
  perfmon: { reason: 'td-attribute', usual: 'allowed' },
} as const satisfies Record<string, Flag>;

/** Features in XFAM. Required and refused ones are the fixed bits of Intel's TDX module. */
const XFAM = {
  x87: { reason: 'xfam-required', usual: 'required' },
  sse: { reason: 'xfam-required', usual: 'required' },
  avx: { reason: 'xfam-feature', usual: 'allowed' },
  opmask: { reason: 'xfam-feature', usual: 'allowed' },
  zmmHi256: { reason: 'xfam-feature', usual: 'allowed' },
  hi16Zmm: { reason: 'xfam-feature', usual: 'allowed' },
  pt: { reason: 'xfam-feature', usual: 'allowed' },
  pkru: { reason: 'xfam-feature', usual: 'allowed' },
  pasid: { reason: 'xfam-feature', usual: 'refused' },
  cetU: { reason: 'xfam-feature', usual: 'allowed' },
  cetS: { reason: 'xfam-feature', usual: 'allowed' },
  hdc: { reason: 'xfam-feature', usual: 'refused' },
  uintr: { reason: 'xfam-feature', usual: 'allowed' },
  lbr: { reason: 'xfam-feature', usual: 'allowed' },
  hwp: { reason: 'xfam-feature', usual: 'refused' },
  xtilecfg: { reason: 'xfam-feature', usual: 'allowed' },
  xtiledata: { reason: 'xfam-feature', usual: 'allowed' },
  apx: { reason: 'xfam-feature', usual: 'refused' },
} as const satisfies Record<string, Flag>;

/** An attribute of a TD that a relying party may care about. */
export type AttributeFlag = keyof typeof ATTRIBUTES;
/** A feature in XFAM that a relying party may care about. */
export type XfamFeature = keyof typeof XFAM;

/** A quote of version 4 can't name service TDs: a TD that has any is quoted in version 5. */
const NO_SERVICE_TD = new Uint8Array(48);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Checks everything that a relying party may ask of TD and platform. */
export function checkPolicy(appraisal: TdxAppraisal, body: TdBody, { platform, authority }: VerifiedPck, wishes: TdxExpectations): void {
  flags(appraisal, 'tdAttributes', ATTRIBUTES, body.tdAttributes, wishes.attributes);
  flags(appraisal, 'xfam', XFAM, body.xfam, wishes.xfam);
  checkServiceTd(appraisal, body, wishes);
  bytesOneOf(appraisal, 'mr-seam-unexpected', 'body.mrSeam', body.mrSeam, wishes.mrSeam);
  bytesOneOf(appraisal, 'fmspc-refused', 'pck', platform.fmspc, wishes.fmspc);
  const { pckCa, platformConfiguration = {} } = wishes;
  if (pckCa !== undefined) appraisal.check('pck-authority-refused', anyOf(pckCa).includes(authority.ca), () => ({ message: `is the ${authority.ca}'s, must be the ${anyOf(pckCa).join("'s or the ")}'s`, path: 'pck_ca' }));
  for (const [flag, wanted] of Object.entries(platformConfiguration) as [ConfigurationFlag, boolean][]) {
    const stated = platform.platform?.configuration[flag];
    appraisal.check('platform-configuration', stated === wanted, () => ({
      message: stated === undefined ? `the PCK certificate does not say whether ${flag} is on` : `${flag} is ${stated ? 'on' : 'off'}, must be ${wanted ? 'on' : 'off'}`,
      path: 'pck',
    }));
  }
}

function flags<F extends string>(appraisal: TdxAppraisal, field: string, table: Readonly<Record<F, Flag>>, value: Readonly<Record<F, number>>, wishes: Readonly<Partial<Record<F, Wish>>> | undefined): void {
  for (const [flag, { reason, usual }] of Object.entries(table) as [F, Flag][]) {
    const wish = wishes?.[flag] ?? usual;
    if (wish === 'allowed') continue;
    appraisal.check(reason, (value[flag] === 1) === (wish === 'required'), () => ({ message: `${flag} is ${value[flag]}, and is ${wish}`, path: `body.${field}.${flag}` }));
  }
}

function checkServiceTd(appraisal: TdxAppraisal, { mrServiceTd = NO_SERVICE_TD }: TdBody, { mrServiceTd: wanted, allowServiceTd = false }: TdxExpectations): void {
  bytesOneOf(appraisal, 'service-td', 'body.mrServiceTd', mrServiceTd, wanted);
  const allowed = allowServiceTd || wanted !== undefined || mrServiceTd.every((byte) => byte === 0);
  appraisal.check('service-td', allowed, () => ({ message: `service TDs are bound to the TD: ${hex(mrServiceTd)}`, path: 'body.mrServiceTd' }));
}

/** Checks whom and what the quote speaks of. */
export function checkBinding(appraisal: TdxAppraisal, { reportData, mrTd, mrConfigId, mrOwner, mrOwnerConfig, rtmr }: TdBody, wishes: TdxExpectations): void {
  bytesOneOf(appraisal, 'report-data-mismatch', 'body.reportData', reportData, wishes.reportData);
  bytesOneOf(appraisal, 'mr-td-mismatch', 'body.mrTd', mrTd, wishes.mrTd);
  bytesOneOf(appraisal, 'mr-config-id-mismatch', 'body.mrConfigId', mrConfigId, wishes.mrConfigId);
  bytesOneOf(appraisal, 'mr-owner-mismatch', 'body.mrOwner', mrOwner, wishes.mrOwner);
  bytesOneOf(appraisal, 'mr-owner-config-mismatch', 'body.mrOwnerConfig', mrOwnerConfig, wishes.mrOwnerConfig);
  for (const [i, register] of rtmr.entries()) bytesOneOf(appraisal, 'rtmr-mismatch', `body.rtmr.${i}`, register, wishes[`rtmr${i as 0 | 1 | 2 | 3}`]);
}

/** Checks that a field holds one of the values that are expected, if any are. */
function bytesOneOf(appraisal: TdxAppraisal, reason: TdxReason, path: string, value: Uint8Array, wish: OneOf<Uint8Array> | undefined): void {
  if (wish === undefined) return;
  appraisal.check(
    reason,
    anyOf(wish).some((wanted) => Buffer.compare(wanted, value) === 0),
    () => ({ message: `is ${hex(value)}, must be ${anyOf(wish).map(hex).join(' or ')}`, path }),
  );
}
