/** `teemu report RUN.json...`: reports of runs that were made before, side by side. */
import { addReports, baselinesOf, comparisonsOf, exitOf, readRuns, reportData, reportText, writeReports } from '../check/reports.ts';
import { type Define, onCall } from '../session/session.ts';

const DETAILS = `
Each RUN is the run.json that 'teemu check --out DIR' wrote. Several are set side by side: a row a case,
a column for each run, whatever verifier, machine or day they are of.

Exit codes: as those of 'teemu check' would have been.`;

/** Adds what `teemu report` takes and does. */
export const defineReport: Define = (command, run) => {
  command.argument('<run...>', 'run.json files');
  addReports(command);
  command.addHelpText('after', DETAILS);
  onCall(command, run, async (session, files) => {
    const runs = await readRuns(session, files, 'run');
    const comparisons = comparisonsOf(runs, await baselinesOf(command, session));
    session.terminal.result(reportData(runs, comparisons), (paint) => reportText(runs, comparisons, paint));
    await writeReports(command, session, runs, comparisons);
    return exitOf(command, runs, comparisons);
  });
};
