/** What must be opened, and sealed just so. */
import { FAULT, METHODS, QUEUE } from './objects.ts';
import { accepted, BACK, DRIVER, FAULTS, hex, type LinkCase, opened, RPC, SEC2, TO_DRIVER, UNDER } from './row.ts';

/** Sizes around slots, pages and sectors. */
const SIZES: readonly number[] = [1, 15, 16, 17, 31, 32, 33, 4095, 4096, 4097, 65_535, 65_536, 65_537];

export const OK_CASES: readonly LinkCase[] = [
  accepted('ok/to-the-gpu', 'high', DRIVER, 'Messages of many sizes, from the driver to the GPU.', (tape) => {
    opened(tape);
    for (const size of SIZES) tape.deliver('a', tape.sealed('a', tape.data(size)));
  }),
  accepted(
    'ok/to-the-driver',
    'high',
    DRIVER,
    'Messages of many sizes, from the GPU to the driver.',
    (tape) => {
      opened(tape);
      for (const size of SIZES) tape.deliver('a', tape.sealed('a', tape.data(size)));
    },
    TO_DRIVER,
  ),
  accepted(
    'ok/sealing',
    'high',
    DRIVER,
    'What the driver seals, byte for byte.',
    (tape) => {
      opened(tape);
      for (const size of SIZES.slice(0, 9)) tape.seal('a', tape.data(size));
    },
    TO_DRIVER,
  ),
  accepted(
    'ok/blackwell',
    'high',
    DRIVER,
    'Two channels of a Blackwell GPU, each with keys of its own.',
    (tape) => {
      tape.channel('a', UNDER);
      tape.channel('b', UNDER);
      for (const channel of ['a', 'b', 'b', 'a']) tape.deliver(channel);
      tape.seal('b');
    },
    { scheme: 'blackwell' },
  ),
  accepted('ok/many-channels', 'high', DRIVER, 'Channels of both privileges on several engines, in turn.', (tape) => {
    const all = ['Lce00_h2d_user', 'Lce00_h2d_user', 'Lce00_h2d_kernel', 'Lce07_h2d_user', 'cpu_sec2_data_user'];
    for (const [i, key] of all.entries()) tape.channel(`c${i}`, key);
    for (let round = 0; round < 3; round++) for (const i of all.keys()) tape.deliver(`c${i}`);
  }),
  accepted(
    'ok/out-of-order',
    'high',
    DRIVER,
    'Messages whose IVs were taken before come in another order.',
    (tape) => {
      opened(tape);
      const messages = ['one', 'two', 'three'].map((name) => {
        tape.log('a', name);
        return [name, tape.sealed('a')] as const;
      });
      for (const [name, message] of messages.toReversed()) tape.add({ do: 'late', as: name, version: 0, ...message });
    },
    TO_DRIVER,
  ),
  accepted('ok/rpc', 'high', QUEUE, 'Elements of a queue of GSP, one to three of them for a message.', (tape) => {
    opened(tape, RPC);
    for (const size of [1, 4044, 4045, 10_000]) {
      const message = tape.data(size);
      tape.rpc('a', tape.element('a', message), message);
    }
  }),
  accepted(
    'ok/faults-and-semaphores',
    'medium',
    DRIVER,
    'Faults and tracking semaphores as the GPU writes them; one update of several pushes.',
    (tape) => {
      tape.channel('faults', FAULTS);
      const { packet, metadata } = tape.fault('faults', FAULT);
      tape.add({ do: 'fault', channel: 'faults', packet: hex(packet), metadata: hex(metadata), address: String(FAULT.address) });
      opened(tape, BACK);
      for (let i = 0; i < 3; i++) tape.add({ do: 'queue', channel: 'a' });
      tape.semaphore('a', 1);
      tape.semaphore('a', 2);
      tape.add({ do: 'semaphore', channel: 'a', memory: hex(tape.semaphore('a', 3)), completed: 3 });
    },
    TO_DRIVER,
  ),
  accepted('ok/signed-work', 'medium', `${DRIVER}:1061-1149`, 'Work for SEC2 with its MACs, 64 methods at most.', (tape) => {
    opened(tape, SEC2);
    for (let i = 0; i < 3; i++) tape.add({ do: 'work', channel: 'a', ...tape.work('a', METHODS) });
  }),
];
