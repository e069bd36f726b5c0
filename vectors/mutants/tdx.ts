/** Mutants of a quote of version 5 with a body of TDX 1.5, which has every field there is. What repeats its fields, TDREPORT and event log, is left out. */
import { type Json, withFiles } from '../../emulator/bundle.ts';
import { type Mutant, mutants } from '../../emulator/codec/mutants.ts';
import type { EcSigner } from '../../emulator/crypto/sign.ts';
import { intelAuthorityOf } from '../../emulator/tdx/authority.ts';
import { tdxEvidence } from '../../emulator/tdx/evidence/evidence.ts';
import { quotingPlatform } from '../../emulator/tdx/platform/hardware.ts';
import { mapQuote, type QuoteMap, type QuotePart } from '../../emulator/tdx/quote/quote.ts';
import { ENCLAVE_REPORT, QE_CERTIFICATION_HEAD, SIGNATURE_HEAD } from '../../emulator/tdx/quote/tables.ts';
import { QuotingEnclave } from '../../emulator/tdx/quoting/quoting-enclave.ts';
import { CORPUS_SETTING, caseWorld, type Setting } from '../case-world.ts';
import { tdxBundle } from '../tdx/bundle.ts';
import type { Subject } from '../subject.ts';
import type { MutantInfo, MutantKind, MutantSource } from './source.ts';

const QUOTE = 'quote.bin';
const REPORT_DATA = '5a'.repeat(64);
const REPEATED = ['tdreport.bin', 'ccel.bin', 'ccel_table.bin'];

interface Base {
  readonly subject: Subject;
  readonly quote: Uint8Array;
  readonly map: QuoteMap;
  readonly keys: { readonly attestation: EcSigner; readonly pck: EcSigner };
}
const bases = new Map<string, Base>();

/** What every mutant is made of: a TD that the relying party knows, and that was told who asks. */
function baseOf(setting: Setting): Base {
  const name = `${setting.at}/${setting.seed}`;
  const known = bases.get(name);
  if (known) return known;
  const world = caseWorld(setting);
  const evidence = tdxEvidence(world, { quoteVersion: 5, reportData: REPORT_DATA });
  const hardware = quotingPlatform(intelAuthorityOf(world), evidence.platform);
  const bundle = tdxBundle(evidence.bundle, (files) => new Map([...files].filter(([file]) => !REPEATED.includes(file))));
  const request: Readonly<Record<string, Json>> = { reportData: REPORT_DATA, mrTd: bundle.manifest.mrTd ?? '', requireCrl: true };
  const base: Base = {
    subject: { bundle, roots: new Map([['root_ca.pem', Buffer.from(evidence.certificates.root.pem, 'latin1')]]), now: setting.at, request, services: {} },
    quote: evidence.quote,
    map: mapQuote(evidence.quote),
    keys: { attestation: new QuotingEnclave(world, hardware).attestationKey, pck: hardware.pckKey },
  };
  bases.set(name, base);
  return base;
}

interface Edit {
  readonly info: MutantInfo;
  readonly apply: Mutant['apply'];
}

const partOf = (map: QuoteMap, name: string): QuotePart => {
  const part = map.parts.find((one) => one.name === name);
  if (!part) throw new RangeError(`the quote has no part ${name}`);
  return part;
};

/** Which signature is over a byte: the quote's, that of the quoting enclave's report, or none. */
function signerOf(map: QuoteMap, at: number): keyof Base['keys'] | undefined {
  if (at < map.signed.size) return 'attestation';
  const qe = partOf(map, 'qe').at;
  return at >= qe && at < qe + ENCLAVE_REPORT.size ? 'pck' : undefined;
}

/** Writes the signature anew that is over the byte at `at`. */
function resigned(quote: Uint8Array, { map, keys }: Base, at: number): Uint8Array {
  const copy = quote.slice();
  const qe = partOf(map, 'qe').at;
  if (signerOf(map, at) === 'pck') copy.set(keys.pck.sign(quote.subarray(qe, qe + ENCLAVE_REPORT.size)), qe + QE_CERTIFICATION_HEAD.locate('qeReportSignature').at);
  else copy.set(keys.attestation.sign(quote.subarray(0, map.signed.size)), partOf(map, 'signature').at + SIGNATURE_HEAD.locate('signature').at);
  return copy;
}

/** The edits of one table of the quote, over the whole of it. */
function editsOf({ name, layout, at: begin }: QuotePart, { quote, map }: Base): Edit[] {
  const end = begin + layout.size;
  const inside = mutants(layout, quote.slice(begin, end)).filter(({ id }) => id !== 'end/one-byte-more');
  return inside.flatMap(({ id, path, at, size, apply }) => {
    const cut = id.endsWith('/cut-here');
    const kinds: MutantKind[] = cut || signerOf(map, begin + at) === undefined ? ['tampered'] : ['tampered', 'resigned'];
    const whole = (src: Uint8Array): Uint8Array => new Uint8Array(Buffer.concat([src.subarray(0, begin), apply(src.slice(begin, end)), ...(cut ? [] : [src.subarray(end)])]));
    return kinds.map(
      (kind): Edit => ({
        info: { id: `tdx/mutant/${name}.${id}${kind === 'resigned' ? '-resigned' : ''}`, tee: 'tdx', field: `${name}.${path}`, kind, at: begin + at, size: cut ? quote.length - begin - at : size },
        apply: whole,
      }),
    );
  });
}

let edits: ReadonlyMap<string, Edit> | undefined;

/** All of them. Which ones there are does not depend on the setting: what differs from one to the other is long and random. */
function allEdits(): ReadonlyMap<string, Edit> {
  if (edits) return edits;
  const base = baseOf(CORPUS_SETTING);
  edits = new Map(base.map.parts.flatMap((part) => editsOf(part, base)).map((edit) => [edit.info.id, edit] as const));
  return edits;
}

/** Mutants of a quote. */
export const TDX_MUTANTS: MutantSource = {
  mutants: () => [...allEdits().values()].map(({ info }) => info),
  build: ({ id, kind, at }, setting) => {
    const edit = allEdits().get(id);
    if (!edit) throw new RangeError(`there is no mutant ${id}`);
    const base = baseOf(setting);
    const changed = edit.apply(base.quote);
    const quote = kind === 'resigned' ? resigned(changed, base, at) : changed;
    return { subject: { ...base.subject, bundle: withFiles(base.subject.bundle, new Map([[QUOTE, quote]])) }, twin: base.subject };
  },
};
