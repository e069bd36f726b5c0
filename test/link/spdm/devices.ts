/** Worlds with a responder and a requester in them. */
import { standaloneIdentity } from '../../../emulator/link/spdm/responder/identity.ts';
import { ResponderEndpoint } from '../../../emulator/link/spdm/responder/endpoint.ts';
import { H100_PROFILE, type ResponderProfile } from '../../../emulator/link/spdm/responder/profile.ts';
import { Responder } from '../../../emulator/link/spdm/responder/responder.ts';
import { directLink, type SpdmLink } from '../../../emulator/link/spdm/requester/link.ts';
import { DRIVER_PROFILE, type RequesterProfile } from '../../../emulator/link/spdm/requester/profile.ts';
import { Requester } from '../../../emulator/link/spdm/requester/requester.ts';
import type { Binding } from '../../../emulator/link/spdm/transport/binding.ts';
import { DOE } from '../../../emulator/link/spdm/transport/doe.ts';
import { MAILBOX } from '../../../emulator/link/spdm/transport/mailbox.ts';
import { MCTP } from '../../../emulator/link/spdm/transport/mctp.ts';
import { AdjustableClock, fixedClock, seededWorld, type World } from '../../../emulator/world.ts';

export const BINDINGS: readonly Binding[] = [MCTP, DOE, MAILBOX];
export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
export const unhex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));

export interface Pair {
  readonly world: World;
  readonly clock: AdjustableClock;
  readonly responder: Responder;
  readonly endpoint: ResponderEndpoint;
  readonly link: SpdmLink;
  readonly requester: Requester;
}

export interface PairOptions {
  readonly binding?: Binding;
  readonly slots?: readonly number[];
  readonly profile?: Partial<ResponderProfile>;
  readonly requesterProfile?: RequesterProfile;
  /** What happens to a frame on its way: either direction. */
  readonly between?: (frame: Uint8Array, direction: 'request' | 'response', count: number) => Uint8Array;
}

/** An H100 and its driver, unless the options say otherwise. */
export function pair({ binding = MCTP, slots = [0], profile = {}, requesterProfile = DRIVER_PROFILE, between = (frame) => frame }: PairOptions = {}): Pair {
  const clock = new AdjustableClock(fixedClock(Date.UTC(2026, 2, 1)));
  const world = seededWorld('spdm tests', clock);
  const responder = new Responder(world, standaloneIdentity(world, slots), { ...H100_PROFILE, ...profile });
  const endpoint = new ResponderEndpoint(responder, binding);
  const direct = directLink(endpoint);
  let count = 0;
  const link: SpdmLink = {
    binding,
    exchange: (frame) => {
      const n = count++;
      const answer = direct.exchange(between(frame, 'request', n));
      return answer && between(answer, 'response', n);
    },
  };
  return { world, clock, responder, endpoint, link, requester: new Requester(world, link, { profile: requesterProfile }) };
}
