/** The emulated AMD KDS, route by route and rule by rule, without sockets. */
import { X509Certificate } from 'node:crypto';
import { AsnConvert } from '@peculiar/asn1-schema';
import { Certificate } from '@peculiar/asn1-x509';
import { describe, expect, test } from 'vitest';
import { Cache } from '../../emulator/services/http/cache.ts';
import { AmdAuthority } from '../../emulator/snp/authority.ts';
import { LINE_TABLE, LINES, type Line } from '../../emulator/snp/platform/products.ts';
import { REAL_SAMPLES, realSample } from '../real-samples.ts';
import { ask, assembled, bytesOf, commonName, hwidHex, LEVELS, pemCertificates, readCrl } from './world.ts';

const { app, world } = assembled();
const leafPath = (line: Line, query: string = LEVELS[line], hwid = hwidHex(world, line)): string => `/vcek/v1/${line}/${hwid}?${query}`;

/** Contents of one of AMD's extensions, hex. */
function amdExtension(der: Uint8Array, suffix: string): string {
  const { tbsCertificate } = AsnConvert.parse(Uint8Array.from(der).buffer, Certificate);
  return Buffer.from(tbsCertificate.extensions?.find((e) => e.extnID === `1.3.6.1.4.1.3704.1.${suffix}`)?.extnValue.buffer ?? new ArrayBuffer(0)).toString('hex');
}

describe.each(LINES)('%s', (line) => {
  test.each([
    ['vcek', `SEV-${line}`],
    ['vlek', `SEV-VLEK-${line}`],
  ])('the %s chain is the intermediate, then the ARK, and nothing else', async (kind, intermediate) => {
    const response = await ask(app, `/${kind}/v1/${line}/cert_chain`);
    const text = await response.text();
    const chain = pemCertificates(text);
    expect(chain.map(commonName)).toEqual([intermediate, `ARK-${line}`]);
    expect(text).toMatch(/^-----BEGIN CERTIFICATE-----\n[^-]+-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\n[^-]+-----END CERTIFICATE-----\n$/);
    expect(chain[0]?.verify(chain[1]?.publicKey ?? expect.fail())).toBe(true);
  });

  test('the leaf is DER, signed by the ASK of the chain', async () => {
    const leaf = new X509Certificate(await bytesOf(await ask(app, leafPath(line))));
    const [askCertificate] = pemCertificates(await (await ask(app, `/vcek/v1/${line}/cert_chain`)).text());
    expect(commonName(leaf)).toBe('SEV-VCEK');
    expect(leaf.verify(askCertificate?.publicKey ?? expect.fail())).toBe(true);
  });

  test('the leaf names the chip that was asked for', async () => {
    const hwid = hwidHex(world, line, 4711);
    const leaf = await bytesOf(await ask(app, leafPath(line, LEVELS[line], hwid)));
    expect(amdExtension(leaf, '4')).toBe(hwid);
  });

  test('both lists are that of the ARK', async () => {
    const lists = await Promise.all(['vcek', 'vlek'].map(async (kind) => bytesOf(await ask(app, `/${kind}/v1/${line}/crl`))));
    expect(lists.map((list) => readCrl(list).issuer)).toEqual([`ARK-${line}`, `ARK-${line}`]);
    expect(lists[0]).toEqual(lists[1]);
  });

  test.each([
    ['cert_chain', `${line}.pem`],
    ['crl', `${line}.crl`],
  ])('%s comes under a file name', async (what, filename) => {
    expect((await ask(app, `/vcek/v1/${line}/${what}`)).headers.get('content-disposition')).toBe(`attachment; filename=${filename}`);
  });

  test('the newest TCB of the line is known, one level more of any component is not', async () => {
    const { newestTcb } = LINE_TABLE[line];
    const names = { fmc: 'fmcSPL', bootLoader: 'blSPL', tee: 'teeSPL', snp: 'snpSPL', microcode: 'ucodeSPL' };
    const query = (tcb: Readonly<Record<string, number>>): string =>
      Object.entries(names)
        .flatMap(([c, name]) => (c in newestTcb ? [`${name}=${tcb[c] ?? 0}`] : []))
        .join('&');
    expect((await ask(app, leafPath(line, query({ ...newestTcb })))).status).toBe(200);
    for (const component of Object.keys(newestTcb)) {
      const above = { ...newestTcb, [component]: (newestTcb[component as keyof typeof newestTcb] ?? 0) + 1 };
      expect((await ask(app, leafPath(line, query(above)))).status, component).toBe(404);
    }
  });
});

describe('a request for a chip', () => {
  const genoa = hwidHex(world, 'Genoa');
  const turin = hwidHex(world, 'Turin');
  test.each<[rule: string, path: string, status: number]>([
    ['with zero-padded and three-digit levels', `/vcek/v1/Milan/${hwidHex(world, 'Milan')}?blSPL=04&teeSPL=00&snpSPL=024&ucodeSPL=219`, 200],
    ['with the levels in another order', `/vcek/v1/Genoa/${genoa}?ucodeSPL=72&snpSPL=23&teeSPL=0&blSPL=9`, 200],
    ['with the id in capitals', `/vcek/v1/Genoa/${genoa.toUpperCase()}?${LEVELS.Genoa}`, 200],
    ['of a chip that nobody made', `/vcek/v1/Genoa/${'ab'.repeat(64)}?${LEVELS.Genoa}`, 200],
    ['with the path percent-encoded', `/vcek/v1/%47enoa/${genoa}?${LEVELS.Genoa}`, 200],
    ['of Turin with fmcSPL last', `/vcek/v1/Turin/${turin}?blSPL=1&teeSPL=1&snpSPL=4&ucodeSPL=80&fmcSPL=0`, 200],
    ['for the id of a masked chip', `/vcek/v1/Genoa/${'0'.repeat(128)}?${LEVELS.Genoa}`, 404],
    ['without any level', `/vcek/v1/Genoa/${genoa}`, 400],
    ['with one level missing', `/vcek/v1/Genoa/${genoa}?blSPL=9&teeSPL=0&snpSPL=23`, 400],
    ['with a level given twice', `/vcek/v1/Genoa/${genoa}?${LEVELS.Genoa}&blSPL=9`, 400],
    ['with a level that is empty', `/vcek/v1/Genoa/${genoa}?blSPL=&teeSPL=0&snpSPL=23&ucodeSPL=72`, 400],
    ['with a level that has no value', `/vcek/v1/Genoa/${genoa}?blSPL&teeSPL=0&snpSPL=23&ucodeSPL=72`, 400],
    ['with a level that is no number', `/vcek/v1/Genoa/${genoa}?blSPL=x&teeSPL=0&snpSPL=23&ucodeSPL=72`, 400],
    ['with a level in hexadecimal', `/vcek/v1/Genoa/${genoa}?blSPL=0x9&teeSPL=0&snpSPL=23&ucodeSPL=72`, 400],
    ['with a negative level', `/vcek/v1/Genoa/${genoa}?blSPL=-1&teeSPL=0&snpSPL=23&ucodeSPL=72`, 400],
    ['with a level of 256', `/vcek/v1/Genoa/${genoa}?blSPL=256&teeSPL=0&snpSPL=23&ucodeSPL=72`, 400],
    ['with a level of four digits', `/vcek/v1/Genoa/${genoa}?blSPL=0009&teeSPL=0&snpSPL=23&ucodeSPL=72`, 400],
    ['with a parameter of another spelling', `/vcek/v1/Genoa/${genoa}?blspl=9&teeSPL=0&snpSPL=23&ucodeSPL=72`, 400],
    ['with a parameter too many', `/vcek/v1/Genoa/${genoa}?${LEVELS.Genoa}&x=1`, 400],
    ['with more parameters than anybody needs', `/vcek/v1/Genoa/${genoa}?${LEVELS.Genoa}${'&a=1'.repeat(50)}`, 400],
    ['of Genoa with fmcSPL', `/vcek/v1/Genoa/${genoa}?fmcSPL=0&${LEVELS.Genoa}`, 400],
    ['of Turin without fmcSPL', `/vcek/v1/Turin/${turin}?blSPL=1&teeSPL=1&snpSPL=4&ucodeSPL=80`, 400],
    ['of Turin with all 64 bytes of CHIP_ID', `/vcek/v1/Turin/${turin}${'0'.repeat(112)}?${LEVELS.Turin}`, 400],
    ['with an id too short', `/vcek/v1/Genoa/${genoa.slice(2)}?${LEVELS.Genoa}`, 400],
    ['with an id too long', `/vcek/v1/Genoa/${genoa}00?${LEVELS.Genoa}`, 400],
    ['with an id that is not hexadecimal', `/vcek/v1/Genoa/${'xy'.repeat(64)}?${LEVELS.Genoa}`, 400],
    ['with a path that is no UTF-8', `/vcek/v1/%ff/${genoa}?${LEVELS.Genoa}`, 400],
    ['with a slash in the product', `/vcek/v1/Gen%2foa/cert_chain`, 400],
    ['of a product in small letters', `/vcek/v1/genoa/${genoa}?${LEVELS.Genoa}`, 404],
    ['of a product that has the keys of another', `/vcek/v1/Siena/${genoa}?${LEVELS.Genoa}`, 404],
    ['of a product that is a member of every object', `/vcek/v1/constructor/cert_chain`, 404],
    ['for a chain of an unknown product', '/vcek/v1/Naples/cert_chain', 404],
    ['for a list of an unknown product', '/vlek/v1/Naples/crl', 404],
    ['below an unknown kind', '/vxek/v1/Genoa/cert_chain', 404],
    ['of another version', '/vcek/v2/Genoa/cert_chain', 404],
    ['for nothing', '/', 404],
    ['with a slash too many', '/vcek/v1/Genoa/cert_chain/', 404],
    ['for a VLEK by chip', `/vlek/v1/Genoa/${genoa}?${LEVELS.Genoa}`, 404],
    ['for a VLEK without credentials', `/vlek/v1/Genoa/cert?${LEVELS.Genoa}`, 401],
    ['for a VLEK of an unknown product', `/vlek/v1/Naples/cert?${LEVELS.Genoa}`, 404],
  ])('%s', async (_, path, status) => {
    const response = await ask(app, path);
    expect(response.status).toBe(status);
    expect(response.headers.get('x-teemu')).toBe('test-only');
  });

  test('for a VLEK with credentials is refused all the same', async () => {
    expect((await ask(app, `/vlek/v1/Genoa/cert?${LEVELS.Genoa}`, { headers: { authorization: 'Bearer x' } })).status).toBe(403);
  });

  test('for a VLEK says what it wants', async () => {
    expect((await ask(app, `/vlek/v1/Genoa/cert?${LEVELS.Genoa}`)).headers.get('www-authenticate')).toBe('Bearer');
  });

  test.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])('with %s is not allowed, and told what is', async (method) => {
    const response = await ask(app, '/vcek/v1/Genoa/cert_chain', { method });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  test('with HEAD gets the head of what GET gets', async () => {
    const [head, get] = [await ask(app, '/vcek/v1/Genoa/cert_chain', { method: 'HEAD' }), await ask(app, '/vcek/v1/Genoa/cert_chain')];
    expect([...head.headers]).toEqual([...get.headers]);
    expect((await bytesOf(head)).length).toBe(0);
  });

  test('gets the same bytes for the same levels, whatever their spelling', async () => {
    const [a, b] = [await ask(app, leafPath('Genoa')), await ask(app, `/vcek/v1/Genoa/${genoa.toUpperCase()}?ucodeSPL=072&snpSPL=23&teeSPL=00&blSPL=09`)];
    expect(await bytesOf(a)).toEqual(await bytesOf(b));
  });

  test('gets another key for another TCB and for another chip', async () => {
    const keys = await Promise.all(
      [leafPath('Genoa'), leafPath('Genoa', LEVELS.Genoa.replace('ucodeSPL=72', 'ucodeSPL=71')), leafPath('Genoa', LEVELS.Genoa, hwidHex(world, 'Genoa', 1))].map(async (path) =>
        new X509Certificate(await bytesOf(await ask(app, path))).publicKey.export({ type: 'spki', format: 'der' }).toString('hex'),
      ),
    );
    expect(new Set(keys).size).toBe(3);
  });
});

describe('mounting', () => {
  test.each([
    ["the vendor's host", 'https://kdsintf.amd.com/vcek/v1/Milan/crl', 200],
    ["the vendor's host with a port", 'https://kdsintf.amd.com:8443/vcek/v1/Milan/crl', 200],
    ["the vendor's host in capitals, with a dot at the end", 'https://KDSINTF.amd.com./vcek/v1/Milan/crl', 200],
    ['a base URL', 'http://127.0.0.1:4711/kds/vcek/v1/Milan/crl', 200],
    ['a base URL whose path got lost', 'http://127.0.0.1:4711/vcek/v1/Milan/crl', 200],
    ["the base URL's path under the vendor's host", 'https://kdsintf.amd.com/kds/vcek/v1/Milan/crl', 404],
    ['the base URL alone', 'http://127.0.0.1:4711/kds', 404],
  ])('%s', async (_, url, status) => {
    expect((await app.fetch(new Request(url))).status).toBe(status);
  });
});

describe('headers', () => {
  test("are those of the genuine service's answer for a leaf", async () => {
    const { headers } = await ask(app, leafPath('Genoa'));
    expect(Object.fromEntries(headers)).toEqual({
      'cache-control': 'no-cache',
      'content-disposition': 'attachment; filename=vcek.crt',
      'content-length': headers.get('content-length'),
      'content-type': 'application/octet-stream',
      date: 'Thu, 15 Jan 2026 12:00:00 GMT',
      pragma: 'no-cache',
      'x-teemu': 'test-only',
    });
  });

  test.skipIf(REAL_SAMPLES === undefined).each(['cert-chain', 'vcek'])('have the names and values of the genuine record (%s), but for length, date and the test marker', async (what) => {
    const record = JSON.parse(Buffer.from(realSample(`snp/genoa-v3-tinfoil.kds-${what}.http.json`)).toString('utf8')) as { url: string; status: number; headers: Record<string, string[]> };
    const response = await app.fetch(new Request(record.url));
    const varying = ['content-length', 'date', 'x-teemu'];
    const ours = [...response.headers].filter(([name]) => !varying.includes(name));
    const genuine = Object.entries(record.headers).flatMap(([name, [value]]) => (varying.includes(name.toLowerCase()) ? [] : [[name.toLowerCase(), value]]));
    expect(response.status).toBe(record.status);
    expect(ours.sort()).toEqual(genuine.sort());
  });
});

describe('product names', () => {
  const ia5 = (name: string): string => Buffer.from([0x16, name.length, ...Buffer.from(name)]).toString('hex');
  test.each(LINES)('%s: today as AMD writes it, and with a stepping on request', async (line) => {
    const stepping = assembled({ productNames: 'stepping' });
    expect(amdExtension(await bytesOf(await ask(app, leafPath(line))), '2')).toBe(ia5({ Milan: 'Milan-B0', Genoa: 'Genoa', Turin: 'Turin' }[line]));
    expect(amdExtension(await bytesOf(await ask(stepping.app, leafPath(line))), '2')).toBe(ia5(LINE_TABLE[line].steppingName));
  });
});

describe('revocation', () => {
  test('puts the serial of the intermediate on the list at once, and reset takes it off', async () => {
    const { app, vendors, world } = assembled();
    const serials = async (): Promise<string[]> => readCrl(await bytesOf(await ask(app, '/vcek/v1/Milan/crl'))).serials;
    expect(await serials()).toEqual([]);
    vendors.snp.kds.revoke('Milan', 'ASK');
    expect(await serials()).toEqual(['010001']);
    vendors.snp.kds.revoke('Milan', 'ASVK');
    expect(await serials()).toEqual(['010001', '010101']);
    app.reset();
    expect(await serials()).toEqual([]);
    expect(new AmdAuthority(world, 'Milan').certificate('ASK').spec.serial).toEqual(Uint8Array.of(1, 0, 1));
  });

  test('has not happened yet for a clock that was turned back, and has again when its time comes', async () => {
    const { app, vendors, clock } = assembled();
    const list = async (): Promise<ReturnType<typeof readCrl>> => readCrl(await bytesOf(await ask(app, '/vcek/v1/Milan/crl')));
    const before = await list();
    clock.advance(10_000);
    vendors.snp.kds.revoke('Milan', 'ASK');
    expect((await list()).serials).toEqual(['010001']);
    clock.advance(-10_000);
    expect(await list()).toEqual(before);
    clock.advance(10_000);
    expect((await list()).serials).toEqual(['010001']);
  });
});

describe('time', () => {
  test('a leaf is issued anew when a period is over, and served as it was until then', async () => {
    const { app, world, clock } = assembled();
    const leaf = async (): Promise<X509Certificate> => new X509Certificate(await bytesOf(await ask(app, leafPath('Genoa', LEVELS.Genoa, hwidHex(world, 'Genoa')))));
    const first = await leaf();
    clock.advance(1000);
    expect((await leaf()).raw).toEqual(first.raw);
    clock.advance(31 * 86_400_000);
    expect(Date.parse((await leaf()).validFrom)).toBeGreaterThan(Date.parse(first.validFrom));
  });

  test.each(['1970-01-01', '1995-06-01', '2020-10-22T17:23:04Z', '2060-01-01', '9969-12-31'])('everything is valid at %s', async (at) => {
    const { app, world, clock } = assembled();
    await ask(app, '/vcek/v1/Milan/cert_chain');
    clock.set(Date.parse(at), false);
    const chain = pemCertificates(await (await ask(app, '/vcek/v1/Milan/cert_chain')).text());
    const leaf = new X509Certificate(await bytesOf(await ask(app, leafPath('Milan', LEVELS.Milan, hwidHex(world, 'Milan')))));
    for (const { validFrom, validTo } of [...chain, leaf]) expect(Date.parse(validFrom) <= Date.parse(at) && Date.parse(at) <= Date.parse(validTo)).toBe(true);
  });

  test('the Date header is the time of the World', async () => {
    const { app, clock } = assembled();
    clock.set(Date.parse('1999-12-31T23:59:59Z'), false);
    expect((await ask(app, '/')).headers.get('date')).toBe('Fri, 31 Dec 1999 23:59:59 GMT');
  });
});

describe('the rate limit', () => {
  test('is off unless asked for', async () => {
    for (let i = 0; i < 5; i++) expect((await ask(app, leafPath('Genoa'))).status).toBe(200);
  });

  test('lets one chip certificate through in so many seconds, and says when to come again', async () => {
    const { app, clock, world } = assembled({ rateLimit: { seconds: 10, per: 'client' } });
    const status = async (index = 0): Promise<[number, string | null]> => {
      const response = await ask(app, leafPath('Genoa', LEVELS.Genoa, hwidHex(world, 'Genoa', index)));
      return [response.status, response.headers.get('retry-after')];
    };
    expect(await status()).toEqual([200, null]);
    expect(await status(1)).toEqual([429, '10']);
    clock.advance(3500);
    expect(await status()).toEqual([429, '7']);
    clock.advance(6499);
    expect(await status()).toEqual([429, '1']);
    clock.advance(1);
    expect(await status()).toEqual([200, null]);
  });

  test('does not hold for chains and lists', async () => {
    const { app } = assembled({ rateLimit: { seconds: 10, per: 'client' } });
    for (const what of ['cert_chain', 'cert_chain', 'crl', 'crl']) expect((await ask(app, `/vcek/v1/Genoa/${what}`)).status).toBe(200);
  });

  test('counts each certificate apart when told to', async () => {
    const { app, world } = assembled({ rateLimit: { seconds: 10, per: 'certificate' } });
    const status = async (index: number, query = LEVELS.Genoa): Promise<number> => (await ask(app, leafPath('Genoa', query, hwidHex(world, 'Genoa', index)))).status;
    expect([await status(0), await status(1), await status(0), await status(0, LEVELS.Genoa.replace('72', '71')), await status(1, LEVELS.Genoa.replace('blSPL=9', 'blSPL=09'))]).toEqual([200, 200, 429, 200, 429]);
  });

  test('counts clients apart', async () => {
    const { app, world } = assembled({ rateLimit: { seconds: 10, per: 'client' } });
    const status = async (client: string): Promise<number> => {
      const [path = '', query = ''] = leafPath('Genoa', LEVELS.Genoa, hwidHex(world, 'Genoa')).split('?');
      const reply = await app.answer({ method: 'GET', host: 'kdsintf.amd.com', target: `${path}?${query}`, path, query, body: new Uint8Array(0), header: () => undefined, client: () => client });
      return reply.status;
    };
    expect([await status('10.0.0.1'), await status('10.0.0.2'), await status('10.0.0.1')]).toEqual([200, 200, 429]);
  });

  test.each([0, -1, 90_000, Number.NaN])('of %s seconds cannot be', (seconds) => {
    expect(() => assembled({ rateLimit: { seconds, per: 'client' } })).toThrow(RangeError);
  });
});

test('chips from all over a million are answered without anything having been stored', async () => {
  const indices = Array.from({ length: 40 }, (_, i) => i * 25_000);
  const answers = await Promise.all(indices.map((i) => ask(app, leafPath('Genoa', LEVELS.Genoa, hwidHex(world, 'Genoa', i)))));
  expect(answers.map(({ status }) => status)).toEqual(indices.map(() => 200));
});

describe('the cache', () => {
  test('makes a value once, and keeps at most as many as it is told', () => {
    const cache = new Cache<string>(2);
    const made: string[] = [];
    const get = (key: string): string =>
      cache.get(key, () => {
        made.push(key);
        return key.toUpperCase();
      });
    expect(['a', 'b', 'a', 'c', 'a', 'b'].map(get)).toEqual(['A', 'B', 'A', 'C', 'A', 'B']);
    expect(made).toEqual(['a', 'b', 'c', 'b']);
    expect(cache.length).toBe(2);
  });

  test('keeps nothing of what could not be made', () => {
    const cache = new Cache<string>(2);
    expect(() => cache.get('a', () => expect.fail('no'))).toThrow();
    expect(cache.get('a', () => 'b')).toBe('b');
  });
});
