/** Every certificate and list of AMD's side of a world, by name, for tests that go over all of them. */
import { AmdAuthority } from '../../emulator/snp/authority.ts';
import { hardwareId } from '../../emulator/snp/platform/chip.ts';
import { type Line, LINE_TABLE, LINES } from '../../emulator/snp/platform/products.ts';
import { fixedClock, seededWorld } from '../../emulator/world.ts';

export const ROLES = ['ARK', 'ASK', 'ASVK', 'VCEK', 'VLEK'] as const;
export type Role = (typeof ROLES)[number];

/** Five certificates and a list. */
export interface AmdChain {
  readonly line: Line;
  readonly authority: AmdAuthority;
  /** DER by role. */
  readonly certificates: Readonly<Record<Role, Uint8Array>>;
  readonly crl: Uint8Array;
}

/** The chain of a line in the seeded world of `seed` at `at` (milliseconds since 1970), for its first chip at the newest TCB. */
export function amdChain(line: Line, at: number, seed = 'x'): AmdChain {
  const world = seededWorld(seed, fixedClock(at));
  const authority = new AmdAuthority(world, line);
  const tcb = LINE_TABLE[line].newestTcb;
  return {
    line,
    authority,
    certificates: {
      ARK: authority.certificate('ARK').der,
      ASK: authority.certificate('ASK').der,
      ASVK: authority.certificate('ASVK').der,
      VCEK: authority.vcek(hardwareId(world, line), tcb).der,
      VLEK: authority.vlek(tcb).der,
    },
    crl: authority.crl(),
  };
}

/** Each line with each role. */
export const ALL: readonly (readonly [line: Line, role: Role])[] = LINES.flatMap((line) => ROLES.map((role) => [line, role] as const));
/** The role whose key signs. */
export const ISSUER = { ARK: 'ARK', ASK: 'ARK', ASVK: 'ARK', VCEK: 'ASK', VLEK: 'ASVK' } as const satisfies Record<Role, Role>;
