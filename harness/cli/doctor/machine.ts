/** Checks of the machine: Node, the operating system, its cryptography, its network, its clock. */
import { constants, createHash, getFips, sign, verify } from 'node:crypto';
import { createServer } from 'node:net';
import { amdRsaLabel } from '../../../emulator/snp/platform/products.ts';
import { fixedClock, seededWorld, systemClock } from '../../../emulator/world.ts';
import { type Check, type Finding, finding } from './check.ts';

/** Lowest Node version, as in package.json. */
const NODE = [20, 19] as const;
/** Before this, teemu did not exist: a clock that says so is wrong. */
const FIRST_DAY = Date.UTC(2025, 0, 1);

export const MACHINE_CHECKS: readonly Check[] = [
  { name: 'node', run: () => nodeVersion(process.versions.node) },
  { name: 'platform', run: () => platform(process.platform, process.arch) },
  { name: 'cryptography', run: cryptography },
  { name: 'clock', run: clock },
  { name: 'loopback', run: async () => loopback(await Promise.all(['127.0.0.1', '::1'].map(bindable))) },
  { name: 'environment', run: ({ io: { env } }) => environment(env) },
];

/** Whether that Node version will do. */
export function nodeVersion(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const enough = major > NODE[0] || (major === NODE[0] && minor >= NODE[1]);
  return finding(enough ? 'ok' : 'problem', `Node ${version}; needs ${NODE.join('.')} or later`);
}

/** What works on that system, and what does not. */
export function platform(system: string, arch: string): Finding {
  switch (system) {
    case 'linux':
      return finding('ok', `Linux on ${arch}: everything works`);
    case 'darwin':
      return finding('info', `macOS on ${arch}: everything works but one thing: Go programs do not read SSL_CERT_FILE here, so give them the base URL of \`teemu serve\` in place of its proxy`);
    case 'win32':
      return finding(
        'info',
        `Windows on ${arch}: evidence, inspect, verify and serve work; Go programs do not read SSL_CERT_FILE here, so give them the base URL of \`teemu serve\` in place of its proxy; file modes do not exist, so the private world is only as private as your user profile`,
      );
    default:
      return finding('warning', `${system} on ${arch}: never tried; Linux, macOS and Windows are`);
  }
}

/** Signs and verifies with the key kinds that evidence needs: some builds of OpenSSL leave some out. */
function cryptography(): Finding {
  const text = `OpenSSL ${process.versions.openssl}${getFips() === 1 ? ', FIPS mode' : ''}`;
  try {
    const world = seededWorld('doctor', fixedClock(0));
    const data = createHash('sha384').update('doctor').digest();
    const { privateKey, publicKey } = world.ecKey('doctor', 'P-384');
    const curve = verify('sha384', data, publicKey, sign('sha384', data, privateKey));
    const rsa = world.rsaKey(amdRsaLabel('ARK', 'Milan'));
    const pss = verify('sha384', data, { key: rsa.publicKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 48 }, rsa.sign(data));
    return curve && pss ? finding('ok', `${text}: P-384 and RSA-4096 with PSS sign and verify`) : finding('problem', `${text}: a signature of its own does not verify`);
  } catch (error) {
    return finding('problem', `${text}: ${(error as Error).message}`);
  }
}

function clock(): Finding {
  const now = systemClock().now();
  const text = new Date(now).toISOString();
  return now < FIRST_DAY ? finding('warning', `${text}: this clock is slow; evidence made now is valid at no real time (set it, or use --at)`) : finding('ok', text);
}

/** Whether a port of that address can be opened. */
function bindable(host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(0, host, () => server.close(() => resolve(true)));
  });
}

function loopback([v4 = false, v6 = false]: readonly boolean[]): Finding {
  if (!v4) return finding('problem', 'no port can be opened on 127.0.0.1, so `teemu serve` does not work here');
  return finding('ok', `ports can be opened on 127.0.0.1${v6 ? ' and ::1' : '; ::1 is not there and not needed'}`);
}

const VARIABLES = ['HTTPS_PROXY', 'https_proxy', 'NO_PROXY', 'no_proxy', 'SSL_CERT_FILE', 'NODE_EXTRA_CA_CERTS', 'NODE_OPTIONS'];

/** Variables that steer where programs look for services and whom they trust. */
export function environment(env: Readonly<Record<string, string | undefined>>): Finding {
  const set = VARIABLES.filter((name) => env[name]);
  // Names only: a proxy's address can hold a password.
  return finding('info', set.length === 0 ? 'no proxy and no certificate file is set' : `set here, and read by what you test: ${set.join(', ')}`);
}
