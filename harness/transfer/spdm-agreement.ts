/** How a driver and a GPU come to a common secret: an SPDM session over the GPU's mailbox, in the same process. */
import { Gpu } from '../../emulator/h100/device/gpu.ts';
import { gpuIdentity } from '../../emulator/h100/device/spdm-identity.ts';
import { EMK_SIZE } from '../../emulator/link/channel/key-store.ts';
import { sha384 } from '../../emulator/link/spdm/messages/certificates.ts';
import { directLink } from '../../emulator/link/spdm/requester/link.ts';
import { Requester } from '../../emulator/link/spdm/requester/requester.ts';
import { ResponderEndpoint } from '../../emulator/link/spdm/responder/endpoint.ts';
import { H100_PROFILE } from '../../emulator/link/spdm/responder/profile.ts';
import { Responder } from '../../emulator/link/spdm/responder/responder.ts';
import { MAILBOX } from '../../emulator/link/spdm/transport/mailbox.ts';
import type { World } from '../../emulator/world.ts';

/** What both sides agreed on, and with whom the driver spoke. */
export interface Agreement {
  /** 32 bytes: the first of the export master secret, from which every key of the link is derived. */
  readonly emk: Uint8Array;
  /** `1.1` or `1.2`. */
  readonly version: string;
  readonly sessionId: number;
  /** SHA-384 of the GPU's leaf certificate, hexadecimal. */
  readonly leaf: string;
}

/** Sets up a session as the driver does: the GPU signs the exchange, the driver authenticates itself, the secret is exported once. @throws {SpdmError} */
export function agree(world: World): Agreement {
  const responder = new Responder(world, gpuIdentity(new Gpu(world)), H100_PROFILE);
  const requester = new Requester(world, directLink(new ResponderEndpoint(responder, MAILBOX)));
  const { version } = requester.connect();
  const leaf = requester.chain(0).chain.certificates.at(-1) ?? new Uint8Array(0);
  const session = requester.startSession();
  const emk = session.exportMasterSecret().slice(0, EMK_SIZE);
  return { emk, version: `${version >> 4}.${version & 0xf}`, sessionId: session.id, leaf: Buffer.from(sha384(leaf)).toString('hex') };
}
