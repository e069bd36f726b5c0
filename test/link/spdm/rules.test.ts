/** Every rule for responders, against every profile, version and transport that it applies to. */
import { describe, expect, it } from 'vitest';
import { Peer } from './peer/peer.ts';
import { type Kind, responderOn } from './peer/responders.ts';
import { getCapabilities, getVersion, REQUESTER_FLAGS } from './peer/requests.ts';
import { type Binding, DOE, MCTP } from './peer/session.ts';
import { RULES } from './rules/index.ts';
import type { Rule } from './rules/model.ts';

/** Flags as CAPABILITIES tells them, from the responder itself. */
async function flagsOf(kind: Kind): Promise<number> {
  const wire = responderOn(kind, MCTP);
  await wire.send({ secured: false, bytes: getVersion() });
  const answer = await wire.send({ secured: false, bytes: getCapabilities(kind.version) });
  return Buffer.from(answer?.bytes ?? []).readUInt32LE(8);
}

const KINDS: readonly (Kind & { readonly binding: Binding })[] = [
  ...(['h100', 'full'] as const).flatMap((profile) => ([0x11, 0x12] as const).flatMap((version) => [MCTP, DOE].map((binding) => ({ device: 'two slots', profile, version, binding }) as const))),
  { device: 'a GPU', profile: 'h100', version: 0x11, binding: DOE },
  { device: 'a GPU', profile: 'full', version: 0x12, binding: MCTP },
];

const applies = (rule: Rule, flags: number, { version }: Kind): boolean => {
  const needs = rule.needs ?? 0;
  return (rule.versions?.includes(version) ?? true) && (flags & needs) === needs && (flags & (rule.lacks ?? 0)) === 0;
};

const machines = await Promise.all(KINDS.map(async ({ binding, ...kind }) => ({ kind, binding, flags: await flagsOf(kind) })));

describe.each(machines)('$kind.device, $kind.profile, version $kind.version, $binding.name', ({ kind, binding, flags }) => {
  const rules = RULES.filter((rule) => applies(rule, flags, kind));
  describe.each(rules)('$id $says', (rule) => {
    it.each(rule.cases)('$name', async ({ run }) => {
      const peer = new Peer(responderOn(kind, binding), kind.version, rule.requesterFlags ?? REQUESTER_FLAGS);
      await peer.reach(rule.at);
      await run(peer);
    });
  });
});

describe('the table', () => {
  it('has every rule apply to some responder', () => {
    const idle = RULES.filter((rule) => !machines.some(({ kind, flags }) => applies(rule, flags, kind)));
    expect(idle.map(({ id }) => id)).toEqual([]);
  });

  it('has no rule twice, nor a case', () => {
    const names = RULES.flatMap(({ id, cases }) => cases.map(({ name }) => `${id}: ${name}`));
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
  });
});
