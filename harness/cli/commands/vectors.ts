/** `teemu vectors`: the cases themselves. What there is, one of them as files, all of them as JSON for any language. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { fileError, readBounded } from '../../../emulator/disk/file.ts';
import { ConfigError } from '../../../emulator/errors.ts';
import { systemClock } from '../../../emulator/world.ts';
import { buildCase, CORPUS, CORPUS_SETTING } from '../../../vectors/corpus.ts';
import { vectorsSchema, vectorsText } from '../../../vectors/publish/format.ts';
import { EMPTY_INDEX, extendedIndex, indexText, readIndex } from '../../../vectors/publish/index.ts';
import { MAX_VECTORS, readVectors } from '../../../vectors/publish/read.ts';
import { mergeVectors, VectorsWriter } from '../../../vectors/publish/write.ts';
import type { CaseInfo } from '../../../vectors/subject.ts';
import { writeSubject } from '../../run/delivery/folder.ts';
import { readShard, select, type Shard } from '../../run/select.ts';
import { EXIT } from '../exit.ts';
import { type Define, onCall, type Run, type Session } from '../session/session.ts';
import { type Paint, printable } from '../session/terminal.ts';

const DEFAULT_FOLDER = 'vectors';
const INDEX_FILE = 'index.json';
const DAY = 86_400_000;
const SUITE = 'a TEE (snp), or globs of ids: snp/tcb/*,snp/ok/*; all unless given';

/** Adds the subcommands. */
export const defineVectors: Define = (command, run) => {
  command.helpCommand(false);
  const sub = (name: string, summary: string): Command => command.command(name).summary(summary).description(summary);
  defineBuild(sub('build', 'write cases as JSON that any language reads, a file for each TEE'), run);
  defineList(sub('list', 'name every case with what is expected, and why'), run);
  defineShow(sub('show', 'explain one case, and write it into a folder'), run);
  defineMerge(sub('merge', 'put the parts of a sharded file together'), run);
  onCall(sub('schema', 'print the JSON Schema of the files'), run, async (session) => {
    session.terminal.result(vectorsSchema(), () => JSON.stringify(vectorsSchema(), undefined, 2));
    return EXIT.ok;
  });
};

function selected(suite: string | undefined): readonly CaseInfo[] {
  const ids = new Set(
    select(
      CORPUS.map(({ id }) => id),
      (suite ?? '**').split(','),
    ),
  );
  return CORPUS.filter(({ id }) => ids.has(id));
}

function defineBuild(command: Command, run: Run): void {
  command
    .argument('[suite]', SUITE)
    .addOption(new Option('--now', 'make everything valid today, for verifiers that cannot be told the time'))
    .addOption(new Option('--shard <i/n>', 'only every n-th case of each file; the n parts together are the whole'))
    .addHelpText(
      'after',
      `\nWrites into --out, or './${DEFAULT_FOLDER}': one file for each TEE, and ${INDEX_FILE}, which says what every id means.\nAn index that is there already is only added to: an id never changes its meaning.\nWith --seed and --at, everything is made with that seed's keys and at that time.`,
    );
  onCall(command, run, async (session, [suite]) => {
    const { now = false, shard: part } = command.opts<{ now?: boolean; shard?: string }>();
    const { globals } = session;
    if (now && globals.at !== undefined) throw new ConfigError('--now', 'says another time than --at');
    // Of a day, so that two runs on it give the same bytes.
    const at = now ? Math.floor(systemClock().now() / DAY) * DAY : (globals.at ?? CORPUS_SETTING.at);
    const setting = { seed: globals.seed ?? CORPUS_SETTING.seed, at };
    const shard = part === undefined ? undefined : readShard(part);
    const infos = selected(suite);
    const folder = session.path(globals.out ?? DEFAULT_FOLDER);
    const files: { readonly file: string; readonly cases: number; readonly bytes: number }[] = [];
    for (const tee of new Set(infos.map((info) => info.tee))) {
      const rows = infos.filter((info) => info.tee === tee).filter((_, i) => !shard || i % shard.of === shard.part - 1);
      const writer = new VectorsWriter(tee, setting, shard);
      rows.forEach(({ id }, i) => {
        if (session.io.stderr.isTTY) session.terminal.status(`${i + 1}/${rows.length} ${id}`);
        writer.add(buildCase(id, setting));
      });
      const text = vectorsText(writer.vectors());
      const file = fileName(tee, shard);
      await write(folder, file, text);
      files.push({ file, cases: rows.length, bytes: text.length });
    }
    await writeIndex(folder, infos);
    const total = files.reduce((sum, { cases }) => sum + cases, 0);
    session.terminal.result({ dir: folder, seed: setting.seed, at: at / 1000, files }, (paint) =>
      [
        ...files.map(({ file, cases, bytes }) => `  ${file.padEnd(24)} ${String(cases).padStart(5)} cases ${(bytes / 1024).toFixed(0).padStart(7)} KiB`),
        `${paint('bold', String(total))} cases written to ${paint('bold', folder)}`,
      ].join('\n'),
    );
    return EXIT.ok;
  });
}

const fileName = (tee: string, shard: Shard | undefined): string => (shard && shard.of > 1 ? `${tee}.${shard.part}-of-${shard.of}.json` : `${tee}.json`);

async function write(folder: string, name: string, text: string): Promise<void> {
  const path = join(folder, name);
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(path, text);
  } catch (cause) {
    throw fileError(path, cause);
  }
}

/** Adds what the cases mean to the index, if there is one. @throws {ConfigError} when an id would change its meaning */
async function writeIndex(folder: string, infos: readonly CaseInfo[]): Promise<void> {
  const path = join(folder, INDEX_FILE);
  const before = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return undefined;
    throw fileError(path, cause);
  });
  await write(folder, INDEX_FILE, indexText(extendedIndex(before === undefined ? EMPTY_INDEX : readIndex(before, path), infos)));
}

/** A case as programs read it. */
const listed = ({ id, tee, expect, stage, reason, severity, bug, policy, ref, why }: CaseInfo): object => ({
  ...{ id, tee, expect },
  ...(stage === undefined ? {} : { stage }),
  ...(reason === undefined ? {} : { reason }),
  ...{ severity, bug },
  ...(policy === undefined ? {} : { policy }),
  ...{ ref, why },
});

function defineList(command: Command, run: Run): void {
  command.argument('[suite]', SUITE);
  onCall(command, run, async (session, [suite]) => {
    const infos = selected(suite);
    session.terminal.result(infos.map(listed), (paint) => [...infos.map((info) => line(info, paint)), paint('bold', `${infos.length} cases`)].join('\n'));
    return EXIT.ok;
  });
}

function line({ id, expect, stage, reason, severity }: CaseInfo, paint: Paint): string {
  const verdict = expect === 'must-accept' ? paint('green', 'accept') : `${paint('red', 'reject')} ${stage}: ${reason}`;
  return `${id.padEnd(52)} ${severity.padEnd(8)} ${verdict}`;
}

function defineShow(command: Command, run: Run): void {
  command.argument('<id>', 'the id of a case').addHelpText('after', '\nWith --out: bundle/, roots/ and request.json are what a verifier is handed; the good twin is in twin/.\nThe folder must be new or empty.');
  onCall(command, run, async (session, [id = '']) => {
    const setting = { seed: session.globals.seed ?? CORPUS_SETTING.seed, at: session.globals.at ?? CORPUS_SETTING.at };
    const { info, subject, twin } = buildCase(id, setting);
    const { out } = session.globals;
    if (out !== undefined) {
      const folder = session.path(out);
      await requireEmpty(folder, out);
      await writeSubject(subject, folder);
      await writeSubject(twin, join(folder, 'twin'));
    }
    const { bundle, roots, now, request, services } = subject;
    const facts = { now: new Date(now).toISOString(), request, services, files: [...bundle.files.keys()], roots: [...roots.keys()] };
    session.terminal.result({ ...listed(info), ...facts, ...(out === undefined ? {} : { dir: session.path(out) }) }, (paint) =>
      [
        line(info, paint),
        `  ${info.why}`,
        `  ${printable(info.ref)}; ${info.bug}${info.policy === undefined ? '' : `; where ${info.policy}`}`,
        `  looked at on ${facts.now}`,
        ...Object.entries(request).map(([name, value]) => `  asked for: ${name} ${printable(JSON.stringify(value)).slice(0, 160)}`),
        `  ${facts.files.join(', ')}`,
        ...(out === undefined ? [] : [`Written to ${paint('bold', out)}; see: ${session.io.called} verify ${join(out, 'bundle')}`]),
      ].join('\n'),
    );
    return EXIT.ok;
  });
}

async function requireEmpty(folder: string, shown: string): Promise<void> {
  const there = await readdir(folder).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return [];
    throw fileError(folder, cause);
  });
  if (there.length > 0) throw new ConfigError('--out', `${shown} has something in it already`);
}

function defineMerge(command: Command, run: Run): void {
  command.argument('<parts...>', 'the files of all parts').addHelpText('after', '\nWrites the whole into --out, as if it had never been parted.');
  onCall(command, run, async (session: Session, parts) => {
    const all = await Promise.all(parts.map(async (file) => readVectors(Buffer.from(await readBounded(session.path(file), { max: MAX_VECTORS, followLink: true })).toString('utf8'), file).vectors));
    const whole = mergeVectors(all);
    const folder = session.path(session.globals.out ?? DEFAULT_FOLDER);
    const file = fileName(whole.suite, undefined);
    await write(folder, file, vectorsText(whole));
    session.terminal.result({ dir: folder, file, cases: whole.cases.length }, (paint) => `${paint('bold', String(whole.cases.length))} cases written to ${paint('bold', join(folder, file))}`);
    return EXIT.ok;
  });
}
