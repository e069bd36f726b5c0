/**
 * How each architecture of GPU gets from the export master key to the keys of a channel: one row each. Source: NVIDIA open-gpu-kernel-modules
 * 595.45.04, conf_compute_keystore_gh100.c, conf_compute_keystore_gb100.c, conf_compute_gh100.c:441-505, conf_compute_gb100.c.
 */
import { derivedSlots, type KeyMaterial, type KeyStore } from './key-store.ts';
import type { KeySlot } from './labels.ts';

/** Everything about the channel keys that one architecture does otherwise than another. */
export interface LinkScheme {
  readonly name: 'hopper' | 'blackwell';
  readonly doc: string;
  /** Copy engines with keys, as the driver counts them (COPYn). */
  readonly copyEngines: readonly number[];
  /** Slots whose keys exist from the start of the session. */
  readonly slots: readonly KeySlot[];
  /** Whether copy channels of one engine and privilege share their keys, and are kept apart by the channel counter alone. */
  readonly shared: boolean;
  /** Whether the GPU chooses the IV masks of copy keys; they are zero otherwise. */
  readonly masked: boolean;
  /** Whether the driver proves itself to the GPU with an RSA key in SPDM. */
  readonly mutualAuthentication: boolean;
  /** The keys of a new copy channel. @param id a key of the pair of its engine and privilege */
  open(store: KeyStore, id: number): KeyMaterial;
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** The architectures. */
export const LINK_SCHEMES = {
  hopper: {
    name: 'hopper',
    doc: 'GH100: a key pair per copy engine and privilege; channels differ by their counter; the GPU chooses the masks',
    copyEngines: range(2, 9),
    slots: derivedSlots(true),
    shared: true,
    masked: true,
    mutualAuthentication: true,
    open: (store, id) => store.retrieve(id),
  },
  blackwell: {
    name: 'blackwell',
    doc: 'GB100 and later: a key pair per copy channel from a ratchet of seeds; IV and mask begin at zero; SEC2 and GSP as on GH100',
    copyEngines: [...range(2, 9), ...range(12, 19)],
    slots: derivedSlots(false),
    shared: false,
    masked: false,
    mutualAuthentication: false,
    open: (store) => store.nextChannelKeys(),
  },
} as const satisfies Record<string, LinkScheme>;

/** Name of an architecture of the link. */
export type LinkSchemeName = keyof typeof LINK_SCHEMES;
