/** NVIDIA's RIM service: every manifest there is, in the form of the genuine answers, and what its faults do. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { rimCatalogue } from '../../../emulator/h100/platform/golden.ts';
import { checkRimSignature, readRim } from '../../../emulator/h100/rim/read.ts';
import { readCertificate } from '../../../emulator/pki/read.ts';
import { RIM_FAULTS } from '../../../emulator/services/nvidia/rim/faults.ts';
import { assembled, NOW } from '../world.ts';

const HOST = 'https://rim.attestation.nvidia.com';
const DRIVER = 'NV_GPU_DRIVER_GH100_550.90.07';
const VBIOS = 'NV_GPU_VBIOS_1010_0200_882_96009F0001';
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

interface Answer {
  readonly id: string;
  readonly rim: string;
  readonly sha256: string;
  readonly last_updated: string;
  readonly rim_format: string;
  readonly request_id: string;
}

function service(fault?: string, seed = 'rim') {
  const { app } = assembled(fault === undefined ? {} : { faults: [{ match: 'rim.get', fault }] }, seed);
  const get = (path: string): Promise<Response> => app.fetch(new Request(`${HOST}${path}`));
  const answer = async (id: string): Promise<Answer> => (await (await get(`/v1/rim/${id}`)).json()) as Answer;
  return { app, get, answer, document: async (id: string) => new Uint8Array(Buffer.from((await answer(id)).rim, 'base64')) };
}

/** Whether a document is signed by its first certificate, as the reader sees it; the error's text for what it refuses. */
function signature(document: Uint8Array): string {
  try {
    const rim = readRim(document);
    return checkRimSignature(rim, readCertificate(rim.signature.certificates[0] ?? new Uint8Array()).spki) ?? 'good';
  } catch (error) {
    return (error as Error).message;
  }
}

describe('a manifest', () => {
  test.each(rimCatalogue().map(({ id, kind, architecture }) => ({ id, kind, architecture })))('$id is served, says what it is of, and is signed', async ({ id, kind, architecture }) => {
    const { get } = service();
    const response = await get(`/v1/rim/${id}`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json');
    const answer = (await response.json()) as Answer;
    expect(Object.keys(answer)).toEqual(['id', 'rim', 'sha256', 'last_updated', 'rim_format', 'request_id']);
    const document = new Uint8Array(Buffer.from(answer.rim, 'base64'));
    expect(answer).toMatchObject({ id, rim_format: 'TCG', sha256: createHash('sha256').update(document).digest('hex'), request_id: expect.stringMatching(UUID) });
    expect(answer.last_updated).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/);
    expect(response.headers.get('x-amzn-requestid')).toBe(answer.request_id);
    const rim = readRim(document);
    expect(id).toContain(kind === 'driver' ? rim.version : rim.version.replaceAll('.', ''));
    expect(rim.model).toBe(architecture);
    expect(rim.edition).toBe(kind === 'switch' ? 'SWITCH' : 'GPU');
    expect(signature(document)).toBe('good');
  });

  test('is the same each time, under another request id', async () => {
    const { answer } = service();
    const [first, second] = [await answer(DRIVER), await answer(DRIVER)];
    expect({ ...second, request_id: '' }).toEqual({ ...first, request_id: '' });
    expect(second.request_id).not.toBe(first.request_id);
    expect(await service().answer(DRIVER)).toEqual(first);
    expect((await service(undefined, 'others').answer(DRIVER)).sha256).not.toBe(first.sha256);
  });

  test('is signed anew when its signer has another certificate', async () => {
    const { app, world, clock } = assembled({}, 'rim');
    const get = async (): Promise<Answer> => (await (await app.fetch(new Request(`${HOST}/v1/rim/${DRIVER}`))).json()) as Answer;
    const before = await get();
    clock.advance(3 * 365 * 86_400_000);
    const after = await get();
    expect(after.sha256).not.toBe(before.sha256);
    const leaf = readCertificate(readRim(new Uint8Array(Buffer.from(after.rim, 'base64'))).signature.certificates[0] ?? new Uint8Array());
    expect(leaf.notBefore <= world.now() && world.now() <= leaf.notAfter).toBe(true);
    expect(world.now()).toBeGreaterThan(NOW);
  });

  test.each([
    ['that nobody has made', 'NV_GPU_DRIVER_GH100_1.2.3'],
    ['in lower case', DRIVER.toLowerCase()],
    ['with a space', `${DRIVER}%20`],
  ])('%s is not found', async (_, id) => {
    const response = await service().get(`/v1/rim/${id}`);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ message: 'RIM_NOT_FOUND', request_id: expect.stringMatching(UUID) });
  });

  test('is only read: other methods are refused', async () => {
    const response = await service().app.fetch(new Request(`${HOST}/v1/rim/${DRIVER}`, { method: 'POST', body: 'x' }));
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    expect(await response.json()).toMatchObject({ message: 'METHOD_NOT_ALLOWED' });
  });
});

describe('the list of ids', () => {
  test('names every manifest, sorted', async () => {
    const answer = (await (await service().get('/v1/rim/ids')).json()) as { ids: string[] };
    expect(Object.keys(answer)).toEqual(['ids', 'request_id', 'last_updated']);
    expect(answer.ids).toEqual(
      rimCatalogue()
        .map(({ id }) => id)
        .toSorted(),
    );
    expect(answer.ids).toEqual(expect.arrayContaining([DRIVER, VBIOS, 'NV_SWITCH_BIOS_5612_0002_890_9610550001', 'NV_GPU_CC_DRIVER_GB100_590.48.01']));
  });

  test.each([
    ['TCG', rimCatalogue().length],
    ['CORIM', 0],
  ])('of the form %s has %i', async (format, count) => {
    expect(((await (await service().get(`/v1/rim/ids?rim_format=${format}`)).json()) as { ids: string[] }).ids).toHaveLength(count);
  });
});

describe('with the fault', () => {
  test('there is one test of each', () => {
    expect(Object.keys(SEEN).toSorted()).toEqual(RIM_FAULTS.map(({ name }) => name).toSorted());
  });

  const honest = readRimOf(DRIVER);
  async function readRimOf(id: string) {
    return readRim(await service().document(id));
  }
  /** What each fault does to the answer about a driver's manifest. */
  const SEEN: Readonly<Record<string, (seen: { answer: Answer; document: Uint8Array }) => unknown | Promise<unknown>>> = {
    'rim-not-found': ({ answer }) => expect(answer).toMatchObject({ message: 'RIM_NOT_FOUND' }),
    'rim-wrong-sha256': ({ answer, document }) => expect(answer.sha256).not.toBe(createHash('sha256').update(document).digest('hex')),
    'rim-other-id': ({ answer }) => expect(answer.id).toBe(`${DRIVER}0`),
    'rim-other-format': ({ answer }) => expect(answer.rim_format).toBe('CORIM'),
    'rim-no-base64': ({ answer }) => expect(answer.rim).toMatch(/^</),
    'rim-other-manifest': ({ answer, document }) => expect([answer.id, signature(document), readRim(document).version === '550.90.07']).toEqual([DRIVER, 'good', false]),
    'rim-other-version': ({ document }) => expect([signature(document), readRim(document).version]).toEqual(['good', '550.90.07.1']),
    'rim-other-value': async ({ document }) => {
      const [before, after] = [(await honest).measurements, readRim(document).measurements];
      expect(after.filter((m, i) => JSON.stringify(m) !== JSON.stringify(before[i]))).toHaveLength(1);
      expect(signature(document)).toBe('good');
    },
    'rim-inactive': ({ document }) => expect([signature(document), readRim(document).measurements.some(({ active }) => active)]).toEqual(['good', false]),
    'rim-signed-by-stranger': ({ document }) => expect(signature(document)).toBe('value'),
    'rim-rogue-chain': ({ document }) => {
      expect(signature(document)).toBe('good');
      expect(readRim(document).signature.certificates).toHaveLength(4);
    },
    'rim-leaf-alone': ({ document }) => expect(readRim(document).signature.certificates).toHaveLength(1),
    'rim-expired': ({ document }) => expect(readCertificate(readRim(document).signature.certificates[0] ?? new Uint8Array()).notAfter).toBe(NOW - 86_400_000),
    'rim-altered': ({ document }) => expect(signature(document)).toBe('digest'),
    'rim-unsigned': ({ document }) => expect(signature(document)).toContain('has no signature'),
    'rim-truncated': ({ document }) => expect(signature(document)).toContain('ends'),
    'rim-entities': ({ document }) => expect(signature(document)).toContain('a document type'),
  };

  test.each(Object.keys(SEEN))('%s', async (fault) => {
    const { answer } = service(fault);
    const got = await answer(DRIVER);
    await SEEN[fault]?.({ answer: got, document: new Uint8Array(Buffer.from(got.rim ?? '', 'base64')) });
    if (fault !== 'rim-wrong-sha256' && fault !== 'rim-no-base64' && got.rim !== undefined) expect(got.sha256).toBe(createHash('sha256').update(Buffer.from(got.rim, 'base64')).digest('hex'));
  });

  test.each(RIM_FAULTS.map(({ name }) => name))('%s, what is not there is still not found', async (fault) => {
    expect((await service(fault).get('/v1/rim/NV_GPU_DRIVER_GH100_1.2.3')).status).toBe(404);
  });
});
