/** An evidence bundle: bytes, certificates, collateral and the time at which they are valid, as named files and a manifest. */
import { ConfigError, TeemuError } from './errors.ts';
import { LATEST_TIME } from './world.ts';

/** What a manifest can hold. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** What stands in every bundle and says that it proves nothing. */
export const EMULATED = 'Emulated evidence from test keys. It proves nothing; never trust its roots.';

/** The members of `bundle.json` that every TEE has; each adds its claims. */
export interface Manifest {
  readonly tee: string;
  /** Seconds since 1970 at which everything in the bundle is valid. */
  readonly verifyAt: number;
  /** Base URLs of live services, where the evidence needs some. */
  readonly services: Readonly<Record<string, string>>;
  /** Names of the files, in order. */
  readonly files: readonly string[];
  readonly [claim: string]: Json;
}

/** Evidence ready to be written, served or handed to a verifier. */
export interface Bundle {
  readonly manifest: Manifest;
  /** Name (`report.bin`, `collateral/tcb_info.json`) → contents. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** The name of the manifest in a bundle's folder. */
export const MANIFEST = 'bundle.json';
/** Files a bundle can have at most. */
export const MAX_FILES = 1000;
const MAX_NAME = 240;
/** How deep objects and lists may be nested in a manifest. */
const MAX_DEPTH = 16;

/** Puts a bundle together: the manifest lists the files, and says loudly that it is emulated. */
export function makeBundle(
  manifest: Omit<Manifest, 'files' | 'emulated'> & { readonly tee: string; readonly verifyAt: number; readonly services: Readonly<Record<string, string>> },
  files: ReadonlyMap<string, Uint8Array>,
): Bundle {
  return { manifest: { ...manifest, tee: manifest.tee, verifyAt: manifest.verifyAt, services: manifest.services, files: [...files.keys()], emulated: EMULATED }, files };
}

/** The same bundle with more files, which replace those of the same name. */
export function withFiles(bundle: Bundle, more: ReadonlyMap<string, Uint8Array>): Bundle {
  const files = new Map([...bundle.files, ...more]);
  return { manifest: { ...bundle.manifest, files: [...files.keys()] }, files };
}

/** The same bundle with base URLs of live services; one that it names itself stays. */
export function withServices(bundle: Bundle, urls: Readonly<Record<string, string>>): Bundle {
  return { ...bundle, manifest: { ...bundle.manifest, services: { ...urls, ...bundle.manifest.services } } };
}

/**
 * Whether a text can name a file of a bundle: parts of letters, digits, `.`, `_`, `-`, joined by `/`; none begins with a dot, so that none is
 * `..` and none leads out of the folder; never that of the manifest.
 */
export function isFileName(name: unknown): name is string {
  return typeof name === 'string' && name.length <= MAX_NAME && name !== MANIFEST && /^\w[\w.-]*(?:\/\w[\w.-]*){0,7}$/.test(name);
}

/**
 * Checks that what was read from a `bundle.json` is a manifest.
 * @param where how to name it in the message
 * @throws {TeemuError} ERR_FILE
 */
export function checkManifest(value: unknown, where: string): Manifest {
  const refuse = (rule: string): TeemuError => new TeemuError('ERR_FILE', `${where}: ${rule}`);
  if (!isRecord(value)) throw refuse('no JSON object');
  if (!isShallow(value)) throw refuse(`nested more than ${MAX_DEPTH} deep`);
  const { tee, verifyAt, services, files } = value;
  if (typeof tee !== 'string' || !/^[a-z0-9][a-z0-9-]{0,39}$/.test(tee)) throw refuse("'tee' names no kind of evidence");
  if (typeof verifyAt !== 'number' || !Number.isFinite(verifyAt) || verifyAt < 0 || verifyAt * 1000 > LATEST_TIME) throw refuse("'verifyAt' is no time in seconds since 1970");
  if (!isRecord(services) || !Object.values(services).every((url) => typeof url === 'string')) throw refuse("'services' is no object of URLs");
  if (!Array.isArray(files) || files.length > MAX_FILES) throw refuse(`'files' is no list of at most ${MAX_FILES} names`);
  for (const name of files) if (!isFileName(name)) throw refuse(`'files' names ${JSON.stringify(name)?.slice(0, 100)}, which can't be a file of a bundle`);
  if (new Set(files).size !== files.length) throw refuse("'files' names a file twice");
  return value as unknown as Manifest;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether it can be walked without running out of stack. */
function isShallow(value: unknown, depth = 0): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return depth < MAX_DEPTH && Object.values(value).every((member) => isShallow(member, depth + 1));
}

/** A form in which another tool reads a TEE's evidence. */
export interface ExportForm {
  readonly name: string;
  readonly doc: string;
  /** What it adds to a bundle, by file name. @throws {ConfigError} for evidence that the form can't hold */
  readonly files: (bundle: Bundle) => ReadonlyMap<string, Uint8Array>;
}

/**
 * A bundle with the files of a form added.
 * @throws {ConfigError} for a name of no form, or evidence that the form can't hold
 */
export function exportBundle(forms: readonly ExportForm[], bundle: Bundle, name: string): Bundle {
  const form = forms.find((f) => f.name === name);
  if (!form) throw new ConfigError('export', `'${name}' is none of ${forms.map((f) => f.name).join(', ')}`);
  return withFiles(bundle, form.files(bundle));
}
