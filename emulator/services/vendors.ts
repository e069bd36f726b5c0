/** The registry of vendors: who vouches for the evidence of each TEE, and what of theirs is served. The services of a new TEE are one folder and one row. */
import { z } from 'zod';
import { ConfigError, firstIssue } from '../errors.ts';
import type { ControlRow } from './control/row.ts';
import type { Service } from './http/service.ts';
import { intelVendor } from './intel/vendor.ts';
import { amdVendor } from './kds/vendor.ts';
import { nvidiaVendor } from './nvidia/vendor.ts';

/** Something of a vendor's that listens on a socket of its own and does not speak HTTP. */
export interface VendorSocket {
  readonly url: string;
  /** Closes it and every connection; done when nothing is left. */
  close(): Promise<void>;
}

/** A vendor in a World. Nothing is issued before somebody asks for it. */
export interface Vendor<S extends z.ZodType = z.ZodType> {
  readonly services: readonly Service[];
  /** What to start besides, by the name that its URL gets. */
  readonly sockets: Readonly<Record<string, () => Promise<VendorSocket>>>;
  /** The roots to trust, in PEM. */
  readonly roots: unknown;
  /** The same as files, by name. */
  rootFiles(): ReadonlyMap<string, string>;
  /** What can be revoked, as a request says it. */
  readonly revocable: S;
  /** Revokes. @throws {ConfigError} for what is not the vendor's */
  revoke(what: z.output<S>): void;
  /** What the control port can do with this vendor and no other. */
  readonly controls: readonly ControlRow[];
}

/** The vendor of each TEE. */
const VENDORS = { snp: amdVendor, tdx: intelVendor, h100: nvidiaVendor } as const satisfies Readonly<Record<string, (options: never) => Vendor>>;

type Rows = typeof VENDORS;
/** Every vendor in a World, by the TEE that it vouches for. */
export type Vendors = { readonly [T in keyof Rows]: ReturnType<Rows[T]> };
/** The roots to trust, in PEM, by TEE. */
export type Roots = { readonly [T in keyof Rows]: Vendors[T]['roots'] };
/** Names of the services. */
export type ServiceName = Vendors[keyof Rows]['services'][number]['name'];
/** What can be revoked: an authority's certificate, or that of a machine where the vendor can. */
export type Revocable = { readonly [T in keyof Rows]: z.input<Vendors[T]['revocable']> }[keyof Rows];
type Options<O> = (O extends unknown ? (options: O) => void : never) extends (options: infer All) => void ? All : never;
/** What the vendors can be told. */
export type VendorOptions = Options<Parameters<Rows[keyof Rows]>[0]>;

/** Every vendor in a World. */
export function openVendors(options: VendorOptions): Vendors {
  return Object.fromEntries(Object.entries(VENDORS).map(([tee, open]) => [tee, open(options)])) as Vendors;
}

/** Machines whose evidence several vendors vouch for: the TEEs of their parts. */
const COMPOSED: Readonly<Record<string, readonly (keyof Rows)[]>> = { 'ncc-h100-v5': ['snp', 'h100'] };

/** The vendors that vouch for evidence of a TEE; none for one that nobody vouches for. */
export function vendorsOf(vendors: Vendors, tee: string): readonly Vendor[] {
  const parts = Object.hasOwn(COMPOSED, tee) ? (COMPOSED[tee] ?? []) : [tee as keyof Rows];
  return parts.flatMap((part) => (Object.hasOwn(vendors, part) ? [vendors[part]] : []));
}

/** Base URLs of the services that vouch for evidence of a TEE, out of all that are served. */
export function urlsFor(vendors: Vendors, tee: string, all: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(vendorsOf(vendors, tee).flatMap(({ services }) => services.flatMap(({ name }) => (all[name] === undefined ? [] : [[name, all[name]]]))));
}

/** What of any vendor's can be revoked, as one schema; what it gives does it. */
export function revocation(vendors: Vendors): z.ZodType<() => void, Revocable> {
  const rows: readonly Vendor[] = Object.values(vendors);
  return z.union(rows.map((vendor) => vendor.revocable.transform((what) => () => vendor.revoke(what)))) as z.ZodType<() => void, Revocable>;
}

/** Revokes. @throws {ConfigError} naming the member that cannot be */
export function revoke(vendors: Vendors, what: Revocable): void {
  const parsed = revocation(vendors).safeParse(what);
  if (!parsed.success) {
    const { path, message } = firstIssue(parsed.error);
    throw new ConfigError(path || 'revoke', message);
  }
  parsed.data();
}

/** The roots of every vendor; each is issued when it is asked for. */
export function rootsOf(vendors: Vendors): Roots {
  const roots = {};
  for (const [tee, vendor] of Object.entries(vendors)) Object.defineProperty(roots, tee, { get: () => vendor.roots, enumerable: true });
  return roots as Roots;
}
