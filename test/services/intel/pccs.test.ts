/** PCCS: Intel's answers in its dialect, its three modes, its administrator, and its refusals. */
import { describe, expect, test } from 'vitest';
import { pemBlocks, readCrl } from '../../../emulator/pki/read.ts';
import { PCCS_STATUS } from '../../../emulator/services/intel/pccs/status.ts';
import { PCCS_TOKENS, type PccsMode } from '../../../emulator/services/intel/pccs/pccs.ts';
import { platformCollaterals } from '../../../emulator/tdx/collateral/platform-collaterals.ts';
import { encryptedPpid, platformManifest, qeId, tcbm } from '../../../emulator/tdx/platform/id.ts';
import { type Platform, platformState, tdxPlatform } from '../../../emulator/tdx/platform/platform.ts';
import { fixedClock, seededWorld, type World } from '../../../emulator/world.ts';
import { AT, bytesOf, chainOf, hex, type Intel, intel } from './app.ts';

const BASE = 'http://127.0.0.1:8081/pccs';
const SGX = `${BASE}/sgx/certification/v4`;
const TDX = `${BASE}/tdx/certification/v4`;
const ADMIN = { 'admin-token': PCCS_TOKENS.admin };
const USER = { 'user-token': PCCS_TOKENS.user };
const MACHINE = tdxPlatform('emerald-rapids', { index: 42 });

/** The query by which a machine asks for its certificate. */
function asks(world: World, platform: Platform, more = ''): string {
  const { cpuSvn, tcb } = platformState(platform, world.now());
  return `qeid=${hex(qeId(world, platform))}&cpusvn=${hex(cpuSvn)}&pcesvn=${hex(Uint8Array.of(tcb.pceSvn, 0))}&pceid=0000${more}`;
}
const registration = (world: World, platform: Platform): Record<string, string> => {
  const { cpuSvn, tcb } = platformState(platform, world.now());
  return { qe_id: hex(qeId(world, platform)), pce_id: '0000', cpu_svn: hex(cpuSvn), pce_svn: hex(Uint8Array.of(tcb.pceSvn, 0)), enc_ppid: hex(encryptedPpid(world, platform)) };
};
const refused = async (response: Response): Promise<[number, string]> => [response.status, await response.text()];
const words = (status: keyof typeof PCCS_STATUS): [number, string] => [...PCCS_STATUS[status]];

describe('in mode lazy', () => {
  test('TCB info names the FMSPC in upper case, however it was asked for', async () => {
    const response = await intel().get(`${TDX}/tcb?fmspc=90c06f000000`);
    const { tcbInfo } = (await response.json()) as { tcbInfo: { fmspc: string; id: string } };
    expect([tcbInfo.fmspc, tcbInfo.id]).toEqual(['90C06F000000', 'TDX']);
    expect(pemBlocks(chainOf(response, 'tcb-info-issuer-chain'), 'CERTIFICATE')).toHaveLength(2);
  });

  test.each([
    [`${SGX}/qe/identity`, 'QE'],
    [`${TDX}/qe/identity?update=EARLY`, 'TD_QE'],
    [`${SGX}/qve/identity?update=early`, 'QVE'],
  ])('%s is the identity of %s', async (url, id) => {
    const response = await intel().get(url);
    const { enclaveIdentity } = (await response.json()) as { enclaveIdentity: { id: string; tcbEvaluationDataNumber: number } };
    expect([enclaveIdentity.id, enclaveIdentity.tcbEvaluationDataNumber]).toEqual([id, /early/i.test(url) ? 20 : 18]);
  });

  test('lists are hex, but for DER where it is asked for', async () => {
    const services = intel();
    const der = hex(services.pcs.authority.crl('PLATFORM'));
    const text = await services.get(`${SGX}/pckcrl?ca=PLATFORM`);
    expect([text.headers.get('content-type'), await text.text()]).toEqual(['application/x-pem-file', der]);
    const binary = await services.get(`${SGX}/pckcrl?ca=platform&encoding=der`);
    expect([binary.headers.get('content-type'), hex(await bytesOf(binary))]).toEqual(['application/pkix-crl', der]);
    expect(pemBlocks(chainOf(binary, 'sgx-pck-crl-issuer-chain'), 'CERTIFICATE')).toHaveLength(2);
    const root = await services.get(`${SGX}/rootcacrl`);
    expect([root.headers.get('content-type'), await root.text()]).toEqual(['application/pkix-crl', hex(services.pcs.authority.crl('ROOT'))]);
  });

  test.each([
    ['https://certificates.trustedservices.intel.com/IntelSGXRootCA.der', 'ROOT'],
    ['https://api.trustedservices.intel.com/sgx/certification/v4/pckcrl?ca=processor&encoding=der', 'PROCESSOR'],
    ['https://api.trustedservices.intel.com/sgx/certification/v4/pckcrl?ca=platform', 'PLATFORM'],
  ] as const)('the list under %s is that of %s', async (uri, role) => {
    const services = intel();
    expect(hex(await bytesOf(await services.get(`${SGX}/crl?uri=${encodeURIComponent(uri)}`)))).toBe(hex(services.pcs.authority.crl(role)));
  });

  test.each(['https://example.org/IntelSGXRootCA.der', 'file:///etc/passwd', ''])('no list is under %j', async (uri) => {
    expect(await refused(await intel().get(`${SGX}/crl?uri=${encodeURIComponent(uri)}`))).toEqual(words('invalidRequest'));
  });

  test.each([
    ['the id of its quoting enclave', ''],
    ['its encrypted PPID', 'ppid'],
  ])('a machine gets its certificate by %s', async (_, by) => {
    const services = intel();
    const more = by === 'ppid' ? `&encrypted_ppid=${hex(encryptedPpid(services.world, MACHINE))}` : '';
    const query = by === 'ppid' ? asks(services.world, MACHINE, more).replace(/qeid=\w+/, 'qeid=SOME-ID') : asks(services.world, MACHINE);
    const response = await services.get(`${SGX}/pckcert?${query}`);
    expect(await response.text()).toBe(services.pcs.authority.pck(MACHINE).pem);
    const { tcb } = platformState(MACHINE, AT);
    expect(['sgx-tcbm', 'sgx-fmspc', 'sgx-pck-certificate-ca-type'].map((name) => response.headers.get(name))).toEqual([tcbm(tcb), '90C06F000000', 'PLATFORM']);
  });

  test('what Intel revokes shows at once', async () => {
    const services = intel();
    services.pcs.authority.revokePck(MACHINE);
    expect(readCrl(await bytesOf(await services.get(`${SGX}/pckcrl?ca=platform&encoding=der`))).revoked).toHaveLength(1);
  });

  const REFUSALS: readonly (readonly [why: string, url: (world: World) => string, status: keyof typeof PCCS_STATUS])[] = [
    ['an FMSPC of another length', () => `${TDX}/tcb?fmspc=90c0`, 'invalidRequest'],
    ['an FMSPC that there is not', () => `${TDX}/tcb?fmspc=00906ed50000`, 'noCacheData'],
    ['an update that there is not', () => `${SGX}/qe/identity?update=late`, 'invalidRequest'],
    ['an authority that there is not', () => `${SGX}/pckcrl?ca=root`, 'invalidRequest'],
    ['no qeid', (w) => `${SGX}/pckcert?${asks(w, MACHINE).replace(/qeid=\w+&/, '')}`, 'invalidRequest'],
    ['a CPUSVN that is too short', (w) => `${SGX}/pckcert?${asks(w, MACHINE).replace(/cpusvn=\w\w/, 'cpusvn=')}`, 'invalidRequest'],
    ['a machine that nothing names', (w) => `${SGX}/pckcert?${asks(w, MACHINE).replace(/qeid=\w+/, `qeid=${'00'.repeat(16)}`)}`, 'invalidRequest'],
    ['an encrypted PPID of nobody', (w) => `${SGX}/pckcert?${asks(w, MACHINE, `&encrypted_ppid=${'00'.repeat(384)}`)}`, 'noCacheData'],
    ['a machine of another world', () => `${SGX}/pckcert?${asks(seededWorld('other', fixedClock(AT)), MACHINE)}`, 'invalidRequest'],
    ['another PCE', (w) => `${SGX}/pckcert?${asks(w, MACHINE).replace('pceid=0000', 'pceid=0001')}`, 'noCacheData'],
    ['a TCB below every level', (w) => `${SGX}/pckcert?${asks(w, MACHINE).replace(/cpusvn=\w+/, `cpusvn=${'00'.repeat(16)}`)}`, 'noCacheData'],
  ];
  test.each(REFUSALS)('%s is refused', async (_, url, status) => {
    const services = intel();
    const response = await services.get(url(services.world));
    expect(response.headers.get('request-id')).toMatch(/^[0-9a-f]{32}$/);
    expect(await refused(response)).toEqual(words(status));
  });
});

describe.each(['req', 'offline'] as const)('in mode %s', (mode: PccsMode) => {
  test.each([`${TDX}/tcb?fmspc=90c06f000000`, `${TDX}/qe/identity`, `${SGX}/pckcrl?ca=platform`, `${SGX}/rootcacrl`])('%s is not there before it was put', async (url) => {
    expect(await refused(await intel({ mode }).get(url))).toEqual(words('noCacheData'));
  });

  test('a machine is unknown before it was put or registered', async () => {
    const services = intel({ mode });
    expect(await refused(await services.get(`${SGX}/pckcert?${asks(services.world, MACHINE)}`))).toEqual(words('platformUnknown'));
  });
});

describe('a platform that registers', () => {
  const register = (services: Intel, body: unknown, headers: Record<string, string> = USER): Promise<Response> => services.send('POST', `${SGX}/platforms`, body, headers);

  test('needs the user token', async () => {
    const services = intel();
    for (const headers of [{}, { 'user-token': 'x' }, ADMIN]) expect(await refused(await register(services, registration(services.world, MACHINE), headers))).toEqual(words('unauthorized'));
    expect(await refused(await register(services, registration(services.world, MACHINE)))).toEqual(words('success'));
  });

  test('waits for the administrator in mode offline, who sees it once', async () => {
    const services = intel({ mode: 'offline' });
    await register(services, registration(services.world, MACHINE));
    const first = await services.get(`${SGX}/platforms`, ADMIN);
    expect([first.headers.get('platform-count'), ((await first.json()) as { qe_id: string }[]).map((p) => p.qe_id)]).toEqual(['1', [hex(qeId(services.world, MACHINE)).toUpperCase()]]);
    expect(await (await services.get(`${SGX}/platforms`, ADMIN)).json()).toEqual([]);
    expect(await refused(await services.get(`${SGX}/platforms`, USER))).toEqual(words('unauthorized'));
  });

  test.each([
    ['its encrypted PPID', (w: World) => registration(w, MACHINE)],
    ['its manifest', (w: World) => ({ qe_id: hex(qeId(w, MACHINE)), pce_id: '0000', platform_manifest: hex(platformManifest(w, MACHINE)) })],
  ])('in mode req gets its certificates fetched by %s', async (_, body) => {
    const services = intel({ mode: 'req' });
    expect(await refused(await register(services, body(services.world)))).toEqual(words('success'));
    expect(await (await services.get(`${SGX}/pckcert?${asks(services.world, MACHINE)}`)).text()).toBe(services.pcs.authority.pck(MACHINE).pem);
  });

  test.each([
    ['no JSON', '{', 'invalidRequest'],
    ['no PCE', { qe_id: '00' }, 'invalidRequest'],
    ['neither manifest nor PPID', { qe_id: '00', pce_id: '0000' }, 'invalidRequest'],
    ['a PPID of nobody', { qe_id: '00', pce_id: '0000', cpu_svn: '00'.repeat(16), pce_svn: '0000', enc_ppid: '00'.repeat(384) }, 'noCacheData'],
  ] as const)('with %s is refused', async (_, body, status) => {
    expect(await refused(await register(intel(), body))).toEqual(words(status));
  });
});

describe('the administrator', () => {
  const put = (services: Intel, body: unknown, headers: Record<string, string> = ADMIN): Promise<Response> => services.send('PUT', `${SGX}/platformcollateral`, body, headers);
  type Put = { collaterals: Record<string, unknown> & { certificates: Record<string, unknown> } };
  const collaterals = (services: Intel): Put => structuredClone(platformCollaterals(services.pcs.collateral, [MACHINE])) as unknown as Put;

  test('puts collateral, which is served from then on, in any mode', async () => {
    for (const mode of ['lazy', 'req', 'offline'] as const) {
      const services = intel({ mode });
      expect(await refused(await put(services, collaterals(services)))).toEqual(words('success'));
      const before = await (await services.get(`${TDX}/tcb?fmspc=90c06f000000`)).text();
      expect(before).toBe(services.pcs.collateral.tcbInfo('tdx', '90C06F000000').body);
      services.pcs.authority.setTcbStatus('90c06f000000', 'Revoked');
      services.pcs.authority.revokePck(MACHINE);
      expect(await (await services.get(`${TDX}/tcb?fmspc=90c06f000000`)).text()).toBe(before);
      expect(readCrl(await bytesOf(await services.get(`${SGX}/pckcrl?ca=platform&encoding=der`))).revoked).toEqual([]);
      expect(await (await services.get(`${SGX}/pckcert?${asks(services.world, MACHINE)}`)).text()).toBe(services.pcs.authority.pck(MACHINE).pem);
      for (const url of [`${TDX}/qe/identity`, `${SGX}/qve/identity?update=early`, `${SGX}/rootcacrl`, `${SGX}/tcb?fmspc=90C06F000000&update=early`]) expect((await services.get(url)).status).toBe(200);
    }
  });

  test('has it fetched anew, but not in mode offline', async () => {
    const services = intel();
    await put(services, collaterals(services));
    services.pcs.authority.setTcbStatus('90c06f000000', 'Revoked');
    expect(await refused(await services.send('POST', `${SGX}/refresh`, {}, ADMIN))).toEqual(words('success'));
    expect(await (await services.get(`${TDX}/tcb?fmspc=90c06f000000`)).text()).toContain('Revoked');
    expect(await refused(await intel({ mode: 'offline' }).get(`${SGX}/refresh`, ADMIN))).toEqual(words('unavailable'));
    expect(await refused(await services.get(`${SGX}/refresh?type=all`, ADMIN))).toEqual(words('invalidRequest'));
  });

  test('needs the admin token', async () => {
    const services = intel();
    expect(await refused(await put(services, collaterals(services), USER))).toEqual(words('unauthorized'));
    expect(await refused(await services.get(`${SGX}/refresh`))).toEqual(words('unauthorized'));
  });

  test('is refused chains that end in two roots: their integrity cannot be verified', async () => {
    const services = intel();
    const body = collaterals(services);
    body.collaterals.certificates['TCB-Info-Issuer-Chain'] = encodeURIComponent(intel().pcs.authority.certificate('PLATFORM').pem);
    expect(await refused(await put(services, body))).toEqual(words('integrity'));
  });

  test.each([
    ['another version', (c: Record<string, unknown>) => ({ ...c, version: 3 })],
    ['no certificates of the machine', (c: Record<string, unknown>) => ({ ...c, pck_certs: [{ qe_id: '00', pce_id: '0000', enc_ppid: '', certs: [] }] })],
    ['no certificate in PEM', (c: Record<string, unknown>) => ({ ...c, pck_certs: [{ qe_id: '00', pce_id: '0000', enc_ppid: '', certs: [{ tcb: {}, tcbm: '00'.repeat(18), cert: 'x' }] }] })],
    ['text that is not percent-encoded', (c: Record<string, unknown>) => ({ ...c, pck_certs: [{ qe_id: '00', pce_id: '0000', enc_ppid: '', certs: [{ tcb: {}, tcbm: '00'.repeat(18), cert: '%zz' }] }] })],
    ['no TCB info for its machines', (c: Record<string, unknown>) => ({ ...c, tcbinfos: [] })],
  ])('is refused collateral with %s', async (_, change) => {
    const services = intel();
    const body = collaterals(services);
    expect(await refused(await put(services, { ...body, collaterals: change(body.collaterals) }))).toEqual(words('invalidRequest'));
    expect(services.pccs.cache.platforms.size).toBe(0);
  });
});

test.each(['integrity', 'platformUnknown', 'certsUnavailable', 'pcsAccess'] as const)('the status %s can be had by a fault', async (status) => {
  const services = intel();
  services.app.faults.add({ fault: 'pccs-status', parameters: { status } });
  expect(await refused(await services.get(`${TDX}/qe/identity`))).toEqual(words(status));
  services.app.reset();
  expect((await services.get(`${TDX}/qe/identity`)).status).toBe(200);
});
