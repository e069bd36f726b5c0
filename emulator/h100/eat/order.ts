/**
 * The order of members in NVIDIA's tokens: that in which a `HashMap` of Java gives its keys, which holds for the claims of every genuine token
 * and for the devices that it names.
 */

const LEAST_BUCKETS = 16;
const FILLED = 0.75;

/** `String.hashCode`, its upper half folded into the lower. */
function hash(key: string): number {
  let h = 0;
  for (let i = 0; i < key.length; i++) h = (Math.imul(h, 31) + key.charCodeAt(i)) | 0;
  return h ^ (h >>> 16);
}

/** The same members in that order; those that fall together stay in the order given. */
export function inHashOrder<V>(members: Readonly<Record<string, V>>): Record<string, V> {
  const entries = Object.entries(members);
  let buckets = LEAST_BUCKETS;
  while (entries.length > FILLED * buckets) buckets *= 2;
  const bucket = (key: string): number => hash(key) & (buckets - 1);
  return Object.fromEntries(entries.sort(([a], [b]) => bucket(a) - bucket(b)));
}
