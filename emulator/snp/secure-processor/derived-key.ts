/** Keys that a guest derives from its chip: the same for the same guest on the same chip, and different as soon as a field it selected differs. */
import { hkdfSync } from 'node:crypto';
import { Layout } from '../../codec/layout.ts';
import { bytes, u32, u64, u8, type ValueOf } from '../../codec/rows.ts';
import type { World } from '../../world.ts';
import { chipSecret } from '../platform/chip.ts';
import { LINE_TABLE } from '../platform/products.ts';
import { componentAbove, type Tcb } from '../platform/tcb.ts';
import { selectKey } from './attestation.ts';
import type { GuestContext } from './guest-context.ts';
import { KEY_REQUEST, type KeyField, type KeyRequest } from './messages/payloads.ts';
import type { Platform } from './platform.ts';
import { refusal } from './status.ts';

/** The secret at the root of keys derived from a chip, or from a provider's VLEK: 32 bytes. It is the same at every TCB, which is mixed in only where the guest selects it. */
export function keyRoot(world: World, { line, hwid, signer }: Platform, kind: 'vcek' | 'vlek'): Uint8Array {
  if (kind === 'vcek') return chipSecret(world, line, hwid);
  if (signer.kind !== 'vlek') throw new RangeError('no VLEK is loaded');
  return world.derive(`amd/vlek-secret/${line}/${signer.cspId}`, 32);
}

/**
 * What a key is derived over. AMD does not say how its firmware mixes the fields; here a field that is not selected is zero, and the selection
 * itself is part of it, so that a selected zero gives another key than no selection.
 */
const DERIVATION = new Layout('snp.key-derivation', 121, "teemu's own", {
  root: u8(0x00, '0 VCEK, 1 VLEK, 2 VMRK'),
  selected: { ...KEY_REQUEST.rows.guestFieldSelect, at: 0x01 },
  vmpl: u32(0x09, 'VMPL, always mixed in'),
  policy: u64(0x0d, 'GUEST_POLICY'),
  imageId: bytes(0x15, 16, 'IMAGE_ID'),
  familyId: bytes(0x25, 16, 'FAMILY_ID'),
  measurement: bytes(0x35, 48, 'MEASUREMENT'),
  guestSvn: u32(0x65, 'guest SVN of the request'),
  tcbVersion: bytes(0x69, 8, 'TCB version of the request'),
  launchMitVector: u64(0x71, 'mitigation vector of the request'),
});
type Mixed = ValueOf<typeof DERIVATION.rows>;

/** {@link keyRoot} of the platform. */
export type ChipRoot = (kind: 'vcek' | 'vlek') => Uint8Array;

const ROOT_CODES = { vcek: 0, vlek: 1, vmrk: 2 } as const;

/**
 * The key for a request that a guest made.
 * @returns 32 bytes
 * @throws {FirmwareError} INVALID_PARAM when SVN, TCB or mitigations are above what the guest or platform has, INVALID_KEY for a root that can't be had
 * @throws {CodecError} for a TCB version with reserved bytes set
 */
export function deriveKey(platform: Platform, guest: GuestContext, chipRoot: ChipRoot, request: KeyRequest): Uint8Array {
  const { guestFieldSelect: selected, vmpl, guestSvn, tcbVersion, launchMitVector = 0n } = request;
  const { root, secret } = rootOf(platform, guest, chipRoot, request);
  requireWithin(platform, guest, request);
  const fields: Pick<Mixed, KeyField> = { policy: guest.policy, imageId: guest.imageId, familyId: guest.familyId, measurement: guest.measurement, guestSvn, tcbVersion, launchMitVector };
  const chosen = Object.fromEntries(Object.entries(fields).filter(([name]) => selected[name as KeyField] === 1)) as Partial<Mixed>;
  return new Uint8Array(hkdfSync('sha256', secret, 'teemu/snp/derived-key', DERIVATION.encode({ root: ROOT_CODES[root], selected, vmpl, ...chosen }), 32));
}

function rootOf(platform: Platform, guest: GuestContext, chipRoot: ChipRoot, { root: { rootKeySelect, keySelect } }: KeyRequest): { root: keyof typeof ROOT_CODES; secret: Uint8Array } {
  if (rootKeySelect === 1) return { root: 'vmrk', secret: guest.vmrk };
  const root = selectKey(platform, guest, keySelect);
  if (root === 'none') throw refusal('INVALID_KEY', 'the chip key is masked');
  return { root, secret: chipRoot(root) };
}

function requireWithin({ line, committedTcb }: Platform, guest: GuestContext, { guestSvn, tcbVersion, launchMitVector = 0n }: KeyRequest): void {
  if (guestSvn > guest.guestSvn) throw refusal('INVALID_PARAM', `the guest SVN ${guestSvn} is above the guest's ${guest.guestSvn}`);
  const tcb: Tcb = LINE_TABLE[line].tcbLayout.decode(tcbVersion);
  const component = componentAbove(tcb, committedTcb);
  if (component) throw refusal('INVALID_PARAM', `the TCB version's ${component} is above the committed one`);
  if ((launchMitVector & ~guest.launchMitVector) !== 0n) throw refusal('INVALID_PARAM', 'the guest was launched without some of these mitigations');
}
