/** Our manifests and our reading of them against two XML signature checkers of other people: xmlsec1 and signxml. Either missing is a failure. */
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nvidiaAuthorityOf } from '../../../emulator/h100/pki/authority.ts';
import { rimLibraryOf } from '../../../emulator/h100/rim/library.ts';
import { checkRimSignature, readRim } from '../../../emulator/h100/rim/read.ts';
import { writeRim } from '../../../emulator/h100/rim/write.ts';
import { pem } from '../../../emulator/pki/der.ts';
import { readCertificate } from '../../../emulator/pki/read.ts';
import { canonicalXml } from '../../../emulator/xml/canonical.ts';
import { readXml } from '../../../emulator/xml/read.ts';
import { KINDS, MANIFESTS, NOW, signerOf, world } from '../../h100/rim/manifests.ts';
import { GENUINE_RIMS } from '../../h100/rim/genuine.ts';
import { describeReal, realSample } from '../../real-samples.ts';
import { LineProgram, type Python, pythonWith } from '../python.ts';
import { type Xmlsec, xmlsec } from './xmlsec.ts';

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const base64 = (src: Uint8Array): string => Buffer.from(src).toString('base64');

let tool: Xmlsec;
let python: Python;
let oracle: LineProgram;

beforeAll(async () => {
  tool = await xmlsec();
  python = await pythonWith('signxml', here('requirements.txt'));
  oracle = new LineProgram(python.program, [here('oracle.py')]);
}, 600_000);

afterAll(async () => {
  oracle?.close();
  await Promise.all([tool?.remove(), python?.remove()]);
});

/** What each of the three says of a document: ours checks with the first certificate's key, as signxml does. */
async function verdicts(document: Uint8Array, root: string, at = NOW): Promise<{ xmlsec: boolean; signxml: boolean; teemu: boolean; said: string }> {
  const { good, said } = await tool.verify(document, root, at);
  const text = Buffer.from(document).toString('latin1');
  const first = /<ds:X509Certificate>([^<]*)</.exec(text)?.[1] ?? '';
  const certificate = `-----BEGIN CERTIFICATE-----\n${first}-----END CERTIFICATE-----\n`;
  const { answer, refusal } = await oracle.ask<{ answer?: string; refusal?: string }>({ ask: 'verify', document: base64(document), certificate });
  let teemu = false;
  try {
    const rim = readRim(document);
    teemu = checkRimSignature(rim, readCertificate(rim.signature.certificates[0] ?? new Uint8Array()).spki) === undefined;
    // What signxml says was signed is, to the byte, what we digest.
    if (answer !== undefined) expect(Buffer.from(rim.signature.content).toString()).toBe(Buffer.from(answer, 'base64').toString());
  } catch (error) {
    if ((error as { code?: string }).code === undefined) throw error;
  }
  return { xmlsec: good, signxml: answer !== undefined, teemu, said: `${said}\n${refusal ?? ''}` };
}

const rimRoot = (): string => nvidiaAuthorityOf(world).root('rim').pem;
const edited = (document: Uint8Array, from: string | RegExp, to: string): Uint8Array => {
  const text = Buffer.from(document).toString();
  const out = text.replace(from, to);
  expect(out).not.toBe(text);
  return new Uint8Array(Buffer.from(out));
};

test('the programs that judge are those of other people', () => {
  expect(tool.version).toMatch(/^xmlsec1 \d/);
});

describe.each(KINDS)('a %s manifest', (kind) => {
  const document = writeRim(MANIFESTS[kind], signerOf(kind));

  test('is good to all', async () => {
    expect(await verdicts(document, rimRoot())).toMatchObject({ xmlsec: true, signxml: true, teemu: true });
  });

  test('with characters that need references is good to all', async () => {
    const contents = { ...MANIFESTS[kind], product: 'a & b < c > "d" \'e\' é 漢 🔑', version: `1.\t2\n3\r4` };
    expect(await verdicts(writeRim(contents, signerOf(kind)), rimRoot())).toMatchObject({ xmlsec: true, signxml: true, teemu: true });
  });

  test('leads to our root, not to another', async () => {
    expect((await tool.verify(document, nvidiaAuthorityOf(world).root('device').pem, NOW)).good).toBe(false);
  });
});

describe('what the RIM service publishes is good to all:', () => {
  const library = rimLibraryOf(world);
  test.each(library.ids)('%s', async (id) => {
    expect(await verdicts(library.find(id)?.document ?? new Uint8Array(), rimRoot())).toMatchObject({ xmlsec: true, signxml: true, teemu: true });
  });
});

describe('a change after signing is refused by all:', () => {
  const document = writeRim(MANIFESTS.driver, signerOf('driver'));
  test.each<[string, string | RegExp, string]>([
    ['a version', 'colloquialVersion="550.90.07"', 'colloquialVersion="550.90.08"'],
    ['a slot switched off', 'index="7" active="True"', 'index="7" active="False"'],
    ['a digit of a value', /ns2:Hash0="[1-9a-f]/, 'ns2:Hash0="0'],
    ['an attribute more', 'size="48"/>', 'size="48" more="1"/>'],
    ['a space between elements', '</ns0:Payload>\n', '</ns0:Payload> \n'],
    ['the digest', /<ds:DigestValue>./, '<ds:DigestValue>/'],
    ['the value', /<ds:SignatureValue>./, '<ds:SignatureValue>/'],
    ['the name of a prefix', 'xmlns:SHA384', 'xmlns:SHA385'],
  ])('%s', async (_, from, to) => {
    expect(await verdicts(edited(document, from, to), rimRoot())).toMatchObject({ xmlsec: false, signxml: false, teemu: false });
  });
});

describe('a change that does not change what is said is taken by all:', () => {
  const document = writeRim(MANIFESTS.driver, signerOf('driver'));
  test.each<[string, string | RegExp, string]>([
    ['an XML declaration', /^/, '<?xml version="1.0" encoding="UTF-8"?>\n'],
    ['a newline at the end', /$/, '\n'],
    ['a comment', '</ns0:Payload>', '<!-- nothing --></ns0:Payload>'],
    ['an end tag instead of the short form', 'size="48"/>', 'size="48"></ns0:Resource>'],
    ['other white space in a tag', 'type="Measurement" index', 'type = "Measurement"\n   index'],
    ['other quotes', 'revision="r1"', "revision='r1'"],
    ['a reference to a character', 'revision="r1"', 'revision="&#114;&#x31;"'],
    ['attributes in another order', 'index="0" active="False"', 'active="False" index="0"'],
    ['ends of lines as on Windows', /\n/g, '\r\n'],
  ])('%s', async (_, from, to) => {
    expect(await verdicts(edited(document, from, to), rimRoot())).toMatchObject({ xmlsec: true, signxml: true, teemu: true });
  });
});

describeReal('genuine manifests', () => {
  test.each(GENUINE_RIMS)('$file is good to all, and what is digested is the same to the byte', async ({ file, at }) => {
    expect(await verdicts(realSample(file), pem('CERTIFICATE', realSample('h100/ca/rim-root.der')), at)).toMatchObject({ xmlsec: true, signxml: true, teemu: true });
  });
});

describe('canonical form', () => {
  const name = fc.constantFrom('a', 'b', 'Resource', 'x-1', 'n_2');
  const prefix = fc.constantFrom('', 'p:', 'q:');
  const value = fc.string({ unit: fc.constantFrom('a', ' ', '&amp;', '&lt;', '&gt;', '&quot;', '&#9;', '&#xA;', '&#13;', '\n', '\t', '\r', '\r\n', "'", '>', 'é', '漢', '🔑', '&#x1F511;'), maxLength: 8 });
  const declarations = fc
    .subarray(['xmlns="urn:d"', 'xmlns=""', 'xmlns:p="urn:p2"', 'xmlns:q="urn:q2"', 'xmlns:p="urn:p"', 'xmlns:z="urn:z"'])
    .map((list) => list.filter((one, i) => list.findIndex((other) => other.split('=')[0] === one.split('=')[0]) === i));
  const attributes = fc.uniqueArray(fc.tuple(prefix, name, value), { selector: ([p, n]) => `${p === '' ? '' : 'p'}${n}`, maxLength: 5 });
  const tree = fc.letrec<{ element: string }>((tie) => ({
    element: fc
      .tuple(prefix, name, declarations, attributes, fc.array(fc.oneof({ maxDepth: 4 }, value, fc.constantFrom('<!-- c -->', '<![CDATA[ <&> ]]>'), tie('element')), { maxLength: 4 }))
      .map(([p, n, d, a, children]) => `<${p}${n} ${d.join(' ')} ${a.map(([ap, an, av]) => `${ap}${an}="${av}"`).join(' ')}>${children.join('')}</${p}${n}>`),
  })).element;

  test('is that of libxml2, for documents drawn at random', async () => {
    const documents = fc.sample(
      tree.map((inner) => new Uint8Array(Buffer.from(`<r xmlns:p="urn:p" xmlns:q="urn:q">${inner}</r>`))),
      { numRuns: 400, seed: 5 },
    );
    let compared = 0;
    for (const document of documents) {
      const { answer, refusal } = await oracle.ask<{ answer?: string; refusal?: string }>({ ask: 'canonical', document: base64(document) });
      let ours: string | undefined;
      try {
        ours = Buffer.from(canonicalXml(readXml(document, 'drawn'))).toString();
      } catch (error) {
        if ((error as { code?: string }).code === undefined) throw error;
      }
      expect({ document: Buffer.from(document).toString(), canonical: ours }).toEqual({
        document: Buffer.from(document).toString(),
        canonical: answer === undefined ? undefined : Buffer.from(answer, 'base64').toString(),
      });
      if (answer !== undefined) compared++;
      else expect(refusal).toContain('XMLSyntaxError');
    }
    expect(compared).toBeGreaterThan(300);
  });
});
