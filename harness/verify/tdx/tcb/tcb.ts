/** The TCB of a TD: whether the documents are for its platform, what status they give it, and whether the caller accepts that. */
import { sameBytes } from '../../../../emulator/pki/read.ts';
import type { TdBody } from '../../../../emulator/tdx/quote/tables.ts';
import { COLLATERAL_FILES, type CollateralDocuments } from '../collateral/collateral.ts';
import type { IsvLevel, PlatformStatus } from '../collateral/documents.ts';
import type { TdxExpectations } from '../expectations.ts';
import type { VerifiedPck } from '../pki/chains.ts';
import type { ReadQuote } from '../quote/read.ts';
import type { TdxAppraisal } from '../reasons.ts';
import { checkEnclave } from './enclave.ts';
import { converged, descending, isvLevel, moduleIdentity, moduleSvn, moduleVersion, platformLevels, relaunched, type TcbStatus } from './levels.ts';

/** The TCB that a module leaves a TD with. */
export interface TcbEvaluation {
  readonly status: PlatformStatus;
  /** Milliseconds since 1970: the oldest of the dates of the levels that count. */
  readonly tcbDate: number;
  /** Security advisories that apply: of the platform, the quoting enclave and the module, each once. */
  readonly advisoryIds: readonly string[];
}

/** What a TD's TCB is. */
export interface TcbFacts {
  readonly status: TcbStatus;
  /** Of the module that the TD was started under. */
  readonly launch: TcbEvaluation;
  /** Of the module that runs now: another one where it was updated under the TD, which quotes of TDX 1.5 say. */
  readonly current: TcbEvaluation;
  readonly tcbEvaluationDataNumber: number;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Checks everything about the TCB but the dates of the documents. */
export function checkTcb(appraisal: TdxAppraisal, quote: ReadQuote, { platform }: VerifiedPck, { tcbInfo, qeIdentity }: CollateralDocuments, wishes: TdxExpectations): TcbFacts {
  const path = COLLATERAL_FILES.tcbInfo;
  appraisal.check('tcb-info-fmspc', sameBytes(tcbInfo.fmspc, platform.fmspc), () => ({ message: `is for the FMSPC ${hex(tcbInfo.fmspc)}, the PCK certificate for ${hex(platform.fmspc)}`, path }));
  appraisal.check('tcb-info-pce-id', sameBytes(tcbInfo.pceId, platform.pceId), () => ({ message: `is for the PCE ${hex(tcbInfo.pceId)}, the PCK certificate for ${hex(platform.pceId)}`, path }));
  const { tcbEvaluationDataNumber } = tcbInfo;
  const { allowMixedEvaluations = false, minimumTcbEvaluationDataNumber: minimum = 0 } = wishes;
  const lower = Math.min(tcbEvaluationDataNumber, qeIdentity.tcbEvaluationDataNumber);
  appraisal.check('tcb-evaluation-mismatch', allowMixedEvaluations || tcbEvaluationDataNumber === qeIdentity.tcbEvaluationDataNumber, () => ({
    message: `TCB info is of evaluation ${tcbEvaluationDataNumber}, the identity of ${qeIdentity.tcbEvaluationDataNumber}`,
    path,
  }));
  if (wishes.minimumTcbEvaluationDataNumber !== undefined) appraisal.check('tcb-evaluation-below-minimum', lower >= minimum, () => ({ message: `is ${lower}, must be at least ${minimum}`, path }));

  const qe = checkEnclave(appraisal, quote.certification.qeReport, quote.qeReportBytes, qeIdentity);
  const judged = { platform, tcbInfo, qe };
  const { teeTcbSvn, teeTcbSvn2 } = quote.body;
  checkModule(appraisal, quote.body, judged);
  const launch = evaluated(appraisal, teeTcbSvn, 'body.teeTcbSvn', judged);
  const current = teeTcbSvn2 ? evaluated(appraisal, teeTcbSvn2, 'body.teeTcbSvn2', judged) : launch;
  if (teeTcbSvn2) checkForward(appraisal, teeTcbSvn, teeTcbSvn2);
  const status = relaunched(launch.status, current.status);
  checkStatus(appraisal, status, launch, current, wishes);
  return { status, launch, current, tcbEvaluationDataNumber };
}

interface Judged extends Pick<CollateralDocuments, 'tcbInfo'> {
  readonly platform: VerifiedPck['platform'];
  readonly qe: IsvLevel;
}

/** Checks who made the module that the TD was started under. */
function checkModule(appraisal: TdxAppraisal, { teeTcbSvn, mrSignerSeam, seamAttributes }: TdBody, { tcbInfo }: Judged): void {
  const version = moduleVersion(teeTcbSvn);
  const identity = version === 0 ? tcbInfo.tdxModule : (moduleIdentity(tcbInfo, version) ?? missingIdentity(appraisal, version, 'body.teeTcbSvn'));
  appraisal.check('module-signer', Buffer.compare(mrSignerSeam, identity.mrsigner) === 0, () => ({ message: `is ${hex(mrSignerSeam)}, must be ${hex(identity.mrsigner)}`, path: 'body.mrSignerSeam' }));
  // Intel's library asks for zero whatever the mask says.
  appraisal.check('module-attributes', seamAttributes === 0n && identity.attributes.every((byte) => byte === 0), () => ({
    message: `are 0x${seamAttributes.toString(16)}, must be ${hex(identity.attributes)}, and zero`,
    path: 'body.seamAttributes',
  }));
}

function missingIdentity(appraisal: TdxAppraisal, version: number, path: string): never {
  return appraisal.fail('module-identity-missing', { message: `the TCB info knows no TDX module of version ${version}`, path });
}

/** The TCB with the module that a TEE_TCB_SVN is about. */
function evaluated(appraisal: TdxAppraisal, svn: Uint8Array, path: string, { platform, tcbInfo, qe }: Judged): TcbEvaluation {
  const { sgx, tdx } = platformLevels(descending(tcbInfo.tcbLevels), platform, svn);
  if (!tdx) return appraisal.fail('platform-tcb-unsupported', { message: `components ${platform.components.join('.')}, PCE SVN ${platform.pceSvn} and TEE_TCB_SVN ${hex(svn)} reach no level`, path });
  appraisal.pass('platform-tcb-unsupported');
  const module = moduleLevel(appraisal, svn, path, tcbInfo);
  const levels = [tdx, qe, ...(module ? [module] : [])];
  const status = converged(tdx.tcbStatus, [qe.tcbStatus, ...(module ? [module.tcbStatus] : [])]);
  return {
    // A revoked CPU stays revoked, whatever the lower level says that its module reaches.
    status: sgx?.tcbStatus === 'Revoked' ? 'Revoked' : status,
    tcbDate: Math.min(...levels.map((level) => level.tcbDate)),
    advisoryIds: [...new Set(levels.flatMap((level) => level.advisoryIDs))],
  };
}

/** The level of a module with an identity of its own; undefined for TDX 1.0. */
function moduleLevel(appraisal: TdxAppraisal, svn: Uint8Array, path: string, tcbInfo: CollateralDocuments['tcbInfo']): IsvLevel | undefined {
  const version = moduleVersion(svn);
  const identity = version === 0 ? undefined : (moduleIdentity(tcbInfo, version) ?? missingIdentity(appraisal, version, path));
  const level = identity && isvLevel(identity.tcbLevels, moduleSvn(svn));
  appraisal.pass('module-identity-missing');
  appraisal.check('module-tcb-unsupported', identity === undefined || level !== undefined, () => ({ message: `the SVN ${moduleSvn(svn)} is below every level of ${identity?.id}`, path }));
  return level;
}

/** Checks that an update of the module went forward: its version, its SVN within a version, and that of the microcode. */
function checkForward(appraisal: TdxAppraisal, launch: Uint8Array, current: Uint8Array): void {
  const newer = moduleVersion(current) - moduleVersion(launch);
  const holds = newer > 0 || (newer === 0 && moduleSvn(current) >= moduleSvn(launch));
  const rest = current.every((svn, i) => i < 2 || svn >= (launch[i] ?? 0));
  appraisal.check('module-rolled-back', holds && rest, () => ({ message: `is ${hex(current)}, and the TD was started at ${hex(launch)}`, path: 'body.teeTcbSvn2' }));
}

function checkStatus(appraisal: TdxAppraisal, status: TcbStatus, launch: TcbEvaluation, current: TcbEvaluation, { tcbStatuses = ['UpToDate'], refusedAdvisories = [] }: TdxExpectations): void {
  const accepted: readonly TcbStatus[] = tcbStatuses;
  const allowed = accepted.join(' or ');
  appraisal.check('tcb-revoked', launch.status !== 'Revoked' && current.status !== 'Revoked', () => ({ message: 'the TCB is at a revoked level', path: 'body.teeTcbSvn' }));
  appraisal.check('tcb-status-refused', accepted.includes(status), () => ({ message: `is ${status}, must be ${allowed}`, path: 'body.teeTcbSvn' }));
  // Where starting the TD again is advised, the status says so of both modules; else each has its own.
  if (status === launch.status) appraisal.check('tcb-status-refused', accepted.includes(current.status), () => ({ message: `is ${current.status} now, must be ${allowed}`, path: 'body.teeTcbSvn2' }));
  if (refusedAdvisories.length === 0) return;
  const refused = [...launch.advisoryIds, ...current.advisoryIds].find((id) => refusedAdvisories.includes(id));
  appraisal.check('advisory-refused', refused === undefined, () => ({ message: `${refused} applies`, path: COLLATERAL_FILES.tcbInfo }));
}
