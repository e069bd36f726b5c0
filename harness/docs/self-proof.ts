/**
 * The proof of the corpus: a reference verifier without one of its checks is caught by a case. Written to `docs/self-proof.md`, and run as a test.
 */
import { buildCase, CORPUS } from '../../vectors/corpus.ts';
import type { CaseInfo, Subject } from '../../vectors/subject.ts';
import { builtinVerdict } from '../run/builtin.ts';
import { isAtServices } from '../run/collateral/complete.ts';
import { VERIFIERS, type Verifier } from '../verify/index.ts';
import { OWN_MACHINE_REASONS } from '../verify/machine/reasons.ts';
import { BACKED_UP } from './backed-up.ts';
import type { ReasonRow, ReasonTable } from '../verify/verdict.ts';
import { weakened } from '../verify/weakened.ts';

/** A case that catches a verifier without a check. */
export interface Catch {
  readonly id: string;
  /** Checks that refuse the case as well: without them too, the weakened verifier accepts it. Mostly there are none. */
  readonly behind: readonly string[];
}

/** One check of one reference verifier. */
export interface ProofRow extends ReasonRow {
  readonly tee: string;
  /** The reason code; `snp-*` for all that a verifier takes over from another's table. */
  readonly reason: string;
  /** Those that need no other check removed come first. */
  readonly caughtBy: readonly Catch[];
}

/** What the proof found. */
export interface Proof {
  readonly rows: readonly ProofRow[];
  /** Cases whose reference verdict is not the expected one, with what it was. */
  readonly wrong: readonly string[];
  /** Cases that must be refused, and still are by a verifier without any checks. */
  readonly refusedWithoutChecks: readonly string[];
}

/** Runs the proof over some cases. It takes as long as building them. @param build a case by its id @throws {TeemuError} for a case that can't be built */
export function selfProof(cases: readonly CaseInfo[] = CORPUS, build: (id: string) => { readonly subject: Subject } = buildCase): Proof {
  const caught = new Map<string, Catch[]>();
  const wrong: string[] = [];
  const refusedWithoutChecks: string[] = [];
  for (const { id, expect, reason: expected, needs } of cases) {
    // Without services, nothing is known of what they get wrong: the tests of those cases play them.
    if (needs?.includes('services')) continue;
    const { subject } = build(id);
    // What such a case is about lies between the verifier and the services, not in a check: a run proves it, with services.
    if (isAtServices(subject)) continue;
    const verdict = builtinVerdict(subject);
    if (verdict.accepted || expect === 'must-accept' || verdict.reason !== expected) {
      if (!verdict.accepted || expect !== 'must-accept') wrong.push(`${id}: ${verdict.accepted ? 'accepted' : verdict.reason}`);
      continue;
    }
    const verifier = VERIFIERS.get(verdict.tee);
    if (!verifier) throw new TypeError(`there is no verifier for ${verdict.tee}`);
    const key = `${verdict.tee}/${groupOf(verifier, verdict.reason)}`;
    caught.set(key, [...(caught.get(key) ?? []), { id, behind: backups(verifier.reasons, verdict.reason, subject) }]);
    if (!weakened('everything', () => builtinVerdict(subject)).accepted) refusedWithoutChecks.push(id);
  }
  return { rows: checks().map((row) => ({ ...row, caughtBy: (caught.get(`${row.tee}/${row.reason}`) ?? []).toSorted((a, b) => a.behind.length - b.behind.length) })), wrong, refusedWithoutChecks };
}

/** The checks that refuse a subject after the first one is gone, in the order in which they do, until nothing refuses it. */
function backups(table: ReasonTable, first: string, subject: Subject): string[] {
  const without = new Set([first]);
  for (;;) {
    const verdict = weakened({ table, reasons: without }, () => builtinVerdict(subject));
    if (verdict.accepted) return [...without].slice(1);
    without.add(verdict.reason);
  }
}

/** Every check of every verifier, nothing known of it yet. */
function checks(): Omit<ProofRow, 'caughtBy'>[] {
  return [...VERIFIERS.values()].flatMap((verifier) => {
    const groups = new Map<string, ReasonRow>();
    for (const [code, row] of Object.entries(verifier.reasons)) {
      const group = groupOf(verifier, code);
      groups.set(group, group === code ? row : { stage: row.stage, rule: `the evidence in the part \`${group.slice(0, -2)}\` holds by itself`, ref: 'the table of that part' });
    }
    return [...groups].map(([reason, row]) => ({ tee: verifier.tee, reason, ...row }));
  });
}

/** A machine's verifier takes over its parts' reasons: each is proven in the part's table, that it takes them over in one row a part. */
function groupOf({ tee }: Verifier, code: string): string {
  return tee !== 'ncc-h100-v5' || Object.hasOwn(OWN_MACHINE_REASONS, code) ? code : `${code.slice(0, code.indexOf('-'))}-*`;
}

const SHOWN = 3;

/** The page. @param proof of the whole corpus */
export function selfProofPage({ rows }: Proof = selfProof()): string {
  const alone = rows.filter(({ caughtBy }) => caughtBy[0]?.behind.length === 0);
  return [
    '# The proof of the corpus',
    '',
    'Each reason for which a reference verifier refuses evidence is a check. For each, a verifier was made that lacks this one check, and was given every',
    'case of the corpus: it must accept something that has to be refused. A check that nobody would miss is one that the corpus does not test.',
    '',
    `Of ${rows.length} checks, ${rows.filter(({ caughtBy }) => caughtBy.length > 0).length} are caught: ${alone.length} alone, the others only together with a second check that refuses the same`,
    "evidence (named in brackets). Where a verification cannot go on without what a check would have refused, because the bytes can't be read or there",
    'is no key, the weakened verifier says yes there, like one that swallows an error. A verifier without any check accepts every case.',
    '',
    'Checks that cannot be caught alone:',
    '',
    ...Object.entries(BACKED_UP).map(([code, why]) => `- \`${code}\`: ${why}.`),
    '',
    'Made by `npm run docs`; `test/vectors/self-proof.test.ts` proves it again.',
    ...[...new Set(rows.map(({ tee }) => tee))].flatMap((tee) => [
      '',
      `## ${tee}`,
      '',
      '| reason | stage | what must hold | cases | caught by |',
      '|---|---|---|---|---|',
      ...rows.filter((row) => row.tee === tee).map(line),
    ]),
    '',
  ].join('\n');
}

function line({ reason, stage, rule, caughtBy }: ProofRow): string {
  const least = caughtBy[0]?.behind.length ?? 0;
  const best = caughtBy.filter(({ behind }) => behind.length === least);
  const shown = best.slice(0, SHOWN).map(({ id, behind }) => `\`${id}\`${behind.length === 0 ? '' : ` (with \`${behind.join('`, `')}\`)`}`);
  return `| \`${reason}\` | ${stage} | ${rule} | ${caughtBy.length} | ${shown.join(', ')} |`;
}
