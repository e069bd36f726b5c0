/** Messages that are not those that were sealed, or not here and now; counters at their ends, and keys that were rotated. */
import { METHODS } from './objects.ts';
import { accepted, changed, DRIVER, EXHAUSTED, flipped, FORGED, type LinkCase, NVTRUST, opened, refused, ROTATION, RPC, SEC2, spliced, TO_DRIVER, UNDER } from './row.ts';

const MESSAGE_CASES: readonly LinkCase[] = [
  refused('message/replayed', FORGED, 'critical', NVTRUST, 'A message comes a second time on its own channel.', (tape, bad) => {
    opened(tape);
    const first = tape.sealed('a');
    tape.deliver('a', first);
    tape.deliver('a', bad ? first : tape.sealed('a'));
  }),
  refused(
    'message/replayed-at-the-driver',
    FORGED,
    'critical',
    NVTRUST,
    'A message of the GPU comes a second time.',
    (tape, bad) => {
      opened(tape);
      const first = tape.sealed('a');
      tape.deliver('a', first);
      tape.deliver('a', bad ? first : tape.sealed('a'));
    },
    TO_DRIVER,
  ),
  refused('message/replayed-much-later', FORGED, 'critical', NVTRUST, 'The first message comes again behind twenty others.', (tape, bad) => {
    opened(tape);
    const first = tape.sealed('a');
    tape.deliver('a', first);
    for (let i = 0; i < 20; i++) tape.deliver('a');
    tape.deliver('a', bad ? first : tape.sealed('a'));
  }),
  refused('message/reordered', FORGED, 'high', DRIVER, 'Two messages have changed places.', (tape, bad) => {
    opened(tape);
    const both = [tape.sealed('a'), tape.sealed('a')];
    for (const message of bad ? both.toReversed() : both) tape.deliver('a', message);
  }),
  refused('message/dropped', FORGED, 'high', DRIVER, 'One message never came: the next one must not open.', (tape, bad) => {
    opened(tape);
    tape.deliver('a');
    const lost = tape.sealed('a');
    if (!bad) tape.deliver('a', lost);
    tape.deliver('a');
  }),
  refused(
    'message/text-flipped',
    FORGED,
    'critical',
    DRIVER,
    'One bit of a message is turned over.',
    changed((message) => ({ ...message, text: flipped(message.text, 20) })),
  ),
  refused(
    'message/tag-flipped',
    FORGED,
    'critical',
    DRIVER,
    'One bit of a tag is turned over.',
    changed((message) => ({ ...message, tag: flipped(message.tag, 0) })),
  ),
  refused(
    'message/last-bit-of-tag-flipped',
    FORGED,
    'critical',
    DRIVER,
    'The last bit of a tag is turned over: all 16 bytes count.',
    changed((message) => ({ ...message, tag: flipped(message.tag, 15) })),
  ),
  refused(
    'message/tag-zero',
    FORGED,
    'critical',
    DRIVER,
    'A tag is all zero.',
    changed((message) => ({ ...message, tag: '00'.repeat(16) })),
  ),
  refused(
    'message/plain',
    FORGED,
    'critical',
    DRIVER,
    'A message comes as it is, with a tag of zeros.',
    changed((message) => ({ ...message, text: message.plain, tag: '00'.repeat(16) })),
  ),
  refused(
    'message/opens-to-something-else',
    ['signature', 'message-differs'],
    'high',
    'the transcript of a link',
    'A message opens, and to something else than was sealed, says the transcript: who does not compare has opened nothing.',
    changed((message) => ({ ...message, plain: flipped(message.plain, 3) })),
    undefined,
    { bug: 'parser-differential' },
  ),
  refused('message/unknown-channel', ['parse', 'transcript-malformed'], 'medium', DRIVER, 'A message comes on a channel that was never opened.', (tape, bad) => {
    opened(tape);
    const message = tape.sealed('a');
    if (bad) tape.add({ do: 'deliver', channel: 'b', ...message });
    else tape.deliver('a', message);
  }),
  refused(
    'message/shortened',
    FORGED,
    'high',
    DRIVER,
    'A message ends 16 bytes early.',
    changed(({ text, tag, plain }) => ({ text: text.slice(0, -32), tag, plain: plain.slice(0, -32) })),
  ),
  refused(
    'message/lengthened',
    FORGED,
    'high',
    DRIVER,
    'Zeros follow a message.',
    changed(({ text, tag, plain }) => ({ text: `${text}${'00'.repeat(16)}`, tag, plain: `${plain}${'00'.repeat(16)}` })),
  ),
  refused(
    'message/empty',
    ['parse', 'message-empty'],
    'low',
    DRIVER,
    'A message is of no bytes.',
    changed(({ tag }) => ({ text: '', tag, plain: '' })),
    undefined,
    { bug: 'denial-of-service' },
  ),
];

const SPLICE_CASES: readonly LinkCase[] = [
  refused('splice/channel', FORGED, 'critical', DRIVER, 'A message of another channel under the same key: only the channel counter is another.', spliced(UNDER, UNDER)),
  refused('splice/privilege', FORGED, 'critical', DRIVER, 'A message of a user’s channel on one of the kernel’s.', spliced(UNDER, 'Lce00_h2d_kernel')),
  refused('splice/engine', FORGED, 'critical', DRIVER, 'A message for another copy engine.', spliced(UNDER, 'Lce01_h2d_user')),
  refused('splice/sec2', FORGED, 'critical', DRIVER, 'A message for a copy engine, delivered to SEC2.', spliced(UNDER, SEC2)),
  refused(
    'splice/direction',
    FORGED,
    'critical',
    DRIVER,
    'What the driver sent comes back to it as the GPU’s.',
    (tape, bad) => {
      opened(tape);
      tape.seal('a');
      const echo = tape.transcript.steps.at(-1);
      if (bad && echo?.do === 'seal') tape.deliver('a', { text: echo.text, tag: echo.tag, plain: echo.plain });
      else tape.deliver('a');
    },
    TO_DRIVER,
  ),
  refused('splice/session', FORGED, 'critical', DRIVER, 'A message of another session, on the same channel.', (tape, bad, other) => {
    for (const one of [tape, other]) opened(one);
    tape.deliver('a', (bad ? other : tape).sealed('a'));
  }),
  refused('splice/blackwell-channel', FORGED, 'critical', DRIVER, 'A message of another channel of a Blackwell GPU, where each has keys of its own.', spliced(UNDER, UNDER), { scheme: 'blackwell' }),
];

const LAST_NONCE = Uint8Array.from({ length: 32 }, (_, i) => (i < 24 ? 0xff : i === 24 ? 1 : 0));

const COUNTER_CASES: readonly LinkCase[] = [
  refused('counter/messages', EXHAUSTED, 'critical', `${DRIVER}:329-333`, 'The message counter of 32 bits is at its end, and a message under a counter of zero comes.', (tape, bad) => {
    opened(tape, UNDER, { messages: 0xffff_fffdn });
    tape.deliver('a');
    tape.deliver('a');
    if (bad) tape.deliver('a', tape.sealedAt('a', 0));
  }),
  refused('counter/own-messages', EXHAUSTED, 'critical', `${DRIVER}:329-333`, 'This end is to seal one message more than its counter has room for.', (tape, bad) => {
    opened(tape, UNDER, { messages: 0xffff_fffdn });
    tape.seal('a');
    tape.seal('a');
    if (bad) tape.add({ do: 'seal', channel: 'a', ...tape.sealedAt('a', 0) });
  }),
  refused('counter/work', EXHAUSTED, 'medium', `${DRIVER}:1061-1149`, 'The nonce of 192 bits of the work MAC is at its end, and work under a nonce of zero comes.', (tape, bad) => {
    const before = LAST_NONCE.with(0, 0xfe);
    opened(tape, SEC2, { nonce: before });
    tape.add({ do: 'work', channel: 'a', ...tape.work('a', METHODS) });
    if (bad)
      tape.add({
        do: 'work',
        channel: 'a',
        ...tape.workAt(
          METHODS,
          LAST_NONCE.map((byte, i) => (i < 24 ? 0 : byte)),
        ),
      });
  }),
  refused(
    'counter/rpc',
    EXHAUSTED,
    'high',
    'NVIDIA open-gpu-kernel-modules 595.45.04, message_queue_cpu.c:510-516',
    'The counter of 64 bits of an RPC queue is at its end, and an element under a counter of zero comes.',
    (tape, bad) => {
      opened(tape, RPC, { messages: 0xffff_ffff_ffff_fffen });
      const message = tape.data(20);
      tape.rpc('a', tape.element('a', message), message);
      if (bad) tape.rpc('a', tape.wrappedElement('a', 1, message), message);
    },
  ),
  accepted('counter/rpc-carries', 'high', 'NVIDIA open-gpu-kernel-modules 595.45.04, ccsl.c:614', 'The low word of the counter of an RPC queue is full, and carries.', (tape) => {
    opened(tape, RPC, { messages: 0xffff_fffen });
    for (let i = 0; i < 3; i++) {
      const message = tape.data(20);
      tape.rpc('a', tape.element('a', message), message);
    }
  }),
  accepted('counter/last-message', 'medium', `${DRIVER}:329-333`, 'The last message that the counter has room for.', (tape) => {
    opened(tape, UNDER, { messages: 0xffff_fffdn });
    tape.deliver('a');
    tape.deliver('a');
  }),
  refused(
    'counter/iv-used-twice',
    ['freshness', 'iv-used'],
    'critical',
    `${DRIVER}:849-855`,
    'This end is to seal two messages with one IV.',
    (tape, bad) => {
      opened(tape);
      tape.acquire('a', 'iv');
      tape.sealWith('iv');
      if (bad) tape.sealWith('iv');
    },
    TO_DRIVER,
  ),
  accepted(
    'counter/ivs-of-its-own',
    'medium',
    `${DRIVER}:849-855`,
    'IVs that were taken before seal in any order.',
    (tape) => {
      opened(tape);
      for (const name of ['one', 'two', 'three']) tape.acquire('a', name);
      for (const name of ['three', 'one', 'two']) tape.sealWith(name);
    },
    TO_DRIVER,
  ),
];

const ROTATION_CASES: readonly LinkCase[] = [
  refused('rotation/stale-key', FORGED, 'critical', ROTATION, 'A message comes that was sealed under the key before the rotation.', (tape, bad) => {
    opened(tape);
    tape.deliver('a');
    const stale = tape.sealed('a');
    if (!bad) tape.deliver('a', stale);
    tape.rotate(UNDER);
    tape.deliver('a', bad ? stale : tape.sealed('a'));
  }),
  refused('rotation/not-rotated', FORGED, 'critical', ROTATION, 'This end is told of a rotation that the other did not make.', (tape, bad) => {
    opened(tape);
    tape.deliver('a');
    const before = tape.sealed('a');
    if (!bad) tape.deliver('a', before);
    tape.rotate(UNDER);
    if (bad) tape.deliver('a', before);
    else tape.deliver('a');
  }),
  refused('rotation/replayed-after', FORGED, 'critical', ROTATION, 'After a rotation messages are counted anew: the first one of the old key comes as the first of the new one.', (tape, bad) => {
    opened(tape);
    const first = tape.sealed('a');
    tape.deliver('a', first);
    tape.rotate(UNDER);
    tape.deliver('a', bad ? first : tape.sealed('a'));
  }),
  accepted('rotation/counters', 'high', ROTATION, 'After a rotation messages are counted from the start, and the channel counter is kept.', (tape) => {
    tape.channel('before', UNDER);
    opened(tape);
    for (let i = 0; i < 3; i++) tape.deliver('a');
    tape.rotate(UNDER);
    tape.deliver('a');
    tape.deliver('before');
    tape.rotate(UNDER);
    tape.deliver('a');
  }),
  accepted(
    'rotation/late-message',
    'high',
    DRIVER,
    'A message of the old key, whose IV was taken before, comes after the rotation.',
    (tape) => {
      opened(tape);
      tape.log('a', 'early');
      const early = tape.sealed('a');
      tape.rotate(UNDER);
      tape.deliver('a');
      tape.add({ do: 'late', as: 'early', version: 0, ...early });
    },
    TO_DRIVER,
  ),
  refused(
    'rotation/sixteen-keys-ago',
    FORGED,
    'high',
    `${DRIVER}:42`,
    'A message of a key that is sixteen rotations old: that one is gone.',
    (tape, bad) => {
      opened(tape);
      tape.log('a', 'early');
      const early = tape.sealed('a');
      for (let i = 0; i < (bad ? 16 : 15); i++) tape.rotate(UNDER);
      tape.add({ do: 'late', as: 'early', version: 0, ...early });
    },
    TO_DRIVER,
  ),
  accepted('rotation/iv', 'high', 'NVIDIA open-gpu-kernel-modules 595.45.04, uvm_conf_computing.c:48-63', 'The IV is rotated between messages: their order is kept.', (tape) => {
    opened(tape);
    for (let i = 0; i < 3; i++) tape.deliver('a');
    tape.rotateIv('a');
    for (let i = 0; i < 3; i++) tape.deliver('a');
    tape.seal('a');
  }),
  refused(
    'rotation/iv-replayed-after',
    FORGED,
    'critical',
    'NVIDIA open-gpu-kernel-modules 595.45.04, uvm_conf_computing.c:48-63',
    'After an IV rotation the first message before it comes again: its number is the same, its channel counter is not.',
    (tape, bad) => {
      opened(tape);
      const first = tape.sealed('a');
      tape.deliver('a', first);
      tape.rotateIv('a');
      tape.deliver('a', bad ? first : tape.sealed('a'));
    },
  ),
];

export const MESSAGE_ROWS: readonly LinkCase[] = [...MESSAGE_CASES, ...SPLICE_CASES, ...COUNTER_CASES, ...ROTATION_CASES];
