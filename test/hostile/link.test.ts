/** What anybody can write into the transcript of a link: a verdict, whatever it is. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type LinkVerdict, verifyLink } from '../../harness/verify/index.ts';
import { LINK_SOURCE } from '../../vectors/sources/link.ts';
import { damaged, PATIENCE } from './damage.ts';
import { iterations } from './iterations.ts';

const SETTING = { seed: 'hostile', at: 0 } as const;
/** A transcript costs as much as a hundred of other inputs. */
const runs = Math.max(100, Math.floor(iterations / 20));
const IDS = [
  'link/ok/to-the-driver',
  'link/ok/rpc',
  'link/ok/faults-and-semaphores',
  'link/ok/signed-work',
  'link/ok/out-of-order',
  'link/rotation/iv',
  'link/rotation/counters',
  'link/counter/rpc',
  'link/ok/blackwell',
  'link/spdm/ok-11',
  'link/spdm/ok-mctp',
];
const texts = IDS.map((id) => Buffer.from(LINK_SOURCE.build(id, SETTING).subject.bundle.files.get('link.json') ?? []).toString());
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
const sane = ({ accepted }: LinkVerdict): boolean => typeof accepted === 'boolean';

/** Steps left out, doubled, moved, or with a member of another. */
const shuffled = fc
  .record({
    text: fc.constantFrom(...texts),
    edits: fc.array(fc.record({ at: fc.nat(200), from: fc.nat(200), how: fc.constantFrom('drop', 'double', 'move', 'member') }), { minLength: 1, maxLength: 4 }),
    end: fc.constantFrom('driver', 'gpu', undefined),
    scheme: fc.constantFrom('hopper', 'blackwell', undefined),
  })
  .map(({ text, edits, end, scheme }) => {
    const whole = JSON.parse(text) as { steps?: Record<string, unknown>[]; events?: Record<string, unknown>[]; end?: string; scheme?: string };
    const list = whole.steps ?? whole.events ?? [];
    for (const { at, from, how } of edits) {
      const [i, j] = [at % list.length, from % list.length];
      const other = list[j] ?? {};
      if (how === 'drop') list.splice(i, 1);
      else if (how === 'double') list.splice(i, 0, { ...other });
      else if (how === 'move') list.splice(i, 0, ...list.splice(j, 1));
      else {
        const [name] = Object.keys(list[i] ?? {}).slice(-1);
        if (name !== undefined && name !== 'do' && name in other) list[i] = { ...list[i], [name]: other[name] };
      }
    }
    if (whole.steps && end) whole.end = end;
    if (whole.steps && scheme) whole.scheme = scheme;
    return bytes(JSON.stringify(whole));
  });
/** A digit of the bytes changed, in JSON that stays JSON. */
const turned = fc
  .tuple(fc.constantFrom(...texts), fc.array(fc.tuple(fc.nat(1 << 20), fc.constantFrom(...'0123456789abcdef')), { minLength: 1, maxLength: 5 }))
  .map(([text, edits]) => bytes(edits.reduce((out, [at, digit]) => (/[0-9a-f]/.test(out[at % out.length] ?? '') ? out.slice(0, at % out.length) + digit + out.slice((at % out.length) + 1) : out), text)));

describe(`${runs} hostile transcripts`, PATIENCE, () => {
  test.each([
    ['damaged anywhere', damaged(...texts.map(bytes))],
    ['with steps in another order', shuffled],
    ['with other digits', turned],
  ] as const)('%s', (_, inputs) => {
    fc.assert(
      fc.property(inputs, (src) => {
        expect(sane(verifyLink(src))).toBe(true);
      }),
      { numRuns: runs, seed: 20_261_123 },
    );
  });
});
