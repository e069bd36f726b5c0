/** The four TCBs of a report, the one its key was derived for, and the version of the firmware. */
import type { SnpReport } from '../../../emulator/snp/report.ts';
import { componentAbove, type Tcb } from '../../../emulator/snp/platform/tcb.ts';
import type { VerifiedChain } from './chain.ts';
import type { SnpExpectations } from './expectations.ts';
import { leafTcb } from './leaf.ts';
import { below } from './policy.ts';
import type { SnpAppraisal, SnpReason } from './reasons.ts';

const TCBS = ['reportedTcb', 'currentTcb', 'committedTcb', 'launchTcb'] as const;

/** Checks the TCBs among themselves, against the certificate, and against what the caller asks for. */
export function checkTcb(appraisal: SnpAppraisal, report: SnpReport, { leaf, signer, line }: VerifiedChain, endorsedTcb: Tcb | undefined, wishes: SnpExpectations): void {
  const { reportedTcb, currentTcb, committedTcb } = report;
  const certified = leafTcb(appraisal, leaf, signer, line);
  same(appraisal, 'leaf-tcb-mismatch', certified, `the ${signer} was derived for`, reportedTcb);
  if (endorsedTcb) same(appraisal, 'endorsed-tcb-mismatch', endorsedTcb, 'the endorsement is for', reportedTcb);
  notAbove(appraisal, 'tcb-reported-above-current', 'reportedTcb', reportedTcb, currentTcb);
  notAbove(appraisal, 'tcb-committed-above-current', 'committedTcb', committedTcb, currentTcb);

  const current = { major: report.currentMajor, minor: report.currentMinor, build: report.currentBuild };
  const committed = { major: report.committedMajor, minor: report.committedMinor, build: report.committedBuild };
  const version = ({ major, minor, build }: typeof current): string => `${major}.${minor}.${build}`;
  appraisal.check('firmware-committed-above-current', !below(current, committed), () => ({ message: `firmware ${version(committed)} is committed, but ${version(current)} runs`, path: 'committedBuild' }));
  if (!wishes.allowProvisionalFirmware) {
    const provisional = componentAbove(currentTcb, committedTcb);
    appraisal.check('firmware-provisional', provisional === undefined && !below(committed, current), () => ({
      message: provisional ? `${provisional} is ${currentTcb[provisional]}, and only ${committedTcb[provisional]} is committed` : `firmware ${version(current)} runs, and only ${version(committed)} is committed`,
      path: provisional ? `committedTcb.${provisional}` : 'committedBuild',
    }));
  }
  const { minimumTcb, minimumFirmware } = wishes;
  if (minimumTcb) {
    for (const path of TCBS) {
      const low = componentAbove({ bootLoader: 0, tee: 0, snp: 0, microcode: 0, ...minimumTcb }, report[path]);
      appraisal.check('tcb-below-minimum', low === undefined, () => ({ message: `is ${(low && report[path][low]) ?? 0}, must be at least ${low && minimumTcb[low]}`, path: `${path}.${low}` }));
    }
  }
  if (minimumFirmware)
    appraisal.check('firmware-below-minimum', !below(committed, minimumFirmware), () => ({
      message: `firmware ${version(committed)} is committed, must be at least ${version({ build: 0, ...minimumFirmware })}`,
      path: 'committedBuild',
    }));
}

function same(appraisal: SnpAppraisal, reason: SnpReason, tcb: Tcb, whose: string, reported: Tcb): void {
  const differs = componentAbove(tcb, reported) ?? componentAbove(reported, tcb);
  appraisal.check(reason, differs === undefined, () => ({ message: `${whose} ${differs} ${(differs && tcb[differs]) ?? 0}, the report says ${(differs && reported[differs]) ?? 0}`, path: `reportedTcb.${differs}` }));
}

function notAbove(appraisal: SnpAppraisal, reason: SnpReason, path: string, lower: Tcb, upper: Tcb): void {
  const above = componentAbove(lower, upper);
  appraisal.check(reason, above === undefined, () => ({ message: `is ${above && lower[above]}, but the current one is ${above && upper[above]}`, path: `${path}.${above}` }));
}
