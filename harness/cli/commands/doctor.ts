/** `teemu doctor`: is everything there that teemu needs? */
import type { Check, Finding, Status } from '../doctor/check.ts';
import { MACHINE_CHECKS } from '../doctor/machine.ts';
import { TOOL_CHECKS } from '../doctor/tools.ts';
import { WORLD_CHECKS } from '../doctor/world.ts';
import { EXIT } from '../exit.ts';
import { type Define, onCall } from '../session/session.ts';
import { type Paint, printable, type Style } from '../session/terminal.ts';
import { packageVersion } from '../version.ts';
import { writeResult } from './result-file.ts';

const CHECKS: readonly Check[] = [...MACHINE_CHECKS, ...WORLD_CHECKS, ...TOOL_CHECKS];
const STYLES: Readonly<Record<Status, Style>> = { ok: 'green', info: 'dim', warning: 'yellow', problem: 'red' };

/** Adds what `teemu doctor` takes and does. */
export const defineDoctor: Define = (command, run) => {
  command.addHelpText('after', "\nLooks only: makes no world and changes nothing. With --seed, looks at that seed's world in place of\nthe private one. Exit code 2 when there is a problem.");
  onCall(command, run, async (session) => {
    const checks = await Promise.all(CHECKS.map(async ({ name, run: look }) => ({ name, ...(await look(session)) })));
    const ok = checks.every(({ status }) => status !== 'problem');
    const data = { version: packageVersion(), ok, checks };
    session.terminal.result(data, (paint) => [`teemu ${data.version}`, ...checks.map((check) => checkText(check, paint))].join('\n'));
    await writeResult(session, 'doctor.json', data);
    return ok ? EXIT.ok : EXIT.usage;
  });
};

function checkText({ name, status, text }: { readonly name: string } & Finding, paint: Paint): string {
  return `${paint(STYLES[status], status.padEnd(8))} ${name.padEnd(13)} ${printable(text)}`;
}
