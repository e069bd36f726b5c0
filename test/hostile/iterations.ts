/** How many hostile inputs each parser gets: few in the README's test command, many in CI. */
export const iterations: number = Number(process.env.TEEMU_HOSTILE ?? 20_000);
