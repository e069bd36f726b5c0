/** One end of a session's channels, led through a transcript. */
import { type CslContext, type CslIv, driverKeys, gpuKeys, newContext } from '../../../emulator/link/channel/bundle.ts';
import { channelCounter } from '../../../emulator/link/channel/iv.ts';
import { type KeySlot, keyPairOf, slotLabelled } from '../../../emulator/link/channel/labels.ts';
import { openFault } from '../../../emulator/link/channel/messages/fault-packet.ts';
import { RpcReceiver } from '../../../emulator/link/channel/messages/rpc-element.ts';
import { TRACKING_SEMAPHORE, TrackingSemaphore } from '../../../emulator/link/channel/messages/tracking-semaphore.ts';
import { LinkError } from '../../../emulator/link/channel/outcomes.ts';
import { LinkSession } from '../../../emulator/link/channel/session.ts';
import { nodeEngine } from '../../../emulator/link/engine/node.ts';
import type { ChannelStep, ChannelTranscript } from '../../../emulator/link/transcript.ts';
import { CodecError } from '../../../emulator/errors.ts';
import { sameBytes } from '../../../emulator/pki/read.ts';
import type { LinkAppraisal } from './reasons.ts';
import { REASON_OF } from './reasons.ts';

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));
const TAG = 16;

/** A channel of this end. */
interface Channel {
  readonly pair: readonly [KeySlot, KeySlot];
  readonly context: CslContext;
  readonly queue: RpcReceiver;
  readonly memory: Uint8Array;
  readonly semaphore: TrackingSemaphore;
}

/** What an accepted transcript comes to. */
export interface ChannelFacts {
  readonly end: 'driver' | 'gpu';
  readonly steps: number;
  /** Messages that were opened, of any kind. */
  readonly opened: number;
}

/** Leads one end through its steps. */
export function playChannel(appraisal: LinkAppraisal, transcript: ChannelTranscript): ChannelFacts {
  const player = new Player(appraisal, transcript);
  for (const [i, step] of transcript.steps.entries()) player.play(step, `steps.${i}`);
  return { end: transcript.end, steps: transcript.steps.length, opened: player.opened };
}

class Player {
  readonly #appraisal: LinkAppraisal;
  readonly #end: ChannelTranscript['end'];
  readonly #session: LinkSession;
  readonly #channels = new Map<string, Channel>();
  readonly #ivs = new Map<string, { readonly context: CslContext; readonly iv: CslIv }>();
  #now = 0;
  opened = 0;

  constructor(appraisal: LinkAppraisal, { end, emk, scheme, masks }: ChannelTranscript) {
    this.#appraisal = appraisal;
    this.#end = end;
    this.#session = new LinkSession({ emk: bytes(emk), scheme });
    this.#guarded('masks', () => {
      for (const [label, mask] of Object.entries(masks)) this.#session.store.depositIvMask(slotLabelled(label).globalKeyId, bytes(mask ?? ''));
    });
  }

  play(step: ChannelStep, path: string): void {
    this.#guarded(path, () => {
      if (step.do !== 'wait' && step.do !== 'heartbeat') this.#session.watch(this.#now);
      this.#step(step, path);
    });
  }

  /** Whatever a step comes to on the link is a reason. */
  #guarded(path: string, act: () => void): void {
    try {
      act();
    } catch (error) {
      if (error instanceof CodecError) this.#appraisal.fail('rpc-broken', { message: error.message, path });
      // Steps that no such channel can take: its pair has no key for them.
      if (error instanceof RangeError) this.#appraisal.fail('transcript-malformed', { message: error.message, path });
      if (!(error instanceof LinkError)) throw error;
      this.#appraisal.fail(REASON_OF[error.outcome] ?? 'transcript-malformed', { message: error.message, path });
    }
  }

  #step(step: ChannelStep, path: string): void {
    switch (step.do) {
      case 'channel':
        this.#open(step, path);
        return;
      case 'wait':
        this.#now += step.milliseconds;
        return;
      case 'heartbeat':
        this.#session.watch(this.#now);
        this.#session.heartbeat(this.#now);
        return;
      case 'rotate':
        this.#rotate(step);
        return;
      case 'late':
      case 'seal-with':
        this.#withIv(step, path);
        return;
      default:
        this.#inChannel(step, this.#channel(step.channel, path), path);
        return;
    }
  }

  #inChannel(step: Exclude<ChannelStep, { do: 'channel' | 'wait' | 'heartbeat' | 'rotate' | 'late' | 'seal-with' }>, { context, pair, queue, memory, semaphore }: Channel, path: string): void {
    switch (step.do) {
      case 'deliver':
        this.#deliver(context, step, undefined, path);
        return;
      case 'log':
        this.#ivs.set(step.as, { context, iv: context.logIv() });
        return;
      case 'acquire':
        this.#ivs.set(step.as, { context, iv: context.acquireIv() });
        return;
      case 'seal':
        this.#seal(context, step, context.acquireIv(), path);
        return;
      case 'rotate-iv': {
        const { encrypt, decrypt } = this.#session.store.retrieve(pair[0].globalKeyId);
        if (encrypt) context.rotateIv(this.#end === 'driver' ? 'out' : 'in', channelCounter(encrypt.iv));
        if (decrypt) context.rotateIv(this.#end === 'driver' ? 'in' : 'out', channelCounter(decrypt.iv));
        return;
      }
      case 'work':
        this.#appraisal.check('work-forged', context.verifies(bytes(step.methods), bytes(step.mac)), () => ({ message: 'the MAC over the methods is wrong', path }));
        return;
      case 'rpc':
        this.#same(queue.open(bytes(step.element)), step.plain, path);
        return;
      case 'fault': {
        const fault = openFault(context, bytes(step.packet), bytes(step.metadata));
        this.#appraisal.check('message-differs', fault?.address === BigInt(step.address), () => ({ message: `is ${fault?.address}, must be ${step.address}`, path }));
        this.opened++;
        return;
      }
      case 'queue':
        semaphore.queue();
        return;
      case 'semaphore': {
        memory.set(bytes(step.memory));
        const completed = semaphore.update();
        this.#appraisal.check('message-differs', completed === step.completed, () => ({ message: `push ${completed} is done, must be ${step.completed}`, path }));
        this.opened++;
      }
    }
  }

  #open({ channel, key, messages, nonce }: Extract<ChannelStep, { do: 'channel' }>, path: string): void {
    this.#appraisal.check('transcript-malformed', !this.#channels.has(channel), () => ({ message: `'${channel}' is open already`, path }));
    const pair = keyPairOf(slotLabelled(key).globalKeyId);
    const { scheme, store } = this.#session;
    const keys = pair[0].keyspace.startsWith('LCE') ? scheme.open(store, pair[0].globalKeyId) : store.retrieve(pair[0].globalKeyId);
    const width = pair[0].keyspace === 'GSP' ? 64 : 32;
    const context = newContext(nodeEngine(), this.#end === 'driver' ? driverKeys(keys) : gpuKeys(keys), width);
    if (messages !== undefined) for (const way of this.#ways(keys)) context.seek(way, BigInt.asUintN(width, BigInt(messages)));
    if (nonce !== undefined && keys.hmac) context.seekNonce(bytes(nonce));
    const memory = new Uint8Array(TRACKING_SEMAPHORE.size);
    this.#channels.set(channel, { pair, context, queue: new RpcReceiver(context), memory, semaphore: new TrackingSemaphore(context, memory) });
  }

  /** The directions that there are keys for. */
  #ways({ encrypt, decrypt }: { readonly encrypt?: unknown; readonly decrypt?: unknown }): readonly ('out' | 'in')[] {
    const driver = this.#end === 'driver';
    return [...(encrypt ? [driver ? ('out' as const) : ('in' as const)] : []), ...(decrypt ? [driver ? ('in' as const) : ('out' as const)] : [])];
  }

  #rotate({ key, masks }: Extract<ChannelStep, { do: 'rotate' }>): void {
    const pair = keyPairOf(slotLabelled(key).globalKeyId);
    const { store } = this.#session;
    pair.forEach(({ globalKeyId, type }, i) => {
      store.update(globalKeyId);
      if (type !== 'HMAC_COUNTER') store.depositIvMask(globalKeyId, bytes(masks[i] ?? ''));
    });
    const keys = store.retrieve(pair[0].globalKeyId, 'both', false);
    for (const { pair: own, context } of this.#channels.values()) if (own[0] === pair[0]) context.rotate(this.#end === 'driver' ? driverKeys(keys) : gpuKeys(keys));
  }

  #withIv(step: Extract<ChannelStep, { do: 'late' | 'seal-with' }>, path: string): void {
    const held = this.#ivs.get(step.as) ?? this.#appraisal.fail('transcript-malformed', { message: `there is no IV '${step.as}'`, path });
    if (step.do === 'seal-with') this.#seal(held.context, step, held.iv, path);
    else this.#deliver(held.context, step, { iv: held.iv, keyVersion: step.version }, path);
  }

  #deliver(context: CslContext, { text, tag, plain }: { readonly text: string; readonly tag: string; readonly plain: string }, options: { iv: CslIv; keyVersion: number } | undefined, path: string): void {
    const src = bytes(text);
    const dst = new Uint8Array(src.length);
    this.#appraisal.check('message-forged', context.opens(src, bytes(tag), dst, options), () => ({ message: 'does not open with the IV that is next, under the key that it should have', path }));
    this.#same(dst, plain, path);
  }

  #seal(context: CslContext, { plain, text, tag }: { readonly plain: string; readonly text: string; readonly tag: string }, iv: CslIv, path: string): void {
    const src = bytes(plain);
    const [dst, own] = [new Uint8Array(src.length), new Uint8Array(TAG)];
    context.sealWith(iv, src, dst, own);
    this.#appraisal.check('message-differs', sameBytes(dst, bytes(text)) && sameBytes(own, bytes(tag)), () => ({ message: 'something else comes out', path }));
  }

  #same(opened: Uint8Array, plain: string, path: string): void {
    this.#appraisal.check('message-differs', sameBytes(opened, bytes(plain)), () => ({ message: 'opens to something else', path }));
    this.opened++;
  }

  #channel(name: string, path: string): Channel {
    return this.#channels.get(name) ?? this.#appraisal.fail('transcript-malformed', { message: `there is no channel '${name}'`, path });
  }
}
