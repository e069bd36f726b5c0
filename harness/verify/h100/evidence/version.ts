/** Versions of drivers and of VBIOSes, as texts that can be compared. */

/** How versions are written: a driver's in decimal numbers, a VBIOS's in five pairs of hexadecimal digits. */
export const VERSION_FORM = { driver: /^\d{1,4}(?:\.\d{1,4}){1,3}$/, vbios: /^[0-9A-F]{2}(?:\.[0-9A-F]{2}){4}$/ } as const;

/** Whether a version is no lower than another. @param base 10 for a driver's, 16 for a VBIOS's */
export function isAtLeast(version: string, least: string, base: 10 | 16): boolean {
  const [own, other] = [version, least].map((text) => text.split('.').map((part) => Number.parseInt(part, base))) as [number[], number[]];
  for (let i = 0; i < Math.max(own.length, other.length); i++) {
    const difference = (own[i] ?? 0) - (other[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}
