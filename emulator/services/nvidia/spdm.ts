/** A GPU's SPDM responder on a socket, in the framing of DMTF's emulators. */
import { ConfigError } from '../../errors.ts';
import { Gpu } from '../../h100/device/gpu.ts';
import { gpuIdentity } from '../../h100/device/spdm-identity.ts';
import { SPDM_VERSION, type SpdmVersion } from '../../link/spdm/messages/header.ts';
import { RESPONDER_PROFILES, type ResponderProfile } from '../../link/spdm/responder/profile.ts';
import { Responder } from '../../link/spdm/responder/responder.ts';
import { serveSpdm } from '../../link/spdm/server.ts';
import type { World } from '../../world.ts';
import type { VendorSocket } from '../vendors.ts';

/** Versions that a responder can be held to, as users write them. */
export const SPDM_VERSIONS: Readonly<Record<string, SpdmVersion>> = { '1.1': SPDM_VERSION.v11, '1.2': SPDM_VERSION.v12 };

/** Where the responder listens, and what it is. */
export interface SpdmOptions {
  /** Port on 127.0.0.1; 0, which is the default, takes any free one. */
  readonly port?: number;
  /** `h100`, which is the default, has the flags of an H100; `full` everything that is emulated of SPDM. */
  readonly profile?: string;
  /** `1.1` or `1.2`, and no other; all that the profile speaks unless given. */
  readonly version?: string;
  /** Which kind of GPU is behind it. */
  readonly gpu?: string;
}

/** @throws {ConfigError} for a profile, a version or a GPU that there is not, or a port that is taken */
export async function startSpdm(world: World, { port = 0, profile, version, gpu }: SpdmOptions): Promise<VendorSocket> {
  const chosen = profileOf(profile, version);
  const identity = gpuIdentity(new Gpu(world, { model: gpu }));
  const failed = (error: unknown): void => world.note(`spdm: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  const listening = await serveSpdm(() => new Responder(world, identity, chosen), port, failed);
  return { url: `tcp://127.0.0.1:${listening.port}`, close: listening.close };
}

function profileOf(name = 'h100', version?: string): ResponderProfile {
  const profile = Object.hasOwn(RESPONDER_PROFILES, name) ? RESPONDER_PROFILES[name as keyof typeof RESPONDER_PROFILES] : undefined;
  if (!profile) throw new ConfigError('spdmProfile', `is one of ${Object.keys(RESPONDER_PROFILES).join(', ')}, not '${name.slice(0, 60)}'`);
  if (version === undefined) return profile;
  const only = Object.hasOwn(SPDM_VERSIONS, version) ? SPDM_VERSIONS[version] : undefined;
  if (only === undefined) throw new ConfigError('spdmVersion', `is one of ${Object.keys(SPDM_VERSIONS).join(', ')}, not '${version.slice(0, 60)}'`);
  return { ...profile, versions: [only] };
}
