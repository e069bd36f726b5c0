/** What a cloud host's certificate cache says of the VCEK that it hands out, as Azure's THIM does: JSON with `vcekCert`, `certificateChain` and `tcbm`. */
import { CodecError } from '../../../emulator/errors.ts';
import { TCB_MILAN_GENOA, type Tcb } from '../../../emulator/snp/platform/tcb.ts';

/** Longest answer that is read, in bytes: genuine ones are 7 KiB. */
const MAX_SIZE = 64 * 1024;

/**
 * The TCB that the cache says its VCEK is for: `tcbm`, a TCB_VERSION as a number in 16 digits of hexadecimal. Azure has it for Milan and Genoa.
 * @throws {CodecError} ERR_CODEC_RANGE for anything else, ERR_CODEC_RESERVED for a TCB of another form
 */
export function readCachedTcb(src: Uint8Array, path: string): Tcb {
  const fail = (rule: string): CodecError => new CodecError('ERR_CODEC_RANGE', path, 0, rule);
  if (src.length > MAX_SIZE) throw fail(`longer than ${MAX_SIZE} bytes: ${src.length}`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(src));
  } catch {
    throw fail('is no JSON in UTF-8');
  }
  const tcbm = typeof value === 'object' && value !== null && 'tcbm' in value ? value.tcbm : undefined;
  if (typeof tcbm !== 'string' || !/^[0-9a-f]{16}$/i.test(tcbm)) throw fail('tcbm must be 16 digits of hexadecimal');
  const { bootLoader, tee, snp, microcode } = TCB_MILAN_GENOA.decode(Uint8Array.from(Buffer.from(tcbm, 'hex').reverse()));
  return { bootLoader, tee, snp, microcode };
}
