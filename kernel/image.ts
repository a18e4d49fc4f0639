/** The parts of an image inspection that both programs read. */

/** The image label that holds the sandbox contract, as JSON. */
export const contractLabel = 'ai-run.contract';

/** The fields of an image inspection that a session needs. */
export type Inspected = {
  /** `sha256:…` */
  readonly id: string;
  /** The platform that the engine reports, e.g. `linux/amd64`. */
  readonly platform: string;
  readonly contract: string | undefined;
  /** Folders that the engine would store on its own disk while the container exists, despite the policy. */
  readonly volumes: readonly string[];
};

/**
 * Parses the output of `docker image inspect` or the Engine API's answer (`ImageInspect`).
 * @returns undefined if it is not an image description.
 */
export function parseInspected(value: unknown): Inspected | undefined {
  const id = fieldOf(value, 'Id');
  const [os, architecture] = ['Os', 'Architecture'].map((name) => fieldOf(value, name));
  if (typeof id !== 'string' || typeof os !== 'string' || typeof architecture !== 'string')
    return undefined;
  const config = fieldOf(value, 'Config');
  const contract = fieldOf(fieldOf(config, 'Labels'), contractLabel);
  const volumes = fieldOf(config, 'Volumes');
  return {
    id,
    platform: `${os}/${architecture}`,
    contract: typeof contract === 'string' ? contract : undefined,
    volumes: typeof volumes === 'object' && volumes !== null ? Object.keys(volumes) : [],
  };
}

/** Returns an image's id, `sha256:…`, from the Engine API's answer (`ImageHistory`): the latest step has it. */
export function identityOf(history: unknown): string | undefined {
  const id = Array.isArray(history) ? fieldOf(history[0], 'Id') : undefined;
  return typeof id === 'string' && /^sha256:[0-9a-f]{64}$/.test(id) ? id : undefined;
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? Object.getOwnPropertyDescriptor(value, name)?.value
    : undefined;
}
