/**
 * AMD's Key Distribution Service: chains, chip certificates and revocation lists of every product line.
 *
 * Where the genuine service's answer is not known from a record, this one says so: the words of its refusals, 400 for a parameter that the
 * line does not have, 401 and 403 for VLEK leaves, the file name of a list.
 */
import { ServiceError } from '../../errors.ts';
import { type AmdAuthority, authorityOf } from '../../snp/authority.ts';
import { type Line, LINE_TABLE, LINES } from '../../snp/platform/products.ts';
import type { Tcb } from '../../snp/platform/tcb.ts';
import type { World } from '../../world.ts';
import { Cache } from '../http/cache.ts';
import { type Reply, type ServiceRequest, textReply } from '../http/message.ts';
import { type Params, RouteTable } from '../http/route.ts';
import type { Service } from '../http/service.ts';
import { KDS_FAULTS } from './faults.ts';
import { hardwareIdOf, lineNamed, tcbOf } from './levels.ts';
import { type RateLimit, Throttle } from './throttle.ts';

/** Which of AMD's two intermediates: the one over chips' keys, or the one over cloud providers' keys. */
export type Kind = 'vcek' | 'vlek';

/**
 * What stands as productName in a chip's certificate. `current` is what the KDS gives today (no stepping for Genoa and Turin). With reports of
 * version 2, go-sev-guest needs a stepping.
 */
export type ProductNames = 'current' | 'stepping';

/** How a {@link Kds} is set up. */
export interface KdsOptions {
  readonly world: World;
  /** AMD's key for a line; the same one each time. Without it, the World's own. */
  readonly authority?: (line: Line) => AmdAuthority;
  readonly productNames?: ProductNames;
  /** Off unless given. */
  readonly rateLimit?: RateLimit;
}

/** Certificates of chips that are kept: 1.4 kB each. */
const LEAVES = 4096;
/** A target longer than this is answered, but not remembered. */
const LONGEST_KEY = 400;

/** Headers in the shape of a genuine answer. */
const attachment = (filename: string): Readonly<Record<string, string>> => ({
  'Cache-Control': 'no-cache',
  Pragma: 'no-cache',
  'Content-Type': 'application/octet-stream',
  'Content-Disposition': `attachment; filename=${filename}`,
});
const LEAF_HEADERS = attachment('vcek.crt');

/** The service. */
export class Kds implements Service {
  readonly name = 'kds';
  readonly hosts: readonly string[] = ['kdsintf.amd.com'];
  readonly faults = KDS_FAULTS;
  readonly routes: RouteTable;
  readonly world: World;
  readonly #authority: (line: Line) => AmdAuthority;
  readonly #productNames: ProductNames;
  readonly #throttle: Throttle | undefined;
  /** By target, of the present period. A target names one certificate only, whatever it was mounted under. */
  readonly #leaves = new Cache<Reply>(LEAVES);
  #leafPeriod = Number.NaN;
  /** Chains by kind and line, of the present second. */
  readonly #chains = new Map<string, Reply>();
  #chainSecond = Number.NaN;
  /** Lists by line, with the revision that each is of. */
  readonly #lists = new Map<Line, { readonly revision: string; readonly reply: Reply }>();

  constructor({ world, authority, productNames = 'current', rateLimit }: KdsOptions) {
    this.world = world;
    this.#authority = authority ?? ((line) => authorityOf(world, line));
    this.#productNames = productNames;
    this.#throttle = rateLimit && new Throttle(rateLimit);
    const chain =
      (kind: Kind) =>
      (_: ServiceRequest, { line = '' }: Params) =>
        this.chain(kind, lineNamed(line));
    const list = (_: ServiceRequest, { line = '' }: Params): Reply => this.crl(lineNamed(line));
    this.routes = new RouteTable([
      { operation: 'kds.chain', method: 'GET', path: '/vcek/v1/:line/cert_chain', doc: 'ASK, then ARK, in PEM', handle: chain('vcek') },
      { operation: 'kds.chain', method: 'GET', path: '/vlek/v1/:line/cert_chain', doc: 'ASVK, then ARK, in PEM', handle: chain('vlek') },
      { operation: 'kds.crl', method: 'GET', path: '/vcek/v1/:line/crl', doc: "the ARK's revocation list, in DER", handle: list },
      { operation: 'kds.crl', method: 'GET', path: '/vlek/v1/:line/crl', doc: "the ARK's revocation list, in DER", handle: list },
      { operation: 'kds.vlek', method: 'GET', path: '/vlek/v1/:line/cert', doc: 'a VLEK: for cloud providers only, so 401 or 403', handle: refuseVlek },
      { operation: 'kds.vcek', method: 'GET', path: '/vcek/v1/:line/:hwid', doc: 'the VCEK of a chip at a TCB, in DER', handle: (request, params) => this.#leaf(request, params) },
    ]);
  }

  /** AMD's key for a line. */
  authority(line: Line): AmdAuthority {
    return this.#authority(line);
  }

  /** `cert_chain` of a line. */
  chain(kind: Kind, line: Line): Reply {
    const second = Math.floor(this.world.now() / 1000);
    // The authorities' lifetimes begin and end at odd times, so what was made in another second is not trusted.
    if (second !== this.#chainSecond) this.#chains.clear();
    this.#chainSecond = second;
    const id = `${kind}/${line}`;
    const reply = this.#chains.get(id) ?? { status: 200, headers: attachment(`${line}.pem`), body: Buffer.from(this.#authority(line).chainPem(kind), 'latin1') };
    this.#chains.set(id, reply);
    return reply;
  }

  /** The VCEK of a chip. @param hwid 64 bytes, 8 for Turin */
  vcek(line: Line, hwid: Uint8Array, tcb: Tcb): Reply {
    return this.leafReply(this.#authority(line).vcek(hwid, tcb, this.leafOptions(line)).der);
  }

  /** What the certificates of chips are made with. */
  leafOptions(line: Line): { productName?: string } {
    return this.#productNames === 'stepping' ? { productName: LINE_TABLE[line].steppingName } : {};
  }

  /** A certificate as the service hands it out. */
  leafReply(body: Uint8Array): Reply {
    return { status: 200, headers: LEAF_HEADERS, body };
  }

  /** The revocation list of a line's ARK. */
  crl(line: Line): Reply {
    const authority = this.#authority(line);
    const { revision } = authority;
    const kept = this.#lists.get(line);
    if (kept?.revision === revision) return kept.reply;
    const reply = this.listReply(line, authority.crl());
    this.#lists.set(line, { revision, reply });
    return reply;
  }

  /** A revocation list as the service hands it out. */
  listReply(line: Line, body: Uint8Array): Reply {
    return { status: 200, headers: attachment(`${line}.crl`), body };
  }

  /** Puts an intermediate of a line on the revocation list. AMD can't revoke a single VCEK: all of them have the serial 0. */
  revoke(line: Line, role: 'ASK' | 'ASVK'): void {
    this.#authority(line).revoke(role);
  }

  /** Takes every revocation back and forgets who was answered when. */
  reset(): void {
    for (const line of LINES) this.#authority(line).reinstate();
    this.#throttle?.reset();
  }

  /** A refusal in plain text. */
  refuse(status: number, message: string): Reply {
    return textReply(status, message);
  }

  #leaf(request: ServiceRequest, { line: lineName = '', hwid = '' }: Params): Reply {
    const line = lineNamed(lineName);
    const refused = this.#throttle && this.#throttled(this.#throttle, request, line, hwid);
    if (refused) return refused;
    const make = (): Reply => this.vcek(line, hardwareIdOf(line, hwid), tcbOf(line, request.query));
    if (request.target.length > LONGEST_KEY) return make();
    const { period } = this.#authority(line);
    if (period !== this.#leafPeriod) this.#leaves.clear();
    this.#leafPeriod = period;
    return this.#leaves.get(request.target, make);
  }

  #throttled(throttle: Throttle, request: ServiceRequest, line: Line, hwid: string): Reply | undefined {
    const certificate = (): string => `${line}/${Buffer.from(hardwareIdOf(line, hwid)).toString('hex')}/${Object.values(tcbOf(line, request.query)).join('.')}`;
    const seconds = throttle.wait(throttle.limit.per === 'client' ? request.client() : certificate(), this.world.now());
    return seconds === 0 ? undefined : textReply(429, 'Too Many Requests', { 'Retry-After': String(seconds) });
  }
}

/** AMD gives VLEK certificates to cloud providers that prove who they are; a guest finds its own in the certificate table of its host. */
function refuseVlek(request: ServiceRequest, { line = '' }: Params): Reply {
  lineNamed(line);
  if (request.header('authorization') === undefined) return textReply(401, 'VLEK certificates are for cloud providers', { 'WWW-Authenticate': 'Bearer' });
  throw new ServiceError(403, 'VLEK certificates are for cloud providers; this service knows none');
}
