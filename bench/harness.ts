/**
 * What the harness adds: for each question over JSON lines, beside the time that the verifier itself takes; and around the built-in verifier, beside calling
 * it directly. Subjects are built before anything is measured.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jsonLinesAdapter } from '../harness/run/adapters/json-lines.ts';
import { builtinAdapter, builtinVerdict } from '../harness/run/builtin.ts';
import { runSuite, type Suite } from '../harness/run/suite.ts';
import { buildCase, CORPUS, CORPUS_SETTING } from '../vectors/corpus.ts';
import type { BuiltCase } from '../vectors/subject.ts';
import { cpuMilliseconds, type Ratio, type Speed, summary } from './ratio.ts';

const CASES = 1000;
const ROUNDS = 3;
const HARNESS = 'SNP cases through the harness, built-in verifier';
const DIRECT = 'SNP cases, built-in verifier called directly';

/** Answers at once, and says how many milliseconds it had the question: reading it and writing the answer included. */
const ECHO = `
let rest = '';
process.stdin.on('data', (chunk) => {
  const start = performance.now();
  rest += chunk;
  for (let end = rest.indexOf('\\n'); end !== -1; end = rest.indexOf('\\n')) {
    const question = JSON.parse(rest.slice(0, end));
    rest = rest.slice(end + 1);
    if (question.cmd === 'bye') process.exit(0);
    const own = String(performance.now() - start);
    process.stdout.write(JSON.stringify(question.cmd === 'hello' ? { name: 'echo' } : { seq: question.seq, verdict: 'accept', detail: own }) + '\\n');
  }
});
`;

/** A thousand cases of SNP: the corpus again and again, under ids of their own. */
function thousand(): { suite: Suite; built: readonly BuiltCase[] } {
  const infos = CORPUS.filter(({ tee, id }) => tee === 'snp' && id.startsWith('snp/'));
  const made = infos.map(({ id }) => buildCase(id));
  const built = Array.from({ length: CASES }, (_, i) => {
    const one = made[i % made.length] as BuiltCase;
    return { ...one, info: { ...one.info, id: `${one.info.id}-${i}` } };
  });
  const byId = new Map(built.map((one) => [one.info.id, one]));
  return { built, suite: { name: 'bench', cases: built.map(({ info }) => info), build: (id) => byId.get(id) as BuiltCase, ...CORPUS_SETTING } };
}

export async function harness(): Promise<{ speeds: Speed[]; ratios: Ratio[]; notes: string[] }> {
  const { suite, built } = thousand();
  const subjects = built.map(({ subject }) => subject);
  const [through, direct]: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    let start = cpuMilliseconds();
    const report = await runSuite(suite, builtinAdapter());
    through.push((CASES * 1000) / (cpuMilliseconds() - start));
    const wrong = report.results.find(({ outcome }) => outcome !== 'pass');
    if (wrong) throw new Error(`${wrong.id}: ${wrong.outcome}`);
    start = cpuMilliseconds();
    for (const subject of subjects) builtinVerdict(subject);
    direct.push((CASES * 1000) / (cpuMilliseconds() - start));
  }
  const speeds = [summary(HARNESS, through), summary(DIRECT, direct)];
  const [a, b] = speeds.map(({ perSecond }) => perSecond);
  return { speeds, ratios: [{ name: 'a thousand SNP cases with their twins through the harness to the verdicts alone', goal: 0.5, value: (a ?? 0) / (b ?? 1) }], notes: [await overLines(suite)] };
}

/** Milliseconds a case that are not the verifier's. */
async function overLines(suite: Suite): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'teemu-bench-'));
  try {
    const script = join(folder, 'echo.cjs');
    writeFileSync(script, ECHO);
    const report = await runSuite(suite, jsonLinesAdapter({ command: [process.execPath, script] }));
    const answers = report.results.map(({ answer }) => answer);
    const own = answers.reduce((all, { detail }) => all + Number(detail), 0);
    const asked = answers.reduce((all, { wallMs }) => all + wallMs, 0);
    return `over JSON lines, ${CASES} SNP cases: ${((report.wallMs - own) / CASES).toFixed(2)} ms a case beside the verifier's own ${(own / CASES).toFixed(2)} ms (goal below 1); ${(asked / CASES).toFixed(2)} ms of it from question to answer`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
