/** Service TDs: a TD that another one trusts with a service, such as its migration. What is bound shows in SERVTD_HASH. */
import { createHash } from 'node:crypto';
import { Layout } from '../../codec/layout.ts';
import { bytes, u16, u64 } from '../../codec/rows.ts';
import { MEASUREMENT_SIZE } from './mrtd.ts';
import { refusal } from './status.ts';
import { TD_INFO_15 } from './tdreport.ts';

/** The only type of service TD that modules support so far: migration. */
export const SERVTD_TYPE_MIGTD = 0;
/** A module binds so many service TDs at most. Source: intel/tdx-module TDX_1.5.01, service_td.h. */
export const MAX_SERVICE_TDS = 1;
/** Bit 0 binds to the very instance of a service TD; bits 32 to 42 leave fields of TDINFO out of its hash. */
export const SERVTD_ATTRIBUTES_ALLOWED = 0x0000_07ff_0000_0001n;
const INSTANCE_BINDING = 1n;

/** Fields of TDINFO in the order of the bits that leave them out, from bit 32 on. */
const IGNORABLE = ['attributes', 'xfam', 'mrTd', 'mrConfigId', 'mrOwner', 'mrOwnerConfig', 'rtmr.0', 'rtmr.1', 'rtmr.2', 'rtmr.3', 'servTdHash'] as const;

/** What is hashed for each service TD that is bound. */
export const SERVTD_HASH_ENTRY = new Layout('tdx.servtd-hash-entry', 58, 'intel/tdx-module TDX_1.5.01, tdh_mr_finalize.c', {
  infoHash: bytes(0, MEASUREMENT_SIZE, 'SHA-384 of its TDINFO, without the fields left out'),
  type: u16(48, 'type of service'),
  attributes: u64(50, 'how it is bound'),
});

/** A service TD as it is bound. */
export interface ServiceBinding {
  readonly state: 'PRE_BOUND' | 'BOUND';
  readonly type: number;
  readonly attributes: bigint;
  readonly infoHash: Uint8Array;
  /** Which instance is bound; unknown while it is only expected. */
  readonly uuid?: Uint8Array | undefined;
}

/** SHA-384 of a TDINFO with the fields that the attributes leave out as zero. @param tdInfo 512 bytes */
export function servTdInfoHash(tdInfo: Uint8Array, attributes: bigint): Uint8Array {
  const counted = tdInfo.slice();
  IGNORABLE.forEach((field, i) => {
    const { at, size } = TD_INFO_15.locate(field);
    if ((attributes >> BigInt(32 + i)) & 1n) counted.fill(0, at, at + size);
  });
  return new Uint8Array(createHash('sha384').update(counted).digest());
}

/** SERVTD_HASH over everything that is bound: zero where nothing is. */
export function servTdHash(bindings: readonly ServiceBinding[]): Uint8Array {
  if (bindings.length === 0) return new Uint8Array(MEASUREMENT_SIZE);
  const entries = bindings.map(({ infoHash, type, attributes }) => SERVTD_HASH_ENTRY.encode({ infoHash, type, attributes }));
  return new Uint8Array(createHash('sha384').update(Buffer.concat(entries)).digest());
}

/** Refuses types and attributes that no module takes. @throws {FirmwareError} TDX_OPERAND_INVALID */
export function checkServiceTd(type: number, attributes: bigint): void {
  if (type !== SERVTD_TYPE_MIGTD) throw refusal('TDX_OPERAND_INVALID', `there is no service TD of type ${type}`, 'R9');
  if (attributes < 0n || (attributes & ~SERVTD_ATTRIBUTES_ALLOWED) !== 0n) throw refusal('TDX_OPERAND_INVALID', `attributes 0x${attributes.toString(16)} have bits that must be zero`, 'R10');
}

/**
 * The binding after TDH.SERVTD.BIND of a service TD to a slot that is taken already.
 * @throws {FirmwareError} when it is not the service TD that the slot waits for
 */
export function rebind(before: ServiceBinding, offered: ServiceBinding): ServiceBinding {
  if (before.type !== offered.type) throw refusal('TDX_SERVTD_TYPE_MISMATCH', `type ${before.type} is bound, not ${offered.type}`);
  if (before.attributes !== offered.attributes) throw refusal('TDX_SERVTD_ATTR_MISMATCH', 'it is bound with other attributes');
  const sameInstance = before.state === 'BOUND' && (before.attributes & INSTANCE_BINDING) !== 0n;
  if (sameInstance && !equal(before.uuid, offered.uuid)) throw refusal('TDX_SERVTD_UUID_MISMATCH', 'another instance is bound');
  if (!sameInstance && !equal(before.infoHash, offered.infoHash)) throw refusal('TDX_SERVTD_INFO_HASH_MISMATCH', 'a service TD with another TDINFO is bound');
  return offered;
}

function equal(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a !== undefined && b !== undefined && Buffer.compare(a, b) === 0;
}
