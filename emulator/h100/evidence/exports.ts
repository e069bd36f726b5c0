/** Forms in which other tools read GPU evidence, made of the files of a bundle. */
import type { Bundle, ExportForm, Json } from '../../bundle.ts';
import { ConfigError } from '../../errors.ts';

/** A device as `evidence.json` has it, with what the manifest says of it. */
interface Device {
  readonly arch: string;
  readonly certificate: string;
  readonly evidence: string;
  readonly nonce: string;
  readonly uuid: string;
  readonly driverVersion: string | undefined;
  readonly vbiosVersion: string;
}

const SWITCH = 'LS10';
const FORM_VERSION = '1.0';

/** Every form. */
export const H100_EXPORTS: readonly ExportForm[] = [
  {
    name: 'nvattest',
    doc: 'nvattest/: gpu_evidence.json and switch_evidence.json for `nvattest attest --gpu-evidence-source file --gpu-evidence-file` and the same of the switches, with the versions that newer releases write',
    files: (bundle) => split(bundle, (devices) => devices.map(nvattestDevice), 'nvattest'),
  },
  {
    name: 'nvattest-collected',
    doc: 'nvattest-collected/: the same as `nvattest collect-evidence --format json` prints it',
    files: (bundle) => split(bundle, (devices) => ({ evidences: devices.map(nvattestDevice), result_code: 0, result_message: 'Ok' }), 'nvattest-collected'),
  },
  {
    name: 'trustee',
    doc: 'trustee_evidence.json: what the NVIDIA attester of Confidential Containers sends',
    files: (bundle) =>
      new Map([
        ['trustee_evidence.json', json({ device_evidence_list: devicesOf(bundle).map(({ arch, uuid, evidence, certificate }) => ({ arch: arch === SWITCH ? arch : capitalised(arch), uuid, evidence, certificate })) })],
      ]),
  },
  {
    name: 'attestation-rs',
    doc: 'attestation-rs/gpu_bundle.json: the GPUs as the attestation-rs crate takes them. It asks GPUs with SHA-256 of the caller’s nonce and NVIDIA-GPU-EAT-v1, and switches with another one, so that switches are left out',
    files: (bundle) => {
      const gpus = devicesOf(bundle).filter(({ arch }) => arch !== SWITCH);
      const devices = gpus.map(({ arch, uuid, evidence, certificate }) => ({ arch, uuid, evidence_b64: evidence, cert_chain_b64: certificate })).sort((a, b) => (a.uuid < b.uuid ? -1 : 1));
      return new Map([['attestation-rs/gpu_bundle.json', json({ devices, binding: { kind: 'concat', algo: 'sha256' } })]]);
    },
  },
  {
    name: 'rim-store',
    doc: 'rim-store/: every manifest under its id, for `nvattest --rim-store dir --rim-dir`',
    files: (bundle) => {
      const rims = record(bundle.manifest.rims);
      return new Map(Object.entries(rims).map(([id, name]) => [`rim-store/${id}.xml`, file(bundle, String(name))]));
    },
  },
];

const bytes = (contents: string): Uint8Array => Uint8Array.from(Buffer.from(contents, 'utf8'));
const json = (value: Json): Uint8Array => bytes(`${JSON.stringify(value, undefined, 2)}\n`);
const capitalised = (word: string): string => word.charAt(0) + word.slice(1).toLowerCase();

/** Members in the order in which NVIDIA's tool writes them. */
function nvattestDevice({ arch, certificate, driverVersion, evidence, nonce, vbiosVersion }: Device): Json {
  return { arch, certificate, ...(driverVersion === undefined ? {} : { driver_version: driverVersion }), evidence, nonce, ...(driverVersion === undefined ? {} : { vbios_version: vbiosVersion }), version: FORM_VERSION };
}

/** One file for the GPUs, one for the switches where there are any. */
function split(bundle: Bundle, form: (devices: readonly Device[]) => Json, folder: string): Map<string, Uint8Array> {
  const devices = devicesOf(bundle);
  const switches = devices.filter(({ arch }) => arch === SWITCH);
  return new Map([[`${folder}/gpu_evidence.json`, json(form(devices.filter(({ arch }) => arch !== SWITCH)))], ...(switches.length === 0 ? [] : [[`${folder}/switch_evidence.json`, json(form(switches))] as const])]);
}

function file({ files }: Bundle, name: string): Uint8Array {
  const contents = files.get(name);
  if (!contents) throw new ConfigError('export', `the bundle has no ${name}`);
  return contents;
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new ConfigError('export', 'the bundle is not of the form that teemu writes');
  return value as Readonly<Record<string, unknown>>;
}

/** The devices of a bundle, GPUs first. @throws {ConfigError} for a bundle that is not as teemu writes it */
function devicesOf(bundle: Bundle): Device[] {
  const { manifest } = bundle;
  let listed: unknown;
  try {
    listed = JSON.parse(Buffer.from(file(bundle, 'evidence.json')).toString('utf8'));
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    throw new ConfigError('export', 'evidence.json is no JSON', { cause });
  }
  const said = Object.values(record(manifest.devices));
  if (!Array.isArray(listed) || listed.length !== said.length) throw new ConfigError('export', 'evidence.json does not hold the devices of the bundle');
  return listed.map((device: unknown, i): Device => {
    const { uuid, driverVersion, vbiosVersion } = record(said[i]);
    const { arch, certificate, evidence, nonce } = record(device);
    const texts = { arch, certificate, evidence, nonce, uuid, vbiosVersion };
    const wrong = Object.entries(texts).find(([, value]) => typeof value !== 'string');
    if (wrong) throw new ConfigError('export', `a device of the bundle has no ${wrong[0]}`);
    return { ...(texts as Record<keyof typeof texts, string>), driverVersion: typeof driverVersion === 'string' ? driverVersion : undefined };
  });
}
