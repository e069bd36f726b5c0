/** What the control port does with Intel: revocations and statuses, as the services then show them. */
import { describe, expect, test } from 'vitest';
import { control } from '../../../emulator/services/control/control.ts';
import { answerFetch } from '../../../emulator/services/http/fetch.ts';
import { intelAuthorityOf } from '../../../emulator/tdx/authority.ts';
import { tdxPlatform } from '../../../emulator/tdx/platform/platform.ts';
import { assembled, bytesOf, NOW, readCrl } from '../world.ts';
import { SGX, TDX } from './app.ts';

const FMSPC = '90c06f000000';
/** Lists by the authority whose they are. */
const LISTS = { ROOT: 'https://certificates.trustedservices.intel.com/IntelSGXRootCA.der', PLATFORM: `${SGX}/pckcrl?ca=platform&encoding=der`, PROCESSOR: `${SGX}/pckcrl?ca=processor&encoding=der` } as const;
type Authority = keyof typeof LISTS;

interface Refusal {
  readonly code: string;
  readonly path?: string;
}

function controlled(seed?: string) {
  const services = assembled({}, seed);
  const answer = control({ ...services, evidence: {} });
  const call = async (method: string, path: string, body: unknown): Promise<{ status: number; body: { error?: Refusal } }> => {
    const response = await answerFetch(answer, new Request(`http://127.0.0.1${path}`, { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }), () => NOW);
    return { status: response.status, body: (await response.json()) as { error?: Refusal } };
  };
  const get = async (url: string): Promise<Response> => services.app.fetch(new Request(url));
  const serials = async (authority: Authority): Promise<string[]> => readCrl(await bytesOf(await get(LISTS[authority]))).serials;
  const levels = async (fmspc = FMSPC): Promise<string[]> => ((await (await get(`${TDX}/tcb?fmspc=${fmspc}`)).json()) as { tcbInfo: { tcbLevels: { tcbStatus: string }[] } }).tcbInfo.tcbLevels.map((l) => l.tcbStatus);
  return { ...services, authority: intelAuthorityOf(services.world), call, get, serials, levels };
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
/** A serial as lists have it: DER puts a zero before a first byte of 0x80 and above. */
const listed = (serial: Uint8Array): string => ((serial[0] ?? 0) >= 0x80 ? `00${hex(serial)}` : hex(serial));

describe('revocation', () => {
  test.each(['PLATFORM', 'PROCESSOR', 'TCB_SIGNING'] as const)('%s goes onto the list of the root, and reset takes it off', async (role) => {
    const { authority, call, serials } = controlled();
    const before = await serials('ROOT');
    expect((await call('POST', '/revoke', { role })).status).toBe(200);
    expect(await serials('ROOT')).toEqual([...before, listed(authority.certificate(role).spec.serial)]);
    expect((await call('POST', '/reset', {})).status).toBe(200);
    expect(await serials('ROOT')).toEqual(before);
  });

  test('a serial goes onto the list that is named, that of the Platform CA unless told otherwise', async () => {
    const { call, serials } = controlled();
    await call('POST', '/revoke', { serial: '0badc0de' });
    await call('POST', '/revoke', { serial: 'C0FFEE', issuer: 'PROCESSOR' });
    await call('POST', '/revoke', { serial: '00f', issuer: 'ROOT' });
    expect(await serials('PLATFORM')).toEqual(['0badc0de']);
    expect(await serials('PROCESSOR')).toEqual(['00c0ffee']);
    expect(await serials('ROOT')).toEqual(['0f']);
  });

  test.each(['platform', 'processor'] as const)('the PCK certificate of a quote goes onto the list of its issuer, by the chain as the quote has it: %s', async (ca) => {
    const { authority, call, serials } = controlled();
    const platform = tdxPlatform('emerald-rapids', { ca });
    expect((await call('POST', '/revoke', { certificate: authority.pckChain(platform) })).status).toBe(200);
    const [here, other] = ca === 'platform' ? (['PLATFORM', 'PROCESSOR'] as const) : (['PROCESSOR', 'PLATFORM'] as const);
    expect(await serials(here)).toEqual([listed(authority.pck(platform).spec.serial)]);
    expect(await serials(other)).toEqual([]);
    expect(await serials('ROOT')).toEqual([]);
  });

  test('the PCCS shows it at once too', async () => {
    const { app, call } = controlled();
    const crl = async (): Promise<string[]> => readCrl(Buffer.from(await (await app.fetch(new Request('http://127.0.0.1/pccs/sgx/certification/v4/rootcacrl'))).text(), 'hex')).serials;
    expect(await crl()).toEqual([]);
    await call('POST', '/revoke', { role: 'PLATFORM' });
    expect(await crl()).toHaveLength(1);
  });

  test('has not happened yet for a clock that was turned back', async () => {
    const { call, clock, serials } = controlled();
    clock.advance(10_000);
    await call('POST', '/revoke', { role: 'PLATFORM' });
    expect(await serials('ROOT')).toHaveLength(1);
    clock.advance(-10_000);
    expect(await serials('ROOT')).toEqual([]);
    clock.advance(10_000);
    expect(await serials('ROOT')).toHaveLength(1);
  });

  test.each<[rule: string, body: unknown, path: string]>([
    ['the root', { role: 'ROOT' }, 'role'],
    ['a serial of no digits', { serial: '' }, 'serial'],
    ['a serial of 21 bytes', { serial: '01'.repeat(21) }, 'serial'],
    ['the serial zero', { serial: '0000' }, 'serial'],
    ['a serial of no authority', { serial: '01', issuer: 'TCB_SIGNING' }, 'issuer'],
    ['no PEM', { certificate: 'certificate' }, 'certificate'],
    ['PEM that holds no certificate', { certificate: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n' }, 'certificate'],
    ['an unknown member', { role: 'PLATFORM', colour: 1 }, 'colour'],
  ])('%s cannot be revoked', async (_, body, path) => {
    const { call, serials } = controlled();
    expect(await call('POST', '/revoke', body)).toMatchObject({ status: 400, body: { error: { code: 'ERR_CONFIG', path } } });
    for (const authority of Object.keys(LISTS) as Authority[]) expect(await serials(authority)).toEqual([]);
  });

  test('a certificate of another world cannot be revoked, though it has the same names', async () => {
    const pck = intelAuthorityOf(assembled({}, 'another').world).pckChain(tdxPlatform());
    expect(await controlled().call('POST', '/revoke', { certificate: pck })).toMatchObject({ status: 400, body: { error: { code: 'ERR_CONFIG', path: 'certificate' } } });
  });

  test("AMD's certificates are not Intel's", async () => {
    const { call, vendors } = controlled();
    expect((await call('POST', '/revoke', { certificate: vendors.snp.roots.Milan })).status).toBe(400);
  });
});

describe('the TCB status', () => {
  test('of an FMSPC is set for PCS and PCCS at once, and taken back by null and by reset', async () => {
    const { app, call, levels } = controlled();
    const cached = async (): Promise<string> => (await app.fetch(new Request(`http://127.0.0.1/pccs/tdx/certification/v4/tcb?fmspc=${FMSPC}`))).text();
    const genuine = await levels();
    expect(genuine[0]).toBe('UpToDate');
    expect(await call('PUT', '/tcb-status', { fmspc: FMSPC.toUpperCase(), status: 'ConfigurationNeeded' })).toEqual({ status: 200, body: { fmspc: FMSPC.toUpperCase(), status: 'ConfigurationNeeded' } });
    expect((await levels())[0]).toBe('ConfigurationNeeded');
    expect(await cached()).toContain('"tcbStatus":"ConfigurationNeeded"');
    await call('PUT', '/tcb-status', { fmspc: FMSPC, status: null });
    expect(await levels()).toEqual(genuine);
    await call('PUT', '/tcb-status', { fmspc: FMSPC, status: 'Revoked' });
    expect(await levels()).toContain('Revoked');
    await call('POST', '/reset', {});
    expect(await levels()).toEqual(genuine);
  });

  test('of one FMSPC leaves the others alone', async () => {
    const { call, levels } = controlled();
    const before = await levels('b0c06f000000');
    await call('PUT', '/tcb-status', { fmspc: FMSPC, status: 'OutOfDate' });
    expect((await levels()).slice(1)).not.toContain('UpToDate');
    expect(await levels('b0c06f000000')).toEqual(before);
  });

  test.each<[rule: string, body: unknown, path: string]>([
    ['an FMSPC that there is not', { fmspc: '000000000000', status: 'OutOfDate' }, 'fmspc'],
    ['no FMSPC', { fmspc: 'x', status: 'OutOfDate' }, 'fmspc'],
    ['a status that is none', { fmspc: FMSPC, status: 'Fine' }, 'status'],
    ['a status that is a matter of one TD', { fmspc: FMSPC, status: 'TDRelaunchAdvised' }, 'status'],
  ])('of %s cannot be set', async (_, body, path) => {
    expect(await controlled().call('PUT', '/tcb-status', body)).toMatchObject({ status: 400, body: { error: { code: 'ERR_CONFIG', path } } });
  });
});
