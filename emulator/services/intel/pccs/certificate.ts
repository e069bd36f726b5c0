/** What a caching service reads of a PCK certificate that it is handed: whose it is. */
import { TeemuError } from '../../../errors.ts';
import { OID } from '../../../pki/der.ts';
import { INTEL_PROFILES } from '../../../pki/profiles/intel.ts';
import { pemBlocks, readCertificate, readName } from '../../../pki/read.ts';
import { readSgxExtension, SGX_EXTENSION_OID } from '../../../pki/sgx-extension.ts';
import type { PckCa } from '../../../tdx/platform/platform.ts';

/** FMSPC (upper case) and issuer of a PCK certificate, or undefined when it is none. @param pem text in PEM */
export function pckCertificate(pem: string): { readonly fmspc: string; readonly ca: PckCa } | undefined {
  try {
    const [der] = pemBlocks(pem, 'CERTIFICATE');
    if (!der) return undefined;
    const { issuer, extensions } = readCertificate(der);
    const extension = extensions.find(({ oid }) => oid === SGX_EXTENSION_OID);
    if (!extension) return undefined;
    const byProcessorCa = readName(issuer).some(([oid, text]) => oid === OID.commonName && text === INTEL_PROFILES.PROCESSOR.commonName);
    return { fmspc: Buffer.from(readSgxExtension(extension.value).fmspc).toString('hex').toUpperCase(), ca: byProcessorCa ? 'processor' : 'platform' };
  } catch (cause) {
    if (cause instanceof TeemuError) return undefined;
    throw cause;
  }
}
