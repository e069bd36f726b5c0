/** What a rule for responders is: where it stands, when it applies, and cases that can each fail. */
import { expect } from 'vitest';
import type { Peer, Phase } from '../peer/peer.ts';
import { ERROR, RESPONSE, type Version } from '../peer/requests.ts';
import { trimmed } from '../peer/trimmed.ts';

/** One case of a rule. */
export interface Case {
  readonly name: string;
  /** Drives the responder, which is in the rule's phase already, and asserts. */
  run(peer: Peer): Promise<void>;
}

/** One rule. */
export interface Rule {
  /** Case of the DMTF SPDM-Responder-Validator, whose assertions the checks name; a rule that it lacks has the letter T before its number. */
  readonly id: string;
  /** Heading in DSP0274 or DSP0277. */
  readonly clause: string;
  /** The rule in one sentence. */
  readonly says: string;
  readonly versions?: readonly Version[];
  /** Capability bits that the responder must have for the rule to mean anything, and those that it must not have. */
  readonly needs?: number;
  readonly lacks?: number;
  /** The phase to reach first. */
  readonly at: Phase;
  /** Flags of the requester, where they matter. */
  readonly requesterFlags?: number;
  readonly cases: readonly Case[];
}

/** A request as it depends on the connection. */
export type Send = (peer: Peer) => Uint8Array;

const NAMES: Readonly<Record<number, string>> = Object.fromEntries(Object.entries(ERROR).map(([name, code]) => [code, name]));

/** What an ERROR must be. */
export interface Refusal {
  readonly error: keyof typeof ERROR | readonly (keyof typeof ERROR)[];
  /** Param2; 0 unless said. `any` where the specification leaves it open. */
  readonly data?: number | 'any';
  /** SPDMVersion; that of the connection unless said. */
  readonly version?: number | 'any';
  /** Silence is as good. */
  readonly orSilence?: boolean;
}

/** Asserts what {@link Refusal} says, assertion by assertion under the rule's number. */
export function expectError(id: string, peer: Peer, answer: Uint8Array | undefined, { error, data = 0, version = peer.version, orSilence = false }: Refusal): void {
  if (answer === undefined && orSilence) return;
  expect(answer, `${id}: something is answered`).toBeDefined();
  if (!answer) return;
  const wanted = typeof error === 'string' ? [error] : error;
  expect(answer.length, `${id}.1: size of ERROR`).toBeGreaterThanOrEqual(4);
  expect(answer[1], `${id}.2: ERROR`).toBe(RESPONSE.ERROR);
  if (version !== 'any') expect(answer[0], `${id}.3: SPDMVersion`).toBe(version);
  expect(wanted, `${id}.4: error code`).toContain(NAMES[answer[2] ?? 0] ?? `0x${answer[2]?.toString(16)}`);
  if (data !== 'any') expect(answer[3], `${id}.5: error data`).toBe(data);
}

/** Says it where the rule wants it. */
export const tell = (peer: Peer, request: Uint8Array, inSession = false): Promise<Uint8Array | undefined> => (inSession ? peer.sayIn(request) : peer.say(request));

/** A case in which the responder must refuse one request. */
export function refuses(id: string, name: string, send: Send, refusal: Refusal, inSession = false): Case {
  return {
    name,
    run: async (peer) => expectError(id, peer, await tell(peer, send(peer), inSession), refusal),
  };
}

/** A case in which the responder must answer with a code; the answer comes without padding to `check`. */
export function answers(id: string, name: string, send: Send, code: number, check: (answer: Uint8Array, peer: Peer, request: Uint8Array) => void = () => undefined, inSession = false): Case {
  return {
    name,
    run: async (peer) => {
      const request = send(peer);
      const answer = await tell(peer, request, inSession);
      expectHead(id, peer, answer, code);
      if (answer) check(trimmed(answer), peer, request);
    },
  };
}

/** Asserts the head of a response. */
export function expectHead(id: string, peer: Peer, answer: Uint8Array | undefined, code: number, version: number = peer.version): void {
  expect(answer, `${id}: something is answered`).toBeDefined();
  expect(Buffer.from(answer?.subarray(0, 4) ?? []).toString('hex'), `${id}.2: response code of`).toMatch(new RegExp(`^..${code.toString(16).padStart(2, '0')}`));
  expect(answer?.[0], `${id}.3: SPDMVersion`).toBe(version);
}

/** The two versions beside that of the connection. */
export function otherVersions(id: string, send: (version: number, peer: Peer) => Uint8Array, inSession = false, refusal: Partial<Refusal> = {}): Case[] {
  return [1, -1].map((step) => refuses(id, `version ${step > 0 ? 'above' : 'below'}`, (peer) => send(peer.version + step, peer), { error: 'VersionMismatch', ...refusal }, inSession));
}
