/**
 * Fault packets: what the GPU tells the driver about accesses to memory that is not there. Each is 32 bytes, sealed under its `valid` byte, with
 * 32 bytes of metadata beside it. Source: NVIDIA open-gpu-kernel-modules 595.45.04, nv_uvm_types.h:905-913, uvm_conf_computing.c:557-610,
 * uvm_gpu_replayable_faults.c:591-602, clb069.h.
 */
import { Layout } from '../../../codec/layout.ts';
import { bits, bitRange, bytes, reserved, reservedBits, u64, u8 } from '../../../codec/rows.ts';
import type { CslContext } from '../bundle.ts';

/** A packet once it is open. */
export const FAULT_PACKET = new Layout('link.faultPacket', 32, 'clb069.h:33-56', {
  instance: u64(0, 'the instance block, with its aperture in the low bits'),
  address: u64(8, 'GPU virtual address that was accessed'),
  timestamp: u64(16, 'nanoseconds of the GPU'),
  reserved: reserved(24, 4),
  access: bits(28, 4, 'kind of the fault', {
    faultType: bitRange(0, 5, '0 no page directory, 2 no page table entry'),
    unused: reservedBits(5, 3),
    client: bitRange(8, 7, 'engine that asked'),
    unused2: reservedBits(15, 1),
    accessType: bitRange(16, 3, '0 read, 1 write'),
    unused3: reservedBits(19, 1),
    mmuClientType: bitRange(20, 1, '1 for an engine outside the graphics clusters'),
    unused4: reservedBits(21, 3),
    gpcId: bitRange(24, 5, 'graphics cluster'),
    unused5: reservedBits(29, 2),
    valid: bitRange(31, 1, 'the packet is whole'),
  }),
});

/** What lies beside a sealed packet. */
export const FAULT_METADATA = new Layout('link.faultMetadata', 32, 'nv_uvm_types.h:905-913', {
  authTag: bytes(0, 16, 'tag of the packet'),
  valid: u8(16, 'whether there is a packet: the additional data of its tag'),
  padding0: reserved(17, 15, 'up to 32 bytes'),
});

/** A fault as the driver reads it. */
export interface Fault {
  readonly address: bigint;
  readonly instance: bigint;
  readonly faultType: number;
  readonly write: boolean;
  readonly client: number;
}

/** Seals a fault. @param context the GPU's end @returns packet and metadata, 32 bytes each */
export function sealFault(context: CslContext, { address, instance, faultType, write, client }: Fault): { readonly packet: Uint8Array; readonly metadata: Uint8Array } {
  const plain = FAULT_PACKET.encode({ instance, address, access: { faultType, unused: 0, client, unused2: 0, accessType: write ? 1 : 0, unused3: 0, mmuClientType: 1, unused4: 0, gpcId: 0, unused5: 0, valid: 1 } });
  const packet = new Uint8Array(FAULT_PACKET.size);
  const authTag = new Uint8Array(16);
  context.seal(plain, packet, authTag, Uint8Array.of(1));
  return { packet, metadata: FAULT_METADATA.encode({ authTag, valid: 1 }) };
}

/**
 * Opens a fault.
 * @param context the driver's end @param packet and @param metadata 32 bytes each, which nobody else can write
 * @returns undefined while the metadata says that there is no packet
 * @throws {LinkError} faultPacketForged: the driver gives up on the GPU
 */
export function openFault(context: CslContext, packet: Uint8Array, metadata: Uint8Array): Fault | undefined {
  const { authTag, valid } = FAULT_METADATA.decode(metadata, { reserved: 'keep' });
  if (valid === 0) return undefined;
  const plain = new Uint8Array(FAULT_PACKET.size);
  context.open(packet, authTag, plain, { aad: Uint8Array.of(valid) }, 'faultPacketForged');
  const { address, instance, access } = FAULT_PACKET.decode(plain, { reserved: 'keep' });
  return { address, instance, faultType: access.faultType, write: access.accessType === 1, client: access.client };
}
