/** xmlsec1, the command line of the XML Security Library: from the path, or from the Debian package without installing it. */
import { execFile } from 'node:child_process';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Folder, programFolder } from '../go.ts';

const run = promisify(execFile);

/** The program, ready to judge documents. */
export interface Xmlsec {
  /** As the program says it. */
  readonly version: string;
  /** Whether it finds the signature good, up to this root. @param root PEM @param at milliseconds since 1970 */
  verify(document: Uint8Array, root: string, at: number): Promise<{ readonly good: boolean; readonly said: string }>;
  remove(): Promise<void>;
}

/** @throws {Error} naming the package when it is neither there nor to be had */
export async function xmlsec(): Promise<Xmlsec> {
  const folder = await programFolder('xmlsec1');
  const { program, libraries } = (await works('xmlsec1', '')) ? { program: 'xmlsec1', libraries: '' } : await unpacked(folder);
  const env = { ...process.env, ...(libraries === '' ? {} : { LD_LIBRARY_PATH: libraries }) };
  const { stdout } = await run(program, ['--version'], { env });
  let count = 0;
  return {
    version: stdout.trim(),
    verify: async (document, root, at) => {
      const name = join(folder.path, `document-${count++ % 16}`);
      await writeFile(`${name}.xml`, document);
      await writeFile(`${name}.pem`, root);
      const time = new Date(at).toISOString().slice(0, 19).replace('T', ' ');
      const args = ['--verify', '--enabled-reference-uris', 'empty', '--trusted-pem', `${name}.pem`, '--verification-gmt-time', time, `${name}.xml`];
      return run(program, args, { env }).then(
        ({ stderr }) => ({ good: true, said: stderr }),
        (error: { stderr?: string; message: string }) => ({ good: false, said: error.stderr ?? error.message }),
      );
    },
    remove: () => folder.remove(),
  };
}

async function works(program: string, libraries: string): Promise<boolean> {
  return run(program, ['--version'], libraries === '' ? {} : { env: { ...process.env, LD_LIBRARY_PATH: libraries } }).then(
    () => true,
    () => false,
  );
}

/** Downloads the package, and what it needs that is not installed, with lists and a cache of its own. */
async function unpacked({ path }: Folder): Promise<{ program: string; libraries: string }> {
  const root = join(path, 'root');
  const found = async (): Promise<{ program: string; libraries: string } | undefined> => {
    const folders = await readdir(join(root, 'usr', 'lib')).catch(() => []);
    const libraries = [join(root, 'usr', 'lib'), ...folders.map((name) => join(root, 'usr', 'lib', name))].join(':');
    const program = join(root, 'usr', 'bin', 'xmlsec1');
    return (await works(program, libraries)) ? { program, libraries } : undefined;
  };
  const kept = await found();
  if (kept) return kept;
  const [state, cache] = [join(path, 'apt', 'state'), join(path, 'apt', 'cache')];
  await mkdir(join(state, 'lists', 'partial'), { recursive: true });
  await mkdir(join(cache, 'archives', 'partial'), { recursive: true });
  await mkdir(root, { recursive: true });
  const options = [`Dir::State=${state}`, 'Dir::State::status=/var/lib/dpkg/status', `Dir::Cache=${cache}`, 'Debug::NoLocking=1', 'APT::Sandbox::User='].flatMap((option) => ['-o', option]);
  try {
    await run('apt-get', [...options, '-qq', 'update'], { timeout: 300_000 });
    await run('apt-get', [...options, '-qq', '--yes', '--no-install-recommends', '--download-only', 'install', 'xmlsec1', 'libxmlsec1-openssl'], { timeout: 300_000 });
    for (const name of await readdir(join(cache, 'archives'))) if (name.endsWith('.deb')) await run('dpkg-deb', ['-x', join(cache, 'archives', name), root]);
  } catch (cause) {
    throw new Error('missing: xmlsec1 (the Debian package xmlsec1), and it could not be downloaded', { cause });
  }
  const program = await found();
  if (!program) throw new Error('missing: xmlsec1 (the Debian package xmlsec1); the one that was downloaded does not start');
  return program;
}
