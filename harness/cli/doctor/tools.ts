/** Checks of other people's tools: none is needed, each makes some interoperability tests possible. */
import { execFile } from 'node:child_process';
import { type Check, type Finding, finding } from './check.ts';

/** Program, the arguments that make it print its version, and what it is good for. */
const TOOLS: readonly (readonly [name: string, args: readonly string[], use: string])[] = [
  ['go', ['version'], 'go-sev-guest as a verifier'],
  ['python3', ['--version'], 'sev-snp-measure'],
  ['openssl', ['version'], 'reading certificates and lists'],
  ['rustc', ['--version'], 'verifiers in Rust'],
];
/** Milliseconds that a tool has for its answer. */
const PATIENCE = 5_000;

export const TOOL_CHECKS: readonly Check[] = TOOLS.map(([name, args, use]) => ({ name, run: () => versionOf(name, args, use) }));

function versionOf(name: string, args: readonly string[], use: string): Promise<Finding> {
  return new Promise((resolve) => {
    execFile(name, args, { timeout: PATIENCE, maxBuffer: 64 * 1024, windowsHide: true }, (error, stdout) => {
      const [first = ''] = stdout.split('\n');
      resolve(error ? finding('info', `not there; only needed for ${use}`) : finding('ok', `${first.trim().slice(0, 100)}; for ${use}`));
    });
  });
}
