/** The table of verifiers that teemu knows. A new one is a wrapper and a row. */
import { ConfigError } from '../../emulator/errors.ts';
import type { Profile } from './profile.ts';

const QUOTE_ONLY = [{ cases: ['tdx/binding/td-report-*', 'ccel/**'], reason: 'it looks at quote and collateral only' }];

const ROWS: readonly Profile[] = [
  {
    name: 'go-sev-guest',
    doc: "Google's library for SEV-SNP, in Go",
    version: '0.15.0',
    tees: ['snp'],
    source: { kind: 'go', wrapper: 'go-sev-guest' },
    clock: true,
    outOfScope: [
      { cases: ['snp/*/*turin*'], reason: 'its table of products ends before Turin' },
      { cases: ['snp/ok/siena*', 'snp/ok/bergamo*'], reason: 'its table of products ends before Zen 4c' },
    ],
  },
  {
    name: 'go-tdx-guest',
    doc: "Google's library for TDX, in Go",
    version: '0.3.1',
    tees: ['tdx'],
    source: { kind: 'go', wrapper: 'go-tdx-guest' },
    clock: true,
    outOfScope: [
      { cases: ['tdx/ok/version-5*', 'tdx/ok/processor-ca-version-5'], reason: 'it reads quotes of version 4 only' },
      { cases: ['tdx/ok/processor-ca*', 'tdx/revocation/processor-*'], reason: 'it knows the Platform CA only' },
      { cases: ['tdx/ok/certification-type-*', 'tdx/chain/chain-of-type-*'], reason: 'it reads the PCK chain from the quote only' },
      { cases: ['tdx/binding/td-report-*', 'ccel/**'], reason: 'it looks at the quote only' },
    ],
  },
  {
    name: 'dcap-qvl-js',
    doc: "Phala's verifier of TDX and SGX quotes, in JavaScript",
    version: '0.3.9',
    tees: ['tdx'],
    source: { kind: 'npm', wrapper: 'dcap-qvl-js', packages: ['@phala/dcap-qvl@0.3.9'] },
    clock: true,
    outOfScope: QUOTE_ONLY,
  },
  {
    name: 'dcap-qvl-py',
    doc: "Phala's verifier of TDX and SGX quotes, in Rust with an interface for Python",
    version: '0.7.0',
    tees: ['tdx'],
    source: { kind: 'python', wrapper: 'dcap-qvl-py' },
    clock: true,
    outOfScope: QUOTE_ONLY,
  },
  {
    name: 'nv-local-gpu-verifier',
    doc: "NVIDIA's local verifier of GPUs, in Python",
    version: '2.7.3',
    tees: ['h100'],
    source: { kind: 'python', wrapper: 'nv-local-gpu-verifier' },
    clock: false,
    outOfScope: [
      { cases: ['h100/evidence/*', 'h100/ok/collected'], reason: 'it asks the driver’s library, and reads no evidence in JSON' },
      { cases: ['h100/machine/*', 'h100/ok/*ppcie*', 'h100/ok/*switch*'], reason: 'protected PCIe and NVSwitches are for nv-ppcie-verifier' },
    ],
  },
];

/** Every verifier that teemu knows, by name. */
export const PROFILES: ReadonlyMap<string, Profile> = new Map(ROWS.map((profile) => [profile.name, profile]));

/** @throws {ConfigError} naming those that there are */
export function profileNamed(name: string): Profile {
  const profile = PROFILES.get(name);
  if (!profile) throw new ConfigError('verifier', `'${name.slice(0, 60)}' is none of ${[...PROFILES.keys()].join(', ')}`);
  return profile;
}
