/** Mutants of an SNP report of version 5, which has every field there is. */
import { withFiles } from '../../emulator/bundle.ts';
import { type Mutant, mutants } from '../../emulator/codec/mutants.ts';
import type { EcSigner } from '../../emulator/crypto/sign.ts';
import { reportLayout, SIGNED_SIZE, signReport } from '../../emulator/snp/report.ts';
import { CORPUS_SETTING, type Setting } from '../case-world.ts';
import { snpCaseBuilder } from '../build.ts';
import { OF_THE_GOOD_TWIN, type SnpCase } from '../model.ts';
import { snpSubject } from '../sources/snp.ts';
import type { Subject } from '../subject.ts';
import type { MutantInfo, MutantKind, MutantSource } from './source.ts';

const LAYOUT = reportLayout(5, false);
const REPORT = 'report.bin';
const MACHINE = { reportVersion: 5, reportData: '5a'.repeat(64), hostData: 'a5'.repeat(32) } as const;

interface Base {
  readonly subject: Subject;
  readonly report: Uint8Array;
  readonly key: EcSigner;
}
const bases = new Map<string, Base>();

/** What every mutant is made of: a guest that the relying party knows, and that was told who asks. */
function baseOf(setting: Setting): Base {
  const name = `${setting.at}/${setting.seed}`;
  const known = bases.get(name);
  if (known) return known;
  let key: EcSigner | undefined;
  const row: SnpCase = {
    ...{ id: 'snp/mutant/base', expect: 'must-accept', severity: 'low', ref: '', why: '' },
    ...{ options: MACHINE, goodOptions: MACHINE, request: { reportData: MACHINE.reportData, hostData: MACHINE.hostData, measurement: OF_THE_GOOD_TWIN, vmpl: 0 } },
    after: (report, maker) => {
      key = maker.key;
      return report;
    },
  };
  const { subject } = snpCaseBuilder(setting)(row);
  if (!key) throw new RangeError('the base of the mutants has no key');
  const base = { subject: snpSubject(subject, setting), report: subject.report, key };
  bases.set(name, base);
  return base;
}

interface Edit {
  readonly info: MutantInfo;
  readonly apply: Mutant['apply'];
}

/** Only what is signed can be signed again, and only a report that is whole. */
const kindsOf = ({ id, at }: Mutant): readonly MutantKind[] => (at < SIGNED_SIZE && !id.endsWith('/cut-here') ? ['tampered', 'resigned'] : ['tampered']);

function editOf({ id, path, at, size, apply }: Mutant, kind: MutantKind): readonly [string, Edit] {
  const info: MutantInfo = { id: `snp/mutant/${id}${kind === 'resigned' ? '-resigned' : ''}`, tee: 'snp', field: path === '' ? 'end' : path, kind, at, size };
  return [info.id, { info, apply }];
}

let edits: ReadonlyMap<string, Edit> | undefined;

/** All of them. Which ones there are does not depend on the setting: what differs from one to the other is long and random. */
function allEdits(): ReadonlyMap<string, Edit> {
  edits ??= new Map(mutants(LAYOUT, baseOf(CORPUS_SETTING).report).flatMap((mutant) => kindsOf(mutant).map((kind) => editOf(mutant, kind))));
  return edits;
}

/** Mutants of a report. */
export const SNP_MUTANTS: MutantSource = {
  mutants: () => [...allEdits().values()].map(({ info }) => info),
  build: ({ id, kind }, setting) => {
    const edit = allEdits().get(id);
    if (!edit) throw new RangeError(`there is no mutant ${id}`);
    const { subject, report, key } = baseOf(setting);
    const changed = edit.apply(report);
    return { subject: { ...subject, bundle: withFiles(subject.bundle, new Map([[REPORT, kind === 'resigned' ? signReport(changed, key) : changed]])) }, twin: subject };
  },
};
