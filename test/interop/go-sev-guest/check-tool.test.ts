/** go-sev-guest's own tool `check`, unmodified, against `teemu serve`: two environment variables and the root are all that it is told. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { flip } from '../../../vectors/edits/report.ts';
import { call } from '../../cli/call.ts';
import { type Folder, installCheck, programFolder } from './toolchain.ts';

/** What the tool's exit codes mean (tools/check/check.go). */
const EXIT = { accepted: 0, verify: 2, certificates: 3, policy: 5 } as const;

let folder: Folder;
let check = '';
let scratch = '';
let serve: { readonly urls: Readonly<Record<string, string>>; stop(): Promise<void> };

beforeAll(async () => {
  folder = await programFolder();
  check = await installCheck(folder);
  scratch = await mkdtemp(join(tmpdir(), 'teemu-check-'));
  serve = await startServe();
}, 600_000);
afterEach(() => control('POST', '/reset', {}));
afterAll(async () => {
  await serve?.stop();
  await folder?.remove();
  await rm(scratch, { recursive: true, force: true });
});

/** `teemu serve --proxy --json`, until it is stopped. */
async function startServe(): Promise<typeof serve> {
  let interrupt = (): void => undefined;
  let ended: Promise<unknown> = Promise.resolve();
  const urls = await new Promise<Record<string, string>>((resolve, reject) => {
    ended = call(['serve', '--proxy', '--json', '--seed', 'check'], {
      cwd: scratch,
      onStdout: (line) => resolve(JSON.parse(line) as Record<string, string>),
      onWaiting: (listener) => {
        interrupt = listener;
      },
    }).then(({ code, stderr }) => reject(new Error(`teemu serve ended with ${code}: ${stderr}`)), reject);
  });
  return {
    urls,
    stop: async () => {
      interrupt();
      await ended;
    },
  };
}

async function control(method: string, path: string, body?: object): Promise<unknown> {
  const response = await fetch(`${serve.urls.control}${path}`, { method, headers: { 'content-type': 'application/json' }, ...(body ? { body: JSON.stringify(body) } : {}) });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

/** Operations that the tool asked for, in order, with their status. */
async function journal(): Promise<string[]> {
  const { entries } = (await control('GET', '/journal')) as { entries: { operation: string; status: number }[] };
  return entries.map(({ operation, status }) => `${operation} ${status}`);
}

/** Live evidence, as a test in any language gets it. */
async function evidence(options: object): Promise<(name: string) => Buffer> {
  const { files } = (await control('POST', '/evidence/snp', options)) as { files: Record<string, string> };
  return (name) => {
    const contents = files[name];
    if (contents === undefined) throw new Error(`the bundle has no ${name}, only ${Object.keys(files).join(', ')}`);
    return Buffer.from(contents, 'base64');
  };
}

interface Ran {
  readonly code: number;
  readonly said: string;
}

/** What the tool is given beside the evidence. */
interface Asked {
  /** Certificates behind the report; none unless given: 24 zero bytes end a list without entries. */
  readonly certs?: Uint8Array;
  /** Intermediate and ARK to trust. */
  readonly chain: Uint8Array;
  readonly flags?: readonly string[];
  /** Where the revocation list is not asked for. */
  readonly withoutCrl?: boolean;
}

async function run(report: Uint8Array, { certs = new Uint8Array(24), chain, flags = [], withoutCrl = false }: Asked): Promise<Ran> {
  const input = join(scratch, 'report.bin');
  const root = join(scratch, 'cert_chain.pem');
  await writeFile(input, Buffer.concat([report, certs]));
  await writeFile(root, chain);
  const args = ['-in', input, '-inform', 'bin', '-network=true', `-check_crl=${!withoutCrl}`, '-product_key_path', root, '-guest_policy', '0x30000', ...flags];
  // The variables are the tool's alone; nothing else of the environment can lead it elsewhere.
  const env = { HTTPS_PROXY: serve.urls.proxy, SSL_CERT_FILE: serve.urls.caFile };
  return new Promise((resolve) => {
    execFile(check, args, { env, timeout: 60_000 }, (error, stdout, stderr) => resolve({ code: error ? Number(error.code ?? -1) : 0, said: `${stdout}${stderr}` }));
  });
}

const productName = (product: string): string[] => ['-product_name', product === 'genoa' ? 'Genoa-B1' : 'Milan-B0'];
const ALL_FETCHED = ['kds.chain 200', 'kds.vcek 200', 'kds.crl 200'];

describe('fetches every certificate through the proxy, checks the list, and accepts', () => {
  test.each([
    ['milan', 2],
    ['milan', 3],
    ['milan', 4],
    ['milan', 5],
    ['genoa', 3],
    ['genoa', 4],
    ['genoa', 5],
  ] as const)('%s, version %i', async (product, reportVersion) => {
    const file = await evidence({ product, reportVersion, reportData: 'aa' });
    const flags = [...productName(product), '-report_data', 'aa'.padEnd(128, '0'), '-vmpl', '0'];
    expect(await run(file('report.bin'), { chain: file('cert_chain.pem'), flags })).toEqual({ code: EXIT.accepted, said: expect.any(String) });
    expect(await journal()).toEqual(ALL_FETCHED);
  });
});

describe('accepts', () => {
  test('genoa, version 2, which names no CPU, with its certificates beside it', async () => {
    const file = await evidence({ product: 'genoa', reportVersion: 2 });
    expect(await run(file('report.bin'), { certs: file('certs.bin'), chain: file('cert_chain.pem'), flags: productName('genoa') })).toMatchObject({ code: EXIT.accepted });
    expect(await journal()).toEqual(['kds.crl 200']);
  });

  test.each([
    ['milan', {}],
    ['genoa', {}],
    ['milan', { reportVersion: 5 }],
  ] as const)('a VLEK of %s %o from its certificate table', async (product, options) => {
    const file = await evidence({ product, signer: 'vlek', ...options });
    expect(await run(file('report.bin'), { certs: file('certs.bin'), chain: file('cert_chain.pem'), flags: productName(product), withoutCrl: true })).toMatchObject({ code: EXIT.accepted });
  });

  test('an AWS guest, once its provisional firmware is permitted', async () => {
    const file = await evidence({ preset: 'aws' });
    const asked = { certs: file('certs.bin'), chain: file('cert_chain.pem'), withoutCrl: true };
    expect(await run(file('report.bin'), { ...asked, flags: ['-provisional=true', '-vmpl', '1'] })).toMatchObject({ code: EXIT.accepted });
    expect(await run(file('report.bin'), asked)).toEqual({ code: EXIT.policy, said: expect.stringContaining("does not match the report's CURRENT_TCB") });
  });

  test.each([
    ['proto', 'attestation.pb'],
    ['textproto', 'attestation.textproto'],
  ] as const)('the evidence in the form %s that teemu writes', async (form, name) => {
    const out = join(scratch, form);
    const { code, stderr } = await call(['evidence', 'snp', '--seed', 'check', '--export', 'go-sev-guest', '--out', out], { cwd: scratch });
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const file = await evidence({});
    expect(await run(new Uint8Array(), { chain: file('cert_chain.pem'), flags: ['-in', join(out, name), '-inform', form] })).toEqual({ code: EXIT.accepted, said: expect.any(String) });
    expect(await journal()).toEqual(['kds.crl 200']);
  });

  test('after the service answered 429 twice', async () => {
    const file = await evidence({});
    await control('POST', '/faults', { match: 'kds.vcek', fault: 'too-many-requests', times: 2 });
    expect(await run(file('report.bin'), { chain: file('cert_chain.pem'), flags: ['-max_retry_delay', '100ms'] })).toMatchObject({ code: EXIT.accepted });
    expect(await journal()).toEqual(['kds.chain 200', 'kds.vcek 429', 'kds.vcek 429', 'kds.vcek 200', 'kds.crl 200']);
  });
});

/** How the tool ends, and its words. Each of these is accepted without the one change. */
const REFUSED: readonly {
  readonly name: string;
  readonly options?: object;
  readonly change?: (report: Uint8Array) => Uint8Array;
  readonly flags?: readonly string[];
  readonly before?: () => Promise<unknown>;
  readonly code: number;
  readonly says: string;
}[] = [
  { name: 'a guest that may be debugged', options: { policy: '0xb0000' }, code: EXIT.policy, says: 'found unauthorized debug capability' },
  { name: 'a guest that a migration agent may move', options: { policy: '0x70000' }, code: EXIT.policy, says: 'found unauthorized migration agent capability' },
  { name: 'other report data', flags: ['-report_data', 'bb'.padEnd(128, '0')], code: EXIT.policy, says: 'report field REPORT_DATA' },
  { name: 'another measurement', flags: ['-measurement', '00'.repeat(48)], code: EXIT.policy, says: 'report field MEASUREMENT' },
  { name: 'another chip', flags: ['-chip_id', 'ab'.repeat(64)], code: EXIT.policy, says: 'report field CHIP_ID' },
  { name: 'VMPL 1 where 0 is asked', options: { vmpl: 1 }, flags: ['-vmpl', '0'], code: EXIT.policy, says: 'report VMPL 1 is not 0' },
  { name: 'a TCB below the minimum', flags: ['-minimum_tcb', '0xd518000000000004'], code: EXIT.policy, says: 'is lower than the policy minimum TCB' },
  {
    name: 'a bit of the signature flipped',
    change: flip('signature.r'),
    code: EXIT.verify,
    says: 'report signature verification error',
  },
  {
    name: 'the measurement changed after signing',
    change: flip('measurement'),
    code: EXIT.verify,
    says: 'report signature verification error',
  },
  { name: 'a revoked ASK', before: () => control('POST', '/revoke', { line: 'Milan', role: 'ASK' }), code: EXIT.verify, says: 'ASK was revoked at' },
  { name: "another line's revocation list", before: () => control('POST', '/faults', { match: 'kds.crl', fault: 'crl-wrong-line' }), code: EXIT.verify, says: 'CRL is not signed by ARK' },
  { name: "another chip's VCEK from the service", before: () => control('POST', '/faults', { match: 'kds.vcek', fault: 'vcek-wrong-chip' }), code: EXIT.verify, says: 'report signature verification error' },
  { name: 'an expired VCEK from the service', before: () => control('POST', '/faults', { match: 'kds.vcek', fault: 'vcek-expired' }), code: EXIT.verify, says: 'certificate has expired or is not yet valid' },
  {
    name: 'a TCB above what AMD has released, for which there is no VCEK',
    options: { set: ['reportedTcb.snp=0x40', 'committedTcb.snp=0x40', 'currentTcb.snp=0x40'] },
    flags: ['-timeout', '1s', '-max_retry_delay', '100ms'],
    code: EXIT.certificates,
    says: 'could not download VCEK certificate',
  },
  {
    name: 'a service that is down',
    before: () => control('POST', '/faults', { match: 'kds.chain', fault: 'server-error' }),
    flags: ['-timeout', '1s', '-max_retry_delay', '100ms'],
    code: EXIT.certificates,
    says: 'could not download ASK and ARK certificates',
  },
];

describe('refuses', () => {
  test.each(REFUSED)('$name, and accepts it without that', async ({ options = {}, change = (report) => report, flags = [], before, code, says }) => {
    const file = await evidence(options);
    await before?.();
    const bad = await run(change(file('report.bin')), { chain: file('cert_chain.pem'), flags });
    expect(bad).toEqual({ code, said: expect.stringContaining(says) });
    await control('POST', '/reset', {});
    const good = await evidence({});
    expect(await run(good('report.bin'), { chain: good('cert_chain.pem') })).toMatchObject({ code: EXIT.accepted });
  });

  test("evidence under another world's root of the same name", async () => {
    const out = join(scratch, 'stranger');
    await call(['evidence', 'snp', '--seed', 'a stranger', '--out', out], { cwd: scratch });
    const file = await evidence({});
    const asked = { chain: file('cert_chain.pem'), flags: ['-product_key_path', join(out, 'cert_chain.pem')] };
    expect(await run(file('report.bin'), asked)).toEqual({ code: EXIT.verify, said: expect.stringContaining('could not be verified by any trusted roots') });
  });

  test("evidence, where AMD's genuine roots are trusted", async () => {
    const file = await evidence({});
    expect(await run(file('report.bin'), { certs: file('certs.bin'), chain: file('cert_chain.pem'), flags: ['-product_key_path', ''] })).toEqual({
      code: EXIT.verify,
      said: expect.stringContaining('could not be verified by any trusted roots'),
    });
  });

  test('a VLEK that is missing: the service gives none to a guest', async () => {
    const file = await evidence({ signer: 'vlek' });
    expect(await run(file('report.bin'), { chain: file('cert_chain.pem'), withoutCrl: true })).toEqual({ code: EXIT.verify, said: expect.stringContaining('VLEK certificate is missing') });
  });
});
