/** The platforms that images are made for. */

/** The supported platforms, in OCI's spelling. */
export const platforms = ['linux/amd64', 'linux/arm64'] as const;

/** `os/architecture`, e.g. `linux/arm64`. */
export type Platform = (typeof platforms)[number];

/** Returns `amd64` or `arm64`: the second half of a platform, in Docker's and Go's spelling. */
export function architecture(platform: Platform): 'amd64' | 'arm64' {
  return platform === 'linux/amd64' ? 'amd64' : 'arm64';
}

/** Returns the Linux platform for a machine with this `process.arch`; undefined if it is not supported. */
export function platformOfMachine(arch: string): Platform | undefined {
  return ({ x64: 'linux/amd64', arm64: 'linux/arm64' } as const)[arch];
}
