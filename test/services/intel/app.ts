/** PCS and PCCS of a World as an application, without a socket. */
import { App } from '../../../emulator/services/app.ts';
import { Die, FaultPlan } from '../../../emulator/services/faults/plan.ts';
import { FAULTS } from '../../../emulator/services/faults/table.ts';
import { Pccs, type PccsMode } from '../../../emulator/services/intel/pccs/pccs.ts';
import { Pcs, type PcsOptions } from '../../../emulator/services/intel/pcs.ts';
import { Journal } from '../../../emulator/services/control/journal.ts';
import { type Clock, fixedClock, seededWorld, type World } from '../../../emulator/world.ts';

/** Within the time of evaluation 18 as standard and 20 as early. */
export const AT = Date.parse('2026-03-17T12:00:00Z');
export const API = 'https://api.trustedservices.intel.com';
export const SGX = `${API}/sgx/certification/v4`;
export const TDX = `${API}/tdx/certification/v4`;

export interface Intel {
  readonly world: World;
  readonly pcs: Pcs;
  readonly pccs: Pccs;
  readonly app: App;
  get(url: string, headers?: Record<string, string>): Promise<Response>;
  send(method: string, url: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
}

export function intel({ clock = fixedClock(AT), mode = 'lazy', ...options }: { clock?: Clock; mode?: PccsMode } & Omit<PcsOptions, 'world'> = {}): Intel {
  const world = seededWorld('intel', clock);
  const pcs = new Pcs({ world, ...options });
  const pccs = new Pccs({ world, pcs, mode });
  const app = new App({ world, services: [pcs, pccs], faults: new FaultPlan([...FAULTS, ...pcs.faults, ...pccs.faults], new Die(world, '')), journal: new Journal() });
  return {
    world,
    pcs,
    pccs,
    app,
    get: (url, headers = {}) => app.fetch(new Request(url, { headers })),
    send: (method, url, body, headers = {}) => {
      const bytes = body instanceof Uint8Array;
      return app.fetch(
        new Request(url, {
          method,
          body: bytes ? new Uint8Array(body) : typeof body === 'string' ? body : JSON.stringify(body),
          headers: { 'content-type': bytes ? 'application/octet-stream' : 'application/json', ...headers },
        }),
      );
    },
  };
}

export const hex = (src: Uint8Array): string => Buffer.from(src).toString('hex');
export const bytesOf = async (response: Response): Promise<Uint8Array> => new Uint8Array(await response.arrayBuffer());
/** A chain from a header. */
export const chainOf = (response: Response, header: string): string => decodeURIComponent(response.headers.get(header) ?? '');
