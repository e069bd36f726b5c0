/** What guest messages carry: requests and answers for reports and derived keys. */
import { Layout } from '../../../codec/layout.ts';
import { bit, bitRange, bits, bytes, reserved, reservedBits, u32, u64, type ValueOf } from '../../../codec/rows.ts';
import { REPORT_SIZE } from '../../report.ts';

const SOURCE = 'AMD 56860 SEV-SNP Firmware ABI';
const KEY_SELECT_DOC = '0 VLEK if loaded, else VCEK; 1 VCEK; 2 VLEK';

/** MSG_REPORT_REQ. */
export const REPORT_REQUEST = new Layout('snp.report-request', 96, `${SOURCE}, MSG_REPORT_REQ`, {
  reportData: bytes(0x00, 64, 'what the guest wants to have attested'),
  vmpl: u32(0x40, "VMPL to state, not more privileged than the caller's"),
  key: bits(0x44, 4, 'key to sign with', { keySelect: bitRange(0, 2, KEY_SELECT_DOC), reserved2: reservedBits(2, 30) }),
  reserved48: reserved(0x48, 24),
});

/** MSG_REPORT_RSP. */
export const REPORT_RESPONSE = new Layout('snp.report-response', 0x20 + REPORT_SIZE, `${SOURCE}, MSG_REPORT_RSP`, {
  status: u32(0x00, 'status: 0, 0x16 for an invalid parameter, 0x27 for a key that cannot be had'),
  reportSize: u32(0x04, 'length of the report'),
  reserved8: reserved(0x08, 24),
  report: bytes(0x20, REPORT_SIZE, 'the report'),
});

/** MSG_KEY_REQ, version 1. */
export const KEY_REQUEST = new Layout('snp.key-request', 32, `${SOURCE}, MSG_KEY_REQ`, {
  root: bits(0x00, 4, 'key to derive from', { rootKeySelect: bit(0, '0 a chip or provider key, 1 the VMRK'), keySelect: bitRange(1, 2, KEY_SELECT_DOC), reserved3: reservedBits(3, 29) }),
  reserved4: reserved(0x04, 4),
  guestFieldSelect: bits(0x08, 8, 'what is mixed into the key', {
    policy: bit(0, "the guest's policy"),
    imageId: bit(1, 'IMAGE_ID'),
    familyId: bit(2, 'FAMILY_ID'),
    measurement: bit(3, 'MEASUREMENT'),
    guestSvn: bit(4, 'the guest SVN of this request'),
    tcbVersion: bit(5, 'the TCB version of this request'),
    launchMitVector: bit(6, 'the mitigation vector of this request; version 2 only'),
    reserved7: reservedBits(7, 53),
    reserved60: reservedBits(60, 4),
  }),
  vmpl: u32(0x10, "VMPL to mix in, not more privileged than the caller's"),
  guestSvn: u32(0x14, "guest SVN to mix in, not above the guest's"),
  tcbVersion: bytes(0x18, 8, 'TCB version to mix in, not above the committed one'),
});

/** MSG_KEY_REQ, version 2: of firmware that has mitigation vectors. */
export const KEY_REQUEST_V2 = new Layout('snp.key-request.v2', 40, `${SOURCE}, MSG_KEY_REQ`, { ...KEY_REQUEST.rows, launchMitVector: u64(0x20, "mitigations to mix in, all of them among the guest's launch vector") });

/** MSG_KEY_RSP. */
export const KEY_RESPONSE = new Layout('snp.key-response', 64, `${SOURCE}, MSG_KEY_RSP`, {
  status: u32(0x00, 'status: 0, 0x16 for an invalid parameter, 0x27 for a key that cannot be had'),
  reserved4: reserved(0x04, 28),
  key: bytes(0x20, 32, 'the derived key'),
});

/** A decoded request for a key; the vector is there in version 2 only. */
export type KeyRequest = ValueOf<typeof KEY_REQUEST.rows> & { launchMitVector?: bigint };
/** What can be mixed into a key. */
export type KeyField = Exclude<keyof KeyRequest['guestFieldSelect'], `reserved${number}`>;
