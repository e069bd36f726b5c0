/** What a request for a chip's certificate says: the hardware id in the path and the security patch levels in the query. */
import { ServiceError } from '../../errors.ts';
import { type Line, LINE_TABLE, LINES } from '../../snp/platform/products.ts';
import { componentAbove, TCB_COMPONENTS, type Tcb, type TcbComponent } from '../../snp/platform/tcb.ts';

/** Names of the query's parameters, in the order in which clients send them. */
const PARAMETERS: Readonly<Record<TcbComponent, string>> = { fmc: 'fmcSPL', bootLoader: 'blSPL', tee: 'teeSPL', snp: 'snpSPL', microcode: 'ucodeSPL' };

/** The components that a line's TCB has. */
const COMPONENTS: Readonly<Record<Line, readonly TcbComponent[]>> = {
  Milan: TCB_COMPONENTS.filter((c) => c !== 'fmc'),
  Genoa: TCB_COMPONENTS.filter((c) => c !== 'fmc'),
  Turin: TCB_COMPONENTS,
};

/** The line of a path; AMD writes it with a capital letter. @throws {ServiceError} 404 */
export function lineNamed(name: string): Line {
  const line = LINES.find((l) => l === name);
  if (!line) throw new ServiceError(404, `there is no product ${JSON.stringify(name.slice(0, 40))}; there are ${LINES.join(', ')}`);
  return line;
}

/**
 * The hardware id of a path: 128 hexadecimal digits, 16 for Turin. go-sev-guest 0.15 sends all 64 bytes of CHIP_ID for Turin too, which the
 * genuine service does not take.
 * @throws {ServiceError} 400
 */
export function hardwareIdOf(line: Line, text: string): Uint8Array {
  const { hwidLength } = LINE_TABLE[line];
  if (text.length !== 2 * hwidLength || !/^[0-9a-f]+$/i.test(text)) throw new ServiceError(400, `the hardware id of a ${line} chip is ${2 * hwidLength} hexadecimal digits`);
  // What a report states in place of a masked chip id: no chip has it.
  if (/^0+$/.test(text)) throw new ServiceError(404, 'there is no such chip');
  return new Uint8Array(Buffer.from(text, 'hex'));
}

/**
 * The TCB of a query: each of the line's levels exactly once, a decimal number of one to three digits (`4`, `04`, `219`), nothing else.
 * @throws {ServiceError} 400 for anything else, 404 for a TCB above the newest one that AMD released
 */
export function tcbOf(line: Line, query: string): Tcb {
  const given = new Map<string, number>();
  for (const pair of query === '' ? [] : query.split('&', 16)) {
    const at = pair.indexOf('=');
    const name = at < 0 ? pair : pair.slice(0, at);
    const text = at < 0 ? '' : pair.slice(at + 1);
    if (!COMPONENTS[line].some((c) => PARAMETERS[c] === name)) throw new ServiceError(400, `${JSON.stringify(name.slice(0, 40))} is no parameter for ${line}`);
    if (given.has(name)) throw new ServiceError(400, `${name} is given twice`);
    if (!/^\d{1,3}$/.test(text) || Number(text) > 255) throw new ServiceError(400, `${name} is a number from 0 to 255`);
    given.set(name, Number(text));
  }
  const level = (component: TcbComponent): number => {
    const value = given.get(PARAMETERS[component]);
    if (value === undefined) throw new ServiceError(400, `${PARAMETERS[component]} is missing`);
    return value;
  };
  const tcb: Tcb = { ...(COMPONENTS[line].includes('fmc') ? { fmc: level('fmc') } : {}), bootLoader: level('bootLoader'), tee: level('tee'), snp: level('snp'), microcode: level('microcode') };
  const above = componentAbove(tcb, LINE_TABLE[line].newestTcb);
  if (above) throw new ServiceError(404, `no ${line} chip has ${PARAMETERS[above]}=${tcb[above] ?? 0}`);
  return tcb;
}
