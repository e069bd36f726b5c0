/**
 * How the eight GPUs and four NVSwitches of an HGX board with Hopper GPUs are wired: the same on every board.
 *
 * Source: reports of eight GPUs and four switches of one machine that NVIDIA publishes with nvtrust's protected PCIe verifier; every other
 * genuine report with links agrees.
 */

/** GPUs and NVSwitches of a board. */
export const BOARD_GPUS = 8;
export const BOARD_SWITCHES = 4;
/** Ports of a switch. */
export const SWITCH_PORTS = 64;

/** By GPU: for each of its 18 links, the position of the switch at its end. */
const GPU_SIDE: readonly string[] = ['113311223312002200', '112233003321002211', '113311332212002200', '223322001121330011', '331133220012001122', '110033223321002211', '331133002212002211', '221122110021330033'];

/**
 * By position of the switch: runs of ports, each from its first port on, with the GPU at each. A switch stops looking as soon as it has found all
 * eight GPUs, so that the ports behind are not known.
 */
const SWITCH_SIDE: readonly (readonly (readonly [first: number, gpus: string])[])[] = [
  [[32, '443344335577557766226622001']],
  [
    [0, '66777733'],
    [32, '7633556650320055114'],
  ],
  [
    [0, '3344'],
    [16, '6603'],
    [32, '33741144775515772'],
  ],
  [[32, '337733772244224411001100665']],
];

/** The positions of the switches at a GPU's links, 0 to 3. @param gpu 0 to 7 */
export function linksOf(gpu: number): number[] {
  return [...(GPU_SIDE[gpu % BOARD_GPUS] ?? '')].map(Number);
}

/**
 * What a switch reports of its ports.
 * @param position 0 to 3
 * @returns the GPUs in the order in which the switch finds them, and for each of its 64 ports the place in that list, 0xff for none
 */
export function portsOf(position: number): { readonly found: readonly number[]; readonly ports: Uint8Array } {
  const found: number[] = [];
  const ports = new Uint8Array(SWITCH_PORTS).fill(0xff);
  for (const [first, gpus] of SWITCH_SIDE[position % BOARD_SWITCHES] ?? []) {
    for (const [i, gpu] of [...gpus].map(Number).entries()) {
      if (!found.includes(gpu)) found.push(gpu);
      ports[first + i] = found.indexOf(gpu);
    }
  }
  return { found, ports };
}
