/** The virtual CPU types of QEMU that an SNP guest can have, and the CPUID signature that each shows in EDX at reset. */
import { ConfigError } from '../../errors.ts';
import type { CpuId } from '../platform/products.ts';

interface CpuModel extends CpuId {
  readonly name: string;
  /** The model has versions `-v1` to this one; a version changes features, never the signature. */
  readonly versions: number;
}

/** One row a model. Source: QEMU 10.1, target/i386/cpu.c, `builtin_x86_defs`. */
const CPU_MODELS: readonly CpuModel[] = [
  { name: 'EPYC', versions: 5, family: 23, model: 1, stepping: 2 },
  { name: 'EPYC-IBPB', versions: 0, family: 23, model: 1, stepping: 2 },
  { name: 'EPYC-Rome', versions: 5, family: 23, model: 49, stepping: 0 },
  { name: 'EPYC-Milan', versions: 3, family: 25, model: 1, stepping: 1 },
  { name: 'EPYC-Genoa', versions: 2, family: 25, model: 17, stepping: 0 },
  { name: 'EPYC-Turin', versions: 1, family: 26, model: 0, stepping: 0 },
];

/** QEMU's name of a virtual CPU type → what it says it is: `EPYC`, `EPYC-v1`, … `EPYC-Turin-v1`. */
export const VCPU_TYPES: ReadonlyMap<string, CpuId> = new Map(
  CPU_MODELS.flatMap(({ name, versions, ...identity }) => [name, ...Array.from({ length: versions }, (_, i) => `${name}-v${i + 1}`)].map((type): [string, CpuId] => [type, identity])),
);

/**
 * CPUID Fn0000_0001_EAX of a processor (AMD 25481): the base family is 0xf from family 15 on, and the extended family holds the rest.
 * @throws {ConfigError} when a part does not fit: family to 270, model to 255, stepping to 15
 */
export function cpuSignature({ family, model, stepping }: CpuId): number {
  const limits: Record<keyof CpuId, readonly [number, number]> = { family: [family, 0xf + 0xff], model: [model, 0xff], stepping: [stepping, 0xf] };
  for (const [key, [value, max]] of Object.entries(limits)) {
    if (!Number.isInteger(value) || value < 0 || value > max) throw new ConfigError(key, `must be an integer from 0 to ${max}, is ${value}`);
  }
  const base = Math.min(family, 0xf);
  return ((family - base) << 20) | ((model >> 4) << 16) | (base << 8) | ((model & 0xf) << 4) | stepping;
}

/**
 * The CPUID signature of one of QEMU's virtual CPU types.
 * @throws {ConfigError} for a name that is not in {@link VCPU_TYPES}
 */
export function vcpuSignature(type: string): number {
  const identity = VCPU_TYPES.get(type);
  if (!identity) throw new ConfigError('vcpuType', `no such virtual CPU type: '${type.slice(0, 40)}'; there are: ${[...VCPU_TYPES.keys()].join(', ')}`);
  return cpuSignature(identity);
}
