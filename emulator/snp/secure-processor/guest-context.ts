/** What the firmware keeps about one guest, from its creation to its end. */
import type { LaunchDigest } from '../launch/page-info.ts';
import type { Tcb } from '../platform/tcb.ts';
import type { GuestPolicy } from './policy.ts';

/** The states of a guest. Source: AMD 56860 SEV-SNP Firmware ABI, Guest State Machine. */
export type GuestState = 'INIT' | 'LAUNCH' | 'RUNNING';

/** VMPLs of a guest, each with a message key of its own. */
export const VMPLS = 4;

/** The guest context page (GCTX). Only the firmware writes it; {@link Guest} is what everybody else may see. */
export interface GuestContext {
  state: GuestState;
  /** GUEST_POLICY, 64 bits, and the same by its bits. */
  policy: bigint;
  policyBits: GuestPolicy | undefined;
  digest: LaunchDigest;
  /** MEASUREMENT once the launch is finished, 48 bytes. */
  measurement: Uint8Array;
  /** Guest OS visible workarounds that the hypervisor stated, 16 bytes. */
  gosvw: Uint8Array;
  /** The page of secrets as the guest finds it in its memory; undefined until one was added. */
  secrets: Uint8Array | undefined;
  hostData: Uint8Array;
  familyId: Uint8Array;
  imageId: Uint8Array;
  guestSvn: number;
  idKeyDigest: Uint8Array;
  authorKeyDigest: Uint8Array;
  authorKeyEnabled: boolean;
  /** VCEK_DIS: the guest's reports and keys may not use the VCEK. */
  vcekDisabled: boolean;
  /** 32 bytes, drawn when the launch started. */
  reportId: Uint8Array;
  launchTcb: Tcb;
  launchMitVector: bigint;
  /** Four keys of 32 bytes, by VMPL. */
  vmpcks: readonly Uint8Array[];
  /** Sequence number of the last message under each of those keys. */
  readonly messageCounts: bigint[];
  /** Root of the keys that do not depend on the chip, 32 bytes. */
  vmrk: Uint8Array;
}

/** A guest as its host sees it: a handle for the commands, and what SNP_GUEST_STATUS tells. */
export type Guest = Readonly<Pick<GuestContext, 'state' | 'policy' | 'measurement'>>;
