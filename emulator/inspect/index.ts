/** Recognises a file by its contents and takes it apart. A new structure is one row. */
import { ConfigError, TeemuError } from '../errors.ts';
import { CERTIFICATE_RECOGNISERS } from './certificates.ts';
import { H100_RECOGNISERS } from './h100/index.ts';
import type { InspectContext, Inspection, Recogniser } from './inspection.ts';
import { SNP_RECOGNISERS } from './snp.ts';
import { TDX_RECOGNISERS } from './tdx/index.ts';

/** Longest file that is inspected, in bytes. */
export const MAX_INSPECTED = 16 * 1024 * 1024;

/** Every kind of file that is recognised, in the order in which they are tried: quotes, collateral and manifests hold certificates in PEM, so these come before them. */
export const RECOGNISERS: readonly Recogniser[] = [...TDX_RECOGNISERS, ...H100_RECOGNISERS, ...CERTIFICATE_RECOGNISERS, ...SNP_RECOGNISERS];

/**
 * Recognises a file and takes it apart.
 * @param name how errors name the file
 * @throws {ConfigError} when it is of no known kind; the message says what was tried and why it is none of them
 */
export function inspect(src: Uint8Array, context: InspectContext = {}, name = 'input'): Inspection {
  const tried: string[] = [];
  for (const { format, title, refuse, inspect: take } of src.length > MAX_INSPECTED ? [] : RECOGNISERS) {
    const reason = refuse(src);
    if (reason !== undefined) {
      tried.push(`${title}: ${reason}`);
      continue;
    }
    try {
      return { format, title, size: src.length, sections: take(src, context) };
    } catch (error) {
      if (!(error instanceof TeemuError)) throw error;
      tried.push(`${title}: ${error.message}`);
    }
  }
  if (src.length > MAX_INSPECTED) tried.push(`longer than the ${MAX_INSPECTED} bytes that are inspected`);
  throw new ConfigError(name, `${src.length} bytes of no known kind. Tried:\n${tried.map((line) => `  - ${line}`).join('\n')}`);
}
