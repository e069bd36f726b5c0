/** AMD as a vendor: the key service, its roots, and what AMD can revoke. */
import { z } from 'zod';
import { type AmdAuthority, authorityOf } from '../../snp/authority.ts';
import { type Line, LINES } from '../../snp/platform/products.ts';
import type { World } from '../../world.ts';
import type { Vendor } from '../vendors.ts';
import { Kds, type ProductNames } from './kds.ts';
import type { RateLimit } from './throttle.ts';

/** What AMD can be told. */
export interface AmdOptions {
  readonly world: World;
  /** AMD's key for a line; the same one each time. Without it, the World's own. */
  readonly authority?: (line: Line) => AmdAuthority;
  readonly productNames?: ProductNames;
  /** Limits requests for VCEKs. Off unless given; `AMD_RATE_LIMIT` is the genuine one. */
  readonly rateLimit?: RateLimit;
}

/** Which of AMD's intermediates to revoke. AMD can't revoke a single VCEK: all of them have the serial 0. */
const REVOCABLE = z.strictObject({ line: z.enum(LINES), role: z.enum(['ASK', 'ASVK']).default('ASK') }).describe("an intermediate of AMD's, on the list of its product line");

/** AMD in a World. */
export interface AmdVendor extends Vendor<typeof REVOCABLE> {
  readonly services: readonly [Kds];
  /** ARKs, in PEM, by product line. */
  readonly roots: Readonly<Record<Line, string>>;
  readonly kds: Kds;
}

/** AMD in a World. */
export function amdVendor({ world, authority = (line) => authorityOf(world, line), productNames, rateLimit }: AmdOptions): AmdVendor {
  const kds = new Kds({ world, authority, ...(productNames && { productNames }), ...(rateLimit && { rateLimit }) });
  const root = (line: Line): string => authority(line).certificate('ARK').pem;
  return {
    kds,
    services: [kds],
    sockets: {},
    get roots() {
      return Object.fromEntries(LINES.map((line) => [line, root(line)])) as Record<Line, string>;
    },
    rootFiles: () => new Map(LINES.map((line) => [`ark-${line.toLowerCase()}.pem`, root(line)])),
    revocable: REVOCABLE,
    revoke: ({ line, role }) => kds.revoke(line, role),
    controls: [],
  };
}
