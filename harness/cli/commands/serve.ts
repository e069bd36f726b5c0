/** `teemu serve`: the vendors' services, emulated, until interrupted. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Option } from 'commander';
import { fileError } from '../../../emulator/disk/file.ts';
import { ConfigError } from '../../../emulator/errors.ts';
import { DEFAULT_GPU, GPU_MODELS } from '../../../emulator/h100/platform/models.ts';
import { RESPONDER_PROFILES } from '../../../emulator/link/spdm/responder/profile.ts';
import type { FaultRule } from '../../../emulator/services/faults/plan.ts';
import type { ProductNames } from '../../../emulator/services/kds/kds.ts';
import { isLoopback } from '../../../emulator/services/http/listen.ts';
import { AMD_RATE_LIMIT } from '../../../emulator/services/kds/throttle.ts';
import type { QgsOptions } from '../../../emulator/services/intel/vendor.ts';
import { SPDM_VERSIONS } from '../../../emulator/services/nvidia/spdm.ts';
import type { Vendor } from '../../../emulator/services/vendors.ts';
import { amdRsaLabels } from '../../../emulator/snp/platform/products.ts';
import { startTeemu, type Teemu, type TeemuOptions } from '../../../emulator/teemu.ts';
import { DEFAULT_MODEL, PLATFORM_MODELS } from '../../../emulator/tdx/platform/models.ts';
import { h100Appraiser } from '../../verify/h100/appraise.ts';
import { EXIT } from '../exit.ts';
import { openWorld } from '../session/open-world.ts';
import { type Define, onCall, type Session } from '../session/session.ts';
import type { Paint } from '../session/terminal.ts';
import { parseInteger, portParser } from '../session/values.ts';

interface ServeOptions {
  readonly port: number;
  readonly proxy?: boolean;
  readonly proxyPort: number;
  readonly controlPort: number;
  readonly address?: string;
  readonly listenPublic?: boolean;
  readonly rateLimit?: string | true;
  readonly productNames?: ProductNames;
  readonly qgs?: string;
  readonly qgsPlatform?: string;
  readonly spdm?: number;
  readonly spdmProfile?: string;
  readonly spdmVersion?: string;
  readonly spdmGpu?: string;
  readonly fault?: readonly string[];
  readonly dieSeed?: string;
}

const DETAILS = `
Serves AMD's key service (kds), Intel's certification service (pcs) and the caching service before it
(pccs), and NVIDIA's OCSP responder (ocsp), lists (crl), manifests (rim) and attestation service (nras),
which judges evidence by the reference verifier. Listens on 127.0.0.1, on free ports unless told
otherwise. With --json the first line on stdout is one JSON object of base URLs, printed once everything
listens. With --at, the world's clock stands still. With --out, the roots to trust and the proxy's
certificate are written there; without it the certificate goes into a folder that is removed at the end.

The control port turns clock, faults and TCB statuses, revokes, keeps a journal, and makes evidence;
its /openapi.json describes it. Faults from the start: --fault kds.crl=reset, or a whole rule,
--fault '{"match":"kds.crl","fault":"latency","times":3}'; its /faults/table lists them.

--spdm PORT serves a GPU's SPDM responder on 127.0.0.1, as DMTF's emulators do, over MCTP or DOE; every
connection is a link of its own, and SHUTDOWN ends that connection only.

Ctrl-C ends it, with exit code 130.`;

/** Adds what `teemu serve` takes and does. */
export const defineServe: Define = (command, run) => {
  command
    .addOption(new Option('--port <n>', 'port of the services').argParser(portParser('--port')).default(0, 'any free one'))
    .addOption(new Option('--proxy', 'a proxy too, for tools with built-in host names'))
    .addOption(new Option('--proxy-port <n>', 'port of the proxy').argParser(portParser('--proxy-port')).default(0, 'any free one'))
    .addOption(new Option('--control-port <n>', 'port of the control interface').argParser(portParser('--control-port')).default(0, 'any free one'))
    .addOption(new Option('--address <ip>', 'address to listen on').default('127.0.0.1'))
    .addOption(new Option('--listen-public', 'allow an address that other machines can reach'))
    .addOption(new Option('--rate-limit [seconds]', `answer 429 as AMD's key service does: one VCEK per so many seconds and client (${AMD_RATE_LIMIT.seconds}); counted on the world's clock, which --at stops`))
    .addOption(new Option('--product-names <form>', 'productName in VCEKs: as AMD writes them now, or with a stepping, which some verifiers need for reports of version 2').choices(['current', 'stepping']))
    .addOption(new Option('--qgs <where>', 'the quote generation service of a TDX machine too: the path of a Unix socket, or a port (0: any free one)'))
    .addOption(new Option('--qgs-platform <name>', `which kind of machine that is (${DEFAULT_MODEL})`).choices(Object.keys(PLATFORM_MODELS)))
    .addOption(new Option('--spdm <port>', 'the SPDM responder of a GPU too, in the framing of the DMTF emulators (0: any free port)').argParser(portParser('--spdm')))
    .addOption(new Option('--spdm-profile <name>', 'what it can: h100 as an H100 does, full with challenge and a handshake in the clear too (h100)').choices(Object.keys(RESPONDER_PROFILES)))
    .addOption(new Option('--spdm-version <version>', 'the only version of SPDM that it speaks; all of its profile unless given').choices(Object.keys(SPDM_VERSIONS)))
    .addOption(new Option('--spdm-gpu <name>', `which kind of GPU it is (${DEFAULT_GPU})`).choices([...GPU_MODELS.keys()]))
    .addOption(new Option('--fault <rule>', 'a fault from the start; repeat for more').argParser((text: string, before: string[] | undefined) => [...(before ?? []), text]))
    .addOption(new Option('--die-seed <text>', 'seed of the die that decides about faults with a probability'))
    .addHelpText('after', DETAILS);
  onCall(command, run, async (session) => {
    const options = command.opts<ServeOptions>();
    // Keys first: they take seconds, and an interrupt meanwhile must leave nothing behind.
    await openWorld(session, amdRsaLabels());
    warnOfStrangers(session, options);
    const folder = await certificateFolder(session, options);
    try {
      await using teemu = await start(session, options, folder.path);
      const interrupted = new Promise<void>((resolve) => {
        session.io.onInterrupt(resolve);
      });
      const { url, caFile } = teemu;
      const urls = { ...url, ...(caFile === undefined ? {} : { caFile }) };
      if (session.globals.out !== undefined) await writeRoots(teemu, session.path(session.globals.out), urls);
      session.terminal.result(urls, (paint) => announcement(urls, session, paint));
      await interrupted;
      session.terminal.say('Stopping.');
      return EXIT.interrupted;
    } finally {
      await folder.remove();
    }
  });
};

/** Says what an address means that others can reach: nothing asks them for a password. */
function warnOfStrangers({ terminal }: Session, { address = '127.0.0.1', listenPublic = false }: ServeOptions): void {
  if (!listenPublic || isLoopback(address)) return;
  terminal.warn(
    `WARNING: ${address} can be reached from other machines, and nothing asks for a password. Whoever reaches the control port turns the clock, injects faults, revokes, and gets evidence signed by this world's private keys. Only do this in a network where everybody may.`,
  );
}

async function start(session: Session, serve: ServeOptions, folder: string | undefined): Promise<Teemu> {
  const { port, proxy = false, proxyPort, controlPort, address, listenPublic = false, rateLimit, productNames, fault = [], dieSeed } = serve;
  const { globals, path } = session;
  return startTeemu({
    ...(globals.seed === undefined ? { dir: path(globals.world) } : { seed: globals.seed }),
    ...(globals.at === undefined ? {} : { clock: globals.at }),
    ports: { data: port, proxy: proxyPort, control: controlPort },
    ...(address === undefined ? {} : { address }),
    listenPublic,
    proxy,
    ...(folder === undefined ? {} : { caFile: join(folder, 'proxy-ca.pem') }),
    ...(rateLimit === undefined ? {} : { rateLimit: rateLimit === true ? AMD_RATE_LIMIT : { ...AMD_RATE_LIMIT, seconds: parseInteger('--rate-limit', rateLimit, 1, 86_400) } }),
    ...(productNames === undefined ? {} : { productNames }),
    ...qgsOption(session, serve),
    ...spdmOption(serve),
    nras: { appraise: h100Appraiser() },
    faults: fault.map(parseFault),
    ...(dieSeed === undefined ? {} : { dieSeed }),
  });
}

/** Where the quote generation service listens. @throws {ConfigError} */
function qgsOption({ io, path }: Session, { qgs, qgsPlatform }: ServeOptions): Pick<TeemuOptions, 'qgs'> {
  if (qgs === undefined) {
    if (qgsPlatform !== undefined) throw new ConfigError('--qgs-platform', 'is for --qgs, which says where the service listens');
    return {};
  }
  const isPort = /^\d+$/.test(qgs);
  if (!isPort && io.platform === 'win32') throw new ConfigError('--qgs', 'is a port on Windows, which has no Unix sockets for this');
  const where: QgsOptions = isPort ? { port: parseInteger('--qgs', qgs, 0, 65535) } : { path: path(qgs) };
  return { qgs: { ...where, ...(qgsPlatform === undefined ? {} : { platform: qgsPlatform }) } };
}

/** What the SPDM responder is. @throws {ConfigError} */
function spdmOption({ spdm: port, spdmProfile: profile, spdmVersion: version, spdmGpu: gpu }: ServeOptions): Pick<TeemuOptions, 'spdm'> {
  if (port !== undefined) return { spdm: { port, ...(profile === undefined ? {} : { profile }), ...(version === undefined ? {} : { version }), ...(gpu === undefined ? {} : { gpu }) } };
  const [stray] = Object.entries({ '--spdm-profile': profile, '--spdm-version': version, '--spdm-gpu': gpu }).filter(([, value]) => value !== undefined);
  if (stray) throw new ConfigError(stray[0], 'is for --spdm, which says where the responder listens');
  return {};
}

/** `kds.crl=reset`, or a whole rule in JSON. What is in it is checked where rules are. @throws {ConfigError} */
function parseFault(text: string): FaultRule {
  if (!text.startsWith('{')) {
    const at = text.lastIndexOf('=');
    if (at < 1) throw new ConfigError('--fault', `'${text.slice(0, 60)}' is no rule; write kds.crl=reset, or a JSON object`);
    return { match: text.slice(0, at), fault: text.slice(at + 1) };
  }
  try {
    return JSON.parse(text) as FaultRule;
  } catch (cause) {
    throw new ConfigError('--fault', `is no JSON: ${(cause as Error).message}`, { cause });
  }
}

/** Where the proxy's certificate goes; one of our own is removed at the end. */
async function certificateFolder({ globals: { out }, path }: Session, { proxy }: ServeOptions): Promise<{ readonly path: string | undefined; remove(): Promise<void> }> {
  const keep = async (): Promise<void> => undefined;
  if (!proxy) return { path: undefined, remove: keep };
  if (out !== undefined) {
    await mkdir(path(out), { recursive: true }).catch((cause: unknown) => Promise.reject(fileError(path(out), cause)));
    return { path: path(out), remove: keep };
  }
  const dir = await mkdtemp(join(tmpdir(), 'teemu-')).catch((cause: unknown) => Promise.reject(fileError(tmpdir(), cause)));
  return { path: dir, remove: () => rm(dir, { recursive: true, force: true }) };
}

/** Writes the roots to trust and the URLs beside the proxy's certificate. */
async function writeRoots({ vendors }: Teemu, out: string, urls: Readonly<Record<string, string>>): Promise<void> {
  try {
    await mkdir(out, { recursive: true });
    for (const [name, pem] of Object.values(vendors).flatMap((vendor: Vendor) => [...vendor.rootFiles()])) await writeFile(join(out, name), pem);
    await writeFile(join(out, 'serve.json'), `${JSON.stringify(urls)}\n`);
  } catch (cause) {
    throw fileError(out, cause);
  }
}

function announcement(urls: Readonly<Record<string, string>>, { io }: Session, paint: Paint): string {
  const { caFile, ...services } = urls;
  const width = Math.max(...Object.keys(services).map((name) => name.length));
  const lines = Object.entries(services).map(([name, url]) => `  ${name.padEnd(width)}  ${paint('cyan', url)}`);
  const assign = (name: string, value: string): string => (io.platform === 'win32' ? `$env:${name} = '${value}'` : `export ${name}='${value}'`);
  const exports =
    services.proxy === undefined || caFile === undefined ? [] : ['', 'For tools with built-in host names, paste where they run:', `  ${assign('HTTPS_PROXY', services.proxy)}`, `  ${assign('SSL_CERT_FILE', caFile)}`];
  return [paint('bold', 'Emulated services; Ctrl-C ends them.'), ...lines, ...exports].join('\n');
}
