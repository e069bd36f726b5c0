/** Rules for what may be said when: every request in every phase in which it may not. */
import type { Peer, Phase } from '../peer/peer.ts';
import { CAP, challenge, getCapabilities, getCertificate, getMeasurements, getVersion, keyExchange, message, negotiateAlgorithms, REQUEST, RESPONSE, type Version } from '../peer/requests.ts';
import { answers, type Refusal, refuses, type Rule } from './model.ts';

const ORDER_CLAUSE = 'DSP0274, SPDM message exchanges';
const SESSION_CLAUSE = 'DSP0274, SPDM messages in a session';
const HANDSHAKE_CLAUSE = 'DSP0274, Session handshake phase';
const ERROR_CLAUSE = 'DSP0274, ERROR response message, UnsupportedRequest';

const G = new Uint8Array(96).fill(1);

/** Every request of 1.1 and 1.2 in a form that would be right elsewhere. */
const SAMPLES = {
  GET_VERSION: () => getVersion(),
  GET_CAPABILITIES: ({ version }: Peer) => getCapabilities(version),
  NEGOTIATE_ALGORITHMS: ({ version }: Peer) => negotiateAlgorithms(version),
  GET_DIGESTS: ({ version }: Peer) => message(version, REQUEST.GET_DIGESTS),
  GET_CERTIFICATE: ({ version }: Peer) => getCertificate(version),
  CHALLENGE: (peer: Peer) => challenge(peer.version, peer.nonce()),
  GET_MEASUREMENTS: (peer: Peer) => getMeasurements(peer.version, 0xff, { nonce: peer.nonce() }),
  KEY_EXCHANGE: (peer: Peer) => keyExchange(peer.version, { random: peer.nonce(), exchangeData: G }),
  FINISH: ({ version }: Peer) => message(version, REQUEST.FINISH, 0, 0, new Uint8Array(48)),
  HEARTBEAT: ({ version }: Peer) => message(version, REQUEST.HEARTBEAT),
  KEY_UPDATE: ({ version }: Peer) => message(version, REQUEST.KEY_UPDATE, 1, 1),
  GET_ENCAPSULATED_REQUEST: ({ version }: Peer) => message(version, REQUEST.GET_ENCAPSULATED_REQUEST),
  DELIVER_ENCAPSULATED_RESPONSE: ({ version }: Peer) => message(version, REQUEST.DELIVER_ENCAPSULATED_RESPONSE, 1, 0, new Uint8Array(8)),
  END_SESSION: ({ version }: Peer) => message(version, REQUEST.END_SESSION),
} as const;
type Sample = keyof typeof SAMPLES;

/** Capability without which a request is unknown. */
const NEEDS: Partial<Record<Sample, number>> = { CHALLENGE: CAP.CHAL };
/** Requests that live in a session only. */
const SESSION_ONLY: readonly Sample[] = ['FINISH', 'HEARTBEAT', 'KEY_UPDATE', 'END_SESSION'];
const names = Object.keys(SAMPLES) as readonly Sample[];

/** Before the version is agreed, a message of it can be of a wrong version as well as too early. */
const EARLY: Refusal = { error: ['UnexpectedRequest', 'VersionMismatch', 'SessionRequired'], data: 'any', version: 'any' };
const OUT_OF_ORDER: Refusal = { error: ['UnexpectedRequest', 'SessionRequired'], data: 'any' };

function orderRules(id: string, at: Phase, says: string, clause: string, allowed: readonly Sample[], refusal: Refusal, inSession = false): readonly Rule[] {
  return names
    .filter((name) => !allowed.includes(name))
    .map(
      (name): Rule => ({
        id: `${id} ${name}`,
        clause,
        says,
        at,
        needs: (NEEDS[name] ?? 0) | (inSession ? CAP.KEY_EX : 0),
        cases: [refuses(id, inSession ? 'in the session' : 'in the clear', SAMPLES[name], refusal, inSession)],
      }),
    );
}

/** What a responder of neither profile can: it says which request it does not know. */
const UNKNOWN: Readonly<Record<string, number>> = {
  PSK_EXCHANGE: REQUEST.PSK_EXCHANGE,
  PSK_FINISH: REQUEST.PSK_FINISH,
  GET_CSR: REQUEST.GET_CSR,
  SET_CERTIFICATE: REQUEST.SET_CERTIFICATE,
  CHUNK_SEND: REQUEST.CHUNK_SEND,
  CHUNK_GET: REQUEST.CHUNK_GET,
  VENDOR_DEFINED_REQUEST: REQUEST.VENDOR_DEFINED_REQUEST,
  'a code of nothing, 0x80': 0x80,
  'a code of nothing, 0x90': 0x90,
  'a code of nothing, 0xd5': 0xd5,
  'a code of nothing, 0xfd': 0xfd,
};

/** Says the version in whatever code. */
const unknown =
  (code: number) =>
  ({ version }: { readonly version: Version }): Uint8Array =>
    message(version, code, 0, 0, new Uint8Array(32));

/** Rules of order. */
export const ORDER_RULES: readonly Rule[] = [
  ...orderRules('T10.1', 'start', 'nothing comes before GET_VERSION', ORDER_CLAUSE, ['GET_VERSION'], EARLY),
  ...orderRules('T10.2', 'version', 'nothing but GET_CAPABILITIES comes after VERSION', ORDER_CLAUSE, ['GET_VERSION', 'GET_CAPABILITIES'], EARLY),
  ...orderRules('T10.3', 'capabilities', 'nothing but NEGOTIATE_ALGORITHMS comes after CAPABILITIES', ORDER_CLAUSE, ['GET_VERSION', 'GET_CAPABILITIES', 'NEGOTIATE_ALGORITHMS'], OUT_OF_ORDER),
  ...orderRules(
    'T10.4',
    'algorithms',
    'what belongs to a session is not taken without one',
    SESSION_CLAUSE,
    names.filter((name) => !SESSION_ONLY.includes(name) && !name.includes('ENCAPSULATED')),
    OUT_OF_ORDER,
  ),
  ...orderRules('T10.5', 'handshake', 'nothing but FINISH comes after KEY_EXCHANGE_RSP', HANDSHAKE_CLAUSE, ['FINISH'], { error: 'UnexpectedRequest' }, true),
  ...orderRules(
    'T10.6',
    'session',
    'what makes a connection or a session is not taken inside one',
    SESSION_CLAUSE,
    ['GET_DIGESTS', 'GET_CERTIFICATE', 'GET_MEASUREMENTS', 'HEARTBEAT', 'KEY_UPDATE', 'END_SESSION'],
    { error: 'UnexpectedRequest' },
    true,
  ),
  {
    id: 'T10.7',
    clause: SESSION_CLAUSE,
    says: 'digests and certificates can be had in a session',
    needs: CAP.KEY_EX | CAP.CERT,
    at: 'session',
    cases: [answers('T10.7', 'digests', SAMPLES.GET_DIGESTS, RESPONSE.DIGESTS, () => undefined, true), answers('T10.7', 'certificate', SAMPLES.GET_CERTIFICATE, RESPONSE.CERTIFICATE, () => undefined, true)],
  },
  {
    id: 'T10.8',
    clause: ERROR_CLAUSE,
    says: 'a request that the responder does not know is named in the refusal',
    at: 'algorithms',
    cases: Object.entries(UNKNOWN).map(([name, code]) => refuses('T10.8', name, unknown(code), { error: 'UnsupportedRequest', data: code })),
  },
  {
    id: 'T10.9',
    clause: ERROR_CLAUSE,
    says: 'in a session too',
    needs: CAP.KEY_EX,
    at: 'session',
    cases: Object.entries(UNKNOWN).map(([name, code]) => refuses('T10.9', name, unknown(code), { error: 'UnsupportedRequest', data: code }, true)),
  },
  {
    id: 'T10.10',
    clause: 'DSP0274, RESPOND_IF_READY request message format',
    says: 'RESPOND_IF_READY is refused when nothing was put off',
    at: 'algorithms',
    cases: [refuses('T10.10', 'asked', ({ version }) => message(version, REQUEST.RESPOND_IF_READY, REQUEST.GET_DIGESTS, 1), { error: ['UnexpectedRequest', 'InvalidRequest', 'UnsupportedRequest'], data: 'any' })],
  },
];
