/** Signed work, queues of GSP, faults, tracking semaphores and heartbeats. */
import type { Method } from '../../../emulator/link/channel/work-mac.ts';
import type { Tape } from '../../link/tape.ts';
import { type At, BACK, DRIVER, FAULTS, hex, type LinkCase, opened, refused, RPC, type Script, SEC2, TO_DRIVER } from './row.ts';

/** Work as the driver hands it to SEC2. */
export const METHODS: readonly Method[] = [
  [0x400, 1],
  [0x404, 0x1000],
  [0x408, 2],
  [0x40c, 0x2000],
  [0x410, 64],
  [0x470, 1],
];
const work =
  (more: Partial<ReturnType<Tape['work']>>): Script =>
  (tape, bad) => {
    opened(tape, SEC2);
    tape.add({ do: 'work', channel: 'a', ...tape.work('a', METHODS) });
    const signed = tape.work('a', METHODS);
    tape.add({ do: 'work', channel: 'a', ...signed, ...(bad ? more : {}) });
  };
const WORK_FORGED: At = ['signature', 'work-forged'];
const methodsHex = (methods: readonly Method[]): string => methods.map((pair) => pair.map((word) => hex(Uint8Array.of(word & 0xff, (word >> 8) & 0xff, (word >> 16) & 0xff, word >>> 24))).join('')).join('');

const WORK_CASES: readonly LinkCase[] = [
  refused('work/reordered', WORK_FORGED, 'critical', `${DRIVER}:1061-1149`, 'The methods under a MAC stand in another order.', work({ methods: methodsHex(METHODS.toReversed()) })),
  refused(
    'work/changed',
    WORK_FORGED,
    'critical',
    `${DRIVER}:1061-1149`,
    'A method under a MAC has another address.',
    work({ methods: methodsHex(METHODS.map(([address, data], i): Method => (i === 3 ? [address, 0x9000] : [address, data]))) }),
  ),
  refused('work/left-out', WORK_FORGED, 'critical', `${DRIVER}:1061-1149`, 'A method under a MAC is left out.', work({ methods: methodsHex(METHODS.slice(0, -1)) })),
  refused('work/mac-flipped', WORK_FORGED, 'critical', `${DRIVER}:1061-1149`, 'A MAC is all zero.', work({ mac: '00'.repeat(32) })),
  refused('work/replayed', WORK_FORGED, 'critical', `${DRIVER}:1061-1149`, 'Signed work comes a second time.', (tape, bad) => {
    opened(tape, SEC2);
    const first = tape.work('a', METHODS);
    tape.add({ do: 'work', channel: 'a', ...first });
    tape.add({ do: 'work', channel: 'a', ...(bad ? first : tape.work('a', METHODS)) });
  }),
  refused('work/too-long', ['policy', 'work-too-long'], 'medium', 'NVIDIA open-gpu-kernel-modules 595.45.04, uvm_conf_computing.h:54-61', 'There are 65 methods under one MAC.', (tape, bad) => {
    opened(tape, SEC2);
    const many = (count: number): Method[] => Array.from({ length: count }, (_, i): Method => [0x400, i]);
    tape.add({ do: 'work', channel: 'a', ...tape.work('a', many(64)) });
    if (bad) tape.add({ do: 'work', channel: 'a', ...tape.workAt(many(65), secondNonce()) });
  }),
];

/** The nonce of a channel's second work. */
function secondNonce(): Uint8Array {
  const nonce = new Uint8Array(32);
  nonce[0] = 2;
  nonce[24] = 1;
  return nonce;
}

const rpc =
  (edit: (element: Uint8Array) => Uint8Array): Script =>
  (tape, bad) => {
    opened(tape, RPC);
    const [first, second] = [tape.data(30), tape.data(5000)];
    tape.rpc('a', tape.element('a', first), first);
    const element = tape.element('a', second);
    tape.rpc('a', bad ? edit(element) : element, second);
  };
/** Bytes changed so that the checksum still holds. */
const balanced = (element: Uint8Array, at: number): Uint8Array => {
  const copy = element.slice();
  for (const place of [at, 32 + (at % 4)]) copy[place] = (copy[place] ?? 0) ^ 4;
  return copy;
};
/** Where rules of RPC queues are from. */
export const QUEUE = 'NVIDIA open-gpu-kernel-modules 595.45.04, message_queue_cpu.c';
/** A fault. */
export const FAULT = { address: 0x1234_5000n, instance: 7n, faultType: 2, write: true, client: 3 };
const FAULT_FORGED: At = ['signature', 'fault-forged'];
const fault =
  (edit: (sealed: { packet: Uint8Array; metadata: Uint8Array }) => { packet: Uint8Array; metadata: Uint8Array }): Script =>
  (tape, bad) => {
    opened(tape, FAULTS);
    const first = tape.fault('a', FAULT);
    for (const { packet, metadata } of [first, bad ? edit(tape.fault('a', FAULT)) : tape.fault('a', FAULT)])
      tape.add({ do: 'fault', channel: 'a', packet: hex(packet), metadata: hex(metadata), address: String(FAULT.address) });
  };
const semaphores =
  (memory: (tape: Tape, second: Uint8Array, first: Uint8Array) => Uint8Array): Script =>
  (tape, bad) => {
    opened(tape, BACK);
    for (let i = 0; i < 2; i++) tape.add({ do: 'queue', channel: 'a' });
    const first = tape.semaphore('a', 1);
    tape.add({ do: 'semaphore', channel: 'a', memory: hex(first), completed: 1 });
    const second = tape.semaphore('a', 2);
    tape.add({ do: 'semaphore', channel: 'a', memory: hex(bad ? memory(tape, second, first) : second), completed: 2 });
  };
const notifier = (memory: Uint8Array, value: number): Uint8Array => memory.with(32, value);

const OBJECT_CASES: readonly LinkCase[] = [
  refused(
    'rpc/sequence-number-changed',
    ['parse', 'rpc-broken'],
    'critical',
    QUEUE,
    'The sequence number of an element is another.',
    rpc((element) => balanced(element, 36)),
  ),
  refused(
    'rpc/additional-data-changed',
    ['signature', 'rpc-forged'],
    'critical',
    QUEUE,
    'The additional data of an element say another sequence number than its header.',
    rpc((element) => balanced(element, 16)),
  ),
  refused(
    'rpc/text-changed',
    ['signature', 'rpc-forged'],
    'critical',
    QUEUE,
    'A byte of an element is changed, and its checksum with it.',
    rpc((element) => balanced(element, 100)),
  ),
  refused(
    'rpc/checksum',
    ['parse', 'rpc-broken'],
    'low',
    QUEUE,
    'The checksum of an element is wrong.',
    rpc((element) => element.with(32, (element[32] ?? 0) ^ 1)),
  ),
  refused(
    'rpc/cut',
    ['parse', 'rpc-broken'],
    'high',
    QUEUE,
    'An element says that it is two, and one is there.',
    rpc((element) => element.slice(0, 4096)),
    undefined,
    { bug: 'denial-of-service' },
  ),
  refused('rpc/replayed', ['parse', 'rpc-broken'], 'critical', QUEUE, 'An element comes a second time.', (tape, bad) => {
    opened(tape, RPC);
    const message = tape.data(30);
    const first = tape.element('a', message);
    tape.rpc('a', first, message);
    tape.rpc('a', bad ? first : tape.element('a', message), message);
  }),
  refused(
    'fault/packet-changed',
    FAULT_FORGED,
    'high',
    'NVIDIA open-gpu-kernel-modules 595.45.04, uvm_turing_fault_buffer.c',
    'A fault packet is changed.',
    fault(({ packet, metadata }) => ({ packet: packet.with(8, (packet[8] ?? 0) ^ 1), metadata })),
    TO_DRIVER,
  ),
  refused(
    'fault/valid-changed',
    FAULT_FORGED,
    'critical',
    'NVIDIA open-gpu-kernel-modules 595.45.04, uvm_conf_computing.c:580-588',
    'The valid byte of a fault packet is another, and not zero.',
    fault(({ packet, metadata }) => ({ packet, metadata: metadata.with(16, 2) })),
    TO_DRIVER,
  ),
  refused(
    'fault/tag-changed',
    FAULT_FORGED,
    'high',
    'NVIDIA open-gpu-kernel-modules 595.45.04, uvm_turing_fault_buffer.c',
    'The tag of a fault packet is changed.',
    fault(({ packet, metadata }) => ({ packet, metadata: metadata.with(0, (metadata[0] ?? 0) ^ 1) })),
    TO_DRIVER,
  ),
  refused(
    'semaphore/payload-forged',
    ['signature', 'semaphore-forged'],
    'critical',
    'NVIDIA open-gpu-kernel-modules 595.45.04, uvm_gpu_semaphore.c',
    'The payload of a tracking semaphore is changed.',
    semaphores((_, second) => second.with(0, (second[0] ?? 0) ^ 1)),
    TO_DRIVER,
  ),
  refused(
    'semaphore/tag-forged',
    ['signature', 'semaphore-forged'],
    'critical',
    'NVIDIA open-gpu-kernel-modules 595.45.04, uvm_gpu_semaphore.c',
    'The tag of a tracking semaphore is changed.',
    semaphores((_, second) => second.with(20, (second[20] ?? 0) ^ 1)),
    TO_DRIVER,
  ),
  refused(
    'semaphore/replayed',
    ['signature', 'semaphore-forged'],
    'critical',
    'NVIDIA open-gpu-kernel-modules 595.45.04, uvm_gpu_semaphore.c',
    'The payload of an earlier push stands there under the next notifier.',
    semaphores((_, __, first) => notifier(first, 4)),
    TO_DRIVER,
  ),
  refused(
    'semaphore/ahead',
    ['freshness', 'semaphore-unsettled'],
    'critical',
    'NVIDIA open-gpu-kernel-modules 595.45.04, uvm_gpu_semaphore.c',
    'The notifier says that a push is done that was never queued.',
    semaphores((_, second) => notifier(second, 6)),
    TO_DRIVER,
  ),
  refused(
    'semaphore/never-settles',
    ['freshness', 'semaphore-unsettled'],
    'high',
    'NVIDIA open-gpu-kernel-modules 595.45.04, uvm_gpu_semaphore.c',
    'The notifier stays odd.',
    semaphores((_, second) => notifier(second, 3)),
    TO_DRIVER,
    { bug: 'denial-of-service' },
  ),
  refused(
    'session/heartbeat-lost',
    ['freshness', 'session-over'],
    'high',
    'NVIDIA open-gpu-kernel-modules 595.45.04, spdm_gh100.c:195-205',
    'There was no heartbeat for more than two periods, and a message comes.',
    (tape, bad) => {
      opened(tape);
      tape.deliver('a');
      tape.add({ do: 'wait', milliseconds: 4000 }, { do: 'heartbeat' }, { do: 'wait', milliseconds: bad ? 8001 : 8000 });
      tape.deliver('a');
    },
  ),
];

export const OBJECT_ROWS: readonly LinkCase[] = [...WORK_CASES, ...OBJECT_CASES];
