/** `teemu verify DIR`: what the strict reference verifier says of a bundle. */
import { Option } from 'commander';
import { readBundle } from '../../../emulator/disk/bundle-folder.ts';
import { readBounded } from '../../../emulator/disk/file.ts';
import { MAX_PEM_SIZE } from '../../../emulator/pki/read.ts';
import { type BundleVerdict, type Stage, STAGES, verifierOf, verifyBundle } from '../../verify/index.ts';
import { EXIT } from '../exit.ts';
import { type Define, onCall, type Session } from '../session/session.ts';
import { type Paint, printable } from '../session/terminal.ts';
import { writeResult } from './result-file.ts';
import { addWishes, unaskedOf, wishesOf } from './wishes.ts';

const DETAILS = `
Verified at the time that the bundle names, or --at. Trusted are the roots of --root, or those of the
world of --seed; without either the bundle's own root is taken, which says whether the bundle agrees
with itself, not who made it.
Looked at are the signed evidence, the certificates and lists that lead from it to a root, for TDX the
collateral and the event log, for GPUs the manifests and OCSP responses; GPUs hang on two roots, so
--root is given twice. The claims in bundle.json, certs.bin and cert_chain.pem say the same again for
other tools; they are not evidence, and are not compared.
Exit code 0 when the evidence is accepted, 1 when it is refused, 2 when there is nothing to verify.`;

/** Adds what `teemu verify` takes and does. */
export const defineVerify: Define = (command, run) => {
  command
    .argument('<dir>', "the bundle's folder")
    .addOption(new Option('--root <file>', 'root to trust, in PEM or DER; repeat for more').argParser((text: string, before: string[] | undefined) => [...(before ?? []), text]));
  addWishes(command);
  command.addHelpText('after', DETAILS);
  onCall(command, run, async (session, [dir = '']) => {
    const { root: files = [] } = command.opts<{ root?: string[] }>();
    const bundle = await readBundle(session.path(dir));
    const verifier = verifierOf(bundle.manifest.tee);
    const wishes = wishesOf(command, verifier);
    const roots = await trustedRoots(session, files, bundle.manifest.tee);
    const { at } = session.globals;
    const verdict = verifyBundle(bundle, { ...wishes, ...(roots ? { roots } : {}), ...(at === undefined ? {} : { now: at }) });
    const rule = verdict.accepted ? undefined : verifier.reasons[verdict.reason];
    const data = { ...verdict, ...(rule ? { rule: rule.rule, ref: rule.ref } : {}) };
    session.terminal.result(data, (paint) => verdictText(verdict, rule, paint));
    if (verdict.rootSource === 'bundle') session.terminal.say('The root came from the bundle itself: that says nothing about who made it. Name the one you trust with --root.');
    const unasked = unaskedOf(wishes, verifier);
    if (verdict.accepted && unasked.length > 0) session.terminal.say(`Not asked: ${unasked.join(', ')}.`);
    await writeResult(session, 'verify.json', data);
    return verdict.accepted ? EXIT.ok : EXIT.unexpected;
  });
};

/** The roots that the user named, or those of his seed's world for the TEE; undefined for the bundle's own. */
async function trustedRoots(session: Session, files: readonly string[], tee: string): Promise<(Uint8Array | string)[] | undefined> {
  if (files.length > 0) return Promise.all(files.map((file) => readBounded(session.path(file), { max: MAX_PEM_SIZE, followLink: true })));
  if (session.globals.seed === undefined) return undefined;
  const [{ openVendors, vendorsOf }, { openWorld }] = await Promise.all([import('../../../emulator/services/vendors.ts'), import('../session/open-world.ts')]);
  return vendorsOf(openVendors({ world: await openWorld(session, []) }), tee).flatMap((vendor) => [...vendor.rootFiles().values()]);
}

function verdictText(verdict: BundleVerdict, rule: { readonly rule: string; readonly ref: string } | undefined, paint: Paint): string {
  const head = verdict.accepted ? paint('green', 'ACCEPTED') : paint('red', `REFUSED at ${verdict.stage}: ${verdict.reason}`);
  return [
    `${head}  ${verdict.tee} evidence at ${new Date(verdict.now).toISOString()}, root ${verdict.rootSource === 'given' ? 'as given' : "of the bundle's own"}`,
    ...(verdict.accepted ? factLines(verdict.facts) : rejectionLines(verdict, rule)),
    ...STAGES.map((stage) => stageLine(verdict, stage, paint)),
  ].join('\n');
}

function rejectionLines({ message, path, at }: Extract<BundleVerdict, { accepted: false }>, rule: { readonly rule: string; readonly ref: string } | undefined): string[] {
  return [`  ${printable(message)}${path === undefined ? '' : ` (${printable(path)}${at === undefined ? '' : ` at 0x${at.toString(16)}`})`}`, ...(rule ? [`  Rule: ${rule.rule} [${rule.ref}]`] : [])];
}

/** One stage: how many checks held, or which one did not. */
function stageLine({ accepted, checks }: BundleVerdict, stage: Stage, paint: Paint): string {
  const here = checks.filter((check) => check.stage === stage);
  const failed = here.find(({ ok }) => !ok);
  const reached = accepted || checks.some((check) => STAGES.indexOf(check.stage) >= STAGES.indexOf(stage));
  const count = `${here.length} ${here.length === 1 ? 'check' : 'checks'}`;
  const found = failed ? paint('red', `wrong  ${failed.reason}`) : here.length > 0 ? `${paint('green', 'ok')}     ${count}` : paint('dim', reached ? '-      nothing asked' : 'not reached');
  return `  ${stage.padEnd(11)} ${found}`;
}

/** What accepted evidence states in a word; the rest is in the JSON. */
function factLines(facts: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(facts).flatMap(([name, value]) => {
    if (name === 'validUntil' && typeof value === 'number') return [`  ${name.padEnd(17)} ${new Date(value).toISOString()}`];
    return typeof value === 'string' || typeof value === 'boolean' ? [`  ${name.padEnd(17)} ${printable(String(value))}`] : [];
  });
}
