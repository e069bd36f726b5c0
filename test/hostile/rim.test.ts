/** What anybody can send in place of a manifest: only typed errors come out, and nothing that was changed passes for signed. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CodecError } from '../../emulator/errors.ts';
import { checkRimSignature, readRim } from '../../emulator/h100/rim/read.ts';
import { writeRim } from '../../emulator/h100/rim/write.ts';
import { canonicalXml } from '../../emulator/xml/canonical.ts';
import { MAX_XML_SIZE, readXml } from '../../emulator/xml/read.ts';
import { MANIFESTS, signerOf } from '../h100/rim/manifests.ts';
import { iterations } from './iterations.ts';

const { signer, chain } = signerOf('driver');
/** A short one: three slots, one certificate. */
const RIM = writeRim({ ...MANIFESTS.driver, measurements: MANIFESTS.driver.measurements.slice(6, 9) }, { signer, chain: chain.slice(0, 1) });
const TEXT = Buffer.from(RIM).toString('latin1');
const SIGNED = Buffer.from(readRim(RIM).signature.content);
/** Where tags, attributes and values begin and end. */
const PLACES = [...TEXT.matchAll(/[<>"/=:&]/g)].map(({ index }) => index);

const XML_BYTES = [...Buffer.from('<>&"\'/=:!?-[];# \n\rxa0')];
const edit = fc.tuple(fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...PLACES) }, { weight: 1, arbitrary: fc.nat(RIM.length - 1) }), fc.oneof(fc.constantFrom(...XML_BYTES), fc.nat(255)));
const changed = fc.array(edit, { minLength: 1, maxLength: 6 }).map((list) => {
  const copy = RIM.slice();
  for (const [at, value] of list) copy[at] = value;
  return copy;
});
const PIECES = [
  '<!DOCTYPE a [<!ENTITY b "&b;&b;">]>',
  '<!-- a -->',
  '<![CDATA[a]]>',
  '<?a b?>',
  '&#x41;',
  '&amp;',
  '&b;',
  '<a>',
  '</a>',
  '<a/>',
  ' xmlns="urn:a"',
  ' xmlns:ns0="urn:a"',
  ' a="1"',
  '\r\n',
  '&#13;',
  '\u0000',
  'é',
].map((piece) => Buffer.from(piece));
const inserted = fc.array(fc.tuple(fc.constantFrom(...PLACES), fc.constantFrom(...PIECES)), { minLength: 1, maxLength: 3 }).map((list) => {
  let out = Buffer.from(RIM);
  for (const [at, piece] of list.toSorted(([a], [b]) => b - a)) out = Buffer.concat([out.subarray(0, at), piece, out.subarray(at)]);
  return new Uint8Array(out);
});
const moved = fc.tuple(fc.constantFrom(...PLACES), fc.constantFrom(...PLACES), fc.constantFrom(...PLACES)).map((places) => {
  const [a = 0, b = 0, c = 0] = places.toSorted((x, y) => x - y);
  return new Uint8Array(Buffer.concat([RIM.subarray(0, a), RIM.subarray(b, c), RIM.subarray(a, b), RIM.subarray(c)]));
});
const cut = fc.tuple(changed, fc.nat(RIM.length)).map(([src, end]) => src.slice(0, end));

describe(`${iterations} hostile inputs`, { timeout: 900_000 }, () => {
  test('as manifests: read, or a typed error with a place inside; none is signed that says something else', () => {
    let good = 0;
    fc.assert(
      fc.property(fc.oneof({ weight: 4, arbitrary: changed }, { weight: 3, arbitrary: inserted }, { weight: 2, arbitrary: moved }, { weight: 1, arbitrary: cut }), (src) => {
        try {
          const rim = readRim(src);
          if (checkRimSignature(rim, signer.spki) !== undefined) return;
          good++;
          expect(SIGNED.equals(rim.signature.content)).toBe(true);
          expect(rim.version).toBe(MANIFESTS.driver.version);
        } catch (error) {
          if (!(error instanceof CodecError)) throw error;
          expect(error.at).toBeGreaterThanOrEqual(0);
          expect(error.at).toBeLessThanOrEqual(src.length);
        }
      }),
      { numRuns: iterations, seed: 20_261_123 },
    );
    // Comments and the like change nothing that is signed: some must have come through, or the search looked at nothing.
    expect(good).toBeGreaterThan(0);
  });

  test('as XML of any kind: canonical form is a fixed point, or a typed error', () => {
    const soup = fc
      .array(fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...PIECES) }, { weight: 1, arbitrary: fc.uint8Array({ maxLength: 6 }) }), { maxLength: 12 })
      .map((parts) => new Uint8Array(Buffer.concat([Buffer.from('<a>'), ...parts, Buffer.from('</a>')])));
    fc.assert(
      fc.property(soup, (src) => {
        try {
          const canonical = canonicalXml(readXml(src, 'xml'));
          expect(Buffer.compare(canonicalXml(readXml(canonical, 'xml')), canonical)).toBe(0);
        } catch (error) {
          if (!(error instanceof CodecError)) throw error;
        }
      }),
      { numRuns: iterations, seed: 20_261_123 },
    );
  });
});

describe('a bomb costs no more than its size:', () => {
  const full = (head: string, piece: string, tail: string): Uint8Array => new Uint8Array(Buffer.from(head + piece.repeat(Math.floor((MAX_XML_SIZE - head.length - tail.length) / Buffer.byteLength(piece))) + tail));
  test.each<[string, Uint8Array]>([
    ['a billion laughs', new Uint8Array(Buffer.from(`<!DOCTYPE l [<!ENTITY l0 "ha">${Array.from({ length: 30 }, (_, i) => `<!ENTITY l${i + 1} "&l${i};&l${i};">`).join('')}]><l>&l30;</l>`))],
    ['quadratic entities', full('<!DOCTYPE a [<!ENTITY b "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb">]><a>', '&b;', '</a>')],
    ['references to the end', full('<a>', '&#65;', '</a>')],
    ['comments to the end', full('<a>', '<!---->', '</a>')],
    ['CDATA to the end', full('<a>', '<![CDATA[]]>', '</a>')],
    ['start tags to the end', full('', '<a>', '')],
    ['end tags to the end', full('<a>', '</a>', '')],
    ['namespaces on every element', full('<a>', `<b ${Array.from({ length: 60 }, (_, i) => `xmlns:n${i}="urn:n"`).join(' ')}/>`, '</a>')],
    ['attributes to the end', full('<a ', 'b="" ', '/>')],
    ['one attribute of everything', full('<a b="', 'x', '"/>')],
    ['an attribute that never ends', full('<a b="', 'x', '')],
    ['a name that never ends', full('<', 'a', '')],
    ['white space to the end', full('<a', ' ', '/>')],
    ['less-than to the end', full('', '<', '')],
    ['a comment of dashes', full('<a><!--', '-', '--></a>')],
    ['quotes that do not match', full('<a ', `b="' `, '/>')],
    ['brackets to the end', full('<a>', ']', '</a>')],
  ])('%s', (_, src) => {
    // What were quadratic would take minutes, and the runner would stop it.
    for (let i = 0; i < 10; i++) {
      try {
        expect(canonicalXml(readXml(src, 'xml')).length).toBeLessThan(4 * MAX_XML_SIZE);
      } catch (error) {
        expect(error).toBeInstanceOf(CodecError);
      }
    }
  });
});
