/** The cases of confidential VMs with GPUs: each as one bundle of two halves. */
import { type Bundle, type Json, withFiles } from '../../emulator/bundle.ts';
import { nvidiaAuthorityOf } from '../../emulator/h100/pki/authority.ts';
import { type NccEdits, nccEvidence, type NccOptionsInput } from '../../emulator/machine/ncc-h100-v5.ts';
import { AmdAuthority } from '../../emulator/snp/authority.ts';
import { caseWorld, type Setting, SharedWorld } from '../case-world.ts';
import { CHALLENGE, NCC_CASES, type NccCase } from '../cases/ncc.ts';
import { caseInfo } from '../model.ts';
import type { BuiltCase, CaseSource, Subject } from '../subject.ts';

const TEE = 'ncc-h100-v5';
const LINE = 'Genoa';
const MOST_MAKERS = 4;
/** SMT allowed, nothing else. */
const POLICY = '0x30000';
const rows = new Map(NCC_CASES.map((row) => [row.id, row]));

/** The corpus of confidential VMs with GPUs. */
export const NCC_SOURCE: CaseSource = {
  tee: TEE,
  cases: NCC_CASES.map((row) => caseInfo(TEE, row)),
  build: (id, setting) => {
    const row = rows.get(id);
    if (!row) throw new RangeError(`there is no case ${id}`);
    return makerOf(setting).build(row);
  },
};

const makers = new Map<string, NccMaker>();

function makerOf(setting: Setting): NccMaker {
  const name = `${setting.at}/${setting.seed}`;
  const maker = makers.get(name) ?? new NccMaker(setting);
  if (makers.size >= MOST_MAKERS && !makers.has(name)) makers.clear();
  makers.set(name, maker);
  return maker;
}

const utf8 = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'utf8'));
const challenge = Buffer.from(CHALLENGE).toString('hex');

/** Makes the cases of one setting. */
class NccMaker {
  readonly #setting: Setting;
  readonly #world: SharedWorld;
  /** Whole seconds. */
  readonly #at: number;
  readonly #twins = new Map<string, Bundle>();

  constructor(setting: Setting) {
    this.#setting = setting;
    this.#world = new SharedWorld(setting);
    this.#at = Math.floor(setting.at / 1000) * 1000;
  }

  build(row: NccCase): BuiltCase {
    const { options = {}, goodOptions, request = {}, trusted, later = 0, faults = [] } = row;
    const chosen = goodOptions ?? (row.expect === 'must-accept' ? {} : options);
    const name = JSON.stringify(chosen);
    const twin = this.#twins.get(name) ?? this.#evidence(chosen);
    this.#twins.set(name, twin);
    const asked: Readonly<Record<string, Json>> = { nonce: challenge, policy: POLICY, requireCrl: true, ...request };
    const subject = (bundle: Bundle, now: number, roots: Subject['roots']): Subject => ({ bundle, roots, now, request: asked, services: {} });
    const bad = subject(this.#changed(row), this.#at + later, this.#roots(trusted));
    return { info: caseInfo(TEE, row), subject: { ...bad, services: faults.length > 0 ? { faults } : {} }, twin: subject(twin, this.#at, this.#roots(undefined)) };
  }

  /** Evidence that answers {@link CHALLENGE}, unless the options say otherwise. */
  #evidence(options: NccOptionsInput, edits: NccEdits = {}): Bundle {
    this.#world.restart();
    return nccEvidence(this.#world, { nonce: challenge, ...options }, edits).bundle;
  }

  #changed({ options = {}, edits, splice, files, replay }: NccCase): Bundle {
    const own = this.#evidence(options, typeof edits === 'function' ? edits(this.#at) : edits);
    const bundle = splice ? spliced(own, splice.part, this.#evidence({ ...options, ...splice.options }, splice.edits)) : own;
    const { manifest, files: contents } = files ? withFiles({ manifest: bundle.manifest, files: new Map() }, files(bundle.files)) : bundle;
    return { manifest: replay ? { ...manifest, replay: ['ocsp'] } : manifest, files: contents };
  }

  #roots(trusted: NccCase['trusted']): Subject['roots'] {
    const nvidia = nvidiaAuthorityOf(trusted === 'foreign-nvidia' ? this.#stranger(0) : this.#world);
    const named: Record<string, string> = { 'ark.pem': trusted === 'foreign-amd' ? this.#strangersArk() : new AmdAuthority(this.#world, LINE).certificate('ARK').pem };
    if (trusted !== 'amd-alone') Object.assign(named, { 'root.pem': nvidia.root('device').pem, 'rim_root.pem': nvidia.root('rim').pem });
    return new Map(Object.entries(named).map(([name, pem]) => [name, utf8(pem)]));
  }

  #stranger(n: number): ReturnType<typeof caseWorld> {
    return caseWorld({ ...this.#setting, seed: `${this.#setting.seed}/stranger/${n}` });
  }

  /** The ARK of another world, the first whose key is another: worlds draw RSA keys from one pool. */
  #strangersArk(): string {
    const own = new AmdAuthority(this.#world, LINE).key('ARK').spki;
    for (let n = 0; ; n++) {
      const stranger = new AmdAuthority(this.#stranger(n), LINE);
      if (!Buffer.from(own).equals(stranger.key('ARK').spki)) return stranger.certificate('ARK').pem;
    }
  }
}

/** A bundle with a half of another one. */
function spliced(bundle: Bundle, part: string, from: Bundle): Bundle {
  const inPart = ([name]: readonly [string, Uint8Array]): boolean => name.startsWith(`${part}/`);
  const kept = new Map([...bundle.files].filter((file) => !inPart(file)));
  return withFiles({ manifest: bundle.manifest, files: kept }, new Map([...from.files].filter(inPart)));
}
