/** Starts the services of a World: data port, proxy and control port. */
import { constants } from 'node:fs';
import { open, rename, unlink } from 'node:fs/promises';
import { withServices } from '../bundle.ts';
import { fileError } from '../disk/file.ts';
import { type Clock, freshSecret, systemClock, type World } from '../world.ts';
import { App } from './app.ts';
import { control, type EvidenceHandler } from './control/control.ts';
import { type ActiveRule, Die, FaultPlan, type FaultRule } from './faults/plan.ts';
import { FAULTS } from './faults/table.ts';
import { listen } from './http/listen.ts';
import type { Service } from './http/service.ts';
import { Journal, type JournalEntry } from './control/journal.ts';
import { startProxy } from './proxy/proxy.ts';
import { TlsAuthority } from './proxy/tls-authority.ts';
import { openVendors, type Revocable, revoke, type ServiceName, urlsFor, type Vendor, type VendorOptions, type Vendors } from './vendors.ts';

/** What to start, and how. */
export type ServicesOptions = VendorOptions & ListeningOptions;

interface ListeningOptions {
  /** Its clock can be turned through the control port when it is an `AdjustableClock`. */
  readonly world: World;
  /** Services to mount beside the vendors'. */
  readonly services?: readonly Service[];
  /** What `POST /evidence/{tee}` calls, by name of the TEE; the answer's manifest names the services of the TEE's vendor. */
  readonly evidence?: Readonly<Record<string, EvidenceHandler>>;
  /** 0, which is the default, takes any free port. */
  readonly ports?: { readonly data?: number; readonly proxy?: number; readonly control?: number };
  /** Address to listen on, with or without the brackets of IPv6; 127.0.0.1 unless given. */
  readonly address?: string;
  /** Needed for any address that others can reach. */
  readonly listenPublic?: boolean;
  /** Start the proxy too. */
  readonly proxy?: boolean;
  /** Where to write the proxy's root certificate, in PEM; replaced when it is there. */
  readonly caFile?: string;
  /** The clock of the clients, for the lifetimes of the proxy's certificates: that of this machine unless given. */
  readonly tlsClock?: Clock;
  /** Rules that are in force from the start. */
  readonly faults?: readonly FaultRule[];
  /** Seed of the die that decides about faults with a probability. */
  readonly dieSeed?: string;
  /** Entries of the journal that are kept. */
  readonly journalSize?: number;
}

/** Base URLs, without a slash at the end: of the vendors' services, and of others by their names. */
export type ServiceUrls = { readonly [S in ServiceName]: string } & {
  readonly [service: string]: string;
  readonly control: string;
} & {
  /** Where the proxy was asked for. */
  readonly proxy?: string;
};

/** Services that run. */
export interface Services {
  readonly url: ServiceUrls;
  /** The proxy's root certificate, in PEM, where the proxy was asked for. */
  readonly caPem?: string;
  /** Where that was written to. */
  readonly caFile?: string;
  /** The services without a socket: `app.fetch(request)`. */
  readonly app: App;
  /** By the TEE that each vouches for. */
  readonly vendors: Vendors;
  /** Requests so far, oldest first; only the newest are kept. @param since only those after this number */
  requests(since?: number): readonly JournalEntry[];
  /** Injects a fault from now on. @throws {ConfigError} */
  fault(rule: FaultRule): ActiveRule;
  /** Takes every fault away. */
  clearFaults(): void;
  /** Puts a certificate on the revocation list of its authority. @throws {ConfigError} for what no vendor can revoke */
  revoke(what: Revocable): void;
  /** Takes back faults, revocations, statuses, rate limits, what was put and the journal; the clock goes on. */
  reset(): void;
  /** Closes every port and connection; done when nothing is left. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** The services of a World as an application, without a socket. @throws {ConfigError} for a fault that cannot be */
export function assembleServices(options: VendorOptions & Pick<ListeningOptions, 'services' | 'faults' | 'dieSeed' | 'journalSize'>): { app: App; vendors: Vendors } {
  const { world, services: others = [], faults = [], dieSeed = '', journalSize } = options;
  const vendors = openVendors(options);
  const services: readonly Service[] = [...Object.values(vendors).flatMap((vendor: Vendor) => vendor.services), ...others];
  const plan = new FaultPlan([...FAULTS, ...services.flatMap((service) => service.faults)], new Die(world, dieSeed));
  for (const rule of faults) plan.add(rule);
  return { app: new App({ world, services, faults: plan, journal: new Journal(journalSize) }), vendors };
}

/**
 * Starts everything that is asked for, or nothing: what already listens is closed when something else cannot.
 * @throws {ConfigError} for a port that is taken, an address that is not allowed, a fault that cannot be
 * @throws {TeemuError} ERR_FILE when the root certificate can't be written
 */
export async function startServices(options: ServicesOptions): Promise<Services> {
  const { world, ports = {}, address = '127.0.0.1', listenPublic = false, evidence = {}, tlsClock = systemClock() } = options;
  const { app, vendors } = assembleServices(options);
  const where = { address, listenPublic, now: () => world.now() };
  const listeners: { close(): Promise<void> }[] = [];
  const started = async <L extends { close(): Promise<void> }>(starting: Promise<L>): Promise<L> => {
    const listener = await starting;
    listeners.push(listener);
    return listener;
  };
  const stop = async (): Promise<void> => {
    await Promise.all(listeners.map((listener) => listener.close()));
  };
  try {
    const data = await started(listen(app.answer, { ...where, port: ports.data ?? 0 }));
    const authority = options.proxy ? new TlsAuthority(world, app.hosts, tlsClock) : undefined;
    if (authority && options.caFile !== undefined) await replaceFile(options.caFile, authority.pem);
    const proxy = authority && (await started(startProxy(app, authority, { ...where, port: ports.proxy ?? 0 })));
    const mounted = Object.fromEntries(app.services.map(({ name }) => [name, `${data.url}/${name}`])) as Record<ServiceName, string>;
    const live = Object.entries(evidence).map(([tee, make]) => [tee, async (body) => withServices(await make(body), urlsFor(vendors, tee, mounted))] satisfies [string, EvidenceHandler]);
    const controlPort = await started(listen(control({ world, app, vendors, evidence: Object.fromEntries(live), listenPublic }), { ...where, port: ports.control ?? 0 }));
    const sockets: Record<string, string> = {};
    for (const [name, start] of Object.values(vendors).flatMap((vendor: Vendor) => Object.entries(vendor.sockets))) sockets[name] = (await started(start())).url;
    return {
      url: { ...mounted, ...sockets, ...(proxy && { proxy: proxy.url }), control: controlPort.url },
      ...(authority && { caPem: authority.pem }),
      ...(authority && options.caFile !== undefined && { caFile: options.caFile }),
      app,
      vendors,
      requests: (since) => app.journal.entries(since),
      fault: (rule) => app.faults.add(rule),
      clearFaults: () => app.faults.clear(),
      revoke: (what) => revoke(vendors, what),
      reset: () => app.reset(),
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (cause) {
    await stop();
    throw cause;
  }
}

/** Writes `text` beside `path` and moves it into place, so that no reader ever sees half of it. @throws {TeemuError} ERR_FILE */
async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}.${Buffer.from(freshSecret()).toString('hex', 0, 6)}.tmp`;
  try {
    const file = await open(temporary, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | (constants.O_NOFOLLOW ?? 0), 0o644);
    try {
      await file.writeFile(text);
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (cause) {
    await unlink(temporary).catch(() => undefined);
    throw fileError(path, cause);
  }
}
