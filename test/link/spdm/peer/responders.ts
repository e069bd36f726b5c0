/** teemu's responders, one for every profile and version, on a wire of their own. */
import { Gpu } from '../../../../emulator/h100/device/gpu.ts';
import { gpuIdentity } from '../../../../emulator/h100/device/spdm-identity.ts';
import { type ResponderIdentity, standaloneIdentity } from '../../../../emulator/link/spdm/responder/identity.ts';
import { ResponderEndpoint } from '../../../../emulator/link/spdm/responder/endpoint.ts';
import { RESPONDER_PROFILES, type ResponderProfile } from '../../../../emulator/link/spdm/responder/profile.ts';
import { Responder } from '../../../../emulator/link/spdm/responder/responder.ts';
import { DOE as DOE_BINDING } from '../../../../emulator/link/spdm/transport/doe.ts';
import { MCTP as MCTP_BINDING } from '../../../../emulator/link/spdm/transport/mctp.ts';
import { fixedClock, seededWorld } from '../../../../emulator/world.ts';
import type { Wire } from './peer.ts';
import type { Version } from './requests.ts';
import { type Binding, MCTP } from './session.ts';
import { wireOver } from './wire.ts';

const world = seededWorld('spdm rules', fixedClock(Date.UTC(2026, 0, 1)));
/** What can be behind a responder. A device with two slots, so that an empty one, a full one and slot 0 differ; and a GPU. */
const DEVICES = { 'two slots': standaloneIdentity(world, [0, 2]), 'a GPU': gpuIdentity(new Gpu(world)) } as const satisfies Readonly<Record<string, ResponderIdentity>>;

/** A responder. */
export interface Kind {
  readonly device: keyof typeof DEVICES;
  readonly profile: keyof typeof RESPONDER_PROFILES;
  readonly version: Version;
}

/** The profile, speaking one version only. */
function profileOf({ profile, version }: Kind): ResponderProfile {
  return { ...RESPONDER_PROFILES[profile], versions: [version] };
}

/** A responder that has heard nothing yet. */
export function responderOn(kind: Kind, binding: Binding): Wire {
  const endpoint = new ResponderEndpoint(new Responder(world, DEVICES[kind.device], profileOf(kind)), binding === MCTP ? MCTP_BINDING : DOE_BINDING);
  return wireOver(binding, (frame) => endpoint.handleFrame(frame));
}
