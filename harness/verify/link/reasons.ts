/** Every reason for which a transcript of a link is refused: one row each. */
import type { OutcomeName } from '../../../emulator/link/channel/outcomes.ts';
import { type Appraisal, AT, type Check, passesOf, type ReasonRow, type ReasonTable } from '../verdict.ts';

const LINK = 'NVIDIA open-gpu-kernel-modules 595.45.04';
const SPDM = 'DSP0274 1.1 and 1.2';
const { parse, chain, signature, policy, freshness } = AT;

const ROWS = {
  'transcript-malformed': parse('the transcript is one, and names only channels and IVs that there are', 'teemu: the transcript of a link'),
  'message-empty': parse('no message is of no bytes', `${LINK}, ccsl.c`),
  'rpc-broken': parse('an element of the RPC queue has the right length, checksum and sequence number', `${LINK}, message_queue_cpu.c:694-735`),
  'spdm-malformed': parse('every SPDM message can be read, and is the answer to the one before', SPDM),

  'spdm-chain': chain('the certificate chain holds a key on P-384, and the root that it names', SPDM),

  'message-forged': signature('every message opens with the next IV, under the key of its channel', `${LINK}, ccsl.c:1025`),
  'message-differs': signature('every message is the one that was sealed', 'teemu: the transcript of a link'),
  'work-forged': signature('work for SEC2 has the right MAC', `${LINK}, ccsl.c:1061-1149`),
  'rpc-forged': signature('every element of the RPC queue opens', `${LINK}, message_queue_cpu.c:761-766`),
  'fault-forged': signature('every fault packet opens, under its valid byte', `${LINK}, uvm_turing_fault_buffer.c:417-425`),
  'semaphore-forged': signature('the tracking semaphore opens with the IV of its push, and names that push', `${LINK}, uvm_gpu_semaphore.c:718-724`),
  'spdm-signature': signature('KEY_EXCHANGE_RSP and MEASUREMENTS are signed, over everything that was said, by the key of the chain', SPDM),
  'spdm-requester-signature': signature('FINISH is signed by the requester, where the responder asked for that', SPDM),
  'spdm-verify-data': signature('the verify data are those of the transcript', SPDM),
  'spdm-record': signature('every secured message opens with the next sequence number', 'DSP0277 1.1'),

  'work-too-long': policy('at most 64 methods are under one MAC', `${LINK}, uvm_conf_computing.h:54-61`),
  'spdm-second-export': policy('the export master secret is taken once', `${LINK}, spdm.c:738-762`),
  'spdm-no-session': policy('a session is set up to its end before its keys are used', SPDM),

  'counter-exhausted': freshness('no counter begins anew under one key', `${LINK}, ccsl.c:329-333`),
  'iv-used': freshness('no IV seals twice', `${LINK}, ccsl.c:849-855`),
  'semaphore-unsettled': freshness('the tracking semaphore goes forward, and not beyond what is queued', `${LINK}, uvm_gpu_semaphore.c:640-725`),
  'session-over': freshness('nothing is opened when no heartbeat came for two periods', `${LINK}, spdm_gh100.c:195-205`),
} as const satisfies Record<string, ReasonRow>;

/** Code of a reason to refuse a transcript. */
export type LinkReason = keyof typeof ROWS;
/** By code. */
export const LINK_REASONS: ReasonTable<LinkReason> = ROWS;
/** The passed check of each. */
export const LINK_PASSES: Map<LinkReason, Check<LinkReason>> = passesOf(LINK_REASONS);
/** Checks over a transcript under way. */
export type LinkAppraisal = Appraisal<LinkReason>;

/** Which reason an event of the link is. */
export const REASON_OF: Readonly<Partial<Record<OutcomeName, LinkReason>>> = {
  cpuTagMismatch: 'message-forged',
  gpuTagMismatch: 'message-forged',
  ivOverflow: 'counter-exhausted',
  channelCounterExhausted: 'counter-exhausted',
  nonceExhausted: 'counter-exhausted',
  sec2NonceOverflow: 'counter-exhausted',
  rpcOverflow: 'counter-exhausted',
  ivNotFresh: 'iv-used',
  emptyMessage: 'message-empty',
  tooManyMethods: 'work-too-long',
  rpcBroken: 'rpc-broken',
  rpcForged: 'rpc-forged',
  semaphoreForged: 'semaphore-forged',
  semaphoreUnsettled: 'semaphore-unsettled',
  faultPacketForged: 'fault-forged',
  heartbeatLost: 'session-over',
  sessionLost: 'session-over',
};
