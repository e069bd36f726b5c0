/** The encrypted link between CPU and GPU: channels, the path of copies, and the host as adversary. Re-exports only. */
export { CslContext, type CslIv, driverKeys, type EndKeys, gpuKeys } from './channel/bundle.ts';
export { EMK_SIZE, type KeyMaterial, KeyStore } from './channel/key-store.ts';
export { copyEnginePair, KEY_SLOTS, type KeySlot, sec2Pair, slotLabelled } from './channel/labels.ts';
export { LinkError, type Outcome, type OutcomeName, OUTCOMES, robustChannelCode } from './channel/outcomes.ts';
export { INTERNAL_THRESHOLD, IV_REMAINING_LIMIT, KeyRotation, ROTATION_CHECK, ROTATION_STATUS, ROTATION_TIMEOUT, rotationThresholds, type Thresholds } from './channel/rotation.ts';
export { LINK_SCHEMES, type LinkScheme, type LinkSchemeName } from './channel/schemes.ts';
export { HEARTBEAT_PERIOD, LinkSession } from './channel/session.ts';
export { encodeMethods, type Method, workMac } from './channel/work-mac.ts';
export { type Attack, attackNamed, ATTACKS, type Consequence, spliceFromDevice, spliceToDevice } from './host/attacks.ts';
export { Host, type Loot, type Strike } from './host/host.ts';
export { type Canary, canariesOf, entropy, findCanaries, type Leak } from './host/leak-scan.ts';
export type { Metadata, SharedLeak } from './host/observation.ts';
export type { Interposer } from './path/doorbell.ts';
export type { Copy } from './path/guest/copy.ts';
export type { DriverChannel } from './path/guest/channel.ts';
export type { GuestDriver } from './path/guest/driver.ts';
export { type InlineLinkOptions, type Link, type LinkOptions, openLink, openThreadedLink, type ThreadedLinkOptions } from './path/link.ts';
export { type Region, type RegionName, SharedMemory, SLOT_SIZE } from './path/shared-memory.ts';
