/** From SPDM to the first copy: the master key that both ends export is what the channels of a link are derived from. */
import { expect, test } from 'vitest';
import { EMK_SIZE } from '../../../emulator/link/channel/key-store.ts';
import { openLink } from '../../../emulator/link/path/link.ts';
import { pair } from '../spdm/devices.ts';
import { MEMORY, payload, requireSame } from './scene.ts';

test('a session of SPDM carries a link, and another session carries another', async () => {
  const keys: string[] = [];
  for (const version of [0x11, 0x12] as const) {
    const { world, requester, responder } = pair({ profile: { versions: [version] } });
    requester.connect();
    const session = requester.startSession();
    const [ours, theirs] = [session.exportMasterSecret(), responder.session(session.id)?.exportMasterSecret()].map((secret) => secret?.slice(0, EMK_SIZE) ?? new Uint8Array(EMK_SIZE));
    expect(Buffer.compare(ours ?? new Uint8Array(0), theirs ?? new Uint8Array(1))).toBe(0);
    const link = await openLink(world, { emk: ours as Uint8Array, memorySize: MEMORY, slots: 2 });
    const channel = await link.driver.openChannel();
    const data = payload(10_000, [], 'data');
    const back = new Uint8Array(data.length);
    await channel.copyToDevice(0, data);
    await channel.copyFromDevice(0, back);
    requireSame(back, data, `SPDM 0x${version.toString(16)}`);
    keys.push(Buffer.from(link.driver.session.store.retrieve(2 << 16).encrypt?.key ?? []).toString('hex'));
  }
  expect(new Set(keys).size).toBe(2);
});
