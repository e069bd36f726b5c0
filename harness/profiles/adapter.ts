/** Runs a verifier that teemu knows: installed when it is first asked, and not asked what it does not claim to judge. */
import type { Adapter, Delivery, Session } from '../run/adapter.ts';
import { jsonLinesAdapter } from '../run/adapters/json-lines.ts';
import { glob } from '../run/select.ts';
import { install } from './install.ts';
import { type Profile, skipped } from './profile.ts';

/** A verifier without a clock sees its own time: a subject that is looked at so much earlier or later is not for it. */
const CLOCK_TOLERANCE = 3_600_000;

/** How to get and run it. */
export interface ProfileOptions {
  /** Folder that keeps what is installed. */
  readonly cache: string;
  readonly say: (text: string) => void;
  /** Milliseconds since 1970, for verifiers that have no clock but the machine's. */
  readonly now: number;
}

/** The adapter of a profile. */
export function profileAdapter(profile: Profile, { cache, say, now }: ProfileOptions): Adapter {
  const scope = profile.outOfScope.flatMap(({ cases, reason }) => cases.map((pattern) => ({ matches: glob(pattern), reason })));
  const reasonToSkip = ({ id, tee, subject }: Delivery): string | undefined => {
    if (!profile.tees.includes(tee)) return `it judges ${profile.tees.join(', ')} only`;
    if (!profile.clock && Math.abs(subject.now - now) > CLOCK_TOLERANCE) return 'it has no clock but the machine’s, and the case is at another time';
    return scope.find(({ matches }) => matches(id))?.reason;
  };
  return {
    kind: 'profile',
    name: `${profile.name} ${profile.version}`,
    open: async (limits): Promise<Session> => {
      const session = await jsonLinesAdapter(await install(profile, cache, say)).open(limits);
      return {
        name: profile.name,
        version: profile.version,
        judge: (delivery) => {
          const reason = reasonToSkip(delivery);
          return reason === undefined ? session.judge(delivery) : Promise.resolve(skipped(reason));
        },
        close: () => session.close(),
      };
    },
  };
}
