/** npm's `@phala/dcap-qvl`, installed for the time of a measurement. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What of the library is measured. */
export interface DcapQvl {
  readonly QuoteVerifier: new (rootDer: Buffer) => { verify(quote: Buffer, collateral: object, nowSecs: number): unknown };
}

const PACKAGE = '@phala/dcap-qvl';

/** Installs and loads it. @returns undefined where npm can't get it */
export function installDcapQvl(version: string): DcapQvl | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'teemu-bench-'));
  try {
    execFileSync('npm', ['install', '--silent', '--no-audit', '--no-fund', '--ignore-scripts', '--no-save', '--prefix', folder, `${PACKAGE}@${version}`], {
      stdio: 'ignore',
      timeout: 120_000,
      shell: process.platform === 'win32',
    });
    // Loaded whole: nothing is read from the folder afterwards.
    return createRequire(join(folder, 'x.js'))(PACKAGE) as DcapQvl;
  } catch {
    return undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
