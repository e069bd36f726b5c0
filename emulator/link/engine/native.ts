/**
 * The engine that a user may add: the machine's own libcrypto, called through `koffi`, which teemu does not install. It encrypts in place and
 * allocates nothing, so it is as fast as the library itself.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { ConfigError } from '../../errors.ts';
import { copyBytes } from './copy.ts';
import { GCM_IV_SIZE, GCM_TAG_SIZE, type GcmEngine, type GcmKey, isShared, requireKeySize, requireSizes } from './engine.ts';

/** What this engine calls of koffi. */
interface Koffi {
  load(path: string, options?: { deep?: boolean }): { func(definition: string): (...args: readonly unknown[]) => unknown };
}

/** The machine that the engine is to run on. */
export interface NativeMachine {
  /** As Node names it. */
  readonly platform: string;
  /** Major version of Node. */
  readonly node: number;
  /** Version of the C library, when it is GNU's. */
  readonly glibc: string | undefined;
  /** What libcrypto says it is: `OpenSSL 3.0.19 27 Jan 2026`. */
  readonly libcrypto: string;
}

/** Majors of Node under which the engine has been run. */
const TRIED_NODES: readonly number[] = [20, 22, 24];

/**
 * Why the engine would not be safe there, or undefined when it is. Node exports the names of its own OpenSSL. A libcrypto of another version
 * that is loaded beside it finds those instead of its own and crashes the process (seen with Node 22 and 24, which carry 3.5, and
 * libcrypto 3.0); only GNU's loader can be told to look into the library first.
 */
export function nativeObstacle({ platform, node, glibc, libcrypto }: NativeMachine): string | undefined {
  if (platform !== 'linux') return `it has been tried on Linux only, not on ${platform}`;
  if (glibc === undefined) return "it needs GNU's C library: without its RTLD_DEEPBIND, the machine's libcrypto and Node's own get into each other's way and crash";
  if (!TRIED_NODES.includes(node)) return `it has been tried with Node ${TRIED_NODES.join(', ')}, not with ${node}`;
  if (!/^OpenSSL 3\./.test(libcrypto)) return `it needs a libcrypto of OpenSSL 3, not ${libcrypto.slice(0, 60)}`;
  return undefined;
}

/** The calls of libcrypto's EVP interface that AES-GCM needs; pointers as koffi takes them: bytes, its own objects, or null. */
interface Libcrypto {
  readonly newContext: () => unknown;
  readonly aes256gcm: () => unknown;
  readonly control: (context: unknown, type: number, size: number, bytes: Uint8Array) => number;
  readonly encrypt: Direction;
  readonly decrypt: Direction;
}

interface Direction {
  readonly init: (context: unknown, cipher: unknown, engine: null, key: Uint8Array | null, iv: Uint8Array | null) => number;
  readonly update: (context: unknown, out: Uint8Array | null, length: Int32Array, bytes: Uint8Array, size: number) => number;
  readonly final: (context: unknown, out: Uint8Array, length: Int32Array) => number;
}

/** EVP_CTRL_AEAD_GET_TAG and EVP_CTRL_AEAD_SET_TAG (openssl/evp.h). */
const GET_TAG = 0x10;
const SET_TAG = 0x11;
/** EVP counts bytes in an int. */
const MOST_AT_ONCE = 1 << 30;
/** Bytes of a slice that goes through memory of the engine's own; small enough to stay in the processor's cache. */
const SLICE = 128 * 1024;

class NativeKey implements GcmKey {
  readonly engine = 'native';
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    requireKeySize(bytes);
    this.bytes = Uint8Array.from(bytes);
  }
}

/** Where to find what is not teemu's. */
export interface NativeOptions {
  /** Folder from which `koffi` is looked for when it isn't beside teemu; the current one unless it is said otherwise, so that worker threads need not be told. */
  readonly from?: string;
  /** Name or path of the library. */
  readonly libcrypto?: string;
}

/**
 * Loads koffi and libcrypto, and compares their first answer with the specification's.
 * @throws {ConfigError} when one of them is not there, when they would crash here, or when the answer is wrong
 */
export function nativeEngine({ from = process.cwd(), libcrypto = 'libcrypto.so.3' }: NativeOptions = {}): GcmEngine {
  const koffi = loadKoffi(from);
  const glibc = glibcVersion(koffi);
  // Without the GNU loader the library must not even be loaded.
  const early = nativeObstacle({ platform: process.platform, node: Number(process.versions.node.split('.')[0]), glibc, libcrypto: 'OpenSSL 3.' });
  if (early !== undefined) throw new ConfigError('engine', `the native engine is refused: ${early}`);
  const { calls, version } = loadLibcrypto(koffi, libcrypto);
  const late = nativeObstacle({ platform: process.platform, node: Number(process.versions.node.split('.')[0]), glibc, libcrypto: version });
  if (late !== undefined) throw new ConfigError('engine', `the native engine is refused: ${late}`);
  const engine = engineOn(calls, version.split(' ').slice(0, 2).join(' '));
  requireKnownAnswer(engine);
  return engine;
}

/** koffi is CommonJS and may lie where the user works; an `import` would only look beside teemu. */
function loadKoffi(from: string): Koffi {
  const places = [import.meta.url, join(from, 'package.json')];
  const failures: unknown[] = [];
  for (const place of places) {
    try {
      return createRequire(place)('koffi') as Koffi;
    } catch (error) {
      failures.push(error);
    }
  }
  throw new ConfigError('engine', "the native engine needs the package 'koffi', which is not installed here: npm install koffi", { cause: failures.at(-1) });
}

function glibcVersion(koffi: Koffi): string | undefined {
  try {
    return String(koffi.load('libc.so.6').func('const char *gnu_get_libc_version()')());
  } catch {
    return undefined;
  }
}

function loadLibcrypto(koffi: Koffi, path: string): { calls: Libcrypto; version: string } {
  try {
    const library = koffi.load(path, { deep: true });
    const direction = (name: string): Direction => ({
      init: library.func(`int EVP_${name}Init_ex(void *ctx, void *cipher, void *engine, const void *key, const void *iv)`) as Direction['init'],
      update: library.func(`int EVP_${name}Update(void *ctx, void *out, void *outl, const void *in, int inl)`) as Direction['update'],
      final: library.func(`int EVP_${name}Final_ex(void *ctx, void *out, void *outl)`) as Direction['final'],
    });
    const calls = {
      newContext: library.func('void *EVP_CIPHER_CTX_new()'),
      aes256gcm: library.func('void *EVP_aes_256_gcm()'),
      control: library.func('int EVP_CIPHER_CTX_ctrl(void *ctx, int type, int arg, void *ptr)') as Libcrypto['control'],
      encrypt: direction('Encrypt'),
      decrypt: direction('Decrypt'),
    };
    return { calls, version: String(library.func('const char *OpenSSL_version(int type)')(0)) };
  } catch (error) {
    throw new ConfigError('engine', `the native engine cannot use '${path}': ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

/** The engine over loaded calls. Two contexts of OpenSSL live as long as the engine; each takes a key again only when it changes. */
function engineOn(calls: Libcrypto, library: string): GcmEngine {
  const sealing = new Context(calls, calls.encrypt);
  const opening = new Context(calls, calls.decrypt);
  return {
    name: 'native',
    library,
    key: (bytes) => new NativeKey(bytes),
    seal(key, iv, aad, src, dst, tag) {
      requireSizes(iv, src, dst, tag);
      sealing.begin(nativeKey(key), iv);
      sealing.run(aad, src, dst, isShared(dst) ? 'dst' : undefined);
      if (!sealing.final()) throw new Error('EVP_EncryptFinal_ex failed');
      sealing.control(GET_TAG, tag);
    },
    open(key, iv, aad, src, tag, dst) {
      requireSizes(iv, src, dst, tag);
      opening.begin(nativeKey(key), iv);
      opening.run(aad, src, dst, isShared(src) ? 'src' : undefined);
      opening.control(SET_TAG, tag);
      if (opening.final()) return true;
      dst.fill(0);
      return false;
    },
  };
}

function nativeKey(key: GcmKey): NativeKey {
  if (!(key instanceof NativeKey)) throw new TypeError(`the native engine cannot use a key of the ${key.engine} engine`);
  return key;
}

/** One EVP_CIPHER_CTX, used again and again. */
class Context {
  readonly #calls: Libcrypto;
  readonly #direction: Direction;
  readonly #pointer: unknown;
  /** Where libcrypto writes how much it wrote: always everything. */
  readonly #length = new Int32Array(1);
  readonly #nothing = new Uint8Array(GCM_TAG_SIZE);
  readonly #own = new Uint8Array(SLICE);
  #key: NativeKey | undefined;

  constructor(calls: Libcrypto, direction: Direction) {
    this.#calls = calls;
    this.#direction = direction;
    this.#pointer = calls.newContext();
    require1(direction.init(this.#pointer, calls.aes256gcm(), null, null, null), 'Init');
  }

  begin(key: NativeKey, iv: Uint8Array): void {
    require1(this.#direction.init(this.#pointer, null, null, key === this.#key ? null : key.bytes, iv), 'Init');
    this.#key = key;
  }

  /** @param through which side lies where others can write it, and goes through memory of the engine's own, slice by slice */
  run(aad: Uint8Array, src: Uint8Array, dst: Uint8Array, through?: 'src' | 'dst'): void {
    if (aad.length > 0) require1(this.#direction.update(this.#pointer, null, this.#length, aad, aad.length), 'Update');
    const size = through ? SLICE : MOST_AT_ONCE;
    for (let at = 0; at < src.length; at += size) {
      const [from, to] = [src.subarray(at, at + size), dst.subarray(at, at + size)];
      const own = this.#own.subarray(0, from.length);
      if (through === 'src') copyBytes(own, from);
      require1(this.#direction.update(this.#pointer, through === 'dst' ? own : to, this.#length, through === 'src' ? own : from, from.length), 'Update');
      if (through === 'dst') copyBytes(to, own);
    }
  }

  final(): boolean {
    return this.#direction.final(this.#pointer, this.#nothing, this.#length) === 1;
  }

  control(type: number, tag: Uint8Array): void {
    require1(this.#calls.control(this.#pointer, type, GCM_TAG_SIZE, tag), 'ctrl');
  }
}

/** With sizes that are right these calls have no reason to fail. */
function require1(status: number, call: string): void {
  if (status !== 1) throw new Error(`EVP ${call} of libcrypto failed`);
}

/** AES-256-GCM of sixteen zero bytes under the zero key: test case 14 of the GCM specification (McGrew and Viega, appendix B). */
function requireKnownAnswer(engine: GcmEngine): void {
  const [text, tag] = [new Uint8Array(16), new Uint8Array(GCM_TAG_SIZE)];
  engine.seal(engine.key(new Uint8Array(32)), new Uint8Array(GCM_IV_SIZE), new Uint8Array(0), text, text, tag);
  const answer = Buffer.concat([text, tag]).toString('hex');
  if (answer !== 'cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919') throw new ConfigError('engine', `the native engine is refused: ${engine.library} gives ${answer} for a known answer`);
}
