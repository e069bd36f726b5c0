/** The statuses of a caching service: its words for them, and the fault that gives any of them. */
import { z } from 'zod';
import { ServiceError } from '../../../errors.ts';
import { type FaultRow, faultRow } from '../../faults/row.ts';
import type { Pccs } from './pccs.ts';

/** The service's own statuses, and its words for them. Source: PCCS, pccs_status_code.js. */
export const PCCS_STATUS = {
  success: [200, 'Operation successful.'],
  invalidRequest: [400, 'Invalid request parameters.'],
  unauthorized: [401, 'Authentication failed.'],
  noCacheData: [404, 'No cache data for this platform.'],
  integrity: [460, "The integrity of the data can't be verified."],
  platformUnknown: [461, 'The platform was not found in the cache.'],
  certsUnavailable: [462, 'Certificates are not available for certain TCBs.'],
  internal: [500, 'Internal server error occurred.'],
  pcsAccess: [502, 'Unable to retrieve the collateral from the Intel SGX PCS.'],
  unavailable: [503, 'Server is currently unable to process the request.'],
} as const satisfies Readonly<Record<string, readonly [status: number, words: string]>>;
/** Name of a status. */
export type PccsStatus = keyof typeof PCCS_STATUS;

/** A refusal in the service's words, to be thrown. */
export function refusal(status: PccsStatus): ServiceError {
  const [code, words] = PCCS_STATUS[status];
  return new ServiceError(code, words);
}

/** Every fault of the caching service's own. */
export const PCCS_FAULTS: readonly FaultRow<Pccs>[] = [
  faultRow({
    name: 'pccs-status',
    doc: "One of the caching service's own refusals, in its words.",
    on: ['pccs.*'],
    parameters: {
      status: z
        .enum(Object.keys(PCCS_STATUS).filter((s) => s !== 'success') as [PccsStatus, ...PccsStatus[]])
        .default('certsUnavailable')
        .describe('which'),
    },
    disturb: ({ service }: { service: Pccs }, { status }) => {
      const [code, words] = PCCS_STATUS[status];
      return service.refuse(code, words);
    },
  }),
];
