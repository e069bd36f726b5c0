/** One vendor's service: what the application mounts. */
import type { FaultRow } from '../faults/row.ts';
import type { Reply } from './message.ts';
import type { RouteTable } from './route.ts';

/** A service over a World. Its routes are pure: what they answer follows from the request, the World and what was revoked. */
export interface Service {
  /** Short name: the first part of its base URL's path, and what its operations begin with. */
  readonly name: string;
  /** The vendor's host names that it stands for. */
  readonly hosts: readonly string[];
  readonly routes: RouteTable;
  /** Faults of its own, on top of those that any service can have. */
  readonly faults: readonly FaultRow[];
  /** A refusal as this vendor words it. */
  refuse(status: number, message: string): Reply;
  /** Goes back to how it was at the start. */
  reset(): void;
}
