/**
 * What a driver and a GPU do when something on the link is wrong: one row per event. Statuses are those of the driver (nvstatuscodes.h), class
 * errors those of SEC2 (clcba2.h:124-154), robust-channel codes those of nverror.h; all NVIDIA open-gpu-kernel-modules 595.45.04.
 */
import { FirmwareError } from '../../errors.ts';

/** The driver's status codes that the link can end in. */
const NV_STATUS = {
  NV_ERR_INSUFFICIENT_RESOURCES: 0x1a,
  NV_ERR_INVALID_ADDRESS: 0x1e,
  NV_ERR_INVALID_ARGUMENT: 0x1f,
  NV_ERR_INVALID_CHANNEL: 0x21,
  NV_ERR_INVALID_DATA: 0x25,
  NV_ERR_INVALID_STATE: 0x40,
  NV_ERR_NO_MEMORY: 0x51,
  NV_ERR_RC_ERROR: 0x60,
  NV_ERR_RESET_REQUIRED: 0x62,
  NV_ERR_TIMEOUT: 0x65,
  NV_ERR_FATAL_ERROR: 0x71,
  NV_ERR_KEY_ROTATION_IN_PROGRESS: 0x7d,
} as const;

/** Name of a status of the driver. */
export type NvStatusName = keyof typeof NV_STATUS;

/**
 * How far an event reaches. `call`: the caller gets an error, nothing else happens. `channel`: the GPU stops the channel (robust-channel
 * recovery). `driver`: the driver gives up on the GPU (a fatal error of UVM). `session`: the SPDM session ends and all its keys are destroyed.
 */
export type Reach = 'call' | 'channel' | 'driver' | 'session';

/** One event and what comes of it. */
export interface Outcome {
  readonly reach: Reach;
  readonly status: NvStatusName;
  /** Error of the SEC2 class, where SEC2 finds it. */
  readonly classError?: readonly [code: number, name: string];
  /** Robust-channel code; `ce` is that of the copy engine. */
  readonly rc?: number | 'ce';
  readonly doc: string;
  /** Where the driver says so; `inferred` for what the GPU's own firmware does, which is not public. */
  readonly source: string;
}

const SEC2_RC = 60;
const sec2 = (code: number, name: string, doc: string): Outcome => ({ reach: 'channel', status: 'NV_ERR_RC_ERROR', classError: [code, name], rc: SEC2_RC, doc, source: `clcba2.h, NVCBA2_ERROR_${name}` });
const copyEngine = (doc: string): Outcome => ({ reach: 'channel', status: 'NV_ERR_RC_ERROR', rc: 'ce', doc, source: 'inferred: the copy engine faults and GSP resets the channel' });

/** Every event of the link, by name. */
export const OUTCOMES = {
  cpuTagMismatch: { reach: 'call', status: 'NV_ERR_INVALID_DATA', doc: 'the CPU opens data of the GPU and the tag is wrong', source: 'ccsl.c:1025, uvm_conf_computing.c:545' },
  ivOverflow: { reach: 'call', status: 'NV_ERR_INSUFFICIENT_RESOURCES', doc: 'the 32-bit message counter is at its end', source: 'ccsl.c:329-333' },
  channelCounterExhausted: { reach: 'call', status: 'NV_ERR_INSUFFICIENT_RESOURCES', doc: 'the 64-bit channel counter is at its end', source: 'conf_compute_keystore_gh100.c:303-320,671-684' },
  nonceExhausted: { reach: 'call', status: 'NV_ERR_INSUFFICIENT_RESOURCES', doc: 'the 192-bit nonce of the work MAC is at its end', source: 'ccsl.c:1061-1149' },
  ivNotFresh: { reach: 'call', status: 'NV_ERR_INVALID_ARGUMENT', doc: 'an IV is used a second time, or one of the other direction', source: 'ccsl.c:849-855' },
  emptyMessage: { reach: 'call', status: 'NV_ERR_INVALID_ARGUMENT', doc: 'a message of no bytes', source: 'ccsl.c' },
  tooManyMethods: { reach: 'call', status: 'NV_ERR_INVALID_ARGUMENT', doc: 'more than 64 methods under one MAC', source: 'uvm_conf_computing.h:54-61' },
  zeroKey: { reach: 'session', status: 'NV_ERR_FATAL_ERROR', doc: 'a key of a copy engine is all zero', source: 'conf_compute_keystore_gh100.c:173-186' },
  gpuTagMismatch: copyEngine('a copy engine opens data of the CPU and the tag is wrong'),
  gpuIvOverflow: copyEngine('the message counter of a copy engine is at its end'),
  ceSourceMisaligned: copyEngine('the source of a secure copy is neither on 32 bytes nor inside one sector of 32'),
  ceDestinationMisaligned: copyEngine('the destination of a secure copy is neither on 32 bytes nor inside one sector of 32'),
  ceTagMisaligned: copyEngine('the tag of a secure copy is not on 16 bytes'),
  ceIvMisaligned: copyEngine('the IV of a secure copy is not on 16 bytes'),
  ceSizeExceeded: copyEngine('a secure copy of no bytes or more than 2 MiB'),
  ceIllegalCopy: copyEngine('a copy between protected and unprotected memory without encryption, or the wrong way round'),
  mmuFault: { reach: 'channel', status: 'NV_ERR_RC_ERROR', rc: 31, doc: 'an address that is neither GPU memory nor shared', source: 'nverror.h, ROBUST_CHANNEL_FIFO_ERROR_MMU_ERR_FLT' },
  sec2SourceMisaligned: sec2(0x1, 'DECRYPT_COPY_SRC_ADDR_MISALIGNED_POINTER', 'the source is not on 16 bytes'),
  sec2DestinationMisaligned: sec2(0x2, 'DECRYPT_COPY_DEST_ADDR_MISALIGNED_POINTER', 'the destination is not on 16 bytes'),
  sec2TagMisaligned: sec2(0x3, 'DECRYPT_COPY_AUTH_TAG_ADDR_MISALIGNED_POINTER', 'the tag is not on 16 bytes'),
  sec2DmaNack: sec2(0x4, 'DECRYPT_COPY_DMA_NACK', 'an address that nothing answers to'),
  sec2TagMismatch: sec2(0x5, 'DECRYPT_COPY_AUTH_TAG_MISMATCH', 'SEC2 opens data of the CPU and the tag is wrong'),
  sec2MacMisaligned: sec2(0x6, 'METHOD_STREAM_AUTH_TAG_ADDR_MISALIGNED_POINTER', 'the MAC is not on 16 bytes'),
  sec2MacMismatch: sec2(0x8, 'METHOD_STREAM_AUTH_TAG_CHECK_FAILURE', 'the MAC over the methods is wrong'),
  sec2SizeMisaligned: sec2(0x9, 'MISALIGNED_SIZE', 'the size is no multiple of 4'),
  sec2MissingMethods: sec2(0xa, 'MISSING_METHODS', 'the methods do not say what to do'),
  sec2SizeExceeded: sec2(0xc, 'DECRYPT_SIZE_MAX_EXCEEDED', 'more than 2 MiB'),
  sec2BufferOverflow: sec2(0xf, 'BUFFER_OVERFLOW', 'more than 64 methods'),
  sec2IvOverflow: sec2(0x10, 'IV_OVERFLOW', 'the message counter of SEC2 is at its end'),
  sec2NonceOverflow: sec2(0x15, 'NONCE_OVERFLOW', 'the nonce of SEC2 is at its end'),
  sec2KeyDerivation: sec2(0x18, 'KEY_DERIVATION_FAILURE', 'SEC2 has no keys'),
  sec2SizeZero: sec2(0x1e, 'SIZE_ZERO', 'no bytes'),
  rpcForged: { reach: 'session', status: 'NV_ERR_INVALID_DATA', doc: 'a message of the RPC queue does not open', source: 'message_queue_cpu.c:761-766' },
  rpcBroken: { reach: 'call', status: 'NV_ERR_INVALID_DATA', doc: 'a message of the RPC queue has a wrong checksum or sequence number', source: 'message_queue_cpu.c:694-735' },
  rpcOverflow: { reach: 'session', status: 'NV_ERR_INSUFFICIENT_RESOURCES', doc: 'the 64-bit counter of the RPC queue is at its end', source: 'message_queue_cpu.c:510-516' },
  semaphoreForged: { reach: 'driver', status: 'NV_ERR_INVALID_DATA', doc: 'the tracking semaphore does not open', source: 'uvm_gpu_semaphore.c:718-724' },
  semaphoreUnsettled: { reach: 'driver', status: 'NV_ERR_INVALID_STATE', doc: 'the notifier of the tracking semaphore never settles, goes back or runs ahead', source: 'uvm_gpu_semaphore.c:640-725' },
  faultPacketForged: { reach: 'driver', status: 'NV_ERR_INVALID_DATA', doc: 'a fault packet does not open', source: 'uvm_turing_fault_buffer.c:417-425' },
  heartbeatLost: { reach: 'session', status: 'NV_ERR_RESET_REQUIRED', doc: 'no heartbeat for more than two periods', source: 'spdm_gh100.c:195-205, conf_compute.c:671-716' },
  sessionLost: { reach: 'session', status: 'NV_ERR_RESET_REQUIRED', doc: 'the session was ended before; only a reset of the GPU helps', source: 'conf_compute.c:671-716' },
  driverFatal: { reach: 'driver', status: 'NV_ERR_INVALID_STATE', doc: 'the driver gave up on this GPU before', source: 'uvm_global.c, uvm_global_set_fatal_error' },
  channelKilled: { reach: 'channel', status: 'NV_ERR_RC_ERROR', doc: 'the channel was stopped before', source: 'uvm_channel.c' },
  timeout: { reach: 'call', status: 'NV_ERR_TIMEOUT', doc: 'the GPU does not come on: a doorbell or a semaphore never arrived', source: 'uvm_channel.c, uvm_channel_wait' },
  gspTimeout: { reach: 'driver', status: 'NV_ERR_TIMEOUT', rc: 119, doc: 'GSP does not answer a command; whether it was heard is not known', source: 'nverror.h, GSP_RPC_TIMEOUT' },
  noBuffers: { reach: 'call', status: 'NV_ERR_NO_MEMORY', doc: 'no bounce buffer is free and no more may be made', source: 'uvm_conf_computing.c:215-272' },
  gpuAddress: { reach: 'call', status: 'NV_ERR_INVALID_ADDRESS', doc: 'an address outside the memory of the GPU', source: 'nvstatuscodes.h' },
  rotationInProgress: { reach: 'call', status: 'NV_ERR_KEY_ROTATION_IN_PROGRESS', doc: 'the keys are being rotated', source: 'nvstatuscodes.h' },
  rotationForced: {
    reach: 'channel',
    status: 'NV_ERR_RC_ERROR',
    rc: 151,
    doc: 'the channel was not idle when its keys had to be rotated',
    source: 'conf_compute_key_rotation.c:52-143, nverror.h ROBUST_CHANNEL_KEY_ROTATION_ERROR',
  },
  rotationFailed: { reach: 'session', status: 'NV_ERR_INVALID_STATE', doc: 'the keys could not be rotated', source: 'conf_compute_key_rotation.c, KEY_ROTATION_STATUS_FAILED_ROTATION' },
} as const satisfies Record<string, Outcome>;

/** Name of an event of the link. */
export type OutcomeName = keyof typeof OUTCOMES;

/** An event of the link, with the status that the driver gives to its caller. */
export class LinkError extends FirmwareError {
  /** Which row of {@link OUTCOMES}. */
  readonly outcome: OutcomeName;
  /** How far it reaches. */
  readonly reach: Reach;

  constructor(outcome: OutcomeName, detail?: string) {
    const row: Outcome = OUTCOMES[outcome];
    super(NV_STATUS[row.status], row.status, detail === undefined ? row.doc : `${row.doc} (${detail})`);
    this.outcome = outcome;
    this.reach = row.reach;
  }
}

/** Robust-channel codes of the copy engines 0 to 9; from 10 on they count up from 126 (nverror.h). */
const COPY_ENGINE_RC: readonly number[] = [39, 40, 41, 70, 71, 72, 75, 76, 77, 85];

/** Robust-channel code of an outcome, or undefined when it stops no channel. @param engine copy engine as the driver counts (COPYn) */
export function robustChannelCode(name: OutcomeName, engine = 0): number | undefined {
  const { rc }: Outcome = OUTCOMES[name];
  return rc === 'ce' ? (COPY_ENGINE_RC[engine] ?? 116 + engine) : rc;
}
