/** The cases of NVIDIA evidence: each as a bundle with manifests and OCSP responses, and with what the relying party trusts and asks for. */
import { type Bundle, type Json, withFiles } from '../../emulator/bundle.ts';
import { CodecError } from '../../emulator/errors.ts';
import { type H100Edits, type H100Evidence, h100Evidence } from '../../emulator/h100/evidence/evidence.ts';
import type { H100OptionsInput } from '../../emulator/h100/evidence/options.ts';
import { nvidiaAuthorityOf } from '../../emulator/h100/pki/authority.ts';
import { NVIDIA_REVOCABLE, revokeOfNvidia } from '../../emulator/services/nvidia/revocable.ts';
import { caseWorld, type Setting, SharedWorld } from '../case-world.ts';
import { H100_CASES } from '../cases/h100.ts';
import type { DeviceText, H100Case, H100Change, H100Maker, SystemText } from '../cases/h100/row.ts';
import { caseInfo, OF_THE_GOOD_TWIN } from '../model.ts';
import type { BuiltCase, CaseSource, Subject } from '../subject.ts';

const SYSTEM = 'system.json';
const EVIDENCE = 'evidence.json';
const GOOD_SYSTEM: SystemText = { confidentialComputing: true, developerTools: false };
const MOST_TWINS = 64;
const MOST_MAKERS = 4;

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const utf8 = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'utf8'));
const json = (value: unknown): Uint8Array => utf8(`${JSON.stringify(value, undefined, 2)}\n`);

/** Evidence and the files that it comes in. */
interface Made {
  readonly maker: H100Maker;
  readonly evidence: H100Evidence;
  readonly bundle: Bundle;
  /** OCSP responses are not those that the responder gives. */
  readonly otherOcsp: boolean;
}

/** The corpus of NVIDIA's GPUs and switches. */
export const H100_SOURCE: CaseSource = {
  tee: 'h100',
  cases: H100_CASES.map((row) => caseInfo('h100', row)),
  build: (id, setting) => {
    const row = H100_CASES.find((one) => one.id === id);
    if (!row) throw new RangeError(`there is no case ${id}`);
    return builtOf(row, setting);
  },
};

/** Good twins that many cases share, by what they are made of. */
const twins = new Map<string, Made>();

function builtOf(row: H100Case, setting: Setting): BuiltCase {
  const twin = twinOf(row, setting);
  const request = requestOf(row, twin);
  const made = make(row.options ?? {}, row, setting);
  const { later = 0, roots, revoke = [], faults = [] } = row;
  const services = { ...(revoke.length > 0 && { revoke }), ...(faults.length > 0 && { faults }) };
  return {
    info: caseInfo('h100', row),
    // What no fault of the responder stands for, services give out as it is stored.
    subject: { bundle: made.otherOcsp && row.expect === 'must-reject' && faults.length === 0 ? replaying(made.bundle) : made.bundle, roots: rootsOf(made.maker, roots), now: made.maker.at + later, request, services },
    twin: { bundle: twin.bundle, roots: rootsOf(twin.maker, undefined), now: twin.maker.at, request, services: {} },
  };
}

function twinOf({ options = {}, goodOptions, expect, both, goodDevice, system, goodSystem }: H100Case, setting: Setting): Made {
  const chosen = goodOptions ?? (expect === 'must-accept' ? {} : options);
  const name = JSON.stringify([setting, chosen, goodDevice, system && { ...GOOD_SYSTEM, ...goodSystem }]);
  const known = both ? undefined : twins.get(name);
  const twin =
    known ??
    make(
      chosen,
      {
        ...(both && { edits: both }),
        ...(goodDevice && { devices: ([first, ...rest]) => [{ ...first, ...goodDevice }, ...rest] }),
        ...(system && { system: { ...goodSystem } }),
      },
      setting,
    );
  if (twins.size >= MOST_TWINS) twins.clear();
  if (!both) twins.set(name, twin);
  return twin;
}

/** Makers, by their setting. */
const makers = new Map<string, H100Maker & { readonly world: SharedWorld }>();

/** The maker of a setting, as if nothing had been made with it yet. */
function makerOf({ seed, at }: Setting): H100Maker {
  const name = `${at}/${seed}`;
  const known = makers.get(name);
  if (known) {
    known.world.restart();
    known.authority.reinstate();
    return known;
  }
  const world = new SharedWorld({ seed, at });
  const maker = {
    world,
    authority: nvidiaAuthorityOf(world),
    foreign: nvidiaAuthorityOf(caseWorld({ seed: `${seed}/stranger`, at })),
    stranger: world.ecKey('vectors/stranger', 'P-384'),
    at: Math.floor(at / 1000) * 1000,
  };
  if (makers.size >= MOST_MAKERS) makers.clear();
  makers.set(name, maker);
  return maker;
}

function make(options: H100OptionsInput, change: H100Change, setting: Setting): Made {
  const maker = makerOf(setting);
  for (const what of change.revoke ?? []) revokeOfNvidia(maker.authority, NVIDIA_REVOCABLE.parse(what));
  const editsOf = (edits: H100Change['edits'] = {}): H100Edits => (typeof edits === 'function' ? edits(maker) : edits);
  const edits = { ...editsOf(change.both), ...editsOf(change.edits) };
  const evidence = h100Evidence(maker.world, options, edits);
  const bundle = filed(presented(evidence, change, maker), change, maker);
  const otherOcsp = edits.ocsp !== undefined || [...bundle.files].some(([name, contents]) => name.startsWith('ocsp/') && evidence.bundle.files.get(name) !== contents);
  return { maker, evidence, bundle, otherOcsp };
}

/** The bundle with a note that its services answer with its own OCSP responses. */
function replaying({ manifest, files }: Bundle): Bundle {
  return { manifest: { ...manifest, replay: ['ocsp'] }, files };
}

/** The bundle with the devices as a row presents them. */
function presented({ machine, bundle }: H100Evidence, { after, chain, devices = (list) => list }: H100Change, maker: H100Maker): Bundle {
  const [first, ...others] = JSON.parse(Buffer.from(bundle.files.get(EVIDENCE) ?? []).toString('utf8')) as readonly (DeviceText & Record<'certificate' | 'evidence', string>)[];
  const [gpu] = machine.gpus;
  if (!first || !gpu) throw new RangeError('evidence without a device');
  const report = new Uint8Array(Buffer.from(first.evidence, 'base64'));
  const changed = {
    ...first,
    ...(chain && { certificate: Buffer.from(chain(pemsOf(first.certificate), maker).join('')).toString('base64') }),
    ...(after && { evidence: Buffer.from(after(report, maker.authority.attestationKey(gpu.identity))).toString('base64') }),
  };
  const list = devices([changed, ...others], maker);
  const shown: DeviceText | undefined = Array.isArray(list) ? (list as DeviceText[])[0] : undefined;
  const bytes = (value: unknown): Uint8Array => (typeof value === 'string' ? new Uint8Array(Buffer.from(value, 'base64')) : new Uint8Array());
  // What stands beside the evidence for those who read no JSON is that of its first device.
  return withFiles(
    bundle,
    new Map([
      [EVIDENCE, json(list)],
      ['report.bin', bytes(shown?.evidence)],
      ['cert_chain.pem', bytes(shown?.certificate)],
    ]),
  );
}

function pemsOf(certificate: string): readonly string[] {
  return (
    Buffer.from(certificate, 'base64')
      .toString('latin1')
      .match(/-----BEGIN[^-]*-----[^-]*-----END[^-]*-----\n/g) ?? []
  );
}

function filed(bundle: Bundle, { system, files }: H100Change, maker: H100Maker): Bundle {
  const all = system ? withFiles(bundle, new Map([[SYSTEM, json({ ...GOOD_SYSTEM, ...system })]])) : bundle;
  if (!files) return all;
  const changed = files(all.files, maker);
  return { manifest: { ...all.manifest, files: [...changed.keys()] }, files: changed };
}

function rootsOf(maker: H100Maker, roots: H100Change['roots']): Subject['roots'] {
  const { authority } = maker;
  const named = roots?.(maker) ?? { 'root.pem': authority.root('device').pem, 'rim_root.pem': authority.root('rim').pem };
  return new Map(Object.entries(named).map(([name, pem]) => [name, utf8(pem)]));
}

/** What is asked for: an answer to the good twin's nonce, and what the row says. */
function requestOf({ request = {} }: H100Case, { evidence }: Made): Readonly<Record<string, Json>> {
  const ueids = evidence.devices.map(({ certificates: [leaf] }) => {
    if (!leaf) throw new CodecError('ERR_CODEC_LENGTH', 'certificate', 0, 'a device without a leaf');
    return BigInt(`0x${hex(leaf.spec.serial)}`).toString();
  });
  const nonce = hex(evidence.nonce);
  const filled = Object.entries(request).map(([name, value]) => {
    if (name === 'ueids' && value === OF_THE_GOOD_TWIN) return [name, ueids] as const;
    return [name, Array.isArray(value) ? value.map((one: Json) => (one === OF_THE_GOOD_TWIN ? nonce : one)) : value] as const;
  });
  return { nonce, ...Object.fromEntries(filled) };
}
