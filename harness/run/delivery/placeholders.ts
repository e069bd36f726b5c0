/** The table of what a verifier's command line can name. One row each: the help, the check and the values come from it. */
import { join } from 'node:path';
import { ConfigError } from '../../../emulator/errors.ts';
import type { Delivery } from '../adapter.ts';
import { evidenceFile } from './folder.ts';

interface Placeholder {
  readonly doc: string;
  readonly value: (delivery: Delivery) => string | Promise<string>;
}

const inFolder =
  (...parts: readonly string[]) =>
  async ({ folder }: Delivery): Promise<string> =>
    join(await folder(), ...parts);
const service =
  (name: string) =>
  async ({ services }: Delivery): Promise<string> =>
    (await services())[name] ?? '';
const asked =
  (name: string) =>
  ({ subject }: Delivery): string => {
    const value = subject.request[name];
    return value === undefined || value === null ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value);
  };

/** Every placeholder, by name. */
export const PLACEHOLDERS: Readonly<Record<string, Placeholder>> = {
  id: { doc: 'id of the case', value: ({ id }) => id },
  tee: { doc: 'snp, tdx, h100, …', value: ({ tee }) => tee },
  bundle: { doc: 'folder of the evidence and all that comes with it, as teemu evidence writes it', value: inFolder('bundle') },
  evidence: { doc: 'file of the evidence itself: report.bin, quote.bin or evidence.json', value: async (delivery) => join(await delivery.folder(), 'bundle', evidenceFile(delivery.subject)) },
  roots: { doc: 'folder of the trusted roots, in PEM', value: inFolder('roots') },
  root: { doc: 'file of the first trusted root, in PEM', value: async (delivery) => join(await delivery.folder(), 'roots', [...delivery.subject.roots.keys()][0] ?? '') },
  request: { doc: 'JSON file of what the relying party asks for', value: inFolder('request.json') },
  now: { doc: 'time of verification, in seconds since 1970', value: ({ subject }) => String(Math.floor(subject.now / 1000)) },
  time: { doc: 'the same as 2026-01-02T03:04:05Z', value: ({ subject }) => new Date(subject.now).toISOString().replace(/\.000Z$/, 'Z') },
  reportData: { doc: 'report data that is asked for, hexadecimal; empty when none is', value: asked('reportData') },
  measurement: { doc: 'measurement that is asked for, likewise', value: asked('measurement') },
  nonce: { doc: 'nonce that is asked for, likewise', value: asked('nonce') },
  kds: { doc: "base URL of AMD's key service for this case", value: service('kds') },
  pcs: { doc: "of Intel's provisioning certification service", value: service('pcs') },
  pccs: { doc: 'of the PCCS', value: service('pccs') },
  rim: { doc: "of NVIDIA's RIM service", value: service('rim') },
  ocsp: { doc: "of NVIDIA's OCSP responder", value: service('ocsp') },
  nras: { doc: "of NVIDIA's remote attestation service", value: service('nras') },
  proxy: { doc: "URL of the proxy that stands for the vendors' hosts", value: service('proxy') },
  caFile: { doc: "file of the proxy's root certificate", value: service('caFile') },
};

const PATTERN = /\{([a-zA-Z]+)(?::([\w./-]+))?\}/g;

/**
 * The names in some arguments. `{file:NAME}` is the path of a file in the bundle.
 * @throws {ConfigError} for one that there is not, naming those that there are
 */
export function placeholdersIn(texts: readonly string[]): string[] {
  return texts.flatMap((text) =>
    [...text.matchAll(PATTERN)].map(([whole, name = '', file]) => {
      const known = file === undefined ? Object.hasOwn(PLACEHOLDERS, name) : name === 'file';
      if (!known)
        throw new ConfigError(
          'command',
          `there is no ${whole}, only ${Object.keys(PLACEHOLDERS)
            .map((one) => `{${one}}`)
            .join(' ')} {file:NAME}`,
        );
      return name;
    }),
  );
}

/** The text with every placeholder replaced. */
export async function fill(text: string, delivery: Delivery): Promise<string> {
  const parts: string[] = [];
  let end = 0;
  for (const match of text.matchAll(PATTERN)) {
    const [whole, name = '', file] = match;
    parts.push(text.slice(end, match.index), file === undefined ? ((await PLACEHOLDERS[name]?.value(delivery)) ?? whole) : join(await delivery.folder(), 'bundle', file));
    end = match.index + whole.length;
  }
  return parts.join('') + text.slice(end);
}
