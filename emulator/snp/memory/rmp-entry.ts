/** One entry of the reverse map, and the states that its bits stand for. */

/** Sizes of a page, as RMPUPDATE, PVALIDATE and RMPADJUST name them. */
export type PageSize = '4K' | '2M';

/** Permissions of one privilege level over a page. Source: AMD APM volume 3, RMPADJUST. */
export const PERMISSION = { read: 1, write: 2, executeUser: 4, executeSupervisor: 8 } as const;
/** Every permission, and none. */
export const ALL_PERMISSIONS = 15;

/** What the reverse map says about a page of the machine. Source: AMD APM volume 2, 15.36.3, table "Fields of an RMP entry". */
export interface RmpEntry {
  /** Owned by a guest or by the firmware, not by the hypervisor. */
  readonly assigned: boolean;
  readonly pageSize: PageSize;
  /** The hypervisor may not change the entry. */
  readonly immutable: boolean;
  /** Guest physical address at which the guest sees the page. */
  readonly gpa: number;
  /** 0 for pages of the hypervisor and of the firmware. */
  readonly asid: number;
  /** Holds the register state of a virtual processor. */
  readonly vmsa: boolean;
  /** The guest has said that it expects the page there. */
  readonly validated: boolean;
  /** {@link PERMISSION} bits of VMPL 0 to 3. */
  readonly permissions: readonly [number, number, number, number];
}

/** The entry of every page at first: the hypervisor's. */
export const HYPERVISOR_PAGE: RmpEntry = { assigned: false, pageSize: '4K', immutable: false, gpa: 0, asid: 0, vmsa: false, validated: false, permissions: [0, 0, 0, 0] };

/** States of a page and the bits that make them. Source: AMD 56860 SEV-SNP Firmware ABI, "Page States". */
const STATES = [
  { name: 'Hypervisor', assigned: false, immutable: false },
  // Pages that SNP_INIT_EX keeps for the hypervisor for good.
  { name: 'HV-Fixed', assigned: false, immutable: true },
  { name: 'Reclaim', assigned: true, immutable: false, guest: false },
  { name: 'Context', assigned: true, immutable: true, guest: false, vmsa: true },
  { name: 'Firmware', assigned: true, immutable: true, guest: false, vmsa: false },
  { name: 'Pre-Guest', assigned: true, immutable: true, guest: true, validated: false },
  { name: 'Pre-Swap', assigned: true, immutable: true, guest: true, validated: true },
  { name: 'Guest-Invalid', assigned: true, immutable: false, guest: true, validated: false },
  { name: 'Guest-Valid', assigned: true, immutable: false, guest: true, validated: true },
] as const;

/** Name of a page's state. */
export type PageState = (typeof STATES)[number]['name'];

/** The state that an entry's bits stand for. */
export function pageState(entry: RmpEntry): PageState {
  const bits: Readonly<Record<string, unknown>> = { ...entry, guest: entry.asid !== 0 };
  const row = STATES.find(({ name: _, ...wanted }) => Object.entries(wanted).every(([bit, value]) => bits[bit] === value));
  return row?.name ?? 'Reclaim';
}
