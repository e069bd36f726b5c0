/**
 * What the measurements of a chip are: which manifest speaks for each, what its value follows, and which values it may have.
 *
 * Source: genuine driver manifests 550.90.07 and 550.144.03, firmware manifests of GH100 from 96.00.5E to 96.00.9F, the LS10 manifest
 * 96.10.55.00.01, and which values stay the same between genuine reports of several drivers, firmwares and boards.
 */
import type { Architecture } from './models.ts';

/** Who speaks for a measurement: the manifest of the driver, or of the firmware in flash. */
export type SlotOwner = 'driver' | 'vbios';
/**
 * What a value follows: the chip alone; the driver's branch (570) or very release; the firmware's generation (96.00.9F), that on one board
 * (`project`), or its very image.
 */
export type Follows = 'chip' | 'branch' | 'release' | 'generation' | 'project' | 'image';
/** A value of its own, 48 zero bytes, the value that all switches have where theirs is not set, or 48 times the index. */
export type Alternative = 'value' | 'zero' | 'default' | 'index';

/** One measurement. */
export interface Slot {
  /** From 0. */
  readonly index: number;
  /** As manifests name it. */
  readonly name: string;
  readonly owner: SlotOwner;
  readonly follows: Follows;
  /** Values that its manifest allows, in order. */
  readonly alternatives: readonly Alternative[];
  /** How often it is extended, where it is not zero. */
  readonly count: number;
}

const LETTERS: Readonly<Record<string, Alternative>> = { v: 'value', '0': 'zero', d: 'default', i: 'index' };

/** @param values one letter an alternative: v value, 0 zero, d default, i index */
function slot(index: number, prefix: '' | 'Hashed' | 'Mixed' | 'MixedHashed', suffix: '' | '_FSP' | '_GSP', owner: SlotOwner, follows: Follows, values = 'v', count = 1): Slot {
  return { index, name: `${prefix}Measurement_${index}${suffix}`, owner, follows, alternatives: [...values].map((letter) => LETTERS[letter] ?? 'zero'), count };
}

const zero = (index: number, owner: SlotOwner, values = '0'): Slot => slot(index, '', '', owner, 'chip', values, 0);

/** GH100, firmware: indices 0 to 12 without 7. */
const GH100_VBIOS = [
  zero(0, 'vbios'),
  slot(1, 'Hashed', '_FSP', 'vbios', 'generation'),
  slot(2, 'Hashed', '_FSP', 'vbios', 'project', 'v', 4),
  slot(3, 'Hashed', '_FSP', 'vbios', 'chip'),
  slot(4, 'Hashed', '_FSP', 'vbios', 'chip'),
  slot(5, 'Hashed', '_FSP', 'vbios', 'chip'),
  slot(6, 'Hashed', '_FSP', 'vbios', 'chip'),
  zero(8, 'vbios'),
  slot(9, '', '', 'vbios', 'generation'),
  zero(10, 'vbios'),
  slot(11, '', '', 'vbios', 'image', 'v', 130),
  slot(12, '', '', 'vbios', 'chip', '0vvv', 3),
];

/** GH100, driver 550.90.07. */
const GH100_R550 = [
  slot(7, '', '', 'driver', 'branch'),
  slot(21, 'Mixed', '', 'driver', 'branch'),
  slot(22, 'Mixed', '', 'driver', 'release', 'v', 2),
  slot(23, 'Mixed', '', 'driver', 'branch', 'v0'),
  slot(24, 'Mixed', '', 'driver', 'branch', 'v0'),
  ...[25, 26, 27].map((index) => slot(index, 'Mixed', '', 'driver', 'branch')),
  zero(28, 'driver'),
  ...[29, 30].map((index) => slot(index, 'Mixed', '', 'driver', 'branch')),
  slot(31, 'Mixed', '', 'driver', 'release'),
  slot(32, 'Hashed', '_GSP', 'driver', 'chip', 'vv'),
  slot(33, 'Hashed', '_GSP', 'driver', 'chip'),
  slot(34, 'MixedHashed', '', 'driver', 'chip', 'vv', 2),
  slot(35, '', '', 'driver', 'chip', 'vvvv'),
  slot(36, 'Hashed', '_GSP', 'driver', 'chip', 'vv'),
  slot(37, 'Hashed', '_GSP', 'driver', 'chip'),
  slot(38, 'Hashed', '_GSP', 'driver', 'chip'),
  ...[39, 40].map((index) => slot(index, 'Mixed', '', 'driver', 'release')),
];

/** The same slots with some replaced, in order of index. */
function patch(slots: readonly Slot[], ...rows: readonly Slot[]): Slot[] {
  return [...slots.filter(({ index }) => rows.every((row) => row.index !== index)), ...rows].sort((a, b) => a.index - b.index);
}

/** GH100 from driver 550.144.03 on: more values are right. */
const GH100_R550_144 = patch(GH100_R550, slot(33, 'Hashed', '_GSP', 'driver', 'chip', 'vv'), slot(36, 'Hashed', '_GSP', 'driver', 'chip', 'vvv'));
/** GH100 from driver 570 on: genuine reports fill index 41 too, and the manifest of 580.95.05 has 22 active rows; its name is assumed. */
const GH100_R570 = patch(GH100_R550_144, slot(40, 'Mixed', '', 'driver', 'branch'), slot(41, 'Mixed', '', 'driver', 'branch'));

/** The measurement of GB100 that is zero while the video decoder is off, in genuine reports of driver 590. */
export const DECODER_SLOT = 61;

/** GB100, firmware: which rows of a manifest are active is assumed from GH100's, the zero ones and the counts are as in genuine reports. */
const GB100_VBIOS = [
  zero(0, 'vbios'),
  slot(1, 'Hashed', '_FSP', 'vbios', 'generation', 'v0', 3),
  slot(2, 'Hashed', '_FSP', 'vbios', 'image'),
  slot(3, 'Hashed', '_FSP', 'vbios', 'image', 'v', 8),
  slot(4, 'Hashed', '_FSP', 'vbios', 'chip'),
  zero(5, 'vbios'),
  slot(6, 'Hashed', '_FSP', 'vbios', 'chip'),
  slot(8, '', '', 'vbios', 'image', 'v', 16),
  zero(9, 'vbios'),
  zero(10, 'vbios'),
  slot(11, '', '', 'vbios', 'image', 'v', 3),
  slot(12, '', '', 'vbios', 'chip'),
  slot(13, '', '', 'vbios', 'image'),
  slot(14, '', '', 'vbios', 'chip'),
  slot(15, '', '', 'vbios', 'chip', 'v0'),
  zero(16, 'vbios'),
  slot(17, '', '', 'vbios', 'chip'),
  slot(18, '', '', 'vbios', 'image', 'v', 118),
  slot(19, '', '', 'vbios', 'image', 'v', 2),
  slot(20, '', '', 'vbios', 'image', 'v', 7),
];

/** GB100, driver 575: the rows of GH100 are assumed; index 7 and 34 are zero, 22 and 34 counted otherwise, as in the genuine report. */
const GB100_R575 = patch(GH100_R570, zero(7, 'driver'), slot(22, 'Mixed', '', 'driver', 'release'), zero(34, 'driver', '00'));

const GB100_R590_VALUES = [40, 41, 45, 46, 47, 48, 49, 50, 52, 53, 54, 55, 56, 58, 59, 60, 63];
const GB100_R590_ZEROS = [42, 43, 44, 51, 57, 62];
/**
 * GB100, driver 590: indices 40 to 63 as in genuine reports. That its manifest speaks for these and for 7 is assumed: the one of 580.178.04
 * has 25 active rows, and these are 25.
 */
const GB100_R590 = [
  zero(7, 'driver'),
  ...GB100_R590_VALUES.map((index) => slot(index, '', '', 'driver', 'release')),
  ...GB100_R590_ZEROS.map((index) => zero(index, 'driver')),
  slot(DECODER_SLOT, '', '', 'driver', 'release', 'v0'),
].sort((a, b) => a.index - b.index);

const LS10_COUNTS: Readonly<Record<number, number>> = { 1: 4, 8: 110 };
/** LS10: from index 10 on one value for each position on the board; from 26 on every byte is the index itself. */
const LS10_VALUES: readonly string[] = ['v', 'v', 'v', 'v', 'v', '0', 'v', '0', 'v', '0vvv', 'dvvd', 'dvdd', '0000', '0000', 'ddvd', '0000', '0000', '0000', ...new Array<string>(8).fill('vvvv'), 'i', 'i', 'i', 'i', 'i'];
const LS10_FSP: ReadonlySet<number> = new Set([0, 1, 2, 3, 27]);
const LS10 = LS10_VALUES.map((values, index) => slot(index, LS10_FSP.has(index) ? 'Hashed' : '', LS10_FSP.has(index) ? '_FSP' : '', 'vbios', index < 3 ? 'generation' : 'chip', values, LS10_COUNTS[index] ?? 1));

/** Measurements that the firmware's manifest speaks for, by chip. */
export const VBIOS_SLOTS: Readonly<Record<Architecture, readonly Slot[]>> = { GH100: GH100_VBIOS, GB100: GB100_VBIOS, GB202: GB100_VBIOS, LS10 };
/** Sets of measurements that a driver's manifest speaks for. */
export const DRIVER_SLOTS = { 'gh100-r550': GH100_R550, 'gh100-r550.144': GH100_R550_144, 'gh100-r570': GH100_R570, 'gb100-r575': GB100_R575, 'gb100-r590': GB100_R590 } as const satisfies Readonly<
  Record<string, readonly Slot[]>
>;
export type DriverSlots = keyof typeof DRIVER_SLOTS;

/** How many measurements a device reports, and how many numbers its MSRSCNT has. */
export const MEASUREMENT_COUNTS: Readonly<Record<Architecture, { readonly blocks: number; readonly counts: number }>> = {
  GH100: { blocks: 64, counts: 64 },
  GB100: { blocks: 64, counts: 64 },
  GB202: { blocks: 64, counts: 64 },
  LS10: { blocks: 31, counts: 26 },
};
