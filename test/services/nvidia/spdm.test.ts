/** A GPU's SPDM responder among the services: the GPU's own chain, key and measurements, on a socket. */
import { X509Certificate } from 'node:crypto';
import { afterAll, describe, expect, test } from 'vitest';
import { Gpu } from '../../../emulator/h100/device/gpu.ts';
import { decodeGpuReport, opaqueField } from '../../../emulator/h100/report/report.ts';
import { startServices } from '../../../emulator/services/start.ts';
import { fixedClock, seededWorld } from '../../../emulator/world.ts';
import { certificatesOf } from '../../link/spdm/peer/chain.ts';
import { Peer } from '../../link/spdm/peer/peer.ts';
import { getMeasurements, getVersion, type Version } from '../../link/spdm/peer/requests.ts';
import { DOE, MCTP } from '../../link/spdm/peer/session.ts';
import { COMMAND, TcpClient, TRANSPORT } from '../../link/spdm/peer/tcp.ts';
import { wireOver } from '../../link/spdm/peer/wire.ts';

const world = seededWorld('spdm service', fixedClock(Date.UTC(2026, 0, 1)));
const clients: TcpClient[] = [];
afterAll(() => {
  for (const client of clients) client.close();
});

async function peerAt(url: string | undefined, version: Version, binding = MCTP): Promise<Peer> {
  const client = await TcpClient.open(Number(new URL(url ?? '').port));
  clients.push(client);
  const transport = binding === MCTP ? TRANSPORT.MCTP : TRANSPORT.DOE;
  return new Peer(
    wireOver(binding, async (payload) => (await client.ask({ command: COMMAND.NORMAL, transport, payload }))?.payload),
    version,
  );
}

describe('the SPDM responder of a GPU', () => {
  test('is not there unless it is asked for', async () => {
    await using services = await startServices({ world });
    expect(services.url.spdm).toBeUndefined();
  });

  test.each([MCTP, DOE])('attests in a session over $name as its reports do', async (binding) => {
    await using services = await startServices({ world, spdm: { gpu: 'h100-sxm' } });
    const peer = await peerAt(services.url.spdm, 0x11, binding);
    await peer.reach('session');
    const chain = certificatesOf(peer.chain).map((der) => new X509Certificate(der));
    expect(chain[0]?.raw).toEqual(new X509Certificate(services.vendors.h100.roots.device).raw);
    expect(chain).toHaveLength(5);
    const request = getMeasurements(0x11, 0xff, { nonce: new Uint8Array(32).fill(7) });
    const answer = (await peer.sayIn(request)) ?? new Uint8Array();
    peer.checkMeasurements(request, answer);
    // What the driver hands out as a report is just this: the request, then the response.
    const report = decodeGpuReport(Uint8Array.from([...request, ...answer]));
    const gpu = new Gpu(world, { model: 'h100-sxm' });
    expect(report.measurements).toEqual(decodeGpuReport(gpu.attestationReport(new Uint8Array(32))).measurements);
    expect(Buffer.from(opaqueField(report, 'DRIVER_VERSION') ?? []).toString('latin1')).toContain(gpu.driver.version);
  });

  test.each([
    [{}, [0x11]],
    [{ profile: 'full' }, [0x11, 0x12]],
    [{ profile: 'h100', version: '1.2' }, [0x12]],
    [{ profile: 'full', version: '1.1' }, [0x11]],
  ])('speaks the versions of its profile or the one it is held to: %o', async (spdm, versions) => {
    await using services = await startServices({ world, spdm });
    const peer = await peerAt(services.url.spdm, 0x11);
    const answer = Buffer.from((await peer.say(getVersion())) ?? []);
    expect(Array.from({ length: answer[5] ?? 0 }, (_, i) => answer[7 + 2 * i])).toEqual(versions);
  });

  test.each([
    [{ profile: 'b200' }, 'spdmProfile'],
    [{ profile: 'constructor' }, 'spdmProfile'],
    [{ version: '1.0' }, 'spdmVersion'],
    [{ version: 'toString' }, 'spdmVersion'],
  ])('cannot be %o', async (spdm, key) => {
    await expect(startServices({ world, spdm })).rejects.toMatchObject({ code: 'ERR_CONFIG', key });
  });

  test('cannot listen where another does', async () => {
    await using services = await startServices({ world, spdm: {} });
    const port = Number(new URL(services.url.spdm ?? '').port);
    await expect(startServices({ world, spdm: { port } })).rejects.toMatchObject({ code: 'ERR_CONFIG', key: 'spdm' });
  });
});
