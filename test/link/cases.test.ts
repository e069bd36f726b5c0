/**
 * The cases of the CPU-GPU link: for each a check that passes, and for each part that leaves out what the check looks at, that it fails then. A check that
 * fails with no weak part checks nothing.
 */
import { describe, expect, test } from 'vitest';
import { LinkError } from '../../emulator/link/channel/outcomes.ts';
import { LINK_SCHEMES, type LinkSchemeName } from '../../emulator/link/channel/schemes.ts';
import { nodeEngine } from '../../emulator/link/engine/node.ts';
import { CHANNEL_CASES, SOUND } from './channel/cases.ts';
import { PATH_CASES } from './path/cases.ts';
import type { Device } from './path/checks.ts';
import { SilentCorruption } from './path/scene.ts';

/** Every case of the link between CPU and GPU that is not one of SPDM. */
const IDS: readonly string[] = [
  'link-replay-same-channel',
  'link-reorder',
  'link-drop',
  'link-flip-ciphertext',
  'link-flip-tag',
  'link-flip-aad',
  'link-splice-channel',
  'link-splice-direction',
  'link-splice-privilege',
  'link-splice-session',
  'link-iv-reuse',
  'link-msgctr-overflow',
  'link-hmac-nonce-overflow',
  'link-rpc-counter-overflow',
  'link-iv-rotation-order',
  'link-key-rotation-stale-key',
  'link-key-rotation-17th',
  'link-key-rotation-counters',
  'link-key-rotation-timeout',
  'link-iv-not-fresh',
  'link-mac-reordered',
  'link-mac-replayed',
  'link-mac-too-many',
  'link-misaligned',
  'link-toctou-gpu',
  'link-toctou-cpu',
  'link-plaintext-leak',
  'link-host-delay',
  'link-semaphore-forged',
  'link-fault-packet-forged',
  'link-zero-key',
  'link-heartbeat-lost',
  'ok-link-large-copy',
];

const SCHEMES = Object.keys(LINK_SCHEMES) as LinkSchemeName[];
const device = (scheme: LinkSchemeName): Device => ({ scheme, options: { engine: nodeEngine() }, lenient: (methods) => [...methods] });

test('every case has a check, and every check a weak part that it notices', () => {
  expect([...new Set([...CHANNEL_CASES, ...PATH_CASES].map(({ id }) => id))].sort()).toEqual([...IDS].sort());
  for (const { weak } of [...CHANNEL_CASES, ...PATH_CASES]) expect(Object.keys(weak).length).toBeGreaterThan(0);
});

describe('cases of one channel', () => {
  test.each(CHANNEL_CASES)('$id', ({ check }) => {
    check(SOUND);
  });

  test.each(CHANNEL_CASES.flatMap(({ id, check, weak }) => Object.entries(weak).map(([fault, parts]) => ({ id, fault, check, parts }))))('$id is noticed to fail when $fault', ({ check, parts }) => {
    expect(() => check({ ...SOUND, ...parts })).toThrow(expect.objectContaining({ name: 'AssertionError' }));
  });
});

describe('cases of a whole link', () => {
  test.each(SCHEMES.flatMap((scheme) => PATH_CASES.map(({ id, check }) => ({ id, scheme, check }))))('$id on $scheme', async ({ scheme, check }) => {
    await check(device(scheme));
  });

  const faults = PATH_CASES.flatMap(({ id, check, weak, showsOn = SCHEMES }) => showsOn.flatMap((scheme) => Object.entries(weak).map(([fault, part]) => ({ id, fault, scheme, check, part }))));
  test.each(faults)('$id on $scheme is noticed to fail when $fault', async ({ scheme, check, part }) => {
    const sound = device(scheme);
    const { options = {}, lenient = sound.lenient } = part(scheme);
    const failure = await check({ scheme, options: { ...sound.options, ...options }, lenient }).then(
      () => undefined,
      (error: unknown) => error,
    );
    // Wrong data, another outcome than the right one, or none; never a mistake of the test itself.
    expect(failure instanceof SilentCorruption || failure instanceof LinkError || (failure instanceof Error && failure.name === 'AssertionError'), String(failure)).toBe(true);
  });
});
