/** npm's `@phala/dcap-qvl`, installed into a folder of its own. Installing it failing is a failure of the tests: nothing is skipped. */
import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { QuoteCollateralV3 } from '../../../emulator/tdx/collateral/export.ts';
import type { Folder } from '../go.ts';

export const VERSION = '0.3.9';

/** What it says of evidence that it takes. */
export interface Verified {
  readonly status: string;
  readonly advisory_ids: readonly string[];
}

/** Its verifier; `nowSecs` is in seconds since 1970. */
export interface QuoteVerifier {
  verify(quote: Buffer, collateral: QuoteCollateralV3, nowSecs: number): Verified;
}

/** The package. */
export interface DcapQvl {
  readonly QuoteVerifier: new (rootDer: Buffer) => QuoteVerifier;
  /** Asks a caching service, or Intel's. */
  getCollateral(url: string, quote: Buffer): Promise<QuoteCollateralV3>;
}

/** Installs it where it is not yet, and loads it. @throws {Error} with what npm said */
export async function loadDcapQvl({ path }: Folder): Promise<DcapQvl> {
  const main = join(path, 'node_modules', '@phala', 'dcap-qvl');
  await access(main).catch(() => promisify(execFile)('npm', ['install', '--silent', '--no-audit', '--no-fund', '--ignore-scripts', '--no-save', '--prefix', path, `@phala/dcap-qvl@${VERSION}`], { timeout: 300_000 }));
  return createRequire(join(path, 'x.js'))(main) as DcapQvl;
}
