/** What the wrapper is asked and answers: `main.go` beside this file, one JSON object a line. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readLittleEndian } from '../../../emulator/codec/layout.ts';
import { pem } from '../../../emulator/pki/der.ts';
import { TCB_MILAN_GENOA, type Tcb } from '../../../emulator/snp/platform/tcb.ts';
import type { SnpSubject } from '../../../vectors/build.ts';

/** Evidence, whom to trust, what to ask for, and where the key distribution service is. Bytes are base64 where they are long, hexadecimal where they are short. */
export interface Question {
  readonly id: string;
  readonly report?: string;
  readonly certs?: string;
  readonly proto?: string;
  readonly chain: string;
  readonly askChain?: string;
  readonly line: string;
  /** Seconds since 1970. */
  readonly now: number;
  readonly kds?: string;
  readonly fetch?: boolean;
  readonly checkCrl?: boolean;
  /** A revocation list to be served in place of the service's. */
  readonly crl?: string;
  readonly guestPolicy: number;
  readonly reportData?: string;
  readonly measurement?: string;
  readonly hostData?: string;
  readonly vmpl?: number;
  /** 64 bits in decimal, as the report states a TCB. */
  readonly minimumTcb?: string;
  readonly provisional?: boolean;
}

/** `panic` is a crash of the library; `roots` and `usage` are the wrapper's own. */
export type Step = 'parse' | 'roots' | 'verify' | 'usage' | 'validate' | 'panic';

export interface Answer {
  readonly id: string;
  readonly verdict: 'accept' | 'reject';
  readonly stage?: Step;
  readonly detail?: string;
  /** Paths that it asked the key distribution service for. */
  readonly fetched?: readonly string[];
}

const base64 = (b: Uint8Array): string => Buffer.from(b).toString('base64');
const hex = (b: Uint8Array | undefined): string => (b ? Buffer.from(b).toString('hex') : '');

/** A chain as the key distribution service gives it: intermediate, then ARK. */
export function chainPem(intermediate: Uint8Array, ark: Uint8Array): string {
  return pem('CERTIFICATE', intermediate) + pem('CERTIFICATE', ark);
}

/** TCB_VERSION of Milan and Genoa in decimal. */
export function tcbVersion({ bootLoader, tee, snp, microcode }: Tcb): string {
  return readLittleEndian(TCB_MILAN_GENOA.encode({ bootLoader, tee, snp, microcode }), 0, TCB_MILAN_GENOA.size).toString();
}

/** The question about a subject: report and certificate table, the trusted root with the intermediate presented, and the relying party's wishes. */
export function ask(id: string, subject: SnpSubject, more: Partial<Question> = {}): Question {
  const { line, report, certificateTable, intermediate, root, now, request } = subject;
  return {
    id,
    line,
    report: base64(report),
    certs: base64(certificateTable),
    chain: chainPem(intermediate, root),
    now: Math.floor(now / 1000),
    guestPolicy: Number(request.maximumPolicy),
    reportData: hex(request.reportData),
    measurement: hex(request.measurement),
    hostData: hex(request.hostData),
    provisional: request.allowProvisionalFirmware,
    ...(request.vmpl === undefined ? {} : { vmpl: request.vmpl }),
    ...(request.minimumTcb ? { minimumTcb: tcbVersion(request.minimumTcb) } : {}),
    ...more,
  };
}

/** Asks the wrapper, and waits for all answers. @throws {Error} when it breaks down */
export async function answers(program: string, questions: readonly Question[]): Promise<ReadonlyMap<string, Answer>> {
  const child = spawn(program, { stdio: ['pipe', 'pipe', 'pipe'] });
  const output: Buffer[] = [];
  const complaints: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => complaints.push(chunk));
  child.stdin.end(questions.map((question) => `${JSON.stringify(question)}\n`).join(''));
  const [code] = (await once(child, 'close')) as [number | null];
  const list = Buffer.concat(output)
    .toString()
    .split('\n')
    .filter((line) => line !== '')
    .map((line): Answer => JSON.parse(line));
  if (code !== 0 || list.length !== questions.length) throw new Error(`the wrapper ended with ${code} after ${list.length} of ${questions.length} answers: ${Buffer.concat(complaints).toString()}`);
  return new Map(list.map((answer) => [answer.id, answer]));
}
