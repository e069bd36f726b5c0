/** The host between a guest and its firmware: it passes messages on, and adds the certificate table to extended requests. */
import { FirmwareError } from '../../../errors.ts';
import { PAGE_SIZE } from '../../launch/page-info.ts';
import type { Guest, SecureProcessor } from '../secure-processor.ts';
import { STATUS } from '../status.ts';

/** What the host itself has to say. Source: AMD 56421 GHCB, SNP Guest Request; Linux, uapi/linux/sev-guest.h. */
export const HOST_ERRORS = { none: 0, invalidLength: 1, busy: 2 } as const;

/** What comes back to the guest: the firmware's page, or why there is none. */
export interface HostAnswer {
  /** 4096 bytes; undefined where the request failed. */
  readonly page?: Uint8Array | undefined;
  /** Status code of the firmware. */
  readonly firmwareError: number;
  /** One of {@link HOST_ERRORS}. */
  readonly hostError: number;
  /** The certificate table, for an extended request that was answered. */
  readonly certificates?: Uint8Array | undefined;
  /** Pages that the certificate table needs, when there was too little room. */
  readonly pagesNeeded?: number | undefined;
}

/** Anything that can stand between a guest and a firmware, honest or not. */
export interface GuestHost {
  /** SNP guest request. @param page 4096 bytes */
  request(page: Uint8Array): HostAnswer;
  /** SNP extended guest request. @param page 4096 bytes @param pages room for certificates, in pages of 4096 bytes */
  extendedRequest(page: Uint8Array, pages: number): HostAnswer;
}

/** An honest host. @param certificates the table it was given for this guest; none unless given */
export function guestHost(processor: SecureProcessor, guest: Guest, { certificates = new Uint8Array() }: { readonly certificates?: Uint8Array } = {}): GuestHost {
  const request = (page: Uint8Array): HostAnswer => {
    try {
      return { page: processor.guestRequest(guest, page), firmwareError: STATUS.SUCCESS, hostError: HOST_ERRORS.none };
    } catch (error) {
      if (error instanceof FirmwareError) return { firmwareError: error.status, hostError: HOST_ERRORS.none };
      throw error;
    }
  };
  return {
    request,
    extendedRequest: (page, pages) => {
      const pagesNeeded = Math.ceil(certificates.length / PAGE_SIZE);
      // The firmware is not asked then: the guest has to use up the sequence number itself.
      if (pages < pagesNeeded) return { firmwareError: STATUS.SUCCESS, hostError: HOST_ERRORS.invalidLength, pagesNeeded };
      return { ...request(page), certificates };
    },
  };
}
