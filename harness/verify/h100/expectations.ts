/** What a relying party expects of NVIDIA evidence. */
import { ConfigError } from '../../../emulator/errors.ts';
import type { Architecture } from '../../../emulator/h100/platform/models.ts';
import { MAX_DEVICES } from './evidence/json.ts';
import type { H100Trust } from './pki/trust.ts';
import { VERSION_FORM } from './evidence/version.ts';

/** One value, or any of several. */
export type OneOf<T> = T | readonly T[];

/** How a GPU is passed to a guest: alone (`spt`), several with encrypted links between them (`mpt`), or several over unencrypted NVLink (`ppcie`). */
export type GpuMode = 'spt' | 'mpt' | 'ppcie';
/** Every mode. */
export const GPU_MODES: readonly GpuMode[] = ['spt', 'mpt', 'ppcie'];

/**
 * What evidence must be to be accepted. Only `trust` and `now` are needed: without more, those are devices under a trusted root, whose
 * certificates nobody revoked, that run the firmware which NVIDIA vouches for. It says nothing about which devices those are, nor that they are
 * alive unless `nonce` is given.
 */
export interface H100Expectations {
  readonly trust: H100Trust;
  /** Milliseconds since 1970. */
  readonly now: number;

  // Binding
  /** 32 bytes. */
  readonly nonce?: OneOf<Uint8Array>;
  /** How many devices there must be, GPUs and switches. */
  readonly deviceCount?: number;
  /** The devices that must be there, each once, and no others: UEIDs, the serial numbers of the leaves, in decimal. */
  readonly ueids?: readonly string[];
  /** Accept devices that do not say in their reports which firmware their keys were made for, as under drivers before 550. */
  readonly allowNoFwid?: boolean;
  /** Accept GPUs in protected PCIe mode without the rest of their machine: eight GPUs and four switches that name one another. */
  readonly allowIncompleteMachine?: boolean;

  // TCB
  /** Lowest version of the driver: `550.90.07`. */
  readonly minimumDriver?: string;
  /** Lowest version of a GPU's VBIOS, a switch's not: `96.00.9F.00.01`. */
  readonly minimumVbios?: string;
  /** Accept devices without manifests: nothing is known then of their firmware. A manifest that is there must be good. */
  readonly allowNoRims?: boolean;

  // Policy
  /** Chips that are accepted; all unless said here. */
  readonly chips?: OneOf<Architecture>;
  /** Modes that are accepted; all unless said here. */
  readonly modes?: OneOf<GpuMode>;

  // Revocation
  /** Accept certificates without an OCSP response. A response that is there must be good. */
  readonly allowNoOcsp?: boolean;
  /** Accept certificates on hold. */
  readonly allowHold?: boolean;
  /** How long after its end an OCSP response still counts, in milliseconds, for those who have no way to ask; not at all unless said here. */
  readonly ocspGrace?: number;

  // Form
  /** Accept opaque fields of unknown types. */
  readonly allowUnknownFields?: boolean;

  // Freshness
  /** Longest time since OCSP responses were made, in milliseconds. */
  readonly maximumOcspAge?: number;
}

/** The values that a wish allows. */
export function anyOf<T>(wish: OneOf<T>): readonly T[] {
  return Array.isArray(wish) ? (wish as readonly T[]) : [wish as T];
}

const NONCE_SIZE = 32;
const CHIPS: readonly Architecture[] = ['GH100', 'GB100', 'GB202', 'LS10'];

/** Refuses expectations that no evidence could ever meet. @throws {ConfigError} naming the member @throws {RangeError} for a time that is none */
export function checkExpectations(wishes: H100Expectations): void {
  if (!Number.isFinite(wishes.now)) throw new RangeError(`now must be milliseconds since 1970, is ${wishes.now}`);
  for (const nonce of anyOf(wishes.nonce ?? [])) if (nonce.length !== NONCE_SIZE) throw new ConfigError('nonce', `must be ${NONCE_SIZE} bytes, is ${nonce.length}`);
  const { deviceCount, ueids } = wishes;
  if (deviceCount !== undefined && (!Number.isInteger(deviceCount) || deviceCount < 1 || deviceCount > MAX_DEVICES)) throw new ConfigError('deviceCount', `must be 1 to ${MAX_DEVICES}, is ${deviceCount}`);
  if (ueids && (ueids.length === 0 || new Set(ueids).size !== ueids.length || ueids.some((ueid) => !/^[1-9]\d{0,48}$/.test(ueid)))) throw new ConfigError('ueids', 'must be decimal numbers, each once');
  for (const key of ['minimumDriver', 'minimumVbios'] as const) {
    const version = wishes[key];
    if (version !== undefined && !VERSION_FORM[key === 'minimumDriver' ? 'driver' : 'vbios'].test(version)) throw new ConfigError(key, `'${version.slice(0, 40)}' is no version`);
  }
  named('chips', wishes.chips, CHIPS);
  named('modes', wishes.modes, GPU_MODES);
}

function named<T extends string>(key: string, wish: OneOf<T> | undefined, known: readonly T[]): void {
  if (wish === undefined) return;
  const values = anyOf(wish);
  const unknown = values.find((value) => !known.includes(value));
  if (values.length === 0 || unknown !== undefined) throw new ConfigError(key, `must be some of ${known.join(', ')}`);
}

/** Everything that a relying party can ask for but whom it trusts and when, for those who get it from outside. */
export const H100_WISHES: Readonly<Record<Exclude<keyof H100Expectations, 'trust' | 'now'>, true>> = {
  nonce: true,
  deviceCount: true,
  ueids: true,
  allowNoFwid: true,
  allowIncompleteMachine: true,
  minimumDriver: true,
  minimumVbios: true,
  allowNoRims: true,
  chips: true,
  modes: true,
  allowNoOcsp: true,
  allowHold: true,
  ocspGrace: true,
  allowUnknownFields: true,
  maximumOcspAge: true,
};
