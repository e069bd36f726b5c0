import { X509Certificate } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { COMMAND, TcpClient, TRANSPORT } from '../link/spdm/peer/tcp.ts';
import { type Called, call, json, scratch, type Surroundings } from './call.ts';

const cwd = scratch();

/** Serves, does something with the URLs while it lasts, then interrupts. */
async function serve(args: readonly string[], use: (urls: Record<string, string>) => Promise<void> = async () => undefined, surroundings: Surroundings = {}): Promise<Called> {
  let stdout = '';
  const called = call(['serve', '--seed', 'x', '--json', ...args], {
    cwd,
    ...surroundings,
    onStdout: (text) => {
      stdout += text;
    },
    onWaiting: (interrupt) => {
      // The URLs are printed after this; what is written into --out takes some time before them.
      const whenPrinted = (): void => {
        if (!stdout.endsWith('\n')) {
          setTimeout(whenPrinted, 20);
          return;
        }
        use(JSON.parse(stdout) as Record<string, string>)
          .catch((error: unknown) => failures.push(error))
          .finally(interrupt);
      };
      whenPrinted();
    },
  });
  const failures: unknown[] = [];
  const result = await called;
  if (failures.length > 0) throw failures[0];
  return result;
}

const text = async (url: string, init?: RequestInit): Promise<string> => {
  const response = await fetch(url, init);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return response.text();
};

describe('teemu serve', () => {
  test('prints one JSON object of base URLs once everything listens, and ends with 130 when interrupted', async () => {
    let chain = '';
    let health = '';
    const called = await serve([], async ({ kds, control }) => {
      chain = await text(`${kds}/vcek/v1/Milan/cert_chain`);
      health = await text(`${control}/healthz`);
    });
    expect(called.code).toBe(130);
    expect(Object.keys(json(called))).toEqual(expect.arrayContaining(['kds', 'pcs', 'pccs', 'ocsp', 'crl', 'control']));
    for (const url of Object.values(json(called))) expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+(\/[a-z]+)?$/);
    expect(chain.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    expect(JSON.parse(health)).toEqual({ status: 'ok' });
    expect(called.stderr).toMatch(/^The world of a seed is public: .*\nStopping\.\n$/);
  });

  test('closes its ports when it ends', async () => {
    const { kds } = json(await serve([])) as { kds: string };
    await expect(fetch(kds)).rejects.toThrow();
  });

  test('makes evidence that its own key service vouches for', async () => {
    await serve([], async ({ kds, control }) => {
      const { manifest, files } = JSON.parse(await text(`${control}/evidence/snp`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"reportData":"c0ffee"}' })) as {
        manifest: { chipId: string };
        files: Record<string, string>;
      };
      const leaf = new Uint8Array(await (await fetch(`${kds}/vcek/v1/Milan/${manifest.chipId}?blSPL=4&teeSPL=0&snpSPL=23&ucodeSPL=213`)).arrayBuffer());
      expect(new X509Certificate(leaf).fingerprint256).toBe(new X509Certificate(Buffer.from(files['vcek.pem'] ?? '', 'base64')).fingerprint256);
    });
  });

  test('makes TDX evidence that its own certification service vouches for', async () => {
    await serve([], async ({ pcs, control }) => {
      const { manifest, files } = JSON.parse(await text(`${control}/evidence/tdx`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"reportData":"c0ffee"}' })) as {
        manifest: { fmspc: string };
        files: Record<string, string>;
      };
      const served = async (path: string): Promise<string> => Buffer.from(await text(`${pcs}/tdx/certification/v4/${path}`), 'utf8').toString('base64');
      expect(await served(`tcb?fmspc=${manifest.fmspc}`)).toBe(files['collateral/tcb_info.json']);
      expect(await served('qe/identity')).toBe(files['collateral/qe_identity.json']);
    });
  });

  test.skipIf(process.platform === 'win32')('starts the quote generation service on request, on a socket that goes away at the end', async () => {
    const called = await serve(['--qgs', 'qgs.socket', '--qgs-platform', 'granite-rapids'], async ({ qgs }) => {
      expect(qgs).toBe(`unix:${join(cwd, 'qgs.socket')}`);
      expect(lstatSync(join(cwd, 'qgs.socket')).isSocket()).toBe(true);
    });
    expect(called.code).toBe(130);
    expect(existsSync(join(cwd, 'qgs.socket'))).toBe(false);
  });

  test('starts the quote generation service on a port', async () => {
    await serve(['--qgs', '0'], async ({ qgs }) => {
      expect(qgs).toMatch(/^tcp:\/\/127\.0\.0\.1:[1-9]\d*$/);
    });
  });

  test('--spdm answers on a port as DMTF’s emulators do', async () => {
    await serve(['--spdm', '0', '--spdm-profile', 'full', '--spdm-version', '1.2', '--spdm-gpu', 'h200'], async ({ spdm = '' }) => {
      expect(spdm).toMatch(/^tcp:\/\/127\.0\.0\.1:[1-9]\d*$/);
      const client = await TcpClient.open(Number(new URL(spdm).port));
      const answer = await client.ask({ command: COMMAND.NORMAL, transport: TRANSPORT.MCTP, payload: Uint8Array.of(5, 0x10, 0x84, 0, 0) });
      // One version, the one that was asked for.
      expect(answer?.payload).toEqual(Uint8Array.of(5, 0x10, 0x04, 0, 0, 0, 1, 0, 0x12));
      client.close();
    });
  });

  test('starts a proxy on request, with its certificate in a folder that goes away at the end', async () => {
    let caFile = '';
    const called = await serve(['--proxy'], async (urls) => {
      caFile = urls.caFile ?? '';
      expect(urls.proxy).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
      expect(new X509Certificate(readFileSync(caFile)).ca).toBe(true);
    });
    expect(called.code).toBe(130);
    expect(caFile).not.toBe('');
    expect(existsSync(caFile)).toBe(false);
  });

  test('with --out writes roots, URLs and the proxy’s certificate there, and leaves them', async () => {
    const called = await serve(['--proxy', '--out', 'served']);
    expect(readdirSync(join(cwd, 'served')).toSorted()).toEqual([
      'ark-genoa.pem',
      'ark-milan.pem',
      'ark-turin.pem',
      'intel-root-ca.pem',
      'nvidia-device-root.pem',
      'nvidia-nras-root.pem',
      'nvidia-rim-root.pem',
      'proxy-ca.pem',
      'serve.json',
    ]);
    expect(JSON.parse(readFileSync(join(cwd, 'served', 'serve.json'), 'utf8'))).toEqual(json(called));
    expect(new X509Certificate(readFileSync(join(cwd, 'served', 'ark-genoa.pem'))).subject).toContain('CN=ARK-Genoa');
    expect(new X509Certificate(readFileSync(join(cwd, 'served', 'intel-root-ca.pem'))).subject).toContain('CN=Intel SGX Root CA');
    expect(json(called).caFile).toBe(join(cwd, 'served', 'proxy-ca.pem'));
  });

  test('on an address that others reach warns of it, also with --quiet, and gives URLs that can be asked', async () => {
    const called = await serve(['--address', '0.0.0.0', '--listen-public', '--quiet'], async ({ control, kds }) => {
      for (const url of [control, kds]) expect(new URL(url ?? '').hostname).toBe('127.0.0.1');
      expect(JSON.parse(await text(`${control}/healthz`))).toEqual({ status: 'ok' });
    });
    expect(called.stderr).toMatch(/^WARNING: 0\.0\.0\.0 can be reached from other machines, .*control port.*private keys/m);
  });

  test.each([[[]], [['--listen-public']]])('warns of nobody on an address of its own: %j', async (args) => {
    expect((await serve(args)).stderr).not.toMatch(/WARNING/);
  });

  test('stands still at the time of --at', async () => {
    await serve(['--at', '2031-05-06T07:08:09Z'], async ({ control }) => {
      expect(JSON.parse(await text(`${control}/clock`))).toMatchObject({ at: '2031-05-06T07:08:09.000Z' });
    });
  });

  test('injects faults from the start, in either way of writing', async () => {
    await serve(['--fault', 'kds.cert_chain=not-found', '--fault', '{"match":"kds.crl","fault":"unavailable","times":1}'], async ({ kds, control }) => {
      const { rules } = JSON.parse(await text(`${control}/faults`)) as { rules: { match: string; fault: string }[] };
      expect(rules.map(({ match, fault }) => [match, fault])).toEqual([
        ['kds.cert_chain', 'not-found'],
        ['kds.crl', 'unavailable'],
      ]);
      const status = async (path: string): Promise<number> => (await fetch(`${kds}/vcek/v1/${path}`)).status;
      expect([await status('Milan/crl'), await status('Milan/crl')]).toEqual([503, 200]);
    });
  });

  test('limits rates on request, and only then', async () => {
    const statuses = async (...args: string[]): Promise<number[]> => {
      const found: number[] = [];
      await serve(args, async ({ kds, control }) => {
        const { manifest } = JSON.parse(await text(`${control}/evidence/snp`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' })) as { manifest: { chipId: string } };
        for (const ucode of [213, 212]) found.push((await fetch(`${kds}/vcek/v1/Milan/${manifest.chipId}?blSPL=4&teeSPL=0&snpSPL=23&ucodeSPL=${ucode}`)).status);
      });
      return found;
    };
    expect(await statuses('--rate-limit')).toEqual([200, 429]);
    expect(await statuses()).toEqual([200, 200]);
  });

  test('says to people what to paste, as their shell takes it', async () => {
    const say = async (platform: string): Promise<string> => {
      const { stdout } = await call(['serve', '--seed', 'x', '--proxy'], { cwd, platform, onWaiting: (interrupt) => setTimeout(interrupt, 100) });
      return stdout;
    };
    expect(await say('linux')).toMatch(/\n {2}export HTTPS_PROXY='http:\/\/127\.0\.0\.1:\d+'\n {2}export SSL_CERT_FILE='.*proxy-ca\.pem'\n$/);
    expect(await say('win32')).toMatch(/\n {2}\$env:HTTPS_PROXY = 'http:\/\/127\.0\.0\.1:\d+'\n {2}\$env:SSL_CERT_FILE = /);
  });
});

describe('what cannot be served exits with 2', () => {
  test('a port that is taken', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    const { code, stdout, stderr } = await call(['serve', '--seed', 'x', '--port', String(port)], { cwd });
    other.close();
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(String(port));
  });

  test.each<[string, string[], RegExp]>([
    ['a port that is none', ['--port', '70000'], /--port: must be a whole number from 0 to 65535/],
    ['an address of the world, unless it is meant', ['--address', '0.0.0.0'], /--listen-public/],
    ['a fault that is none', ['--fault', 'kds.crl=nonsense'], /nonsense/],
    ['a fault that is no rule', ['--fault', 'latency'], /--fault: 'latency' is no rule/],
    ['a fault that is no JSON', ['--fault', '{x'], /--fault: is no JSON/],
    ['a quote generation service at a port that is none', ['--qgs', '70000'], /--qgs: must be a whole number/],
    ['a quote generation service where nothing can be', ['--qgs', 'no/such/folder.socket'], /qgs: cannot listen on/],
    ['a machine without the service on it', ['--qgs-platform', 'granite-rapids'], /--qgs-platform: is for --qgs/],
    ['a kind of machine that is none', ['--qgs', '0', '--qgs-platform', 'naples'], /granite-rapids/],
    ['an SPDM responder at a port that is none', ['--spdm', '70000'], /--spdm: must be a whole number/],
    ['an SPDM responder of a profile that is none', ['--spdm', '0', '--spdm-profile', 'b200'], /h100, full/],
    ['an SPDM responder of a version that is none', ['--spdm', '0', '--spdm-version', '1.3'], /1\.1, 1\.2/],
    ['a profile without a responder', ['--spdm-profile', 'full'], /--spdm-profile: is for --spdm/],
    ['a version without a responder', ['--spdm-version', '1.2'], /--spdm-version: is for --spdm/],
    ['a rate that is none', ['--rate-limit', '0'], /--rate-limit: must be a whole number/],
  ])('%s', async (_, args, message) => {
    const { code, stdout, stderr } = await call(['serve', '--seed', 'x', ...args], { cwd });
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
  });
});
