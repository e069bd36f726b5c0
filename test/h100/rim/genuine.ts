/** The genuine manifests beside the checkout, each with a time at which its certificates were valid. */

/** One of them. */
export interface GenuineRim {
  readonly file: string;
  readonly version: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

const at = (year: number): number => Date.UTC(year, 5, 15);

export const GENUINE_RIMS: readonly GenuineRim[] = [
  { file: 'h100/rim/NV_GPU_DRIVER_GH100_550.90.07.xml', version: '550.90.07', at: at(2025) },
  { file: 'h100/rim/NV_GPU_DRIVER_GH100_550.144.03.xml', version: '550.144.03', at: at(2025) },
  { file: 'h100/rim/NV_GPU_VBIOS_1010_0200_882_96009F0001.xml', version: '96.00.9F.00.01', at: at(2025) },
  { file: 'h100/rim/1010_0200_882_96005E0001_PROD.swidtag', version: '96.00.5E.00.01', at: at(2025) },
  { file: 'h100/rim/g520_0228_889_96006D0029_PROD.swidtag', version: '96.00.6D.00.29', at: at(2025) },
  { file: 'h100/rim/NV_SWITCH_BIOS_5612_0002_890_9610550001.xml', version: '96.10.55.00.01', at: at(2026) },
];
