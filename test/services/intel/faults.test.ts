/** The faults of Intel's services: each gives exactly what it says, and nothing else is wrong with it. */
import { verify, X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { pemBlocks, readCrl } from '../../../emulator/pki/read.ts';
import { PCS_FAULTS } from '../../../emulator/services/intel/faults.ts';
import { encryptedPpid } from '../../../emulator/tdx/platform/id.ts';
import { platformState, tdxPlatform } from '../../../emulator/tdx/platform/platform.ts';
import { API, AT, bytesOf, chainOf, hex, type Intel, intel, SGX, TDX } from './app.ts';

const DAY = 86_400_000;
const TCB = `${TDX}/tcb?fmspc=90c06f000000`;
const IDENTITY = `${TDX}/qe/identity`;
const CRL = `${SGX}/pckcrl?ca=platform&encoding=der`;
const ROOT_CRL = 'https://certificates.trustedservices.intel.com/IntelSGXRootCA.der';

function faulty(fault: string): Intel {
  const services = intel();
  services.app.faults.add({ fault });
  return services;
}
interface Document {
  readonly text: string;
  readonly inner: string;
  readonly signature: string;
  readonly value: { readonly id: string; readonly fmspc?: string; readonly issueDate: string; readonly nextUpdate: string };
}
async function document(services: Intel, url: string): Promise<Document> {
  const text = await (await services.get(url)).text();
  const { signature, ...rest } = JSON.parse(text) as { signature: string } & Record<string, Document['value']>;
  const [value] = Object.values(rest) as [Document['value']];
  return { text, signature, value, inner: text.slice(text.indexOf(':') + 1, text.lastIndexOf(',"signature"')) };
}
const holds = (services: Intel, role: 'ROOT' | 'TCB_SIGNING', { inner, signature }: Document): boolean =>
  verify('sha256', Buffer.from(inner), { key: services.pcs.authority.key(role).publicKey, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'hex'));

describe.each([TCB, IDENTITY])('for %s', (url) => {
  test('collateral-stale is past its next update, and signed', async () => {
    const services = faulty('collateral-stale');
    const d = await document(services, url);
    expect(Date.parse(d.value.nextUpdate)).toBe(AT - DAY);
    expect(holds(services, 'TCB_SIGNING', d)).toBe(true);
  });

  test('collateral-future is issued tomorrow, and signed', async () => {
    const services = faulty('collateral-future');
    const d = await document(services, url);
    expect(Date.parse(d.value.issueDate)).toBe(AT + DAY);
    expect(holds(services, 'TCB_SIGNING', d)).toBe(true);
  });

  test('collateral-unsigned is the right text without a signature of anybody known', async () => {
    const services = faulty('collateral-unsigned');
    const d = await document(services, url);
    expect(d.inner).toBe((await document(intel(), url)).inner);
    expect([holds(services, 'TCB_SIGNING', d), holds(services, 'ROOT', d)]).toEqual([false, false]);
  });

  test('collateral-signed-by-root is', async () => {
    const services = faulty('collateral-signed-by-root');
    const d = await document(services, url);
    expect([holds(services, 'TCB_SIGNING', d), holds(services, 'ROOT', d)]).toEqual([false, true]);
  });

  test('collateral-whitespace is signed as it stands, collateral-rewritten as it stood', async () => {
    const [signed, rewritten] = [faulty('collateral-whitespace'), faulty('collateral-rewritten')];
    const d = await document(signed, url);
    expect([holds(signed, 'TCB_SIGNING', d), d.text.includes('\n')]).toEqual([true, true]);
    const e = await document(rewritten, url);
    const compact = { ...e, inner: JSON.stringify(e.value) };
    expect([holds(rewritten, 'TCB_SIGNING', e), holds(rewritten, 'TCB_SIGNING', compact), e.text.includes('\n')]).toEqual([false, true, true]);
  });

  test('issuer-chain-order has the root first, issuer-chain-incomplete none, issuer-chain-missing no chain, issuer-chain-plus a bare plus', async () => {
    const header = url === TCB ? 'tcb-info-issuer-chain' : 'sgx-enclave-identity-issuer-chain';
    const names = async (fault: string): Promise<string[]> => pemBlocks(chainOf(await faulty(fault).get(url), header), 'CERTIFICATE').map((der) => new X509Certificate(der).subject.split('\n')[0] ?? '');
    expect(await names('issuer-chain-order')).toEqual(['CN=Intel SGX Root CA', 'CN=Intel SGX TCB Signing']);
    expect(await names('issuer-chain-incomplete')).toEqual(['CN=Intel SGX TCB Signing']);
    expect((await faulty('issuer-chain-missing').get(url)).headers.get(header)).toBeNull();
    const plus = (await faulty('issuer-chain-plus').get(url)).headers.get(header) ?? '';
    expect([plus.includes('+'), plus.includes('%2B')]).toEqual([true, false]);
  });
});

test('tcb-other-fmspc, tcb-other-tee and identity-other-enclave are signed, but of something else', async () => {
  for (const [fault, url, member, other] of [
    ['tcb-other-fmspc', TCB, 'fmspc', '00606A000000'],
    ['tcb-other-tee', TCB, 'id', 'SGX'],
    ['identity-other-enclave', IDENTITY, 'id', 'QE'],
  ] as const) {
    const services = faulty(fault);
    const d = await document(services, url);
    expect([fault, d.value[member], holds(services, 'TCB_SIGNING', d)]).toEqual([fault, other, true]);
  }
});

test('lists are stale, of the future, of the other authority, or in PEM', async () => {
  const list = async (fault: string, url: string): Promise<ReturnType<typeof readCrl>> => readCrl(await bytesOf(await faulty(fault).get(url)));
  expect((await list('pckcrl-stale', CRL)).nextUpdate).toBe(AT - DAY);
  expect((await list('pckcrl-future', CRL)).thisUpdate).toBe(AT + DAY);
  expect(Buffer.from((await list('pckcrl-other-ca', CRL)).issuer).toString('latin1')).toContain('Processor CA');
  expect((await list('rootcrl-stale', ROOT_CRL)).nextUpdate).toBeLessThan(AT);
  expect(pemBlocks(await (await faulty('rootcrl-pem').get(ROOT_CRL)).text(), 'X509 CRL')).toHaveLength(1);
});

test('pck-other-platform is the certificate of another machine at the same level', async () => {
  const services = faulty('pck-other-platform');
  const { cpuSvn } = platformState(tdxPlatform(), AT);
  const query = (index: number): string => `encrypted_ppid=${hex(encryptedPpid(services.world, tdxPlatform('emerald-rapids', { index })))}&cpusvn=${hex(cpuSvn)}&pcesvn=0d00&pceid=0000`;
  for (const [asked, given] of [
    [0, 1],
    [5, 4],
  ] as const) {
    const response = await services.get(`${SGX}/pckcert?${query(asked)}`);
    expect(await response.text()).toBe(services.pcs.authority.pck(tdxPlatform('emerald-rapids', { index: given })).pem);
  }
});

test.each(PCS_FAULTS.map(({ name }) => name))('%s leaves refusals what they are', async (fault) => {
  const services = faulty(fault);
  for (const url of [`${TDX}/tcb?fmspc=x`, `${TDX}/qe/identity?update=x`, `${SGX}/pckcrl?ca=x`, `${SGX}/pckcert?x`, `${API}/x`]) {
    const { status } = await services.get(url);
    expect([url, status]).toEqual([url, url === `${API}/x` ? 404 : 400]);
  }
});
