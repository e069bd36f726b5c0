/** Boots as they are measured: registers and log always agree, whatever is measured; each input shows in the register that it belongs to. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { CodecError, FirmwareError } from '../../../emulator/errors.ts';
import { BOOTS, type BootInputs } from '../../../emulator/tdx/boot/boots.ts';
import { measuredEvent, runtimeEvent } from '../../../emulator/tdx/boot/events.ts';
import { MeasuredBoot } from '../../../emulator/tdx/boot/measured-boot.ts';
import { EVENT } from '../../../emulator/tdx/boot/log/event-types.ts';
import { contradictsData, replayEventLog } from '../../../emulator/tdx/boot/log/replay.ts';
import { syntheticApplication } from '../../../emulator/tdx/boot/uefi/pe.ts';
import { tdxMachine } from '../machine.ts';
import { bootInputs } from './inputs.ts';

const hex = (b: Uint8Array): string => Buffer.from(b).toString('hex');
const names = Object.keys(BOOTS) as (keyof typeof BOOTS)[];

function registersOf(name: keyof typeof BOOTS, changes: Partial<BootInputs> = {}): string[] {
  const td = tdxMachine().launch();
  const boot = new MeasuredBoot(td);
  for (const event of BOOTS[name].events(bootInputs(BOOTS[name].secureBoot, changes))) boot.measure(event);
  expect(boot.log.events.filter(contradictsData)).toEqual([]);
  expect(replayEventLog(boot.log).map(hex)).toEqual(td.rtmrs.map(hex));
  return td.rtmrs.map(hex);
}

describe.each(names)('the boot %s', (name) => {
  const usual = registersOf(name);
  test('leaves RTMR3 to the guest', () => {
    expect(usual.map((register) => /^0+$/.test(register))).toEqual([false, false, false, true]);
  });

  test.each<[string, Partial<BootInputs>, readonly number[]]>([
    ['memory', { hob: { address: 0x80_9000n, contents: new Uint8Array(65) } }, [0]],
    ['the firmware’s variables', { variables: { name: 'x', address: 0n, contents: new Uint8Array(1) } }, [0]],
    ['Secure Boot', { secureBoot: [] }, [0]],
    ['the initial RAM disk', { initrd: new Uint8Array(1) }, [2]],
    ['the command line', { commandLine: 'init=/bin/sh' }, [2]],
    // A boot loader reads the kernel as a file; firmware starts it as an image.
    ['the kernel', { kernel: syntheticApplication('another kernel') }, [name === 'direct' ? 1 : 2]],
  ])('shows %s in its register and nowhere else', (_, changes, expected) => {
    const registers = registersOf(name, changes);
    expect(registers.flatMap((register, i) => (register === usual[i] ? [] : [i]))).toEqual(expected);
  });
});

test('firmware starts no kernel that is no image', () => {
  expect(() => BOOTS.direct.events(bootInputs(false, { kernel: new Uint8Array(4096) }))).toThrow(CodecError);
});

describe('events of one’s own', () => {
  test.each([0, 1, 2, 3])('extend RTMR%i with the hash of their data, or of what is given', (rtmr) => {
    const td = tdxMachine().launch();
    const boot = new MeasuredBoot(td);
    boot.measure(measuredEvent(rtmr, EVENT.ipl, Uint8Array.of(1, 2)));
    boot.measure(measuredEvent(rtmr, EVENT.ipl, Uint8Array.of(3), Uint8Array.of(4)));
    const sha384 = (...parts: readonly Uint8Array[]): Buffer => createHash('sha384').update(Buffer.concat(parts)).digest();
    const expected = sha384(sha384(new Uint8Array(48), sha384(Uint8Array.of(1, 2))), sha384(Uint8Array.of(4)));
    expect(hex(td.rtmrs[rtmr] ?? new Uint8Array(0))).toBe(hex(expected));
    expect(boot.log.events.map(({ mrIndex }) => mrIndex)).toEqual([rtmr + 1, rtmr + 1]);
    expect(hex(replayEventLog(boot.log)[rtmr] ?? new Uint8Array(0))).toBe(hex(expected));
  });

  test('go into registers that there are', () => {
    expect(() => measuredEvent(4, EVENT.ipl, new Uint8Array(0))).toThrow(RangeError);
    expect(() => measuredEvent(-1, EVENT.ipl, new Uint8Array(0))).toThrow(RangeError);
  });

  test('of a guest that runs are tagged, and all of them is hashed', () => {
    const { rtmr, eventType, data, digest } = runtimeEvent('github.com/x/y start 1');
    expect([rtmr, eventType, hex(data.subarray(0, 8))]).toEqual([3, EVENT.eventTag, '4c45414116000000']);
    expect(hex(digest)).toBe(createHash('sha384').update(data).digest('hex'));
  });

  test('are not logged when the TD can not be extended', () => {
    const td = tdxMachine().launch();
    td.destroy();
    const boot = new MeasuredBoot(td);
    expect(() => boot.measure(runtimeEvent('x'))).toThrow(FirmwareError);
    expect(boot.log.events).toEqual([]);
  });
});
