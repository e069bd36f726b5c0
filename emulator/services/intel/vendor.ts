/** Intel as a vendor: PCS, PCCS and the quote generation service, the root, what Intel can revoke, and what it can say of a kind of platform. */
import { intelAuthorityOf, type IntelAuthority } from '../../tdx/authority.ts';
import { qgsCollateral, rootCaPem } from '../../tdx/collateral/export.ts';
import { quotingPlatform } from '../../tdx/platform/hardware.ts';
import { tdxPlatform } from '../../tdx/platform/platform.ts';
import { QuotingEnclave } from '../../tdx/quoting/quoting-enclave.ts';
import type { World } from '../../world.ts';
import { controlRow } from '../control/row.ts';
import type { Vendor, VendorSocket } from '../vendors.ts';
import { Pccs, type PccsOptions } from './pccs/pccs.ts';
import { Pcs, type PcsOptions } from './pcs.ts';
import { type QgsAddress, serveQgs } from './qgs.ts';
import { INTEL_REVOCABLE, revokeOfIntel, TCB_STATUS_SETTING } from './revocable.ts';

/** Where the quote generation service listens, and which machine it is on. */
export type QgsOptions = QgsAddress & {
  /** Name of the kind of platform and number of the machine; those that evidence is from unless told otherwise. */
  readonly platform?: string;
  readonly index?: number;
};

/** What Intel can be told. */
export interface IntelOptions {
  readonly world: World;
  readonly pcs?: Omit<PcsOptions, 'world' | 'authority'>;
  readonly pccs?: Omit<PccsOptions, 'world' | 'pcs'>;
  /** Start the quote generation service too. */
  readonly qgs?: QgsOptions;
}

/** Intel in a World. */
export interface IntelVendor extends Vendor<typeof INTEL_REVOCABLE> {
  readonly services: readonly [Pcs, Pccs];
  /** The SGX root CA, in PEM. */
  readonly roots: string;
  readonly authority: IntelAuthority;
}

/** Intel in a World. */
export function intelVendor({ world, pcs: pcsOptions, pccs: pccsOptions, qgs }: IntelOptions): IntelVendor {
  const authority = intelAuthorityOf(world);
  const pcs = new Pcs({ ...pcsOptions, world, authority });
  return {
    authority,
    services: [pcs, new Pccs({ ...pccsOptions, world, pcs })],
    sockets: qgs ? { qgs: () => startQgs(pcs, qgs) } : {},
    get roots() {
      return rootCaPem(authority);
    },
    rootFiles: () => new Map([['intel-root-ca.pem', rootCaPem(authority)]]),
    revocable: INTEL_REVOCABLE,
    revoke: (what) => revokeOfIntel(authority, what),
    controls: [
      controlRow({
        method: 'PUT',
        path: '/tcb-status',
        doc: 'Makes TCB info of an FMSPC say another status of the machines that are up to date now; null takes it back.',
        body: TCB_STATUS_SETTING,
        answer: TCB_STATUS_SETTING,
        handle: ({ body }) => {
          authority.setTcbStatus(body.fmspc, body.status ?? undefined);
          return body;
        },
      }),
    ],
  };
}

async function startQgs({ world, authority, collateral }: Pcs, { platform: name, index = 0, ...address }: QgsOptions): Promise<VendorSocket> {
  const platform = tdxPlatform(name, { index });
  const service = {
    // Anew for each request: what the machine runs, and its certificate, depend on the time.
    get quotingEnclave() {
      return new QuotingEnclave(world, quotingPlatform(authority, platform));
    },
    collateral: qgsCollateral(collateral),
  };
  const { where, close } = await serveQgs(service, address, (error) => world.note(`qgs: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`));
  return { url: 'path' in where ? `unix:${where.path}` : `tcp://127.0.0.1:${where.port}`, close };
}
