/**
 * Every key slot of the GPU's confidential-computing key store: keyspaces, local ids and labels. A label is what a key is derived with, so one
 * wrong letter is another key. Source: NVIDIA open-gpu-kernel-modules 595.45.04, cc_keystore.h:27-226.
 */

/** Who may use a channel: each has its own keys. `scrubber` is on SEC2 only, `p2p` on copy engines only. */
export type Privilege = 'user' | 'kernel' | 'scrubber' | 'p2p';

/** What a slot's counter is made of: nothing but messages (GSP), a channel counter in the IV, or one in the nonce of an HMAC. */
export type SlotType = 'NO_CHAN_COUNTER' | 'CRYPT_COUNTER' | 'HMAC_COUNTER';

/** One slot of the key store. */
export interface KeySlot {
  /** `keyspace << 16 | localId`. */
  readonly globalKeyId: number;
  /** Place in the key store, 0 to 113. */
  readonly slot: number;
  /** `GSP`, `SEC2`, `LCE0`. */
  readonly keyspace: string;
  readonly localId: number;
  /** What the key is derived with; undefined for a slot that the driver keeps but never fills. */
  readonly label: string | undefined;
  readonly type: SlotType;
  readonly privilege: Privilege;
  /** Copies between GPUs, whose keys GH100 does not derive. */
  readonly peer: boolean;
}

interface LocalKey {
  readonly label?: string;
  readonly type: SlotType;
  readonly privilege: Privilege;
  readonly peer?: boolean;
}

/** Local ids of each kind of keyspace, in order: even ids carry CPU to GPU, odd ones GPU to CPU or the HMAC of the pair (cc_keystore.h:27-30). */
const GSP_KEYS: readonly LocalKey[] = [
  'cpu_gsp_locked_rpc',
  'gsp_cpu_locked_rpc',
  'cpu_gsp_dma',
  'gsp_cpu_dma',
  undefined,
  'gsp_cpu_replayable_fault',
  undefined,
  'gsp_cpu_non_replayable_fault',
  // Between GSP and SEC2: the driver keeps the places but never has the keys.
  undefined,
  undefined,
  'cpu_gsp_nvle_p2p_wrapping',
  undefined,
].map((label) => ({ ...(label === undefined ? {} : { label }), type: 'NO_CHAN_COUNTER', privilege: 'kernel' }));

const SEC2_KEYS: readonly LocalKey[] = (['user', 'kernel', 'scrubber'] as const).flatMap((privilege): LocalKey[] => [
  { label: `cpu_sec2_data_${privilege}`, type: 'CRYPT_COUNTER', privilege },
  { label: `cpu_sec2_hmac_${privilege}`, type: 'HMAC_COUNTER', privilege },
]);

function copyEngineKeys(engine: number): readonly LocalKey[] {
  const name = `Lce${String(engine).padStart(2, '0')}`;
  return (['user', 'kernel', 'p2p'] as const).flatMap((privilege) =>
    (['h2d', 'd2h'] as const).map((way): LocalKey => ({ label: `${name}_${way}_${privilege}`, type: 'CRYPT_COUNTER', privilege, peer: privilege === 'p2p' })),
  );
}

const COPY_ENGINES: readonly number[] = [0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 15, 16, 17];

/** Keyspaces in the order of their numbers: GSP 0, SEC2 1, LCE0 to LCE7 2 to 9, LCE10 to LCE17 10 to 17. */
export const KEYSPACES: readonly { readonly name: string; readonly keys: readonly LocalKey[]; readonly copyEngine?: number }[] = [
  { name: 'GSP', keys: GSP_KEYS },
  { name: 'SEC2', keys: SEC2_KEYS },
  // The logical copy engine LCEn is the driver's COPY(n + 2): conf_compute_keystore_gh100.c:638-663.
  ...COPY_ENGINES.map((engine) => ({ name: `LCE${engine}`, keys: copyEngineKeys(engine), copyEngine: engine + 2 })),
];

/** Every slot, by its number. */
export const KEY_SLOTS: readonly KeySlot[] = KEYSPACES.flatMap(({ name, keys }, keyspace) => keys.map((key, localId) => ({ keyspace: name, keyspaceNumber: keyspace, localId, ...key }))).map(
  ({ keyspace, keyspaceNumber, localId, label, type, privilege, peer = false }, slot) => ({ globalKeyId: globalKeyId(keyspaceNumber, localId), slot, keyspace, localId, label, type, privilege, peer }),
);

const BY_ID: ReadonlyMap<number, KeySlot> = new Map(KEY_SLOTS.map((slot) => [slot.globalKeyId, slot]));
const BY_LABEL: ReadonlyMap<string, KeySlot> = new Map(KEY_SLOTS.flatMap((slot) => (slot.label === undefined ? [] : [[slot.label, slot]])));

/** The number of a key over all keyspaces: `keyspace << 16 | localId` (cc_keystore.h:229). */
export function globalKeyId(keyspace: number, localId: number): number {
  return (keyspace << 16) | localId;
}

/** The slot of a key. @throws {RangeError} when there is none */
export function slotOf(id: number): KeySlot {
  const slot = BY_ID.get(id);
  if (!slot) throw new RangeError(`there is no key 0x${id.toString(16)}`);
  return slot;
}

/** The slot of a label. @throws {RangeError} when there is none */
export function slotLabelled(label: string): KeySlot {
  const slot = BY_LABEL.get(label);
  if (!slot) throw new RangeError(`there is no key labelled ${label}`);
  return slot;
}

/** Both keys of the pair that a key belongs to: the even one first. @throws {RangeError} when there is none */
export function keyPairOf(id: number): readonly [KeySlot, KeySlot] {
  return [slotOf(id & ~1), slotOf(id | 1)];
}

/**
 * The pair of a copy engine.
 * @param engine 2 to 9, and 12 to 19 on Blackwell: as the driver counts (COPYn) @returns host to device, device to host @throws {RangeError} for another engine
 */
export function copyEnginePair(engine: number, privilege: 'user' | 'kernel' | 'p2p'): readonly [KeySlot, KeySlot] {
  const keyspace = KEYSPACES.findIndex(({ copyEngine }) => copyEngine === engine);
  const localId = KEYSPACES[keyspace]?.keys.findIndex((key) => key.privilege === privilege) ?? -1;
  if (localId < 0) throw new RangeError(`copy engine ${engine} has no keys`);
  return keyPairOf(globalKeyId(keyspace, localId));
}

/** The pair of SEC2: data, then HMAC. */
export function sec2Pair(privilege: 'user' | 'kernel' | 'scrubber'): readonly [KeySlot, KeySlot] {
  return keyPairOf(slotLabelled(`cpu_sec2_data_${privilege}`).globalKeyId);
}
