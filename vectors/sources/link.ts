/** The cases of the link between a CPU and a GPU: each as a transcript. */
import { makeBundle } from '../../emulator/bundle.ts';
import type { ChannelTranscript, SpdmTranscript } from '../../emulator/link/transcript.ts';
import { caseWorld, type Setting } from '../case-world.ts';
import { LINK_CASES } from '../cases/link.ts';
import type { LinkCase } from '../cases/link/row.ts';
import { type RecordingOptions, recorded } from '../link/recording.ts';
import { Tape } from '../link/tape.ts';
import { caseInfo } from '../model.ts';
import type { BuiltCase, CaseSource, Subject } from '../subject.ts';

const TEE = 'link';
const rows = new Map(LINK_CASES.map((row) => [row.id, row]));

/** The corpus of the link. */
export const LINK_SOURCE: CaseSource = {
  tee: TEE,
  cases: LINK_CASES.map((row) => caseInfo(TEE, row)),
  build: (id, setting) => {
    const row = rows.get(id);
    if (!row) throw new RangeError(`there is no case ${id}`);
    return builtOf(row, setting);
  },
};

function builtOf(row: LinkCase, setting: Setting): BuiltCase {
  const { change, expect } = row;
  const built = (subject: Transcript, twin: Transcript): BuiltCase => ({ info: caseInfo(TEE, row), subject: subjectOf(subject, setting), twin: subjectOf(twin, setting) });
  if ('channel' in change) {
    const written = (bad: boolean): ChannelTranscript => {
      const world = caseWorld(setting);
      const tape = new Tape(world, change.tape);
      change.channel(tape, bad, new Tape(world, { ...change.tape, session: 1 }));
      return tape.transcript;
    };
    return built(written(expect === 'must-reject'), written(false));
  }
  const { spdm, recording = {}, bad } = change;
  const good = connection(recording, setting);
  return built(spdm(bad ? connection({ ...recording, ...bad }, setting) : good, connection({ ...recording, connection: 1 }, setting)), good);
}

type Transcript = ChannelTranscript | SpdmTranscript;

const MOST_CONNECTIONS = 32;
const connections = new Map<string, SpdmTranscript>();

/** A recorded connection: signatures of RSA keys are costly, and many cases begin with the same. */
function connection(options: RecordingOptions, setting: Setting): SpdmTranscript {
  const name = JSON.stringify([options, setting]);
  const known = connections.get(name) ?? recorded(setting, options);
  if (connections.size >= MOST_CONNECTIONS) connections.clear();
  connections.set(name, known);
  return known;
}

function subjectOf(transcript: Transcript, { at }: Setting): Subject {
  const now = Math.floor(at / 1000);
  const files = new Map([['link.json', Uint8Array.from(Buffer.from(`${JSON.stringify(transcript)}\n`))]]);
  return { bundle: makeBundle({ tee: TEE, verifyAt: now, services: {}, kind: transcript.kind }, files), roots: new Map(), now: now * 1000, request: {}, services: {} };
}
