/** Faults: each row of the table, the rules, and the die. */
import { X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../emulator/errors.ts';
import { globMatches } from '../../emulator/services/faults/glob.ts';
import { type FaultRule, MOST_RULES } from '../../emulator/services/faults/plan.ts';
import { FAULTS } from '../../emulator/services/faults/table.ts';
import { KDS_FAULTS } from '../../emulator/services/kds/faults.ts';
import { ask, assembled, bytesOf, commonName, hwidHex, LEVELS, NOW, pemCertificates, readCrl } from './world.ts';

const DAY = 86_400_000;
const CHAIN = '/vcek/v1/Genoa/cert_chain';
const CRL = '/vcek/v1/Genoa/crl';
const { app: honest, world } = assembled();
const LEAF = `/vcek/v1/Genoa/${hwidHex(world, 'Genoa')}?${LEVELS.Genoa}`;
const good = { chain: await bytesOf(await ask(honest, CHAIN)), crl: await bytesOf(await ask(honest, CRL)), leaf: await bytesOf(await ask(honest, LEAF)) };

/** The answer that a rule leaves. */
async function disturbed(path: string, rule: FaultRule): Promise<Response> {
  const response = await ask(assembled({ faults: [rule] }).app, path);
  expect(response.headers.get('x-teemu-fault')).toBe(`${rule.fault}; rule=1`);
  return response;
}
const chainNames = async (response: Response): Promise<string[]> => pemCertificates(await response.text()).map(commonName);
const leafOf = async (response: Response): Promise<X509Certificate> => new X509Certificate(await bytesOf(response));

/** What each fault does, by its name. */
const EFFECTS: Readonly<Record<string, () => Promise<void>>> = {
  latency: async () => {
    const response = await disturbed(CRL, { fault: 'latency', parameters: { delay: 1 } });
    expect(await bytesOf(response)).toEqual(good.crl);
  },
  down: () => expect(ask(assembled({ faults: [{ fault: 'down' }] }).app, CRL)).rejects.toThrow('closed'),
  reset: () => expect(ask(assembled({ faults: [{ fault: 'reset' }] }).app, CRL)).rejects.toThrow('reset'),
  hang: () => expect(ask(assembled({ faults: [{ fault: 'hang', parameters: { silence: 1 } }] }).app, CRL)).rejects.toThrow('closed'),
  bandwidth: async () => {
    const { body } = await disturbed(CRL, { fault: 'bandwidth', parameters: { rate: 4096 } });
    const pieces: number[] = [];
    for await (const piece of body as unknown as AsyncIterable<Uint8Array>) pieces.push(piece.length);
    expect(pieces).toEqual([409, 409, good.crl.length - 818]);
  },
  slicer: async () => {
    const { body } = await disturbed(CRL, { fault: 'slicer', parameters: { bytes: 500, pause: 0 } });
    const pieces: Uint8Array[] = [];
    for await (const piece of body as unknown as AsyncIterable<Uint8Array>) pieces.push(piece);
    expect(pieces.map((piece) => piece.length)).toEqual([500, good.crl.length - 500]);
    expect(new Uint8Array(Buffer.concat(pieces))).toEqual(good.crl);
  },
  'slow-close': async () => expect(await bytesOf(await disturbed(CRL, { fault: 'slow-close', parameters: { linger: 1 } }))).toEqual(good.crl),
  'truncated-body': async () => {
    const response = await disturbed(CRL, { fault: 'truncated-body', parameters: { keep: 10 } });
    expect(response.headers.get('content-length')).toBe(String(good.crl.length));
    await expect(response.arrayBuffer()).rejects.toThrow();
  },
  'short-body': async () => expect(await bytesOf(await disturbed(CRL, { fault: 'short-body', parameters: { keep: 10 } }))).toEqual(good.crl.subarray(0, 10)),
  'oversize-body': async () => {
    const body = await bytesOf(await disturbed(CRL, { fault: 'oversize-body', parameters: { length: 100_000 } }));
    expect(body.length).toBe(100_000);
    expect(body.subarray(0, good.crl.length)).toEqual(good.crl);
    expect(body.subarray(good.crl.length).every((b) => b === 0)).toBe(true);
  },
  'corrupt-body': async () => {
    const body = await bytesOf(await disturbed(CRL, { fault: 'corrupt-body', parameters: { at: 100, bit: 7 } }));
    expect(body.map((b, i) => b ^ (good.crl[i] ?? 0))).toEqual(good.crl.map((_, i) => (i === 100 ? 0x80 : 0)));
  },
  'html-page': async () => {
    const response = await disturbed(CRL, { fault: 'html-page' });
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(await response.text()).toMatch(/^<!DOCTYPE html>/);
  },
  'redirect-loop': async () => {
    const response = await disturbed(LEAF, { fault: 'redirect-loop' });
    expect([response.status, response.headers.get('location')]).toEqual([302, LEAF]);
  },
  'not-found': async () => expect((await disturbed(CRL, { fault: 'not-found' })).status).toBe(404),
  'too-many-requests': async () => {
    const seconds = await disturbed(LEAF, { fault: 'too-many-requests', parameters: { retryAfter: 7 } });
    const date = await disturbed(LEAF, { fault: 'too-many-requests', parameters: { retryAfter: 60, form: 'date' } });
    const none = await disturbed(LEAF, { fault: 'too-many-requests', parameters: { retryAfter: 0 } });
    expect([seconds, date, none].map((r) => [r.status, r.headers.get('retry-after')])).toEqual([
      [429, '7'],
      [429, 'Thu, 15 Jan 2026 12:01:00 GMT'],
      [429, null],
    ]);
  },
  'server-error': async () => expect((await disturbed(CRL, { fault: 'server-error' })).status).toBe(500),
  'bad-gateway': async () => {
    const response = await disturbed(CRL, { fault: 'bad-gateway' });
    expect([response.status, response.headers.get('content-type')]).toEqual([502, 'text/html; charset=utf-8']);
  },
  unavailable: async () => {
    const response = await disturbed(CRL, { fault: 'unavailable' });
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '10']);
  },
  'chain-order': async () => expect(await chainNames(await disturbed(CHAIN, { fault: 'chain-order' }))).toEqual(['ARK-Genoa', 'SEV-Genoa']),
  'chain-incomplete': async () => expect(await chainNames(await disturbed(CHAIN, { fault: 'chain-incomplete' }))).toEqual(['SEV-Genoa']),
  'chain-trailing': async () => expect(await chainNames(await disturbed(CHAIN, { fault: 'chain-trailing' }))).toEqual(['SEV-Genoa', 'ARK-Genoa', 'ARK-Genoa']),
  'chain-wrong-line': async () => expect(await chainNames(await disturbed(CHAIN, { fault: 'chain-wrong-line' }))).toEqual(['SEV-Turin', 'ARK-Turin']),
  'chain-wrong-kind': async () => {
    expect(await chainNames(await disturbed(CHAIN, { fault: 'chain-wrong-kind' }))).toEqual(['SEV-VLEK-Genoa', 'ARK-Genoa']);
    expect(await chainNames(await disturbed('/vlek/v1/Genoa/cert_chain', { fault: 'chain-wrong-kind' }))).toEqual(['SEV-Genoa', 'ARK-Genoa']);
  },
  'crl-stale': async () => {
    const { thisUpdate, nextUpdate } = readCrl(await bytesOf(await disturbed(CRL, { fault: 'crl-stale', parameters: { days: 3 } })));
    expect([thisUpdate, nextUpdate]).toEqual([NOW - 368 * DAY, NOW - 3 * DAY]);
  },
  'crl-future': async () => expect(readCrl(await bytesOf(await disturbed(CRL, { fault: 'crl-future', parameters: { days: 3 } }))).thisUpdate).toBe(NOW + 3 * DAY),
  'crl-wrong-line': async () => expect(readCrl(await bytesOf(await disturbed(CRL, { fault: 'crl-wrong-line' }))).issuer).toBe('ARK-Turin'),
  'vcek-wrong-tcb': async () => {
    const lower = await bytesOf(await ask(honest, LEAF.replace('ucodeSPL=72', 'ucodeSPL=71')));
    expect(await bytesOf(await disturbed(LEAF, { fault: 'vcek-wrong-tcb' }))).toEqual(lower);
  },
  'vcek-wrong-chip': async () => {
    const hwid = hwidHex(world, 'Genoa');
    const last = (Number.parseInt(hwid.slice(-2), 16) ^ 1).toString(16).padStart(2, '0');
    const other = await bytesOf(await ask(honest, LEAF.replace(hwid, hwid.slice(0, -2) + last)));
    expect(await bytesOf(await disturbed(LEAF, { fault: 'vcek-wrong-chip' }))).toEqual(other);
  },
  'vcek-expired': async () => expect(Date.parse((await leafOf(await disturbed(LEAF, { fault: 'vcek-expired', parameters: { days: 2 } }))).validTo)).toBe(NOW - 2 * DAY),
  'vcek-future': async () => expect(Date.parse((await leafOf(await disturbed(LEAF, { fault: 'vcek-future', parameters: { days: 2 } }))).validFrom)).toBe(NOW + 2 * DAY),
  'vcek-pem': async () => {
    const text = await (await disturbed(LEAF, { fault: 'vcek-pem' })).text();
    expect(pemCertificates(text).map(({ raw }) => new Uint8Array(raw))).toEqual([good.leaf]);
  },
  'vlek-for-vcek': async () => expect(commonName(await leafOf(await disturbed(LEAF, { fault: 'vlek-for-vcek' })))).toBe('SEV-VLEK'),
};

describe('the table', () => {
  const rows = [...FAULTS, ...KDS_FAULTS];
  test.each(rows.map(({ name, doc }) => [name, doc]))('%s: %s', async (name) => {
    await (EFFECTS[name] ?? expect.fail(`no test for ${name}`))();
  });

  test('has every fault once, and this test has no other', () => {
    expect(rows.map(({ name }) => name).sort()).toEqual(Object.keys(EFFECTS).sort());
  });

  test.each(['vcek-expired', 'vcek-future', 'vcek-wrong-tcb', 'vcek-wrong-chip'])('%s is still signed by the ASK: only the freshness or the binding is wrong', async (fault) => {
    const [askCertificate] = pemCertificates(Buffer.from(good.chain).toString());
    expect((await leafOf(await disturbed(LEAF, { fault }))).verify(askCertificate?.publicKey ?? expect.fail())).toBe(true);
  });

  test.each(rows.map((row) => [row.name, row] as const))('the parameters of %s have defaults', (_, row) => {
    expect(() => row.prepare({})).not.toThrow();
  });

  test('a fault of a service leaves the other routes alone', async () => {
    const { app } = assembled({ faults: KDS_FAULTS.filter(({ on }) => on.includes('kds.crl')).map(({ name }) => ({ fault: name })) });
    expect((await ask(app, CHAIN)).headers.get('x-teemu-fault')).toBeNull();
  });

  test('a fault for leaves does not hide that the request was wrong', async () => {
    const { app } = assembled({ faults: [{ fault: 'vcek-wrong-tcb' }] });
    expect((await ask(app, '/vcek/v1/Genoa/00?blSPL=1')).status).toBe(400);
  });
});

describe('rules', () => {
  const faultsOf = async (rules: readonly FaultRule[], paths: readonly string[]): Promise<(string | null)[]> => {
    const { app } = assembled({ faults: rules });
    const seen: (string | null)[] = [];
    for (const path of paths) seen.push((await ask(app, path)).headers.get('x-teemu-fault'));
    return seen;
  };
  test.each<[rule: string, rules: FaultRule[], paths: string[], seen: (string | null)[]]>([
    ['without a match disturb everything', [{ fault: 'server-error' }], [CRL, LEAF, '/nowhere'], ['server-error; rule=1', 'server-error; rule=1', 'server-error; rule=1']],
    ['match an operation', [{ match: 'kds.crl', fault: 'server-error' }], [CRL, CHAIN, '/nowhere'], ['server-error; rule=1', null, null]],
    ['match operations', [{ match: 'kds.*', fault: 'server-error' }], [CRL, CHAIN, '/nowhere'], ['server-error; rule=1', 'server-error; rule=1', null]],
    ['match a path', [{ match: '/vcek/v1/*/crl', fault: 'server-error' }], [CRL, '/vlek/v1/Genoa/crl'], ['server-error; rule=1', null]],
    ['let some pass first', [{ fault: 'server-error', after: 2 }], [CRL, CRL, CRL], [null, null, 'server-error; rule=1']],
    ['stop after some', [{ fault: 'server-error', times: 2 }], [CRL, CRL, CRL], ['server-error; rule=1', 'server-error; rule=1', null]],
    ['count only what they match', [{ match: 'kds.crl', fault: 'server-error', after: 1 }], [CHAIN, CRL, CHAIN, CRL], [null, null, null, 'server-error; rule=1']],
    ['come together, in order', [{ fault: 'latency', parameters: { delay: 1 } }, { fault: 'not-found' }], [CRL], ['latency; rule=1, not-found; rule=2']],
    ['with the probability 0 never fire', [{ fault: 'server-error', probability: 0 }], [CRL, CRL], [null, null]],
  ])('%s', async (_, rules, paths, seen) => {
    expect(await faultsOf(rules, paths)).toEqual(seen);
  });

  test('the later disturbs what the earlier left', async () => {
    const { app } = assembled({
      faults: [
        { fault: 'short-body', parameters: { keep: 3 } },
        { fault: 'oversize-body', parameters: { length: 5 } },
      ],
    });
    expect(await bytesOf(await ask(app, CRL))).toEqual(Uint8Array.of(...good.crl.subarray(0, 3), 0, 0));
  });

  test.each<[rule: string, input: FaultRule, key: string]>([
    ['name a fault that there is', { fault: 'gremlins' }, 'fault'],
    ['name parameters that there are', { fault: 'latency', parameters: { colour: 1 } }, 'parameters.colour'],
    ['keep parameters in bounds', { fault: 'latency', parameters: { delay: 1e9 } }, 'parameters.delay'],
    ['give parameters their type', { fault: 'latency', parameters: { delay: '1' } }, 'parameters.delay'],
    ['have a probability from 0 to 1', { fault: 'latency', probability: 2 }, 'probability'],
    ['fire at least once', { fault: 'latency', times: 0 }, 'times'],
  ])('must %s', (_, input, key) => {
    const { app } = assembled();
    expect(() => app.faults.add(input)).toThrow(ConfigError);
    expect(() => app.faults.add(input)).toThrow(expect.objectContaining({ code: 'ERR_CONFIG', key }));
    expect(app.faults.idle).toBe(true);
  });

  test(`are at most ${MOST_RULES}`, () => {
    const { app } = assembled({ faults: Array.from({ length: MOST_RULES }, () => ({ fault: 'latency' })) });
    expect(() => app.faults.add({ fault: 'latency' })).toThrow(ConfigError);
  });

  test('can be taken away one by one, and their numbers are not given again', async () => {
    const { app } = assembled({ faults: [{ fault: 'not-found' }, { fault: 'server-error' }] });
    expect(app.faults.remove(2)).toBe(true);
    expect(app.faults.remove(2)).toBe(false);
    expect((await ask(app, CRL)).status).toBe(404);
    expect(app.faults.add({ fault: 'latency' }).id).toBe(3);
  });

  test('say what they did', async () => {
    const { app } = assembled({ faults: [{ match: 'kds.crl', fault: 'not-found', after: 1 }] });
    for (const path of [CRL, CHAIN, CRL, CRL]) await ask(app, path);
    expect(app.faults.rules()).toEqual([expect.objectContaining({ id: 1, fault: 'not-found', matched: 3, injected: 2 })]);
  });
});

describe('the die', () => {
  const sequence = async ({ app }: ReturnType<typeof assembled>, requests = 60): Promise<string> => {
    let seen = '';
    for (let i = 0; i < requests; i++) seen += (await ask(app, CRL)).status === 500 ? 'x' : '.';
    return seen;
  };
  const faults = [{ fault: 'server-error', probability: 0.3 }];

  test('falls the same way in another world of the same seed', async () => {
    const [a, b] = [await sequence(assembled({ faults })), await sequence(assembled({ faults }))];
    expect(a).toBe(b);
    expect(a).toMatch(/x/);
    expect(a).toMatch(/\./);
  });

  test('falls the same way again after a reset', async () => {
    const services = assembled({ faults });
    const first = await sequence(services);
    services.app.reset();
    for (const rule of faults) services.app.faults.add(rule);
    expect(await sequence(services)).toBe(first);
  });

  test.each([
    ['its own seed', assembled({ faults, dieSeed: '2' })],
    ["the world's seed", assembled({ faults }, 'another')],
  ])('falls another way with %s changed', async (_, services) => {
    expect(await sequence(services)).not.toBe(await sequence(assembled({ faults })));
  });

  test('is thrown once for each request that a rule with a probability matches, and the reply says with which throw it was hit', async () => {
    const { app } = assembled({
      faults: [
        { match: 'kds.chain', fault: 'latency', parameters: { delay: 1 } },
        { match: 'kds.crl', fault: 'server-error', probability: 0.999_999 },
      ],
    });
    const seen = [];
    for (const path of [CHAIN, CRL, LEAF, CRL]) seen.push((await ask(app, path)).headers.get('x-teemu-fault'));
    expect(seen).toEqual(['latency; rule=1', 'server-error; rule=2; roll=1', null, 'server-error; rule=2; roll=2']);
    expect(app.faults.die.rolls).toBe(2);
  });

  test('is fair within what a thousand throws can tell', () => {
    const { app } = assembled();
    const low = Array.from({ length: 1000 }, () => app.faults.die.roll()).filter((n) => n < 0.25).length;
    expect(low).toBeGreaterThan(190);
    expect(low).toBeLessThan(310);
  });
});

describe('patterns', () => {
  test.each<[pattern: string, text: string, matches: boolean]>([
    ['*', '', true],
    ['*', 'anything', true],
    ['', '', true],
    ['', 'a', false],
    ['a', 'a', true],
    ['a', 'b', false],
    ['a*', 'a', true],
    ['a*c', 'abc', true],
    ['a*c', 'ac', true],
    ['a*c', 'acb', false],
    ['*b*', 'abc', true],
    ['a**c', 'abc', true],
    ['a.c', 'abc', false],
    ['/vcek/v1/*/crl', '/vcek/v1/Milan/crl', true],
    ['/vcek/v1/*/crl', '/vcek/v1/Milan/cert_chain', false],
    ['*ab', 'aab', true],
    ['*aab', 'aaab', true],
  ])('%j and %j: %s', (pattern, text, matches) => {
    expect(globMatches(pattern, text)).toBe(matches);
  });

  test('cost no more than their length times that of the text', () => {
    expect(globMatches(`${'*a'.repeat(200)}b`, 'a'.repeat(20_000))).toBe(false);
  });
});
