/** What a relying party expects, as options of `teemu verify`. */
import { type Command, Option } from 'commander';
import { ConfigError } from '../../../emulator/errors.ts';
import { TCB_COMPONENTS, type Tcb, type TcbComponent } from '../../../emulator/snp/platform/tcb.ts';
import { type BundleWishes, GPU_MODES, type GpuMode, maximumPolicy, TCB_STATUSES, type Verifier } from '../../verify/index.ts';
import { parseHex, parseInteger } from '../session/values.ts';

/** One option: how it is written, and what it asks of the evidence. */
interface WishRow {
  readonly flags: string;
  readonly doc: string;
  /** @param text the option's value, or nothing for a switch @param verifier of the TEE: where an option means something else to it @throws {ConfigError} */
  readonly wish: (flag: string, text: string, verifier: Verifier) => Partial<BundleWishes>;
}

type AcceptableStatus = Exclude<(typeof TCB_STATUSES)[number], 'Revoked'>;
/** No relying party can accept a revoked platform. */
const ACCEPTABLE = TCB_STATUSES.filter((status): status is AcceptableStatus => status !== 'Revoked');

const ROWS: readonly WishRow[] = [
  { flags: '--report-data <hex>', doc: 'REPORT_DATA, up to 64 bytes, filled up with zeros', wish: (flag, text) => ({ reportData: parseHex(flag, text, 64, { padded: true }) }) },
  {
    flags: '--nonce <hex>',
    doc: "the nonce of the verifier: 32 bytes in a GPU's report; elsewhere evidence carries it in its report data",
    wish: (flag, text, { wishes }) => (Object.hasOwn(wishes, 'nonce') ? { nonce: parseHex(flag, text, 32) } : { reportData: parseHex(flag, text, 64, { padded: true }) }),
  },
  { flags: '--measurement <hex>', doc: 'launch digest, or MRTD: 48 bytes', wish: (flag, text) => ({ measurement: parseHex(flag, text, 48) }) },
  { flags: '--host-data <hex>', doc: 'HOST_DATA, up to 32 bytes, filled up with zeros', wish: (flag, text) => ({ hostData: parseHex(flag, text, 32, { padded: true }) }) },
  {
    flags: '--policy <hex>',
    doc: 'how far the guest policy may go: what weakens a guest (debugging, migration, SMT, CXL) only where its bit is set, what strengthens it wherever its bit is set, the ABI as a minimum (0x30000)',
    wish: (flag, text) => maximumPolicy(parsePolicy(flag, text)),
  },
  { flags: '--min-tcb <list>', doc: `lowest level of each component in all TCBs of the report: bootLoader=4,snp=0x17 (${TCB_COMPONENTS.join(', ')})`, wish: (flag, text) => ({ minimumTcb: parseTcb(flag, text) }) },
  { flags: '--vmpl <n>', doc: 'VMPL that asked for the report, 0 to 3', wish: (flag, text) => ({ vmpl: parseInteger(flag, text, 0, 3) }) },
  { flags: '--signer <name>', doc: 'vcek or vlek', wish: (flag, text) => ({ signer: parseSigner(flag, text) }) },
  { flags: '--tcb-status <list>', doc: `statuses of a TDX platform that are good enough, UpToDate unless given (${ACCEPTABLE.join(', ')})`, wish: (flag, text) => ({ tcbStatuses: parseStatuses(flag, text) }) },
  { flags: '--binding <name>', doc: 'how a confidential VM is bound to its GPUs: evidence (the usual one) or nonce', wish: (_, text) => ({ binding: text }) },
  { flags: '--require-crl', doc: 'refuse evidence without a revocation list', wish: () => ({ requireCrl: true }) },
  { flags: '--min-driver <version>', doc: 'lowest version of the GPU driver: 550.90.07', wish: (_, text) => ({ minimumDriver: text }) },
  { flags: '--min-vbios <version>', doc: "lowest version of a GPU's VBIOS: 96.00.9F.00.01", wish: (_, text) => ({ minimumVbios: text }) },
  { flags: '--gpu-mode <list>', doc: `modes that GPUs may run in, any unless given (${GPU_MODES.join(', ')})`, wish: (flag, text) => ({ modes: parseModes(flag, text) }) },
  { flags: '--devices <n>', doc: 'how many GPUs and switches there must be', wish: (flag, text) => ({ deviceCount: parseInteger(flag, text, 1, 64) }) },
  { flags: '--allow-hold', doc: 'accept GPUs with a certificate on hold', wish: () => ({ allowHold: true }) },
  { flags: '--allow-provisional-firmware', doc: 'accept firmware that could still be rolled back (AWS)', wish: () => ({ allowProvisionalFirmware: true }) },
];

/** Adds the options. */
export function addWishes(command: Command): void {
  for (const { flags, doc } of ROWS) command.addOption(new Option(flags, doc));
}

/** What the user expects. @throws {ConfigError} for a value that cannot be, or two options for the same thing */
export function wishesOf(command: Command, verifier: Verifier): Partial<BundleWishes> {
  const wishes: Partial<BundleWishes> = {};
  for (const { flags, wish } of ROWS) {
    const option = new Option(flags);
    const flag = option.long ?? flags;
    const value: unknown = command.getOptionValue(option.attributeName());
    if (value === undefined) continue;
    for (const [key, wanted] of Object.entries(wish(flag, String(value), verifier))) {
      if (key in wishes) throw new ConfigError(flag, `says again what another option says already (${key})`);
      Object.assign(wishes, { [key]: wanted });
    }
  }
  return wishes;
}

/** What accepted evidence does not show, since nobody asked for it. */
export function unaskedOf(wishes: Partial<BundleWishes>, { wishes: known }: Verifier): string[] {
  const unasked = (name: keyof BundleWishes): boolean => Object.hasOwn(known, name) && wishes[name] === undefined;
  return [
    ...(unasked('measurement') ? ['which guest it is (--measurement)'] : []),
    ...(unasked('reportData') ? ['whether it was made for you (--report-data)'] : []),
    ...(unasked('nonce') ? ['whether it was made for you (--nonce)'] : []),
  ];
}

function parsePolicy(flag: string, text: string): bigint {
  if (!/^(0x)?[0-9a-f]{1,16}$/i.test(text)) throw new ConfigError(flag, 'must be hexadecimal, at most 8 bytes');
  return BigInt(`0x${text.replace(/^0x/i, '')}`);
}

function parseTcb(flag: string, text: string): Partial<Tcb> {
  const tcb: Partial<Tcb> = {};
  for (const part of text.split(',')) {
    const [name = '', level = ''] = part.split('=');
    if (!(TCB_COMPONENTS as readonly string[]).includes(name)) throw new ConfigError(flag, `'${name.slice(0, 40)}' is none of ${TCB_COMPONENTS.join(', ')}`);
    tcb[name as TcbComponent] = parseInteger(flag, level, 0, 255);
  }
  return tcb;
}

function parseSigner(flag: string, text: string): 'vcek' | 'vlek' {
  if (text !== 'vcek' && text !== 'vlek') throw new ConfigError(flag, 'is vcek or vlek');
  return text;
}

function parseStatuses(flag: string, text: string): AcceptableStatus[] {
  return text.split(',').map((name) => {
    const status = ACCEPTABLE.find((known) => known === name);
    if (!status) throw new ConfigError(flag, `'${name.slice(0, 40)}' is none of ${ACCEPTABLE.join(', ')}`);
    return status;
  });
}

function parseModes(flag: string, text: string): GpuMode[] {
  return text.split(',').map((name) => {
    const mode = GPU_MODES.find((known) => known === name);
    if (!mode) throw new ConfigError(flag, `'${name.slice(0, 40)}' is none of ${GPU_MODES.join(', ')}`);
    return mode;
  });
}
