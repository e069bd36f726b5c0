/** A TDX platform for tests: a module, a quoting enclave and the keys of a seeded world, without Intel's authority. */
import { syntheticFirmware } from '../../emulator/snp/launch/firmware.ts';
import type { ModuleRelease } from '../../emulator/tdx/module/release.ts';
import { TdxModule } from '../../emulator/tdx/module/tdx-module.ts';
import type { TdLaunch, TrustDomain } from '../../emulator/tdx/module/trust-domain.ts';
import { QuotingEnclave, type QuotingPlatform } from '../../emulator/tdx/quoting/quoting-enclave.ts';
import { fixedClock, seededWorld, type World } from '../../emulator/world.ts';

/** 2026-06-01. */
export const NOW = 1_780_272_000_000;

export function tdxWorld(seed = 'tdx tests'): World {
  return seededWorld(seed, fixedClock(NOW));
}

const fill = (size: number, byte: number): Uint8Array => new Uint8Array(size).fill(byte);
const pem = (text: string): string => `-----BEGIN CERTIFICATE-----\n${Buffer.from(text).toString('base64')}\n-----END CERTIFICATE-----\n`;
/** Three blocks of PEM that hold no certificates: nothing here reads them. */
export const CHAIN: string = pem('leaf') + pem('intermediate') + pem('root');

export const RELEASE: ModuleRelease = { version: 1, isvSvn: 11, mrSeam: fill(48, 0x5e) };

/** A platform of that id; the same id has the same keys. */
export function quotingPlatform(world: World, id = 'p0', changes: Partial<QuotingPlatform> = {}): QuotingPlatform {
  return {
    id,
    cpuSvn: Uint8Array.from(Buffer.from('0404191b04ff00060000000000000000', 'hex')),
    quotingEnclave: { isvSvn: 7, mrEnclave: fill(32, 0x3e) },
    qeId: world.derive(`test/qe-id/${id}`, 16),
    pckKey: world.ecKey(`test/pck/${id}`, 'P-256'),
    pckChain: CHAIN,
    pceSvn: 13,
    pceId: 0,
    ppid: world.derive(`test/ppid/${id}`, 16),
    encryptedPpid: world.derive(`test/encrypted-ppid/${id}`, 384),
    ...changes,
  };
}

/** One machine with everything on it. */
export interface TdxTestMachine {
  readonly world: World;
  readonly module: TdxModule;
  readonly quotingEnclave: QuotingEnclave;
  /** A TD of the synthetic firmware, finalised. */
  readonly launch: (launch?: Partial<TdLaunch>, prepare?: (td: TrustDomain) => void) => TrustDomain;
}

export function tdxMachine({ world = tdxWorld(), platform = quotingPlatform(world), release = RELEASE }: { world?: World; platform?: QuotingPlatform; release?: ModuleRelease } = {}): TdxTestMachine {
  const module = new TdxModule(world, platform, release);
  return { world, module, quotingEnclave: new QuotingEnclave(world, platform), launch: (launch = {}, prepare) => module.launch({ image: IMAGE, ...launch }, prepare) };
}

/** The synthetic firmware, small. */
export const IMAGE: Uint8Array = syntheticFirmware({ size: 16 << 10 });
/** 64 bytes of report data. */
export const REPORT_DATA: Uint8Array = Uint8Array.from({ length: 64 }, (_, i) => i * 3);
