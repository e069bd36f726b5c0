/** The table of NVIDIA's chips as their certificates know them: names, whose certificates they have, since when. */

/** A chip: what its certificates are called, and whose they are. */
export interface NvidiaChipRow {
  /** As in the names of its certificates. */
  readonly name: string;
  /** The engine with the boot ROM. */
  readonly engine: 'GSP' | 'FSP';
  /** First byte of the boot ROM certificate's serial; the PDI follows. */
  readonly serialPrefix: number;
  /** Since when device certificates are valid. */
  readonly since: string;
  /** Whose identity authority certifies the provisioner. */
  readonly identity: 'GH100' | 'GB100' | 'GB202';
  readonly identitySince: string;
  readonly provisioner: string;
  readonly provisionerSince: string;
  /** Whether boot ROM certificates name the OCSP responder. */
  readonly bootRomAccess: boolean;
  /** How the attestation key's certificate names the firmware. */
  readonly fwid: 'compositeDeviceId' | 'diceTcbInfo';
  /** In the names of the RIM signers. */
  readonly referenceValue: { readonly name: string; readonly level3: string; readonly level4: string; readonly caFrom: string; readonly l3From: string; readonly l3Until: string };
  readonly assumed?: string;
}

const HOPPER: NvidiaChipRow = {
  name: 'GH100',
  engine: 'GSP',
  serialPrefix: 0x41,
  since: '2020-10-17T00:00:00Z',
  identity: 'GH100',
  identitySince: '2022-01-12T00:00:00Z',
  provisioner: 'NVIDIA GH100 Provisioner ICA 1',
  provisionerSince: '2022-03-01T00:00:00Z',
  bootRomAccess: false,
  fwid: 'compositeDeviceId',
  referenceValue: { name: 'GH100', level3: 'GH100 002', level4: 'HCC RIM L4 Signer', caFrom: '2023-05-11T00:00:00Z', l3From: '2023-10-31T00:00:00Z', l3Until: '2027-04-30T23:59:59Z' },
};
const BLACKWELL: NvidiaChipRow = {
  ...HOPPER,
  name: 'GB100',
  since: '2023-06-20T00:00:00Z',
  identity: 'GB100',
  identitySince: '2023-01-01T00:00:00Z',
  provisioner: 'NVIDIA GB100 Provisioner ICA 00000',
  provisionerSince: '2023-06-20T00:00:00Z',
  bootRomAccess: true,
  fwid: 'diceTcbInfo',
  referenceValue: { ...HOPPER.referenceValue, name: 'GB100', level3: 'GB100 001' },
};

/** Every chip, by architecture. */
export const NVIDIA_CHIPS = {
  GH100: HOPPER,
  GB100: BLACKWELL,
  GB202: {
    ...BLACKWELL,
    name: 'GB202',
    identity: 'GB202',
    provisioner: 'NVIDIA GB202 Provisioner ICA 00000',
    referenceValue: { ...BLACKWELL.referenceValue, name: 'GB202', level3: 'GB202 001' },
    assumed: 'no genuine chain of a GB202 is public: that of a GB100 with its name',
  },
  LS10: {
    ...HOPPER,
    name: 'LS_10',
    engine: 'FSP',
    serialPrefix: 0x50,
    provisioner: 'NVIDIA LS_10 Provisioner ICA 1',
    referenceValue: { name: 'LS10', level3: 'LS10 001', level4: 'NVIDIA Reference Value L4 LS10', caFrom: '2024-05-02T00:00:00Z', l3From: '2024-05-02T00:00:00Z', l3Until: '2027-11-02T23:59:59Z' },
  },
} as const satisfies Readonly<Record<string, NvidiaChipRow>>;
export type NvidiaChip = keyof typeof NVIDIA_CHIPS;
/** Their architectures. */
export const NVIDIA_CHIP_NAMES = Object.keys(NVIDIA_CHIPS) as NvidiaChip[];
