/** Guests for the tests of the secure processor: a machine, and a guest launched on it. */
import { PRODUCTS, type Product } from '../../../emulator/snp/platform/products.ts';
import { SECRETS_PAGE } from '../../../emulator/snp/secure-processor/messages/secrets-page.ts';
import { type PlatformOverrides, platformOf } from '../../../emulator/snp/secure-processor/platform.ts';
import { type Guest, type LaunchFinish, type LaunchUpdate, SecureProcessor } from '../../../emulator/snp/secure-processor/secure-processor.ts';
import { fixedClock, seededWorld, type World } from '../../../emulator/world.ts';

export const POLICY = 0x3_0000n;
const MILAN = PRODUCTS.milan as Product;
export const PAGES: readonly LaunchUpdate[] = [
  { type: 'normal', gpa: 0xffff_f000n, contents: new Uint8Array(4096).fill(0x90) },
  { type: 'secrets', gpa: 0x80_d000n },
];

/** A world of its own for each test, so that draws do not depend on the tests before. */
export function world(seed = 'secure processor'): World {
  return seededWorld(seed, fixedClock(0));
}

export function processor({ product = MILAN, world: in_ = world(), ...overrides }: PlatformOverrides & { readonly product?: Product; readonly world?: World } = {}): SecureProcessor {
  return new SecureProcessor(in_, platformOf(in_, product, overrides));
}

/** A guest that runs. */
export function launched(on: SecureProcessor, given: LaunchFinish & { readonly policy?: bigint; readonly pages?: readonly LaunchUpdate[] } = {}): Guest {
  return on.launch({ policy: POLICY, pages: PAGES, ...given });
}

/** The secrets page of a guest that has one. */
export function secretsOf(on: SecureProcessor, guest: Guest): Uint8Array {
  const page = on.secretsOf(guest);
  if (!page) throw new Error('the guest was launched without a secrets page');
  return page;
}

/** A guest on a machine, with its secrets page and the four keys in it. */
export interface Machine {
  readonly on: SecureProcessor;
  readonly guest: Guest;
  readonly secrets: Uint8Array;
  readonly keys: readonly Uint8Array[];
}

/** A guest that runs on a machine of its own. */
export function machine(overrides: Parameters<typeof processor>[0] = {}): Machine {
  const on = processor(overrides);
  const guest = launched(on);
  const secrets = secretsOf(on, guest);
  return { on, guest, secrets, keys: SECRETS_PAGE.decode(secrets).vmpcks };
}

/** One message key of a guest. */
export function keyOf({ keys }: Machine, vmpck: number): Uint8Array {
  const key = keys[vmpck];
  if (!key) throw new RangeError(`no key ${vmpck}`);
  return key;
}

/** The name of the firmware's status that `call` fails with, or what it returned. */
export function statusOf(call: () => unknown): unknown {
  try {
    return { returned: call() };
  } catch (error) {
    return error instanceof Error && 'statusName' in error ? error.statusName : error;
  }
}
