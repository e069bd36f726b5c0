/** Records SPDM connections of an H100 with its driver: every frame, and the shared secret. */
import { createECDH } from 'node:crypto';
import { scalarFromSeed } from '../../emulator/crypto/sign.ts';
import { RESPONSE } from '../../emulator/link/spdm/messages/header.ts';
import { decodeKeyExchangeRsp } from '../../emulator/link/spdm/messages/key-exchange.ts';
import { ALL_MEASUREMENTS } from '../../emulator/link/spdm/messages/measurements.ts';
import { publicIdentity } from '../../emulator/link/spdm/requester/identity.ts';
import { DRIVER_PROFILE, OPEN_PROFILE } from '../../emulator/link/spdm/requester/profile.ts';
import { Requester } from '../../emulator/link/spdm/requester/requester.ts';
import { ResponderEndpoint } from '../../emulator/link/spdm/responder/endpoint.ts';
import { standaloneIdentity } from '../../emulator/link/spdm/responder/identity.ts';
import { H100_PROFILE } from '../../emulator/link/spdm/responder/profile.ts';
import { Responder } from '../../emulator/link/spdm/responder/responder.ts';
import type { Binding } from '../../emulator/link/spdm/transport/binding.ts';
import { DOE } from '../../emulator/link/spdm/transport/doe.ts';
import { MAILBOX } from '../../emulator/link/spdm/transport/mailbox.ts';
import { MCTP } from '../../emulator/link/spdm/transport/mctp.ts';
import type { SpdmTranscript } from '../../emulator/link/transcript.ts';
import { TeemuError } from '../../emulator/errors.ts';
import { type Setting, SharedWorld } from '../case-world.ts';

/** How a connection is made. */
export interface RecordingOptions {
  readonly binding?: 'mctp' | 'doe' | 'mailbox';
  readonly version?: 0x11 | 0x12;
  /** Whether the responder asks who the driver is. */
  readonly mutual?: boolean;
  /** The signature over measurements is not right. */
  readonly badMeasurements?: boolean;
  /** The driver's own signature is not right; the connection ends there. */
  readonly badFinish?: boolean;
  /** Which of the world's connections. */
  readonly connection?: number;
}

type Event = SpdmTranscript['events'][number];
const BINDINGS: Readonly<Record<SpdmTranscript['binding'], Binding>> = { mctp: MCTP, doe: DOE, mailbox: MAILBOX };
const EXCHANGE_LABEL = 'spdm/requester-exchange';
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** A world that remembers from what the requester's ephemeral key was made. */
class ListeningWorld extends SharedWorld {
  exchange: Uint8Array = new Uint8Array(0);

  override random(label: string, length: number): Uint8Array {
    const drawn = super.random(label, length);
    if (label === EXCHANGE_LABEL) this.exchange = drawn.slice();
    return drawn;
  }
}

/**
 * Records a connection: negotiation, certificates, a session, and in it a heartbeat, an update of keys, measurements, a heartbeat, and the export.
 */
export function recorded(setting: Setting, { binding: name = 'mailbox', version = 0x11, mutual = true, badMeasurements = false, badFinish = false, connection = 0 }: RecordingOptions = {}): SpdmTranscript {
  const world = new ListeningWorld(setting);
  // Another connection draws other values.
  for (let i = 0; i < connection; i++) for (const label of [EXCHANGE_LABEL, 'spdm/key-exchange-random']) world.random(label, 32);
  const binding = BINDINGS[name];
  const identity = standaloneIdentity(world);
  let measuring = false;
  const sign = (slot: number, message: Uint8Array): Uint8Array => {
    const signature = identity.sign(slot, message);
    return badMeasurements && measuring ? turned(signature) : signature;
  };
  const flags = mutual ? H100_PROFILE.flags : { ...H100_PROFILE.flags, mutAuth: 0 as const };
  const responder = new Responder(world, { ...identity, sign }, { ...H100_PROFILE, flags, versions: [version] });
  const endpoint = new ResponderEndpoint(responder, binding);
  const events: Event[] = [];
  let share: Uint8Array = new Uint8Array(0);
  const exchange = (frame: Uint8Array): Uint8Array | undefined => {
    const answer = endpoint.handleFrame(frame);
    events.push({ do: 'request', frame: hex(frame) }, { do: 'response', frame: hex(answer ?? new Uint8Array(0)) });
    const opened = answer && binding.unframe(answer);
    if (opened?.kind === 'message' && opened.payload[1] === RESPONSE.KEY_EXCHANGE_RSP) share = decodeKeyExchangeRsp(opened.payload, false).exchange;
    return answer;
  };
  const driver = publicIdentity(world);
  const own = { ...driver, sign: (message: Uint8Array): Uint8Array => (badFinish ? turned(driver.sign(message)) : driver.sign(message)) };
  const requester = new Requester(world, { binding, exchange }, { profile: mutual ? DRIVER_PROFILE : OPEN_PROFILE, identity: own });
  requester.connect();
  requester.certificate();
  attempted(() => {
    const session = requester.startSession();
    events.push({ do: 'export', emk: hex(session.exportMasterSecret().subarray(0, 32)) });
    session.heartbeat();
    session.updateKeys('updateAllKeys');
    measuring = true;
    attempted(() => session.measurements({ operation: ALL_MEASUREMENTS, slot: 0 }));
    measuring = false;
    if (session.alive) session.heartbeat();
  });
  return { form: 1, kind: 'spdm', binding: name, shared: hex(sharedSecret(world.exchange, share)), events };
}

/** One end refuses what is not signed right; the record of it is made all the same. */
function attempted(act: () => unknown): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof TeemuError)) throw error;
  }
}

function turned(signature: Uint8Array): Uint8Array {
  return signature.with(40, (signature[40] ?? 0) ^ 1);
}

function sharedSecret(seed: Uint8Array, share: Uint8Array): Uint8Array {
  const ecdh = createECDH('secp384r1');
  ecdh.setPrivateKey(scalarFromSeed('P-384', seed));
  return new Uint8Array(ecdh.computeSecret(Buffer.concat([Buffer.of(4), share])));
}
