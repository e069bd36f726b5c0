/** The table of NVIDIA devices that are emulated: everything that distinguishes one kind from another. */

/** Chips, as NVIDIA names them in certificates and manifests: Hopper and Blackwell GPUs, and the NVSwitch. */
export type Architecture = 'GH100' | 'GB100' | 'GB202' | 'LS10';
