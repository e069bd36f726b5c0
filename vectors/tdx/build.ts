/** Builds the evidence of a TDX case, and of its good twin by the same path. The same seed and time give the same bytes. */
import type { Json } from '../../emulator/bundle.ts';
import { intelAuthorityOf } from '../../emulator/tdx/authority.ts';
import { type TdxEvidence, tdxEvidence } from '../../emulator/tdx/evidence/evidence.ts';
import type { TdxEdits } from '../../emulator/tdx/evidence/edits.ts';
import type { TdxOptionsInput } from '../../emulator/tdx/evidence/options.ts';
import { quotingPlatform } from '../../emulator/tdx/platform/hardware.ts';
import { tdxPlatform } from '../../emulator/tdx/platform/platform.ts';
import { QuotingEnclave } from '../../emulator/tdx/quoting/quoting-enclave.ts';
import { caseWorld, type Setting } from '../case-world.ts';
import { caseInfo } from '../model.ts';
import type { BuiltCase, Subject } from '../subject.ts';
import { tdxBundle } from './bundle.ts';
import type { EditsIn, TdxCase, TdxMaker } from './case.ts';

const QUOTE = 'quote.bin';
const ROOT = 'root_ca.pem';

/**
 * Builds cases one after the other; good twins that several cases share are made once.
 * @param tee what the cases are about: `tdx` or `ccel`
 * @throws {TeemuError} from the function returned, for a row whose machine cannot be, or whose edit does not fit: a defect of the row
 */
export function tdxCaseBuilder(tee: string, setting: Setting): (row: TdxCase) => BuiltCase {
  const twins = new Map<string, Made>();
  return (row) => {
    const { options = {}, base = {}, edits = {} } = row;
    const goodOptions = row.goodOptions ?? (row.expect === 'must-accept' && !row.base ? {} : options);
    const name = JSON.stringify(goodOptions);
    const twin = (row.base ? undefined : twins.get(name)) ?? make(goodOptions, [base], setting);
    if (!row.base) twins.set(name, twin);
    const made = make(options, [base, edits], setting);
    const asked = typeof row.request === 'function' ? row.request(twin.evidence.bundle.manifest) : (row.request ?? {});
    const roots = rootsOf(row.trusted, made, twin);
    return { info: caseInfo(tee, row), subject: subjectOf(made, row, asked, roots, setting), twin: subjectOf(twin, {}, asked, row.trusted === 'both' ? roots : [twin.evidence.certificates.root.pem], setting) };
  };
}

interface Made {
  readonly maker: TdxMaker;
  readonly evidence: TdxEvidence;
}

/** Each piece of evidence comes from a world of its own: what one case draws changes nothing in another. */
function make(options: TdxOptionsInput, edits: readonly EditsIn[], setting: Setting): Made {
  const world = caseWorld(setting);
  const { platform: model, index, tcbStatus: status, pckCa: ca } = options;
  const platform = tdxPlatform(model, { ...(index === undefined ? {} : { index: Number(index) }), ...(status === undefined ? {} : { status }), ...(ca === undefined ? {} : { ca }) });
  const maker: TdxMaker = { world, stranger: () => strangersWorld(setting), platform, keys: tdxKeys(world, platform) };
  return { maker, evidence: tdxEvidence(world, options, merged(edits.map((one) => (typeof one === 'function' ? one(maker) : one)))) };
}

/** The keys of a machine that sign its quotes. */
export function tdxKeys(world: TdxMaker['world'], platform: TdxMaker['platform']): TdxMaker['keys'] {
  const hardware = quotingPlatform(intelAuthorityOf(world), platform);
  return { attestation: new QuotingEnclave(world, hardware).attestationKey, pck: hardware.pckKey };
}

/** Edits of different parts; those of the same part would hide one another. */
function merged(edits: readonly TdxEdits[]): TdxEdits {
  const names = edits.flatMap((one) => Object.keys(one));
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) throw new RangeError(`the base and the edits of a row both change ${twice}`);
  return Object.assign({}, ...edits) as TdxEdits;
}

function subjectOf({ maker, evidence }: Made, { after, files, later = 0 }: Partial<TdxCase>, asked: Readonly<Record<string, Json>>, roots: readonly string[], { at }: Setting): Subject {
  const bundle = tdxBundle(evidence.bundle, (all) => {
    const changed = after ? new Map([...all].map(([name, contents]) => [name, name === QUOTE ? after(contents, maker) : contents] as const)) : all;
    return files ? files(changed, maker) : changed;
  });
  const trusted = new Map(roots.map((root, i) => [i === 0 ? ROOT : `other_${ROOT}`, Uint8Array.from(Buffer.from(root, 'latin1'))] as const));
  return { bundle, roots: trusted, now: at + later, request: { ...asked, requireCrl: true }, services: {} };
}

/** Whom the relying party trusts, in PEM. */
function rootsOf(trusted: TdxCase['trusted'], made: Made, twin: Made): readonly string[] {
  const own = made.evidence.certificates.root.pem;
  const foreign = (): string => intelAuthorityOf(made.maker.stranger()).certificate('ROOT').pem;
  if (trusted === 'both') return [own, foreign()];
  return [trusted === 'foreign' ? foreign() : trusted === 'twin' ? twin.evidence.certificates.root.pem : own];
}

function strangersWorld({ seed, at }: Setting): TdxMaker['world'] {
  return caseWorld({ seed: `${seed}/stranger`, at });
}
