/** The platforms the project makes images for, as OCI spells them. */
export const platforms = ['linux/amd64', 'linux/arm64'] as const;

/** `os/architecture`, e.g. `linux/arm64`. */
export type Platform = (typeof platforms)[number];

/** `amd64` or `arm64`: the second half of a platform, as Docker and Go spell it. */
export function architecture(platform: Platform): 'amd64' | 'arm64' {
  return platform === 'linux/amd64' ? 'amd64' : 'arm64';
}

/** The Linux platform of containers on a machine with this `process.arch`, or nothing if there is none. */
export function platformOfMachine(arch: string): Platform | undefined {
  return ({ x64: 'linux/amd64', arm64: 'linux/arm64' } as const)[arch];
}
