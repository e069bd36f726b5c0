/** SPDM connections that were meddled with. */
import type { SpdmTranscript } from '../../../emulator/link/transcript.ts';
import type { RecordingOptions } from '../../link/recording.ts';
import type { Severity } from '../../model.ts';
import { type At, flipped, type LinkCase, type SpdmChange } from './row.ts';

const SPDM = 'DSP0274 1.1 and 1.2';
type Events = SpdmTranscript['events'];
/** Frames changed in their order: GET_VERSION is event 0, its answer event 1, and so on. */
const frames =
  (edit: (events: Events) => Events): SpdmChange['spdm'] =>
  (transcript) => ({ ...transcript, events: edit(transcript.events) });
const framed = (at: number, edit: (frame: string) => string): SpdmChange['spdm'] => frames((events) => events.map((event, i) => (i === at && event.do !== 'export' ? { ...event, frame: edit(event.frame) } : event)));
/** Where the answer to a message in the clear is, by the code of the message. */
const answerTo =
  (code: number) =>
  (events: Events): number =>
    events.findIndex((event) => event.do === 'request' && Number.parseInt(event.frame.slice(HEAD + 2, HEAD + 4), 16) === code && event.frame.startsWith('00000000')) + 1;
/** Hexadecimal digits of the mailbox's head. */
const HEAD = 24;
const turned =
  (code: number, at: number, end = false): SpdmChange['spdm'] =>
  (transcript, other) => {
    const place = answerTo(code)(transcript.events);
    return framed(place, (frame) => flipped(frame, end ? frame.length / 2 + at : HEAD / 2 + at))(transcript, other);
  };
const spdm = (slug: string, [stage, reason]: At, severity: Severity, why: string, change: SpdmChange['spdm'], more: Pick<SpdmChange, 'recording' | 'bad'> = {}): LinkCase => ({
  id: `link/spdm/${slug}`,
  expect: 'must-reject',
  stage,
  reason,
  severity,
  ref: SPDM,
  why,
  change: { spdm: change, ...more },
});
const sound = (slug: string, why: string, recording: RecordingOptions): LinkCase => ({
  id: `link/spdm/${slug}`,
  expect: 'must-accept',
  severity: 'high',
  ref: SPDM,
  why,
  change: { spdm: (transcript) => transcript, recording },
});
const same: SpdmChange['spdm'] = (transcript) => transcript;
const SPDM_SIGNATURE: At = ['signature', 'spdm-signature'];
const RECORD: At = ['signature', 'spdm-record'];
/** The events of the session, after the export. */
const inSession = (edit: (events: Events) => Events): SpdmChange['spdm'] =>
  frames((events) => {
    const at = events.findIndex((event) => event.do === 'export') + 1;
    return [...events.slice(0, at), ...edit(events.slice(at))];
  });

export const SPDM_CASES: readonly LinkCase[] = [
  sound('ok-11', 'A connection of SPDM 1.1 with mutual authentication, heartbeat, an update of keys and measurements.', {}),
  sound('ok-12', 'The same of SPDM 1.2.', { version: 0x12 }),
  sound('ok-mctp', 'The same over MCTP, where secured messages are numbered and padded.', { binding: 'mctp' }),
  sound('ok-doe', 'The same over PCI DOE.', { binding: 'doe', version: 0x12 }),
  sound('ok-one-sided', 'A connection in which the driver need not say who it is.', { mutual: false, version: 0x12 }),
  spdm('version-changed', SPDM_SIGNATURE, 'critical', 'The versions that the responder offers are others.', turned(0x84, 4)),
  spdm('capabilities-changed', SPDM_SIGNATURE, 'critical', 'The responder’s flags are others.', turned(0xe1, 9)),
  spdm('algorithms-changed', SPDM_SIGNATURE, 'critical', 'The algorithms that the responder chose are others.', turned(0xe3, 8)),
  spdm('certificate-chain-changed', SPDM_SIGNATURE, 'critical', 'A byte in the signature of the leaf is changed, at the end of the chain.', turned(0x82, -2, true)),
  spdm('key-exchange-random', SPDM_SIGNATURE, 'critical', 'A byte of the responder’s random data is changed.', turned(0xe4, 10)),
  spdm('key-exchange-share', SPDM_SIGNATURE, 'critical', 'A byte of the responder’s half of the key is changed.', turned(0xe4, 60)),
  spdm('key-exchange-signature', SPDM_SIGNATURE, 'critical', 'A byte of the signature of KEY_EXCHANGE_RSP is changed.', turned(0xe4, -60, true)),
  spdm('key-exchange-verify-data', ['signature', 'spdm-verify-data'], 'critical', 'A byte of the responder’s verify data is changed.', turned(0xe4, -1, true)),
  spdm('measurements-signature', SPDM_SIGNATURE, 'critical', 'The signature of the measurements in the session is wrong, inside a record that is right.', same, { bad: { badMeasurements: true } }),
  spdm('finish-signature', ['signature', 'spdm-requester-signature'], 'critical', 'The driver’s signature in FINISH is wrong, inside a record that is right.', same, { bad: { badFinish: true } }),
  spdm(
    'record-flipped',
    RECORD,
    'critical',
    'One bit of a secured message is turned over.',
    inSession((events) => events.map((event, i) => (i === 0 && event.do !== 'export' ? { ...event, frame: flipped(event.frame, 20) } : event))),
  ),
  spdm(
    'record-tag-flipped',
    RECORD,
    'critical',
    'The last bit of a secured message is turned over.',
    inSession((events) => events.map((event, i) => (i === 1 && event.do !== 'export' ? { ...event, frame: flipped(event.frame, event.frame.length / 2 - 1) } : event))),
  ),
  spdm(
    'record-length',
    RECORD,
    'high',
    'The length in the head of a secured message is one less.',
    inSession((events) => events.map((event, i) => (i === 0 && event.do !== 'export' ? { ...event, frame: shorter(event.frame) } : event))),
  ),
  spdm(
    'record-of-another-session',
    RECORD,
    'critical',
    'The session id in the head of a secured message is another.',
    inSession((events) => events.map((event, i) => (i === 0 && event.do !== 'export' ? { ...event, frame: flipped(event.frame, 12) } : event))),
  ),
  spdm(
    'record-replayed',
    RECORD,
    'critical',
    'A heartbeat and its answer come a second time.',
    inSession((events) => [...events.slice(0, 2), ...events]),
  ),
  spdm(
    'record-dropped',
    RECORD,
    'high',
    'A heartbeat and its answer are left out.',
    inSession((events) => events.slice(2)),
  ),
  spdm(
    'record-echoed',
    RECORD,
    'critical',
    'The request comes back as its own answer.',
    inSession((events) => events.map((event, i, all) => (i === 1 && all[0]?.do === 'request' ? { do: 'response', frame: all[0].frame } : event))),
  ),
  spdm(
    'key-update-unverified',
    RECORD,
    'high',
    'The new keys are never verified: the message that does so is left out.',
    inSession((events) => events.filter((_, i) => i !== 4 && i !== 5)),
  ),
  spdm(
    'key-update-dropped',
    RECORD,
    'high',
    'The update of keys is left out, and the messages under the new keys come.',
    inSession((events) => events.filter((_, i) => i < 2 || i > 5)),
  ),
  spdm(
    'exported-twice',
    ['policy', 'spdm-second-export'],
    'high',
    'The export master secret is taken a second time.',
    inSession((events) => [...events, ...EXPORT_AGAIN]),
  ),
  spdm(
    'exported-early',
    ['policy', 'spdm-no-session'],
    'high',
    'The export master secret is taken before the session is set up.',
    frames((events) => [...events.slice(0, 2), ...events.filter(({ do: what }) => what === 'export'), ...events.slice(2)]),
  ),
  spdm(
    'cut-before-finish',
    ['policy', 'spdm-no-session'],
    'critical',
    'The connection ends before the session is set up.',
    frames((events) => events.slice(0, answerTo(0xe4)(events) + 1)),
  ),
  spdm(
    'without-certificates',
    ['chain', 'spdm-chain'],
    'critical',
    'The responder never told its certificates.',
    frames((events) => events.filter((_, i) => ![answerTo(0x82)(events), answerTo(0x82)(events) - 1].includes(i))),
  ),
  spdm('handshake-of-another-connection', RECORD, 'critical', 'The handshake goes on with the messages of another connection.', (transcript, other) => {
    const at = answerTo(0xe4)(transcript.events) + 1;
    return { ...transcript, events: [...transcript.events.slice(0, at), ...other.events.slice(at)] };
  }),
  spdm(
    'response-missing',
    ['parse', 'spdm-malformed'],
    'medium',
    'A request has no response.',
    frames((events) => events.filter((_, i) => i !== 3)),
  ),
  spdm('truncated-frame', ['parse', 'spdm-malformed'], 'high', 'The answer to KEY_EXCHANGE ends early.', (transcript, other) =>
    framed(answerTo(0xe4)(transcript.events), (frame) => frame.slice(0, 200))(transcript, other),
  ),
];

/** Whatever it gives, nothing may. */
const EXPORT_AGAIN: Events = [{ do: 'export', emk: '00'.repeat(32) }];

/** A secured message in the mailbox whose head says one byte less. */
function shorter(frame: string): string {
  const bytes = Buffer.from(frame, 'hex');
  bytes.writeUInt16LE(bytes.readUInt16LE(16) - 1, 16);
  return bytes.toString('hex');
}
