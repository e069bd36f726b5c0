/**
 * TD HOB: the list in which a VMM tells the firmware of a TD which memory it has. The VMM could lie, so the firmware measures the list before
 * it believes it. Source: UEFI Platform Initialization 1.8, volume 3, HOB code definitions; what QEMU puts in: hw/i386/tdvf-hob.c.
 */
import { Layout } from '../../../codec/layout.ts';
import { bytes, reserved, struct, u16, u32, u64 } from '../../../codec/rows.ts';

const PI = 'UEFI Platform Initialization 1.8, volume 3';

const HANDOFF = 1;
const RESOURCE = 3;
const END = 0xffff;

/** The head of every block. */
export const HOB_HEADER = new Layout('pi.hob-header', 8, `${PI}, EFI_HOB_GENERIC_HEADER`, {
  type: u16(0, 'kind of block', { names: { [HANDOFF]: 'handoff', [RESOURCE]: 'resource', [END]: 'end' } }),
  length: u16(2, 'length of the block with this head'),
  reserved4: reserved(4, 4),
});

/** The first block. */
export const HOB_HANDOFF = new Layout('pi.hob-handoff', 56, `${PI}, EFI_HOB_HANDOFF_INFO_TABLE`, {
  header: struct(0, HOB_HEADER, 'kind and length'),
  version: u32(8, 'version of the list', { initial: 9 }),
  bootMode: u32(12, 'how is booted'),
  memoryTop: u64(16, 'end of memory for the firmware'),
  memoryBottom: u64(24, 'begin of memory for the firmware'),
  freeTop: u64(32, 'end of free memory'),
  freeBottom: u64(40, 'begin of free memory'),
  endOfList: u64(48, 'address behind the last block'),
});

/** A range of memory. */
export const HOB_RESOURCE = new Layout('pi.hob-resource', 48, `${PI}, EFI_HOB_RESOURCE_DESCRIPTOR`, {
  header: struct(0, HOB_HEADER, 'kind and length'),
  owner: bytes(8, 16, 'whose it is: a GUID, zero for nobody'),
  resourceType: u32(24, 'kind of memory', { names: { 0: 'added and accepted', 7: 'not accepted yet' } }),
  attributes: u32(28, 'present, initialised, tested'),
  start: u64(32, 'guest physical address'),
  length: u64(40, 'length in bytes'),
});

const ACCEPTED = 0;
const UNACCEPTED = 7;
const PRESENT_INITIALISED_TESTED = 7;

/** A range of memory that is there when the TD starts. */
export interface AddedRange {
  readonly gpa: bigint;
  readonly size: number;
}

/**
 * The list as QEMU writes it: what was added before launch, and everything between as not accepted.
 * @param at guest physical address of the list @param memory length of the memory in bytes @param added ranges in memory that the TD starts with
 */
export function tdHob(at: bigint, memory: bigint, added: readonly AddedRange[]): Uint8Array {
  const resources: Uint8Array[] = [];
  const resource = (resourceType: number, start: bigint, length: bigint): void => {
    if (length > 0n) resources.push(HOB_RESOURCE.encode({ header: { type: RESOURCE, length: HOB_RESOURCE.size }, resourceType, attributes: PRESENT_INITIALISED_TESTED, start, length }));
  };
  let end = 0n;
  for (const { gpa, size } of [...added].sort((a, b) => (a.gpa < b.gpa ? -1 : 1))) {
    resource(UNACCEPTED, end, gpa - end);
    resource(ACCEPTED, gpa, BigInt(size));
    end = gpa + BigInt(size);
  }
  resource(UNACCEPTED, end, memory - end);
  const endOfList = at + BigInt(HOB_HANDOFF.size + resources.length * HOB_RESOURCE.size + HOB_HEADER.size);
  const handoff = HOB_HANDOFF.encode({ header: { type: HANDOFF, length: HOB_HANDOFF.size }, endOfList });
  return new Uint8Array(Buffer.concat([handoff, ...resources, HOB_HEADER.encode({ type: END, length: HOB_HEADER.size })]));
}
