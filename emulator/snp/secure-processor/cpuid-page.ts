/** The CPUID page: what a guest is told about its processor, measured by its place only and checked by the firmware. */
import { Layout } from '../../codec/layout.ts';
import { array, reserved, struct, u32, u64 } from '../../codec/rows.ts';
import { CodecError } from '../../errors.ts';
import { PAGE_SIZE } from '../launch/page-info.ts';
import { refusal } from './status.ts';

const SOURCE = 'AMD 56860 SEV-SNP Firmware ABI, CPUID Page';
/** Functions that a page has room for. */
const MAX_FUNCTIONS = 64;

const CPUID_FUNCTION = new Layout('snp.cpuid-page.function', 48, SOURCE, {
  eaxIn: u32(0x00, 'function'),
  ecxIn: u32(0x04, 'sub-function'),
  xcr0In: u64(0x08, 'XCR0 at which it was asked'),
  xssIn: u64(0x10, 'XSS at which it was asked'),
  eax: u32(0x18, 'EAX'),
  ebx: u32(0x1c, 'EBX'),
  ecx: u32(0x20, 'ECX'),
  edx: u32(0x24, 'EDX'),
  reserved28: reserved(0x28, 8),
});

/** The page that the hypervisor hands to SNP_LAUNCH_UPDATE. */
export const CPUID_PAGE = new Layout('snp.cpuid-page', PAGE_SIZE, SOURCE, {
  count: u32(0x000, 'functions that are filled in'),
  reserved4: reserved(0x004, 12),
  functions: array(0x010, MAX_FUNCTIONS, struct(0, CPUID_FUNCTION, 'one function'), 'what CPUID answers'),
  reservedC10: reserved(0x010 + MAX_FUNCTIONS * CPUID_FUNCTION.size, PAGE_SIZE - 0x010 - MAX_FUNCTIONS * CPUID_FUNCTION.size),
});

/**
 * Checks the form of a CPUID page. The firmware also compares every value with what its processor can do; the emulator has no processor to ask.
 * @param contents 4096 bytes
 * @throws {FirmwareError} INVALID_PARAM
 */
export function checkCpuidPage(contents: Uint8Array): void {
  try {
    const { count } = CPUID_PAGE.decode(contents);
    if (count > MAX_FUNCTIONS) throw refusal('INVALID_PARAM', `a CPUID page has up to ${MAX_FUNCTIONS} functions, not ${count}`);
  } catch (error) {
    if (error instanceof CodecError) throw refusal('INVALID_PARAM', error.message);
    throw error;
  }
}
