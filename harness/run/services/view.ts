/** The services as one subject sees them: its bundle's certificates, lists and documents, its clock, its revocations and faults. */
import { TeemuError } from '../../../emulator/errors.ts';
import { App } from '../../../emulator/services/app.ts';
import { Journal } from '../../../emulator/services/control/journal.ts';
import { Die, FaultPlan, type FaultRule } from '../../../emulator/services/faults/plan.ts';
import { FAULTS } from '../../../emulator/services/faults/table.ts';
import type { FaultRow } from '../../../emulator/services/faults/row.ts';
import type { Reply } from '../../../emulator/services/http/message.ts';
import { type Route, RouteTable } from '../../../emulator/services/http/route.ts';
import type { Service } from '../../../emulator/services/http/service.ts';
import { openVendors, type Revocable, revoke, type Vendor, type VendorOptions } from '../../../emulator/services/vendors.ts';
import { caseWorld } from '../../../vectors/case-world.ts';
import type { Subject } from '../../../vectors/subject.ts';
import { h100Appraiser } from '../../verify/h100.ts';
import { overlaid } from './overlay.ts';

let appraise: ReturnType<typeof h100Appraiser> | undefined;

/** What vendors are told besides the world that they are in. */
export type VendorSettings = Omit<VendorOptions, 'world'>;

/**
 * The application for a subject.
 * @param seed of the corpus: the services sign with the keys that its evidence was made with
 * @throws {TeemuError} for revocations and faults that cannot be: a defect of the case
 */
export function viewOf(subject: Subject, seed: string, settings: VendorSettings = {}): App {
  const world = caseWorld({ seed, at: subject.now });
  // NRAS judges with the reference verifier, unless somebody else is to; it keeps what it found good from case to case.
  appraise ??= h100Appraiser();
  const vendors = openVendors({ nras: { appraise }, ...settings, world });
  for (const what of subject.services.revoke ?? []) revoke(vendors, what as unknown as Revocable);
  const services = Object.values(vendors)
    .flatMap((vendor: Vendor) => vendor.services)
    .map((service) => viewed(service, subject));
  const faults = new FaultPlan([...FAULTS, ...services.flatMap((service) => service.faults)], new Die(world, ''));
  for (const rule of subject.services.faults ?? []) faults.add(rule as unknown as FaultRule);
  return new App({ world, services, faults, journal: new Journal() });
}

/** The same service, which answers with what the subject's bundle has. */
function viewed(service: Service, { bundle }: Subject): Service {
  const row = (route: Route): Route => ({
    ...route,
    handle: (request, params) => {
      const lay = (honest: Reply): Reply => overlaid(route.operation, { bundle, request, params }, honest);
      const honest = route.handle(request, params);
      return honest instanceof Promise ? honest.then(lay) : lay(honest);
    },
  });
  return {
    name: service.name,
    hosts: service.hosts,
    faults: service.faults.map((fault) => ofService(fault, service)),
    routes: new RouteTable(service.routes.rows.map(row)),
    refuse: (status, message) => service.refuse(status, message),
    reset: () => service.reset(),
  };
}

/** The fault as it disturbs the vendor's own service: it makes its answers with what only that has. */
function ofService(fault: FaultRow, service: Service): FaultRow {
  return {
    ...fault,
    prepare: (parameters) => {
      const prepared = fault.prepare(parameters);
      return { disturb: (exchange) => prepared.disturb({ service, request: exchange.request, params: exchange.params, honest: () => exchange.honest(), now: () => exchange.now() }) };
    },
  };
}

/**
 * Whether something that a case names was asked for: an operation, as `kds/crl`, or a whole service, as `ocsp`. Intel's service and the cache in
 * front of it count alike.
 * @param operations as the journal has them: `kds.crl` @throws {TeemuError} ERR_CONFIG for a name that is none
 */
export function wasFetched(name: string, operations: readonly string[]): boolean {
  if (!/^[a-z0-9]+(\/[a-z0-9.-]+)?$/.test(name)) throw new TeemuError('ERR_CONFIG', `'${name}' names no operation of a service: service/operation`);
  const [service = '', operation] = name.split('/');
  const services = service === 'pcs' ? ['pcs', 'pccs'] : [service];
  return operations.some((asked) => services.some((own) => (operation === undefined ? asked.startsWith(`${own}.`) : asked === `${own}.${operation}`)));
}
