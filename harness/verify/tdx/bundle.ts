/** TDX evidence as a bundle holds it: which file is what. */
import type { Bundle } from '../../../emulator/bundle.ts';
import { ConfigError } from '../../../emulator/errors.ts';
import { pemBlocks } from '../../../emulator/pki/read.ts';
import { type PresentedTdx, type TdxVerdict, verifyTdx } from '../tdx.ts';
import { Appraisal, judge } from '../verdict.ts';
import { rootCertificates } from '../x509.ts';
import { COLLATERAL_FILES, type PresentedCollateral } from './collateral/collateral.ts';
import { type OneOf, TDX_WISHES, type TdxExpectations } from './expectations.ts';
import { TdxTrust } from './pki/trust.ts';
import { TDX_PASSES, TDX_REASONS, type TdxAppraisal } from './reasons.ts';

/** What a relying party expects of a bundle. */
export interface TdxBundleWishes extends Omit<TdxExpectations, 'trust' | 'now'> {
  /** Roots that are trusted, each a certificate in DER or PEM; the bundle's own if left out. */
  readonly roots?: readonly (Uint8Array | string)[];
  /** Milliseconds since 1970; the time that the bundle names if left out. */
  readonly now?: number;
  /** MRTD by the name that every TEE's measurement of the launch has, 48 bytes. */
  readonly measurement?: OneOf<Uint8Array>;
  /** TDX evidence without its revocation lists is always refused. */
  readonly requireCrl?: boolean;
}

/** Everything that a relying party can expect of a bundle but whom it trusts and when. */
export const TDX_BUNDLE_WISHES: Readonly<Record<Exclude<keyof TdxBundleWishes, 'roots' | 'now'>, true>> = { ...TDX_WISHES, measurement: true, requireCrl: true };

const QUOTE = 'quote.bin';
const TD_REPORT = 'tdreport.bin';
const ROOT = 'root_ca.pem';
const LOG = 'ccel.bin';
const LOG_TABLE = 'ccel_table.bin';
const FOLDER = 'collateral/';

/** Verifies a bundle of TDX evidence. @throws {ConfigError} for a root that is none, or for wishes that no evidence could meet */
export function verifyTdxBundle(bundle: Bundle, { roots, measurement, requireCrl: _, ...wishes }: TdxBundleWishes & { readonly now: number }): TdxVerdict {
  if (measurement !== undefined && wishes.mrTd !== undefined) throw new ConfigError('measurement', 'says again what mrTd says already');
  const expectations = { ...wishes, ...(measurement === undefined ? {} : { mrTd: measurement }) };
  // What the caller gives is his to get right; what the bundle holds is evidence, and gets a verdict.
  const given = roots && new TdxTrust(roots.flatMap(rootCertificates));
  const opened = judge(new Appraisal(TDX_REASONS, TDX_PASSES), (appraisal) => ({ evidence: open(appraisal, bundle), trust: given ?? ownTrust(appraisal, bundle) }));
  if (!opened.accepted) return opened;
  const { evidence, trust } = opened.facts;
  return verifyTdx(evidence, { ...expectations, trust });
}

function ownTrust(appraisal: TdxAppraisal, { files }: Bundle): TdxTrust {
  const file = files.get(ROOT);
  if (!file) return appraisal.fail('evidence-incomplete', { message: `the bundle has no ${ROOT}, and no root was given`, path: ROOT });
  return appraisal.attempt('certificate-malformed', () => new TdxTrust(pemBlocks(file, 'CERTIFICATE', ROOT)));
}

function open(appraisal: TdxAppraisal, { files }: Bundle): PresentedTdx {
  const needed = (name: string): Uint8Array => files.get(name) ?? appraisal.fail('evidence-incomplete', { message: `the bundle has no ${name}`, path: name });
  const { pckChain: pckChainFile, ...others } = COLLATERAL_FILES;
  const quote = needed(QUOTE);
  const parts = Object.fromEntries(Object.entries(others).map(([part, file]) => [part, needed(FOLDER + file)])) as unknown as Required<Omit<PresentedCollateral, 'pckChain'>>;
  const pckChain = files.get(FOLDER + pckChainFile);
  const [tdReport, log, table] = [files.get(TD_REPORT), files.get(LOG), files.get(LOG_TABLE)];
  return { quote, collateral: { ...parts, ...(pckChain ? { pckChain } : {}) }, ...(tdReport ? { tdReport } : {}), ...(log ? { eventLog: { log, ...(table ? { table } : {}) } } : {}) };
}
