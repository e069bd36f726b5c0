/**
 * GET_VERSION to CAPABILITIES: which version a connection has, and what either end can do.
 *
 * Source: DMTF DSP0274 1.1 and 1.2, "Capability discovery and negotiation".
 */
import { Layout } from '../../../codec/layout.ts';
import type { ValueOf } from '../../../codec/rows.ts';
import { bit, bitRange, bits, reserved, reservedBits, u8, u16, u32 } from '../../../codec/rows.ts';
import { messageStart, REQUEST, RESPONSE } from './header.ts';

const SOURCE_11 = 'DSP0274 1.1.3';
const SOURCE_12 = 'DSP0274 1.2.2';

/** GET_VERSION. */
export const GET_VERSION = new Layout('spdm.getVersion', 4, `${SOURCE_12}, GET_VERSION request message`, {
  ...messageStart(REQUEST.GET_VERSION),
  param1: u8(2, 'Param1: reserved'),
  param2: u8(3, 'Param2: reserved'),
});

/** The fixed part of VERSION; as many entries follow as it says. */
export const VERSION_HEAD = new Layout('spdm.version', 6, `${SOURCE_12}, Successful VERSION response message format`, {
  ...messageStart(RESPONSE.VERSION),
  param1: u8(2, 'Param1: reserved'),
  param2: u8(3, 'Param2: reserved'),
  reserved: reserved(4, 1),
  entryCount: u8(5, 'VersionNumberEntryCount'),
});

/** One entry of VERSION. */
export const VERSION_ENTRY = new Layout('spdm.versionEntry', 2, `${SOURCE_12}, VersionNumberEntry definition`, {
  number: bits(0, 2, 'VersionNumberEntry', {
    alpha: bitRange(0, 4, 'Alpha: 0 for a published version'),
    update: bitRange(4, 4, 'UpdateVersionNumber'),
    minor: bitRange(8, 4, 'MinorVersion'),
    major: bitRange(12, 4, 'MajorVersion'),
  }),
});

const encrypts = bit(6, 'ENCRYPT_CAP: secured messages are encrypted');
const macs = bit(7, 'MAC_CAP: secured messages are authenticated');
const mutualAuth = bit(8, 'MUT_AUTH_CAP: mutual authentication');
const keyEx = bit(9, 'KEY_EX_CAP: KEY_EXCHANGE');
const encap = bit(12, 'ENCAP_CAP: encapsulated requests');
const heartbeat = bit(13, 'HBEAT_CAP: HEARTBEAT');
const keyUpdate = bit(14, 'KEY_UPD_CAP: KEY_UPDATE');
const handshakeInTheClear = bit(15, 'HANDSHAKE_IN_THE_CLEAR_CAP: the handshake needs no secured messages');
const publicKeyId = bit(16, 'PUB_KEY_ID_CAP: the public key was provisioned');

/** Flags of GET_CAPABILITIES, SPDM 1.2; in 1.1 CHUNK_CAP is reserved. */
const REQUESTER_FLAGS = {
  reserved0: reservedBits(0, 1),
  cert: bit(1, 'CERT_CAP: DIGESTS and CERTIFICATE'),
  chal: bit(2, 'CHAL_CAP: CHALLENGE_AUTH'),
  reserved3: reservedBits(3, 3),
  encrypt: encrypts,
  mac: macs,
  mutAuth: mutualAuth,
  keyEx,
  psk: bitRange(10, 2, 'PSK_CAP: 1 pre-shared keys; 2 and 3 reserved'),
  encap,
  hbeat: heartbeat,
  keyUpd: keyUpdate,
  handshakeInTheClear,
  pubKeyId: publicKeyId,
  chunk: bit(17, 'CHUNK_CAP: messages in chunks, SPDM 1.2'),
  reserved18: reservedBits(18, 14),
};

/** Flags of CAPABILITIES, SPDM 1.2; in 1.1 those from CHUNK_CAP on are reserved. */
const RESPONDER_FLAGS = {
  cache: bit(0, 'CACHE_CAP: the negotiated state outlives a reset'),
  cert: bit(1, 'CERT_CAP: DIGESTS and CERTIFICATE'),
  chal: bit(2, 'CHAL_CAP: CHALLENGE_AUTH'),
  meas: bitRange(3, 2, 'MEAS_CAP: 0 no measurements, 1 unsigned ones only, 2 signed ones too'),
  measFresh: bit(5, 'MEAS_FRESH_CAP: measurements are taken anew'),
  encrypt: encrypts,
  mac: macs,
  mutAuth: mutualAuth,
  keyEx,
  psk: bitRange(10, 2, 'PSK_CAP: 1 pre-shared keys, 2 with responder context'),
  encap,
  hbeat: heartbeat,
  keyUpd: keyUpdate,
  handshakeInTheClear,
  pubKeyId: publicKeyId,
  chunk: bit(17, 'CHUNK_CAP: messages in chunks, SPDM 1.2'),
  aliasCert: bit(18, 'ALIAS_CERT_CAP: the chain has alias certificates, SPDM 1.2'),
  setCert: bit(19, 'SET_CERT_CAP: SET_CERTIFICATE, SPDM 1.2'),
  csr: bit(20, 'CSR_CAP: GET_CSR, SPDM 1.2'),
  certInstallReset: bit(21, 'CERT_INSTALL_RESET_CAP: a new certificate needs a reset, SPDM 1.2'),
  reserved22: reservedBits(22, 10),
};
type FlagValues<F> = { readonly [K in keyof F as K extends `reserved${number}` ? never : K]?: number };
export type RequesterFlags = FlagValues<typeof REQUESTER_FLAGS>;
export type ResponderFlags = FlagValues<typeof RESPONDER_FLAGS>;

const timing = {
  reserved4: u8(4, 'reserved'),
  ctExponent: u8(5, 'CTExponent: cryptography takes up to 2 to this power microseconds'),
  reserved6: u16(6, 'reserved'),
};
const sizes = {
  dataTransferSize: u32(12, 'DataTransferSize: longest message that the sender takes in one transfer'),
  maxMessageSize: u32(16, 'MaxSPDMmsgSize: longest message that the sender takes, in chunks or not'),
};

/** GET_CAPABILITIES, SPDM 1.1. */
export const GET_CAPABILITIES_11 = new Layout('spdm.getCapabilities.v11', 12, `${SOURCE_11}, GET_CAPABILITIES request message format`, {
  ...messageStart(REQUEST.GET_CAPABILITIES),
  param1: u8(2, 'Param1: reserved'),
  param2: u8(3, 'Param2: reserved'),
  ...timing,
  flags: bits(8, 4, 'Flags of the requester', REQUESTER_FLAGS),
});

/** GET_CAPABILITIES, SPDM 1.2: with sizes. */
export const GET_CAPABILITIES_12 = new Layout('spdm.getCapabilities.v12', 20, `${SOURCE_12}, GET_CAPABILITIES request message format`, { ...GET_CAPABILITIES_11.rows, ...sizes });

/** CAPABILITIES, SPDM 1.1. */
export const CAPABILITIES_11 = new Layout('spdm.capabilities.v11', 12, `${SOURCE_11}, Successful CAPABILITIES response message format`, {
  ...messageStart(RESPONSE.CAPABILITIES),
  param1: u8(2, 'Param1: reserved'),
  param2: u8(3, 'Param2: reserved'),
  ...timing,
  flags: bits(8, 4, 'Flags of the responder', RESPONDER_FLAGS),
});

/** CAPABILITIES, SPDM 1.2: with sizes. */
export const CAPABILITIES_12 = new Layout('spdm.capabilities.v12', 20, `${SOURCE_12}, Successful CAPABILITIES response message format`, { ...CAPABILITIES_11.rows, ...sizes });

/** Least DataTransferSize that anybody may state, SPDM 1.2. */
export const LEAST_TRANSFER_SIZE = 42;

/** Whether a requester's flags can be: DSP0274 "GET_CAPABILITIES request flags", the conditions between them. */
export function requesterFlagsHold(flags: ValueOf<typeof GET_CAPABILITIES_12.rows>['flags'], version: number): boolean {
  const { cert, chal, encrypt, mac, mutAuth, keyEx: exchange, psk, encap: encapsulates, hbeat, keyUpd, handshakeInTheClear: clear, pubKeyId } = flags;
  const secures = encrypt === 1 || mac === 1;
  const sessions = exchange === 1 || psk !== 0;
  return [
    psk <= 1,
    sessions === secures,
    sessions || (clear === 0 && hbeat === 0 && keyUpd === 0),
    clear === 0 || exchange === 1,
    cert === 0 || pubKeyId === 0,
    cert === 1 || pubKeyId === 1 || (chal === 0 && mutAuth === 0),
    mutAuth === 0 || exchange === 1 || chal === 1,
    version > 0x11 || mutAuth === 0 || encapsulates === 1,
  ].every(Boolean);
}
