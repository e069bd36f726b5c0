/** The table of AMD product lines: everything that distinguishes Milan, Genoa and Turin, each value from a genuine report or certificate. */
import { ConfigError } from '../../errors.ts';
import type { Tcb } from './tcb.ts';
import { TCB_MILAN_GENOA, TCB_TURIN } from './tcb.ts';

/** The product lines that have keys of their own at AMD. */
export const LINES = ['Milan', 'Genoa', 'Turin'] as const;
export type Line = (typeof LINES)[number];

const RSA_ROLES = ['ARK', 'ASK', 'ASVK'] as const;

/** What a World calls the RSA key of an authority of AMD's: `amd/ark/Milan`. */
export function amdRsaLabel(role: (typeof RSA_ROLES)[number], line: Line): string {
  return `amd/${role.toLowerCase()}/${line}`;
}

/** Labels of the RSA keys of AMD's authorities for these lines. The keys of a seed depend on the order of the whole list. */
export function amdRsaLabels(lines: readonly Line[] = LINES): string[] {
  return lines.flatMap((line) => RSA_ROLES.map((role) => amdRsaLabel(role, line)));
}

/** CPUID family, model and stepping as a report of version 3 and later states them. */
export interface CpuId {
  readonly family: number;
  readonly model: number;
  readonly stepping: number;
}

/** What a line's certificates and reports look like. */
export interface LineRow {
  readonly line: Line;
  /** Serial of the ARK; ASK and ASVK follow from the rows below. */
  readonly serials: { readonly ark: number; readonly ask: number; readonly asvk: number };
  /** When AMD issued the genuine ones (milliseconds since 1970); they live 25 years. */
  readonly issued: { readonly ark: number; readonly ask: number; readonly asvk: number };
  /** What the genuine CRL lists: a replaced ASK of Genoa. */
  readonly revoked: readonly { readonly serial: number; readonly at: number }[];
  /** CRL number of the genuine CRL. */
  readonly crlNumber: number;
  /** Bytes of CHIP_ID that identify the chip; the rest of the 64 is zero. */
  readonly hwidLength: 8 | 64;
  readonly tcbLayout: typeof TCB_MILAN_GENOA | typeof TCB_TURIN;
  readonly structVersion: number;
  /** productName in VCEK and VLEK. */
  readonly productName: string;
  /** The same with a stepping, which verifiers need beside reports of version 2: the first that go-sev-guest knows and customers have. */
  readonly steppingName: string;
  /** Highest TCB that AMD has released for the line: the KDS knows nothing above it. */
  readonly newestTcb: Tcb;
}

const utc = (text: string): number => Date.parse(`${text}Z`);

/** Sources: the genuine ARK, ASK, ASVK, VCEK and CRL of each line, and the genuine reports named in docs/field-values.md. */
export const LINE_TABLE: Readonly<Record<Line, LineRow>> = {
  Milan: {
    line: 'Milan',
    serials: { ark: 0x010000, ask: 0x010001, asvk: 0x010101 },
    issued: { ark: utc('2020-10-22T17:23:05'), ask: utc('2020-10-22T18:24:20'), asvk: utc('2022-11-16T22:45:24') },
    revoked: [],
    crlNumber: 6,
    hwidLength: 64,
    tcbLayout: TCB_MILAN_GENOA,
    structVersion: 0,
    productName: 'Milan-B0',
    steppingName: 'Milan-B0',
    newestTcb: { bootLoader: 4, tee: 0, snp: 0x19, microcode: 0xdc },
  },
  Genoa: {
    line: 'Genoa',
    serials: { ark: 0x020000, ask: 0x020002, asvk: 0x020101 },
    issued: { ark: utc('2022-01-26T15:34:37'), ask: utc('2022-10-31T13:33:48'), asvk: utc('2022-11-18T20:48:34') },
    revoked: [{ serial: 0x020001, at: utc('2022-10-31T12:00:00') }],
    crlNumber: 4,
    hwidLength: 64,
    tcbLayout: TCB_MILAN_GENOA,
    structVersion: 0,
    productName: 'Genoa',
    steppingName: 'Genoa-B1',
    newestTcb: { bootLoader: 10, tee: 0, snp: 0x1b, microcode: 0x54 },
  },
  Turin: {
    line: 'Turin',
    serials: { ark: 0x030000, ask: 0x030001, asvk: 0x030101 },
    issued: { ark: utc('2023-05-15T20:03:12'), ask: utc('2023-05-15T20:25:21'), asvk: utc('2023-05-15T21:09:41') },
    revoked: [],
    crlNumber: 7,
    hwidLength: 8,
    tcbLayout: TCB_TURIN,
    structVersion: 1,
    productName: 'Turin',
    steppingName: 'Turin-B1',
    newestTcb: { fmc: 1, bootLoader: 1, tee: 1, snp: 4, microcode: 0x51 },
  },
};

/** A product that one can buy: a line, and what its CPUID says. */
export interface Product {
  readonly name: string;
  readonly line: Line;
  readonly cpuid: CpuId;
  readonly doc: string;
}

/** Siena and Bergamo: CPUID from a genuine report; AMD gives them Genoa's keys. */
const ZEN4C = { line: 'Genoa', cpuid: { family: 0x19, model: 0xa0, stepping: 0x02 } } as const;
export const PRODUCTS: Readonly<Record<string, Product>> = {
  milan: { name: 'milan', line: 'Milan', cpuid: { family: 0x19, model: 0x01, stepping: 0x01 }, doc: 'EPYC 7003 (Zen 3)' },
  genoa: { name: 'genoa', line: 'Genoa', cpuid: { family: 0x19, model: 0x11, stepping: 0x01 }, doc: 'EPYC 9004 (Zen 4)' },
  bergamo: { name: 'bergamo', ...ZEN4C, doc: 'EPYC 97x4 (Zen 4c), keys of the Genoa line' },
  siena: { name: 'siena', ...ZEN4C, doc: 'EPYC 8004 (Zen 4c), keys of the Genoa line' },
  turin: { name: 'turin', line: 'Turin', cpuid: { family: 0x1a, model: 0x02, stepping: 0x01 }, doc: 'EPYC 9005 (Zen 5)' },
};

/** @throws {ConfigError} naming the products there are */
export function productNamed(name: string): Product {
  const product = Object.hasOwn(PRODUCTS, name) ? PRODUCTS[name] : undefined;
  if (!product) throw new ConfigError('product', `'${name}' is none of ${Object.keys(PRODUCTS).join(', ')}`);
  return product;
}

/**
 * The line whose keys sign for a CPU, by the CPUID in its report: family 19h models 00h–0Fh Milan, 10h–1Fh and A0h–AFh Genoa;
 * family 1Ah models 00h–11h Turin. Undefined for a CPU of no known line.
 */
export function lineOfCpu({ family, model }: Pick<CpuId, 'family' | 'model'>): Line | undefined {
  if (family === 0x19 && model <= 0x0f) return 'Milan';
  if (family === 0x19 && ((model >= 0x10 && model <= 0x1f) || (model >= 0xa0 && model <= 0xaf))) return 'Genoa';
  if (family === 0x1a && model <= 0x11) return 'Turin';
  return undefined;
}
