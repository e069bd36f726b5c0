/**
 * NVIDIA's RIM service: manifests by their id, and the list of ids, in JSON. Ids are taken as they are written: the genuine ones are in upper
 * case, and so is what clients ask for.
 *
 * Source: NVIDIA's documentation of the RIM service, and its answers as recorded in public. Of the genuine 404 only the status and `message` are
 * known; the other refusals are worded like it. A service key in `Authorization` is passed over.
 */
import { createHash } from 'node:crypto';
import { uuidText } from '../../../crypto/uuid.ts';
import { type PublishedRim, type RimLibrary, rimLibraryOf } from '../../../h100/rim/library.ts';
import type { World } from '../../../world.ts';
import type { Reply, ServiceRequest } from '../../http/message.ts';
import { type Params, RouteTable } from '../../http/route.ts';
import type { Service } from '../../http/service.ts';
import { RIM_FAULTS } from './faults.ts';

/** Host of the genuine service. */
export const RIM_HOST = 'rim.attestation.nvidia.com';

const HEADERS = { 'Content-Type': 'application/json' } as const;
/** Names of statuses as the service writes them in `message`. */
const MESSAGES: Readonly<Record<number, string>> = { 400: 'BAD_REQUEST', 404: 'RIM_NOT_FOUND', 405: 'METHOD_NOT_ALLOWED' };

/** Ids that are drawn at once. */
const IDS_DRAWN = 256;

/** How the answer about a manifest differs from the honest one. */
export interface RimAnswerChange {
  /** Members in place of the honest ones; `rim` is base64. */
  readonly members?: Readonly<Partial<Record<'id' | 'rim' | 'sha256' | 'rim_format', string>>>;
}

/** The service. */
export class RimService implements Service {
  readonly name = 'rim';
  readonly hosts: readonly string[] = [RIM_HOST];
  readonly faults = RIM_FAULTS;
  readonly routes: RouteTable;
  readonly world: World;
  readonly library: RimLibrary;
  /** All of an answer but the request's id, which comes last. */
  readonly #heads = new WeakMap<PublishedRim, Buffer>();
  /** Ids of requests to come: to draw many at once is cheaper. */
  #drawn: string[] = [];

  constructor({ world, library = rimLibraryOf(world) }: { world: World; library?: RimLibrary }) {
    this.world = world;
    this.library = library;
    this.routes = new RouteTable([
      { operation: 'rim.ids', method: 'GET', path: '/v1/rim/ids', doc: 'ids of all manifests, or with rim_format of those in a form', handle: (request) => this.#ids(request) },
      { operation: 'rim.get', method: 'GET', path: '/v1/rim/:id', doc: 'a manifest by its id, such as NV_GPU_DRIVER_GH100_550.90.07', handle: (_, params) => this.#get(params) },
    ]);
  }

  /** The answer with a manifest. */
  reply(rim: PublishedRim, change: RimAnswerChange = {}): Reply {
    const head = change.members ? answerHead(rim, change.members) : (this.#heads.get(rim) ?? answerHead(rim));
    if (!change.members) this.#heads.set(rim, head);
    const id = this.#requestId();
    return { status: 200, headers: HEADERS, own: ['x-amzn-RequestId', id], body: Buffer.concat([head, Buffer.from(`"${id}"}`, 'latin1')]) };
  }

  /** A refusal: `message` in the words of the service, and what is wrong. */
  refuse(status: number, message: string): Reply {
    const id = this.#requestId();
    return { status, headers: HEADERS, own: ['x-amzn-RequestId', id], body: Buffer.from(JSON.stringify({ message: MESSAGES[status] ?? 'INTERNAL_SERVER_ERROR', description: message, request_id: id }), 'utf8') };
  }

  /** There is nothing that it was told. */
  reset(): void {}

  #get({ id = '' }: Params): Reply {
    const rim = this.library.find(id);
    return rim ? this.reply(rim) : this.refuse(404, `there is no RIM with the id ${id.slice(0, 200)}`);
  }

  #ids({ query }: ServiceRequest): Reply {
    const format = new URLSearchParams(query).get('rim_format');
    const ids = format === null || format === 'TCG' ? this.library.ids : [];
    const updatedAt = this.library.find(this.library.ids[0] ?? '')?.updatedAt ?? 0;
    const id = this.#requestId();
    return { status: 200, headers: HEADERS, own: ['x-amzn-RequestId', id], body: Buffer.from(JSON.stringify({ ids, request_id: id, last_updated: isoText(updatedAt) }), 'utf8') };
  }

  #requestId(): string {
    if (this.#drawn.length === 0) {
      const drawn = this.world.random('nvidia/rim/request-id', IDS_DRAWN * 16);
      this.#drawn = Array.from({ length: IDS_DRAWN }, (_, i) => uuidText(drawn.subarray(i * 16, (i + 1) * 16)));
    }
    return this.#drawn.pop() ?? '';
  }
}

function answerHead({ id, document, updatedAt }: PublishedRim, members: RimAnswerChange['members'] = {}): Buffer {
  const sha256 = createHash('sha256').update(document).digest('hex');
  const answer = { id, rim: Buffer.from(document).toString('base64'), sha256, last_updated: isoText(updatedAt), rim_format: 'TCG', ...members };
  return Buffer.from(`${JSON.stringify(answer).slice(0, -1)},"request_id":`, 'utf8');
}

/** A time as the service writes it: microseconds, and no zone. */
function isoText(at: number): string {
  return new Date(at).toISOString().replace('Z', '000');
}
