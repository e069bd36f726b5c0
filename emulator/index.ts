/** teemu as a library: the public surface of the emulated hardware and services. */
export { type Bundle, EMULATED, type Json, type Manifest } from './bundle.ts';
export { readBundle } from './disk/bundle-folder.ts';
export { CodecError, ConfigError, FirmwareError, ServiceError, TeemuError, type TeemuErrorCode } from './errors.ts';
export type { ServiceUrls } from './services/start.ts';
export { AmdAuthority, authorityOf } from './snp/authority.ts';
export { type CertificateTableEntry, decodeCertificateTable, encodeCertificateTable } from './snp/certificate-table.ts';
export { type SnpEdits, type SnpEvidence, snpEvidence } from './snp/evidence.ts';
export type { SnpOptionsInput } from './snp/options.ts';
export { SNP_PRESETS } from './snp/presets.ts';
export { type Line, LINES, PRODUCTS } from './snp/products.ts';
export { decodeReport, encodeReport, type SnpReport, signReport } from './snp/report.ts';
export type { Tcb } from './snp/tcb.ts';
export { startTeemu, type Teemu, type TeemuOptions } from './teemu.ts';
export { TEES } from './tee.ts';
export { AdjustableClock, type Clock, fixedClock, seededWorld, systemClock, World } from './world.ts';
export { openPrivateWorld } from './world-folder.ts';
