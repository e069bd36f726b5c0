/** go-tdx-guest's own tool `check`, unmodified, against `teemu serve`: two environment variables and the root are all that it is told. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { PLATFORM_MODELS } from '../../../emulator/tdx/platform/models.ts';
import { mapQuote } from '../../../emulator/tdx/quote/quote.ts';
import { call } from '../../cli/call.ts';
import { type Folder, installProgram, programFolder } from '../go.ts';
import { VERSION } from './wrapper.ts';

/** What the tool's exit codes mean (tools/check/check.go). */
const EXIT = { accepted: 0, verify: 2, policy: 4 } as const;
const FETCHED = ['pcs.tcb.tdx 200', 'pcs.identity.td-qe 200', 'pcs.pckcrl 200', 'pcs.rootcrl 200'];

let folder: Folder;
let check = '';
let scratch = '';
let serve: { readonly urls: Readonly<Record<string, string>>; stop(): Promise<void> };

beforeAll(async () => {
  folder = await programFolder(`go-tdx-guest-${VERSION}`);
  check = await installProgram(import.meta.url, `github.com/google/go-tdx-guest/tools/check@${VERSION}`, folder);
  scratch = await mkdtemp(join(tmpdir(), 'teemu-tdx-check-'));
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

interface Live {
  readonly quote: Uint8Array;
  readonly root: Uint8Array;
  readonly manifest: Readonly<Record<string, unknown>>;
}

/** Live evidence, as a test in any language gets it. */
async function evidence(options: object = {}): Promise<Live> {
  const { files, manifest } = (await control('POST', '/evidence/tdx', options)) as { files: Record<string, string>; manifest: Record<string, unknown> };
  const file = (name: string): Uint8Array => new Uint8Array(Buffer.from(files[name] ?? '', 'base64'));
  return { quote: file('quote.bin'), root: file('root_ca.pem'), manifest };
}

interface Ran {
  readonly code: number;
  readonly said: string;
}

async function run({ quote, root }: Pick<Live, 'quote' | 'root'>, flags: readonly string[] = []): Promise<Ran> {
  const input = join(scratch, 'quote.bin');
  const trusted = join(scratch, 'root_ca.pem');
  await writeFile(input, quote);
  await writeFile(trusted, root);
  const args = ['-in', input, '-trusted_roots', trusted, '-get_collateral=true', '-check_crl=true', '-timeout=2s', '-max_retry_delay=1s', ...flags];
  // The variables are the tool's alone; nothing else of the environment can lead it elsewhere.
  const env = { HTTPS_PROXY: serve.urls.proxy, SSL_CERT_FILE: serve.urls.caFile };
  return new Promise((resolve) => {
    execFile(check, args, { env, timeout: 60_000 }, (error, stdout, stderr) => resolve({ code: error ? Number(error.code ?? -1) : 0, said: `${stdout}${stderr}` }));
  });
}

describe('fetches collateral and lists through the proxy, and accepts', () => {
  test.each(Object.keys(PLATFORM_MODELS))('%s', async (platform) => {
    const live = await evidence({ platform, reportData: 'aa' });
    const flags = ['-report_data', 'aa'.padEnd(128, '0'), '-mr_td', String(live.manifest.mrTd), '-rtmrs', (live.manifest.rtmrs as string[]).join(','), '-mr_seam', String(live.manifest.mrSeam)];
    expect(await run(live, flags)).toEqual({ code: EXIT.accepted, said: expect.any(String) });
    expect(await journal()).toEqual(FETCHED);
  });
});

describe('refuses', () => {
  test.each<[string, object, string]>([
    ['a quote of version 5', { quoteVersion: 5 }, 'quote format not supported'],
    ['a PCK of the Processor CA', { pckCa: 'processor' }, '"Intel SGX PCK Processor CA" is not expected'],
    ['a machine that is out of date', { tcbStatus: 'OutOfDate' }, 'found "OutOfDate"'],
    ['a machine that is revoked', { tcbStatus: 'Revoked' }, 'found "Revoked"'],
  ])('%s', async (_, options, says) => {
    const { code, said } = await run(await evidence(options));
    expect(code).not.toBe(EXIT.accepted);
    expect(said).toContain(says);
  });

  test('a quote that was changed', async () => {
    const live = await evidence();
    const at = mapQuote(live.quote).body.at + 136;
    expect(await run({ ...live, quote: live.quote.with(at, (live.quote[at] ?? 0) ^ 1) })).toEqual({ code: EXIT.verify, said: expect.stringContaining("unable to verify message digest using quote's signature") });
  });

  test.each([
    ['report data', '-report_data', 'REPORT_DATA'],
    ['firmware', '-mr_td', 'MR_TD'],
  ])('other %s than asked for', async (_, flag, field) => {
    expect(await run(await evidence(), [flag, 'bb'.repeat(flag === '-mr_td' ? 48 : 64)])).toEqual({ code: EXIT.policy, said: expect.stringContaining(field) });
  });

  test('evidence of a world that it does not trust', async () => {
    await call(['evidence', 'tdx', '--seed', 'another', '--out', 'other'], { cwd: scratch });
    const root = new Uint8Array(await readFile(join(scratch, 'other', 'root_ca.pem')));
    expect(await run({ ...(await evidence()), root })).toEqual({ code: EXIT.verify, said: expect.stringContaining('certificate signed by unknown authority') });
  });

  test('a revoked PCK, and accepts it again when that is taken back', async () => {
    const live = await evidence();
    await control('POST', '/revoke', { role: 'PLATFORM' });
    expect(await run(live)).toEqual({ code: EXIT.verify, said: expect.stringContaining('was revoked at') });
    await control('POST', '/reset', {});
    expect(await run(live)).toEqual({ code: EXIT.accepted, said: expect.any(String) });
  });

  // Its exit code for networks does not come: the error that it looks for is wrapped as text (verify.go, obtainCollateral).
  test.each([
    ['TCB info', 'pcs.tcb.tdx', 'could not receive tcbInfo response'],
    ['a revocation list', 'pcs.pckcrl', 'could not fetch PCK CRL'],
  ])('a service without %s', async (_, match, says) => {
    const live = await evidence();
    await control('POST', '/faults', { fault: 'server-error', match });
    expect(await run(live)).toEqual({ code: EXIT.verify, said: expect.stringContaining(says) });
  });
});
