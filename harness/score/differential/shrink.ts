/** Delta debugging: the smallest part of a list that still does what the whole does. */

/**
 * Zeller's ddmin: what is left still passes the test, and fails it without any one of its members.
 * @param test told of several parts at once, says of each whether it still does it
 */
export async function shrink<T>(whole: readonly T[], test: (parts: readonly (readonly T[])[]) => Promise<readonly boolean[]>): Promise<readonly T[]> {
  let kept = whole;
  for (let pieces = 2; kept.length > 1; ) {
    const chunks = split(kept, pieces);
    const without = chunks.length > 2 ? chunks.map((chunk) => kept.filter((one) => !chunk.includes(one))) : [];
    const parts = [...chunks, ...without];
    const found = (await test(parts)).indexOf(true);
    const smaller = parts[found];
    if (smaller) {
      kept = smaller;
      pieces = found < chunks.length ? 2 : Math.max(2, pieces - 1);
    } else if (pieces >= kept.length) {
      break;
    } else {
      pieces = Math.min(kept.length, pieces * 2);
    }
  }
  return kept;
}

function split<T>(list: readonly T[], pieces: number): T[][] {
  const count = Math.min(pieces, list.length);
  return Array.from({ length: count }, (_, i) => list.slice(Math.floor((i * list.length) / count), Math.floor(((i + 1) * list.length) / count)));
}
