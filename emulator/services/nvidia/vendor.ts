/** NVIDIA as a vendor: the OCSP responder and the lists beside it, the roots, and what NVIDIA can revoke. */
import { type NvidiaAuthority, nvidiaAuthorityOf } from '../../h100/pki/authority.ts';
import type { World } from '../../world.ts';
import type { Vendor } from '../vendors.ts';
import { NvidiaCrl } from './crl.ts';
import { NvidiaOcsp } from './ocsp.ts';
import { NVIDIA_REVOCABLE, revokeOfNvidia } from './revocable.ts';

/** What NVIDIA can be told. */
export interface NvidiaOptions {
  readonly world: World;
}

/** NVIDIA's roots, in PEM: of device identities, of RIM signers, and of NRAS. */
export interface NvidiaRoots {
  readonly device: string;
  readonly rim: string;
  readonly nras: string;
}

/** NVIDIA in a World. */
export interface NvidiaVendor extends Vendor<typeof NVIDIA_REVOCABLE> {
  readonly services: readonly [NvidiaOcsp, NvidiaCrl];
  readonly roots: NvidiaRoots;
  readonly authority: NvidiaAuthority;
}

/** NVIDIA in a World. */
export function nvidiaVendor({ world }: NvidiaOptions): NvidiaVendor {
  const authority = nvidiaAuthorityOf(world);
  const root = (which: keyof NvidiaRoots): string => authority.root(which).pem;
  return {
    authority,
    services: [new NvidiaOcsp({ world, authority }), new NvidiaCrl(authority)],
    sockets: {},
    get roots() {
      return { device: root('device'), rim: root('rim'), nras: root('nras') };
    },
    rootFiles: () => new Map((['device', 'rim', 'nras'] as const).map((which) => [`nvidia-${which}-root.pem`, root(which)])),
    revocable: NVIDIA_REVOCABLE,
    revoke: (what) => revokeOfNvidia(authority, what),
    controls: [],
  };
}
