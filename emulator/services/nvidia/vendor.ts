/** NVIDIA as a vendor: the OCSP responder and the lists beside it, the RIM service, NRAS, the roots, and what NVIDIA can revoke. */
import { type NvidiaAuthority, nvidiaAuthorityOf } from '../../h100/pki/authority.ts';
import type { World } from '../../world.ts';
import type { Vendor } from '../vendors.ts';
import { NvidiaCrl } from './crl.ts';
import { Nras, type NrasOptions } from './nras/service.ts';
import { NvidiaOcsp } from './ocsp.ts';
import { NVIDIA_REVOCABLE, revokeOfNvidia } from './revocable.ts';
import { RimService } from './rim/service.ts';
import { type SpdmOptions, startSpdm } from './spdm.ts';

/** What NVIDIA can be told. */
export interface NvidiaOptions {
  readonly world: World;
  /** `appraise`: who judges the evidence that NRAS gets. */
  readonly nras?: Pick<NrasOptions, 'appraise'>;
  /** Start a GPU's SPDM responder too. */
  readonly spdm?: SpdmOptions;
}

/** NVIDIA's roots, in PEM: of device identities, of RIM signers, and of NRAS. */
export interface NvidiaRoots {
  readonly device: string;
  readonly rim: string;
  readonly nras: string;
}

/** NVIDIA in a World. */
export interface NvidiaVendor extends Vendor<typeof NVIDIA_REVOCABLE> {
  readonly services: readonly [NvidiaOcsp, NvidiaCrl, RimService, Nras];
  readonly roots: NvidiaRoots;
  readonly authority: NvidiaAuthority;
}

/** NVIDIA in a World. */
export function nvidiaVendor({ world, nras, spdm }: NvidiaOptions): NvidiaVendor {
  const authority = nvidiaAuthorityOf(world);
  const ocsp = new NvidiaOcsp({ world, authority });
  const root = (which: keyof NvidiaRoots): string => authority.root(which).pem;
  return {
    authority,
    services: [ocsp, new NvidiaCrl(authority), new RimService({ world }), new Nras({ ...nras, world, ocsp, authority })],
    sockets: spdm ? { spdm: () => startSpdm(world, spdm) } : {},
    get roots() {
      return { device: root('device'), rim: root('rim'), nras: root('nras') };
    },
    rootFiles: () => new Map((['device', 'rim', 'nras'] as const).map((which) => [`nvidia-${which}-root.pem`, root(which)])),
    revocable: NVIDIA_REVOCABLE,
    revoke: (what) => revokeOfNvidia(authority, what),
    controls: [],
  };
}
