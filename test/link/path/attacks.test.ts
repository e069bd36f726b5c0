/** Every attack of the table, on both architectures: it strikes, and what comes of it is what the table says; nothing that the host sees is plain. */
import { describe, expect, test } from 'vitest';
import { ATTACKS, attackNamed } from '../../../emulator/link/host/attacks.ts';
import { LINK_SCHEMES } from '../../../emulator/link/channel/schemes.ts';
import { OUTCOMES } from '../../../emulator/link/channel/outcomes.ts';
import { MESSAGE, payload, requireSame, testLink, underAttack } from './scene.ts';

describe.each(Object.values(LINK_SCHEMES))('on $name', ({ name: scheme }) => {
  test.each(ATTACKS)('$name: $doc', async (attack) => {
    const scene = await testLink({ scheme });
    const consequence = await underAttack(scene, attack, attack.during, attack.history === true);
    expect(attack.consequences).toContain(consequence);
    expect(scene.host.seen.leaks).toEqual([]);
    expect(scene.host.seen.scan()).toEqual([]);
  });

  test('after a channel or SEC2 was stopped, new ones carry on in the same session', async () => {
    const { host, link, channel, canaries } = await testLink({ scheme });
    const data = payload(MESSAGE, canaries, 'data');
    for (const name of ['flip-ciphertext-to-device', 'flip-work-mac'] as const) {
      const open = name === 'flip-ciphertext-to-device' ? channel : await link.driver.openChannel();
      host.arm(attackNamed(name));
      await expect(open.copyToDevice(0, data)).rejects.toMatchObject({ reach: 'channel' });
      await expect(open.copyToDevice(0, data)).rejects.toMatchObject({ reach: 'channel' });
      await link.driver.closeChannel(open);
      if (!link.driver.sec2.open) await link.driver.openSec2();
    }
    const fresh = await link.driver.openChannel();
    const back = new Uint8Array(data.length);
    await fresh.copyToDevice(0, data);
    await fresh.copyFromDevice(0, back);
    requireSame(back, data, 'after recovery');
    expect(link.driver.pool.free).toBe(link.driver.pool.size);
  });

  test('after the driver gave up, or the session ended, nothing works any more', async () => {
    const { host, link, channel, canaries } = await testLink({ scheme });
    host.arm(attackNamed('forge-semaphore'));
    await expect(channel.copyToDevice(0, payload(MESSAGE, canaries, 'data'))).rejects.toMatchObject({ outcome: 'semaphoreForged' });
    await expect(channel.copyToDevice(0, new Uint8Array(4))).rejects.toMatchObject({ reach: 'driver' });
    await expect(link.driver.openChannel()).rejects.toMatchObject({ outcome: 'driverFatal' });

    const other = await testLink({ scheme });
    other.host.arm(attackNamed('forge-answer'));
    await expect(other.link.driver.openChannel()).rejects.toMatchObject({ outcome: 'rpcForged' });
    await expect(other.link.driver.openChannel()).rejects.toMatchObject({ outcome: 'sessionLost' });
    await expect(other.channel.copyToDevice(0, new Uint8Array(4))).rejects.toMatchObject({ reach: 'session' });
    expect(other.link.driver.session.lost).toBeDefined();
  });
});

describe('the table of attacks', () => {
  test('names each attack once, and consequences that exist', () => {
    expect(new Set(ATTACKS.map(({ name }) => name)).size).toBe(ATTACKS.length);
    for (const { consequences } of ATTACKS) for (const consequence of consequences) expect(consequence === 'harmless' || consequence in OUTCOMES).toBe(true);
    expect(() => attackNamed('nothing')).toThrow(RangeError);
  });
});
