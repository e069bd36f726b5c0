/** `teemu scan`: test material in a product, an image's folder or a trust store. */
import { ConfigError } from '../../../emulator/errors.ts';
import { type ScanResult, scan } from '../../scan/scan.ts';
import { EXIT } from '../exit.ts';
import { type Define, onCall } from '../session/session.ts';
import { type Paint, printable } from '../session/terminal.ts';
import { writeResult } from './result-file.ts';

const DETAILS = `
Looks for the marker that every root of teemu's carries, the manifests of emulated bundles, and the published
RSA keys of seeded worlds: as bytes, in base64 (so PEM, also inside JSON or source code) and in hexadecimal;
in files, folders, gzip, tar (images of containers, as saved) and zip (jar, whl, apk). What is encrypted or
packed otherwise is named, not looked into.

Exit code 1 when test material was found, or with --strict when something could not be looked into.`;

/** Adds what `teemu scan` takes and does. */
export const defineScan: Define = (command, run) => {
  command.argument('<path...>', 'files and folders to look through').option('--strict', 'fail also when something could not be looked into').addHelpText('after', DETAILS);
  onCall(command, run, async (session, paths) => {
    if (paths.length === 0) throw new ConfigError('path', 'name a file or a folder');
    const strict = command.opts<{ strict?: boolean }>().strict === true;
    const results: ScanResult[] = [];
    for (const path of paths) results.push(await scan(session.path(path), (at, files) => files % 500 === 0 && session.terminal.status(`Scanning ${printable(at)}`)));
    const total = { findings: results.flatMap((r) => r.findings), unread: results.flatMap((r) => r.unread), files: sum(results, 'files'), bytes: sum(results, 'bytes') };
    session.terminal.result(total, (paint) => text(total, paint));
    await writeResult(session, 'scan.json', total);
    return total.findings.length > 0 || (strict && total.unread.length > 0) ? EXIT.unexpected : EXIT.ok;
  });
};

function sum(results: readonly ScanResult[], member: 'files' | 'bytes'): number {
  return results.reduce((all, result) => all + result[member], 0);
}

function text({ findings, unread, files, bytes }: ScanResult, paint: Paint): string {
  return [
    ...findings.map(({ path, at, what, writing }) => `${paint('red', 'TEST MATERIAL')}  ${printable(path)}  at 0x${at.toString(16)}: ${what}${writing === 'bytes' ? '' : `, in ${writing}`}`),
    ...unread.map(({ path, why }) => `${paint('yellow', 'not read')}       ${printable(path)}: ${printable(why)}`),
    `${findings.length === 0 ? paint('green', 'Nothing of teemu found') : paint('red', `${findings.length} found`)} in ${files} files, ${bytes} bytes${unread.length === 0 ? '' : `; ${unread.length} not looked into`}.`,
  ].join('\n');
}
