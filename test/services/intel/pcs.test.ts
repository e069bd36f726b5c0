/** Intel's PCS: every route, its headers and refusals, its faults, and its form against genuine answers. */
import { X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AMD_RATE_LIMIT } from '../../../emulator/services/kds/throttle.ts';
import { pemBlocks, readCrl } from '../../../emulator/pki/read.ts';
import { encryptedPpid, platformManifest, ppid } from '../../../emulator/tdx/platform/id.ts';
import { PLATFORM_MODELS } from '../../../emulator/tdx/platform/models.ts';
import { type Platform, platformState, tdxPlatform } from '../../../emulator/tdx/platform/platform.ts';
import { AdjustableClock, fixedClock, seededWorld } from '../../../emulator/world.ts';
import { describeReal, realSample } from '../../real-samples.ts';
import { API, AT, bytesOf, chainOf, hex, type Intel, intel, SGX, TDX } from './app.ts';

const EMERALD = '90c06f000000';
const CERTIFICATES = 'https://certificates.trustedservices.intel.com';
/** The query by which a machine asks for its certificate. */
function asks({ world }: Intel, platform: Platform): string {
  const { cpuSvn, tcb } = platformState(platform, world.now());
  return `encrypted_ppid=${hex(encryptedPpid(world, platform))}&cpusvn=${hex(cpuSvn)}&pcesvn=${hex(Uint8Array.of(tcb.pceSvn, 0))}&pceid=0000`;
}
const subjects = (chain: string): (string | undefined)[] => pemBlocks(chain, 'CERTIFICATE').map((der) => new X509Certificate(der).subject.split('\n')[0]?.slice('CN=Intel SGX '.length));

/** Routes that need nothing but their URL, with what comes back. */
const ROUTES: readonly (readonly [url: string, operation: string, type: string, chain: string | undefined, signer: readonly string[]])[] = [
  [`${TDX}/tcb?fmspc=${EMERALD}`, 'pcs.tcb.tdx', 'application/json', 'TCB-Info-Issuer-Chain', ['TCB Signing', 'Root CA']],
  [`${SGX}/tcb?fmspc=${EMERALD}`, 'pcs.tcb.sgx', 'application/json', 'TCB-Info-Issuer-Chain', ['TCB Signing', 'Root CA']],
  [`${TDX}/qe/identity`, 'pcs.identity.td-qe', 'application/json', 'SGX-Enclave-Identity-Issuer-Chain', ['TCB Signing', 'Root CA']],
  [`${SGX}/qe/identity`, 'pcs.identity.qe', 'application/json', 'SGX-Enclave-Identity-Issuer-Chain', ['TCB Signing', 'Root CA']],
  [`${SGX}/qve/identity`, 'pcs.identity.qve', 'application/json', 'SGX-Enclave-Identity-Issuer-Chain', ['TCB Signing', 'Root CA']],
  [`${SGX}/qae/identity`, 'pcs.identity.qae', 'application/json', 'SGX-Enclave-Identity-Issuer-Chain', ['TCB Signing', 'Root CA']],
  [`${TDX}/tcbevaluationdatanumbers`, 'pcs.evaluations.tdx', 'application/json', 'TCB-Evaluation-Data-Numbers-Issuer-Chain', ['TCB Signing', 'Root CA']],
  [`${SGX}/tcbevaluationdatanumbers`, 'pcs.evaluations.sgx', 'application/json', 'TCB-Evaluation-Data-Numbers-Issuer-Chain', ['TCB Signing', 'Root CA']],
  [`${SGX}/pckcrl?ca=platform`, 'pcs.pckcrl', 'application/x-pem-file', 'SGX-PCK-CRL-Issuer-Chain', ['PCK Platform CA', 'Root CA']],
  [`${SGX}/pckcrl?ca=platform&encoding=der`, 'pcs.pckcrl', 'application/pkix-crl', 'SGX-PCK-CRL-Issuer-Chain', ['PCK Platform CA', 'Root CA']],
  [`${SGX}/pckcrl?ca=processor&encoding=pem`, 'pcs.pckcrl', 'application/x-pem-file', 'SGX-PCK-CRL-Issuer-Chain', ['PCK Processor CA', 'Root CA']],
  [`${SGX}/fmspcs`, 'pcs.fmspcs', 'application/json', undefined, []],
  [`${CERTIFICATES}/IntelSGXRootCA.der`, 'pcs.rootcrl', 'binary/octet-stream', undefined, []],
  [`${CERTIFICATES}/Intel_SGX_Provisioning_Certification_RootCA.cer`, 'pcs.rootcert', 'application/pkix-cert', undefined, []],
  [`${CERTIFICATES}/Intel_SGX_Provisioning_Certification_RootCA.pem`, 'pcs.rootcert', 'application/x-pem-file', undefined, []],
];

describe.each(ROUTES)('GET %s', (url, operation, type) => {
  test('is answered with its type, a Request-ID and the marker', async () => {
    const services = intel();
    const response = await services.get(url);
    expect([response.status, response.headers.get('content-type'), response.headers.get('x-teemu')]).toEqual([200, type, 'test-only']);
    expect(response.headers.get('request-id')).toMatch(/^[0-9a-f]{32}$/);
    expect(services.app.journal.entries()[0]?.operation).toBe(operation);
  });

  test('is the same under a base URL, with another Request-ID', async () => {
    const services = intel();
    const [one, two] = await Promise.all([services.get(url), services.get(`http://127.0.0.1:4711/pcs${new URL(url).pathname}${new URL(url).search}`)]);
    expect(hex(await bytesOf(two))).toBe(hex(await bytesOf(one)));
    expect(two.headers.get('request-id')).not.toBe(one.headers.get('request-id'));
  });
});

test.each(ROUTES.filter(([, , , chain]) => chain !== undefined))('GET %s has the chain of its signer, first signer, then root, with no plus in it', async (url, _, _type, chain, signer) => {
  const header = (await intel().get(url)).headers.get(chain ?? '') ?? '';
  expect(header).toMatch(/^-----BEGIN%20CERTIFICATE-----%0A[A-Za-z0-9%-]+-----END%20CERTIFICATE-----%0A$/);
  expect(subjects(decodeURIComponent(header))).toEqual(signer);
});

describe('collateral', () => {
  test.each(['90c06f000000', '90C06F000000'])('names the FMSPC as asked: %s', async (fmspc) => {
    const { tcbInfo } = (await (await intel().get(`${TDX}/tcb?fmspc=${fmspc}`)).json()) as { tcbInfo: { fmspc: string } };
    expect(tcbInfo.fmspc).toBe(fmspc);
  });

  test.each([
    ['', 18],
    ['&update=standard', 18],
    ['&update=early', 20],
    ['&tcbEvaluationDataNumber=18', 18],
    ['&tcbEvaluationDataNumber=19', 19],
    ['&tcbEvaluationDataNumber=20', 20],
    ['&unknown=1', 18],
  ])('of TCB info with %j is evaluation %i', async (query, number) => {
    const services = intel();
    const info = (await (await services.get(`${TDX}/tcb?fmspc=${EMERALD}${query}`)).json()) as { tcbInfo: { tcbEvaluationDataNumber: number } };
    const identity = (await (await services.get(`${TDX}/qe/identity?${query.slice(1)}`)).json()) as { enclaveIdentity: { tcbEvaluationDataNumber: number } };
    expect([info.tcbInfo.tcbEvaluationDataNumber, identity.enclaveIdentity.tcbEvaluationDataNumber]).toEqual([number, number]);
  });

  test('lists the evaluations that it serves, newest first', async () => {
    const { tcbEvaluationDataNumbers } = (await (await intel().get(`${TDX}/tcbevaluationdatanumbers`)).json()) as { tcbEvaluationDataNumbers: { id: string; tcbEvalNumbers: { tcbEvaluationDataNumber: number }[] } };
    expect([tcbEvaluationDataNumbers.id, tcbEvaluationDataNumbers.tcbEvalNumbers.map((e) => e.tcbEvaluationDataNumber)]).toEqual(['TDX', [20, 19, 18]]);
  });

  test('is there for every FMSPC in the list', async () => {
    const services = intel();
    const list = (await (await services.get(`${SGX}/fmspcs`)).json()) as { fmspc: string; platform: string }[];
    expect(new Set(list.map(({ fmspc }) => fmspc))).toEqual(new Set(Object.values(PLATFORM_MODELS).map(({ fmspc }) => fmspc.toUpperCase())));
    for (const { fmspc } of list) for (const base of [SGX, TDX]) expect((await services.get(`${base}/tcb?fmspc=${fmspc}`)).status).toBe(200);
    expect(await (await services.get(`${SGX}/fmspcs?platform=E5`)).json()).toEqual(list);
    expect(await (await services.get(`${SGX}/fmspcs?platform=client`)).json()).toEqual([]);
  });

  test('changes when its world is told so, and not before', async () => {
    const services = intel();
    const url = `${TDX}/tcb?fmspc=${EMERALD}`;
    const before = await (await services.get(url)).text();
    expect(await (await services.get(url)).text()).toBe(before);
    services.pcs.authority.setTcbStatus(EMERALD, 'Revoked');
    expect(await (await services.get(url)).text()).toContain('"tcbStatus":"Revoked"');
    services.app.reset();
    expect(await (await services.get(url)).text()).toBe(before);
  });

  test('is issued anew every day, and follows a clock that is turned', async () => {
    const clock = new AdjustableClock(fixedClock(AT));
    const services = intel({ clock });
    const issued = async (): Promise<string> => ((await (await services.get(`${TDX}/qe/identity`)).json()) as { enclaveIdentity: { issueDate: string } }).enclaveIdentity.issueDate;
    expect(await issued()).toBe('2026-03-17T00:00:00Z');
    clock.advance(86_400_000);
    expect(await issued()).toBe('2026-03-18T00:00:00Z');
    clock.advance(-10 * 86_400_000);
    expect(await issued()).toBe('2026-03-08T00:00:00Z');
  });
});

describe('a revocation list', () => {
  test('in PEM and in DER is the same', async () => {
    const services = intel();
    const [der = new Uint8Array(0)] = pemBlocks(await (await services.get(`${SGX}/pckcrl?ca=platform&encoding=pem`)).text(), 'X509 CRL');
    expect(hex(await bytesOf(await services.get(`${SGX}/pckcrl?ca=platform&encoding=der`)))).toBe(hex(der));
  });

  test('names a machine as soon as it is revoked', async () => {
    const services = intel();
    const list = async (): Promise<number> => readCrl(await bytesOf(await services.get(`${SGX}/pckcrl?ca=platform&encoding=der`))).revoked.length;
    expect(await list()).toBe(0);
    services.pcs.authority.revokePck(tdxPlatform());
    expect(await list()).toBe(1);
  });

  test("of the root is under the URL in the root's certificate", async () => {
    const services = intel();
    const names = Buffer.from(services.pcs.authority.certificate('ROOT').der).toString('latin1');
    const [url = ''] = /https:\/\/[\w./]+\.der/.exec(names) ?? [];
    services.pcs.authority.revoke('PLATFORM');
    expect(readCrl(await bytesOf(await services.get(url))).revoked).toHaveLength(1);
  });

  test('of an authority is under the URL in the certificates of its machines', async () => {
    const services = intel();
    const names = Buffer.from(services.pcs.authority.pck(tdxPlatform()).der).toString('latin1');
    const [url = ''] = /https:\/\/[\w./]+\?ca=platform&encoding=der/.exec(names) ?? [];
    expect(readCrl(await bytesOf(await services.get(url))).version).toBe(2);
  });
});

describe('a PCK certificate', () => {
  test('is of the machine and the level that it has, with chain, TCBm, FMSPC and CA', async () => {
    const services = intel();
    const platform = tdxPlatform('emerald-rapids', { index: 123_456_789 });
    const response = await services.get(`${SGX}/pckcert?${asks(services, platform)}`);
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/x-pem-file']);
    expect(await response.text()).toBe(services.pcs.authority.pck(platform).pem);
    expect(['sgx-tcbm', 'sgx-fmspc', 'sgx-pck-certificate-ca-type'].map((name) => response.headers.get(name))).toEqual(['040402020401000500000000000000000D00', '90C06F000000', 'platform']);
    expect(subjects(chainOf(response, 'sgx-pck-certificate-issuer-chain'))).toEqual(['PCK Platform CA', 'Root CA']);
  });

  test('is of the highest level below the TCB that the machine has', async () => {
    const services = intel();
    const query = asks(services, tdxPlatform()).replace(/cpusvn=[0-9a-f]+/, `cpusvn=0303191b04ff0006${'00'.repeat(8)}`);
    expect((await services.get(`${SGX}/pckcert?${query}`)).headers.get('sgx-tcbm')).toBe('030302020401000500000000000000000D00');
  });

  test('of the Processor CA comes with that chain', async () => {
    const services = intel();
    const response = await services.get(`${SGX}/pckcert?${asks(services, tdxPlatform('emerald-rapids', { ca: 'processor' }))}`);
    expect([response.headers.get('sgx-pck-certificate-ca-type'), subjects(chainOf(response, 'sgx-pck-certificate-issuer-chain'))]).toEqual(['processor', ['PCK Processor CA', 'Root CA']]);
  });

  test('for every level comes in one list, and for those that a CPUSVN reaches in a shorter one', async () => {
    const services = intel();
    const platform = tdxPlatform();
    const base = `encrypted_ppid=${hex(encryptedPpid(services.world, platform))}&pceid=0000`;
    type Row = { tcb: Record<string, number>; tcbm: string; cert: string };
    const all = (await (await services.get(`${SGX}/pckcerts?${base}`)).json()) as Row[];
    expect(all.map(({ tcbm }) => tcbm.slice(0, 4) + tcbm.slice(-4))).toEqual(['04040D00', '03030D00', '02020D00', '02020500']);
    expect(all[0]?.tcb).toMatchObject({ sgxtcbcomp01svn: 4, sgxtcbcomp16svn: 0, pcesvn: 13 });
    for (const { cert } of all) expect(pemBlocks(decodeURIComponent(cert), 'CERTIFICATE')).toHaveLength(1);
    const some = (await (await services.get(`${SGX}/pckcerts/config?${base}&cpusvn=0202191b04ff0006${'00'.repeat(8)}`)).json()) as Row[];
    expect(some).toEqual(all.slice(2));
  });

  test('comes by platform manifest too', async () => {
    const services = intel();
    const platform = tdxPlatform('emerald-rapids-2s', { index: 77 });
    const { cpuSvn, tcb } = platformState(platform, AT);
    const body = { platformManifest: hex(platformManifest(services.world, platform)), cpusvn: hex(cpuSvn), pcesvn: hex(Uint8Array.of(tcb.pceSvn, 0)), pceid: '0000' };
    expect(await (await services.send('POST', `${SGX}/pckcert`, body)).text()).toBe(services.pcs.authority.pck(platform).pem);
    expect((await (await services.send('POST', `${SGX}/pckcerts`, body)).json()) as unknown[]).toHaveLength(3);
    expect((await (await services.send('POST', `${SGX}/pckcerts/config`, body)).json()) as unknown[]).toHaveLength(3);
  });

  test('of any of millions of machines is made without a list of them', async () => {
    const services = intel();
    await fc.assert(
      fc.asyncProperty(fc.nat(2 ** 32 - 1), fc.constantFrom(...Object.keys(PLATFORM_MODELS)), async (index, name) => {
        const platform = tdxPlatform(name, { index });
        const response = await services.get(`${SGX}/pckcert?${asks(services, platform)}`);
        expect(new X509Certificate(await response.text()).serialNumber).toBe(hex(services.pcs.authority.pck(platform).spec.serial).toUpperCase());
      }),
      { numRuns: 20 },
    );
  });
});

describe('registration', () => {
  test('of a manifest gives the PPID', async () => {
    const services = intel();
    const platform = tdxPlatform('sapphire-rapids-2s', { index: 3 });
    const response = await services.send('POST', `${API}/sgx/registration/v1/platform`, platformManifest(services.world, platform));
    expect([response.status, await response.text()]).toEqual([201, hex(ppid(services.world, platform)).toUpperCase()]);
  });

  test.each([
    ['another world', () => platformManifest(seededWorld('other', fixedClock(AT)), tdxPlatform()), 'application/octet-stream', 400, 'InvalidPlatformManifest'],
    ['nobody', () => new Uint8Array(10), 'application/octet-stream', 400, 'InvalidPlatformManifest'],
    ['a form', () => new Uint8Array(10), 'text/plain', 415, null],
  ])('of a manifest of %s is refused', async (_, manifest, type, status, code) => {
    const response = await intel().send('POST', `${API}/sgx/registration/v1/platform`, manifest(), { 'content-type': type });
    expect([response.status, response.headers.get('error-code')]).toEqual([status, code]);
  });

  test('of a package needs a key, and is refused even so', async () => {
    const url = `${API}/sgx/registration/v1/package`;
    expect((await intel().send('POST', url, new Uint8Array(4))).status).toBe(401);
    const response = await intel().send('POST', url, new Uint8Array(4), { 'ocp-apim-subscription-key': 'k' });
    expect([response.status, response.headers.get('error-code')]).toEqual([400, 'InvalidAddRequest']);
  });
});

describe('a refusal', () => {
  const good = (services: Intel): string => asks(services, tdxPlatform());
  const REFUSALS: readonly (readonly [why: string, url: (services: Intel) => string, status: number])[] = [
    ['no FMSPC', () => `${TDX}/tcb`, 400],
    ['an FMSPC that is too short', () => `${TDX}/tcb?fmspc=90c06f`, 400],
    ['an FMSPC that is no hex', () => `${TDX}/tcb?fmspc=90c06f00000g`, 400],
    ['an FMSPC given twice', () => `${TDX}/tcb?fmspc=${EMERALD}&fmspc=${EMERALD}`, 400],
    ['an FMSPC that there is not', () => `${TDX}/tcb?fmspc=00906ed50000`, 404],
    ['an update that there is not', () => `${TDX}/tcb?fmspc=${EMERALD}&update=late`, 400],
    ['both ways to choose an evaluation', () => `${TDX}/tcb?fmspc=${EMERALD}&update=early&tcbEvaluationDataNumber=19`, 400],
    ['both ways, for an identity', () => `${TDX}/qe/identity?update=standard&tcbEvaluationDataNumber=19`, 400],
    ['an evaluation that is no number', () => `${SGX}/qe/identity?tcbEvaluationDataNumber=x`, 400],
    ['an evaluation that has not come', () => `${TDX}/tcb?fmspc=${EMERALD}&tcbEvaluationDataNumber=21`, 404],
    ['an evaluation that is gone', () => `${TDX}/tcb?fmspc=${EMERALD}&tcbEvaluationDataNumber=17`, 410],
    ['an evaluation that is long gone', () => `${SGX}/qve/identity?tcbEvaluationDataNumber=5`, 410],
    ['an authority that there is not', () => `${SGX}/pckcrl?ca=root`, 400],
    ['no authority', () => `${SGX}/pckcrl`, 400],
    ['an encoding that there is not', () => `${SGX}/pckcrl?ca=platform&encoding=hex`, 400],
    ['a class of platforms that there is not', () => `${SGX}/fmspcs?platform=E7`, 400],
    ['no encrypted PPID', (s) => `${SGX}/pckcert?${good(s).replace(/encrypted_ppid=\w+&/, '')}`, 400],
    ['an encrypted PPID that is too short', (s) => `${SGX}/pckcert?${good(s).replace(/encrypted_ppid=\w\w/, 'encrypted_ppid=')}`, 400],
    ['an encrypted PPID of nobody', (s) => `${SGX}/pckcert?${good(s).replace(/encrypted_ppid=\w+/, `encrypted_ppid=${'00'.repeat(384)}`)}`, 404],
    ['another PCE', (s) => `${SGX}/pckcert?${good(s).replace('pceid=0000', 'pceid=0001')}`, 404],
    ['no CPUSVN', (s) => `${SGX}/pckcert?${good(s).replace(/&cpusvn=\w+/, '')}`, 400],
    ['a TCB below every level', (s) => `${SGX}/pckcert?${good(s).replace(/cpusvn=\w+/, `cpusvn=${'00'.repeat(16)}`)}`, 404],
    ['an unknown path', () => `${SGX}/pckcertificate`, 404],
    ['version 3', () => `${API}/sgx/certification/v3/qe/identity`, 404],
    ['a path of another TEE', () => `${TDX}/pckcrl?ca=platform`, 404],
  ];

  test.each(REFUSALS)('for %s', async (_, url, status) => {
    const services = intel();
    const response = await services.get(url(services));
    expect(response.status).toBe(status);
    expect(await response.text()).toBe('');
    expect(response.headers.get('request-id')).toMatch(/^[0-9a-f]{32}$/);
    expect(response.headers.get('error-message')).not.toBe('');
    expect(response.headers.get('error-code')).toBe(status === 400 ? 'InvalidRequestSyntax' : null);
  });

  test('for another method says which there are', async () => {
    const response = await intel().send('PUT', `${TDX}/tcb?fmspc=${EMERALD}`, {});
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  test.each([
    ['no JSON', '{', 400],
    ['a list', '[]', 400],
    ['no manifest', '{"pceid":"0000"}', 400],
    ['a manifest that is no hex', '{"pceid":"0000","platformManifest":"xyz!"}', 400],
    ['a manifest of nobody', '{"pceid":"0000","platformManifest":"00"}', 404],
    ['JSON that is nested too deep', `{"pceid":${'['.repeat(100)}${']'.repeat(100)}}`, 400],
  ])('for a body with %s', async (_, body, status) => {
    expect((await intel().send('POST', `${SGX}/pckcerts`, body)).status).toBe(status);
  });

  test('for a missing subscription key, where keys are asked for', async () => {
    const services = intel({ subscriptionKeys: ['mine'] });
    const url = `${SGX}/pckcert?${good(services)}`;
    const statuses = await Promise.all([services.get(url), services.get(url, { 'ocp-apim-subscription-key': 'yours' }), services.get(url, { 'ocp-apim-subscription-key': 'mine' }), services.get(`${TDX}/qe/identity`)]);
    expect(statuses.map(({ status }) => status)).toEqual([401, 401, 200, 200]);
  });

  test('for too many requests says when to come again', async () => {
    const clock = new AdjustableClock(fixedClock(AT));
    const services = intel({ clock, rateLimit: AMD_RATE_LIMIT });
    const url = `${SGX}/pckcert?${good(services)}`;
    expect((await services.get(url)).status).toBe(200);
    clock.advance(4000);
    const refused = await services.get(url);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '6']);
    expect((await services.get(`${TDX}/qe/identity`)).status).toBe(200);
    clock.advance(6000);
    expect((await services.get(url)).status).toBe(200);
  });

  test('holds nothing in its headers that a header cannot hold', async () => {
    const response = await intel().get(`${SGX}/%C3%A4%0D%0AX:y`);
    expect(response.status).toBe(404);
    expect(response.headers.get('x')).toBeNull();
  });
});

describe('hostile requests', () => {
  test('are answered, whatever they ask', async () => {
    const services = intel();
    const paths = services.pcs.routes.rows.map(({ path }) => path);
    const word = fc.oneof(fc.string({ maxLength: 40 }), fc.constantFrom(EMERALD, 'early', 'platform', 'der', '20', '-1', '9'.repeat(30), '%', '%ff', 'x'.repeat(2000)));
    const names = fc.constantFrom('fmspc', 'update', 'tcbEvaluationDataNumber', 'ca', 'encoding', 'encrypted_ppid', 'cpusvn', 'pcesvn', 'pceid', 'platform', '__proto__');
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...paths),
        fc.array(fc.tuple(names, word), { maxLength: 6 }),
        fc.constantFrom('GET', 'POST', 'PUT', 'HEAD'),
        fc.uint8Array({ maxLength: 200 }),
        async (path, query, method, body) => {
          const text = query.map(([name, value]) => `${name}=${value}`).join('&');
          const reply = await services.app.answer({ method, host: 'api.trustedservices.intel.com', path, query: text, target: `${path}?${text}`, body, header: () => undefined, client: () => '127.0.0.1' });
          expect(reply.status).toBeGreaterThanOrEqual(200);
          expect(reply.status).toBeLessThan(500);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describeReal('the form of genuine answers', () => {
  const RECORDS = ['tcbinfo', 'qeidentity', 'pckcrl', 'rootcacrl'] as const;
  test.each(RECORDS)('of %s: status, type, names of headers, and how chains are written', async (name) => {
    const record = JSON.parse(Buffer.from(realSample(`tdx/v4-tinfoil.${name}.http.json`)).toString('utf8')) as { url: string; status: number; headers: Record<string, string[]> };
    const response = await intel({ clock: fixedClock(Date.parse('2026-06-29T02:08:02Z')) }).get(record.url);
    expect(response.status).toBe(record.status);
    expect(response.headers.get('content-type')).toBe(record.headers['Content-Type']?.[0]);
    /** What the delivery network in front of the root's list adds is not Intel's. */
    const added = /^(age|accept-ranges|connection|etag|last-modified|server|vary|via|x-.*)$/i;
    const wanted = Object.keys(record.headers).filter((header) => !added.test(header));
    for (const header of wanted) expect([header, response.headers.has(header)]).toEqual([header, true]);
    const own = [...response.headers.keys()].filter((header) => header !== 'x-teemu' && !wanted.some((w) => w.toLowerCase() === header));
    expect(own).toEqual(name === 'rootcacrl' ? ['request-id'] : []);
    for (const header of wanted.filter((h) => h.endsWith('-Issuer-Chain'))) {
      const form = (text = ''): string => text.replace(/%0A[A-Za-z0-9%]+(?==|%3D|%0A-)/g, '#').replace(/(?:%3D)*%0A-----END/g, '-END');
      expect(form(response.headers.get(header) ?? '')).toBe(form(record.headers[header]?.[0]));
    }
  });
});
