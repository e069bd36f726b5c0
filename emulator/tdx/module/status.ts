/** What the TDX module and the quoting enclave answer: their status codes. */
import { FirmwareError } from '../../errors.ts';

/**
 * Status codes of the TDX module: the upper half of the 64 bits that a SEAMCALL or TDCALL returns. The lower half names the operand, where
 * there is one. Source: intel/tdx-module TDX_1.5.01, tdx_error_codes_defs.h.
 */
export const TDX_STATUS = {
  TDX_SUCCESS: 0x0000_0000,
  TDX_OPERAND_INVALID: 0xc000_0100,
  TDX_PAGE_METADATA_INCORRECT: 0xc000_0300,
  TDX_TD_FATAL: 0xe000_0604,
  TDX_LIFECYCLE_STATE_INCORRECT: 0xc000_0607,
  TDX_OP_STATE_INCORRECT: 0xc000_0608,
  TDX_NO_VCPUS: 0xc000_0609,
  TDX_MAX_VCPUS_EXCEEDED: 0xc000_0705,
  TDX_EPT_WALK_FAILED: 0xc000_0b00,
  TDX_EPT_ENTRY_NOT_PRESENT: 0xc000_0b03,
  TDX_GPA_RANGE_NOT_BLOCKED: 0xc000_0b06,
  TDX_GPA_RANGE_ALREADY_BLOCKED: 0x0000_0b07,
  TDX_TLB_TRACKING_NOT_DONE: 0xc000_0b08,
  TDX_EPT_INVALID_PROMOTE_CONDITIONS: 0xc000_0b09,
  TDX_PAGE_ALREADY_ACCEPTED: 0x0000_0b0a,
  TDX_PAGE_SIZE_MISMATCH: 0xc000_0b0b,
  TDX_EPT_ENTRY_STATE_INCORRECT: 0xc000_0b0d,
  TDX_SERVTD_TYPE_MISMATCH: 0xc000_0d01,
  TDX_SERVTD_ATTR_MISMATCH: 0xc000_0d02,
  TDX_SERVTD_INFO_HASH_MISMATCH: 0xc000_0d03,
  TDX_SERVTD_UUID_MISMATCH: 0xc000_0d04,
  TDX_SERVTD_NOT_BOUND: 0xc000_0d05,
  TDX_SYS_INVALID_HANDOFF: 0xc000_0509,
  TDX_INVALID_CPUSVN: 0xc000_1000,
  TDX_INVALID_REPORTMACSTRUCT: 0xc000_1001,
} as const;
export type TdxStatusName = keyof typeof TDX_STATUS;

/** Operands, as the lower half of a status names them. */
export const OPERANDS = { RCX: 1, RDX: 2, R8: 8, R9: 9, R10: 10, ATTRIBUTES: 64, XFAM: 65, MAX_VCPUS: 68 } as const;
export type Operand = keyof typeof OPERANDS;

/** Status codes of the TD quoting enclave. Source: intel/SGXDataCenterAttestationPrimitives, quoting_enclave_tdqe.h. */
export const QE_STATUS = {
  TDQE_SUCCESS: 0x0_0000,
  TDQE_ERROR_UNEXPECTED: 0x1_0001,
  TDQE_ERROR_INVALID_PARAMETER: 0x1_0002,
  TDQE_ERROR_INVALID_REPORT: 0x1_0008,
  TDQE_ERROR_INVALID_HASH: 0x1_000a,
  TDQE_REPORT_FORMAT_NOT_SUPPORTED: 0x1_000c,
} as const;
export type QeStatusName = keyof typeof QE_STATUS;

/** The error that stands for a status of the TDX module. @param why what was wrong, for a person @param operand which operand was */
export function refusal(name: TdxStatusName, why: string, operand?: Operand): FirmwareError {
  return new FirmwareError(TDX_STATUS[name], name, operand === undefined ? why : `${operand}: ${why}`);
}

/** The error that stands for a status of the quoting enclave. @param why what was wrong, for a person */
export function qeRefusal(name: QeStatusName, why: string): FirmwareError {
  return new FirmwareError(QE_STATUS[name], name, why);
}
