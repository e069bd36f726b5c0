/** The driver's end of the RPC queues: commands and their answers one at a time, and what GSP says by itself. */
import type { CslContext } from '../../channel/bundle.ts';
import { type Fault, FAULT_METADATA, FAULT_PACKET, openFault } from '../../channel/messages/fault-packet.ts';
import { elementsOf, RPC_ELEMENT_SIZE, RpcReceiver, RpcSender } from '../../channel/messages/rpc-element.ts';
import { LinkError } from '../../channel/outcomes.ts';
import type { LinkSession } from '../../channel/session.ts';
import { COMMAND, type CommandName, GSP_COMMAND, GSP_STATUS, outcomeNumbered, SEC2_CHANNEL } from '../gsp-messages.ts';
import { RING, type SharedMemory } from '../shared-memory.ts';
import { Turns } from './turns.ts';

/** How often a message is read again before it is given up (message_queue_cpu.c, nMaxRetries). */
const RETRIES = 3;
const KEPT_FAULTS = 64;

/** What the client needs of its driver. */
export interface GspClientOptions {
  readonly session: LinkSession;
  readonly shared: SharedMemory;
  /** Shows a command to the GPU, if the host lets it. */
  publish(publish: () => void): void;
  wait(until: () => boolean): Promise<void>;
  /** The driver's end of a queue. */
  context(label: string): CslContext;
  /** Ends what the driver does with the GPU. @returns `error` */
  fail(error: LinkError): LinkError;
  /** A channel was stopped by the GPU. */
  stopped(channel: number | 'sec2', error: LinkError): void;
}

/** The driver's end of the RPC queues of one GPU. */
export class GspClient {
  /** The last faults that the GPU told. */
  readonly faults: Fault[] = [];
  readonly #options: GspClientOptions;
  readonly #sender: RpcSender;
  readonly #receiver: RpcReceiver;
  readonly #faultContext: CslContext;
  readonly #turns = new Turns();
  #commandPut = 0;
  #statusGet = 0;
  #faultGet = 0;
  #answer: Uint8Array | LinkError | undefined;

  constructor(options: GspClientOptions) {
    this.#options = options;
    const rpc = options.context('cpu_gsp_locked_rpc');
    this.#sender = new RpcSender(rpc);
    this.#receiver = new RpcReceiver(rpc);
    this.#faultContext = options.context('gsp_cpu_replayable_fault');
  }

  /**
   * Asks GSP for something.
   * @param then what the driver does with the data of the answer, before anything else is asked
   * @throws {LinkError} gspTimeout, rpcBroken, rpcForged, or the status that GSP gave
   */
  call(name: CommandName, args?: readonly number[]): Promise<Uint8Array>;
  call<T>(name: CommandName, args: readonly number[], then: (data: Uint8Array) => T): Promise<T>;
  call<T>(name: CommandName, [a = 0, b = 0, c = 0]: readonly number[] = [], then?: (data: Uint8Array) => T): Promise<T | Uint8Array> {
    return this.#turns.run(async () => {
      const { session, shared, publish, wait } = this.#options;
      session.requireAlive();
      const element = this.#seal(GSP_COMMAND.encode({ code: COMMAND[name], a, b, c }));
      const put = this.#commandPut;
      shared.write(shared.entry('commandQueue', put, RPC_ELEMENT_SIZE), element);
      this.#commandPut = (put + 1) >>> 0;
      this.#answer = undefined;
      publish(() => shared.store('commandPut', put + 1));
      await this.#answered(wait);
      const answer = this.#answer as unknown as Uint8Array | LinkError;
      if (answer instanceof LinkError) throw answer;
      const { status, outcome } = GSP_STATUS.decode(answer.subarray(0, GSP_STATUS.size));
      if (status !== 0) throw outcome === 0 ? new RangeError(`GSP refuses ${name} (status 0x${status.toString(16)})`) : new LinkError(outcomeNumbered(outcome), name);
      const data = answer.slice(GSP_STATUS.size);
      return then ? then(data) : data;
    });
  }

  /** Reads what GSP said. @returns messages that were taken @throws {LinkError} rpcForged, rpcOverflow, faultPacketForged */
  poll(): number {
    const { shared } = this.#options;
    const before = this.#statusGet;
    for (;;) {
      const waiting = (shared.load('statusPut') - this.#statusGet) >>> 0;
      if (waiting === 0 || waiting > RING.rpcElements) break;
      this.#take();
    }
    this.#takeFaults();
    return (this.#statusGet - before) >>> 0;
  }

  /** A command that may or may not have been heard leaves both ends with other counters: the GPU counts as lost. */
  async #answered(wait: GspClientOptions['wait']): Promise<void> {
    try {
      await wait(() => this.#answer !== undefined);
    } catch (error) {
      throw error instanceof LinkError && error.outcome === 'timeout' ? this.#options.fail(new LinkError('gspTimeout')) : error;
    }
  }

  #take(): void {
    const { shared } = this.#options;
    const message = this.#read();
    this.#statusGet = (this.#statusGet + 1) >>> 0;
    shared.store('statusGet', this.#statusGet);
    if (message instanceof LinkError) this.#answer = message;
    else this.#hear(message);
  }

  /** The next message; one that stays broken is passed over. */
  #read(): Uint8Array | LinkError {
    const { shared } = this.#options;
    for (let tries = 1; ; tries++) {
      try {
        const element = shared.snapshot(shared.entry('statusQueue', this.#statusGet, RPC_ELEMENT_SIZE), new Uint8Array(RPC_ELEMENT_SIZE));
        if (elementsOf(element) > 1) throw new LinkError('rpcBroken', 'more than one element');
        return this.#receiver.open(element);
      } catch (error) {
        if (!(error instanceof LinkError) || error.outcome !== 'rpcBroken') throw error;
        if (tries < RETRIES) continue;
        this.#receiver.pass();
        return error;
      }
    }
  }

  #hear(message: Uint8Array): void {
    const { kind, channel, outcome } = GSP_STATUS.decode(message.subarray(0, GSP_STATUS.size));
    if (kind === 0) this.#answer = message;
    else this.#options.stopped(channel === SEC2_CHANNEL ? 'sec2' : channel, new LinkError(outcomeNumbered(outcome)));
  }

  #takeFaults(): void {
    const { shared } = this.#options;
    const { at, length } = shared.region('faultBuffer');
    const waiting = (shared.load('faultPut') - this.#faultGet) >>> 0;
    if (waiting > RING.faults) return;
    for (let i = 0; i < waiting; i++) {
      const index = this.#faultGet % RING.faults;
      const packet = shared.snapshot(at + index * FAULT_PACKET.size, new Uint8Array(FAULT_PACKET.size));
      const metadata = shared.snapshot(at + length / 2 + index * FAULT_METADATA.size, new Uint8Array(FAULT_METADATA.size));
      const fault = openFault(this.#faultContext, packet, metadata);
      if (!fault) return;
      shared.write(at + length / 2 + index * FAULT_METADATA.size, new Uint8Array(FAULT_METADATA.size));
      this.#faultGet = (this.#faultGet + 1) >>> 0;
      shared.store('faultGet', this.#faultGet);
      if (this.faults.length >= KEPT_FAULTS) this.faults.shift();
      this.faults.push(fault);
    }
  }

  #seal(message: Uint8Array): Uint8Array {
    try {
      return this.#sender.seal(message);
    } catch (error) {
      throw error instanceof LinkError && error.reach === 'session' ? this.#options.session.end(error) : error;
    }
  }
}
