/** The image label that holds the sandbox contract, as JSON. */
export const contractLabel = 'ai-run.contract';

/** What the engine says of an image, as far as a session needs it. */
export type Inspected = {
  /** `sha256:…` */
  readonly id: string;
  /** `linux/amd64`: of the platform that the engine speaks of. */
  readonly platform: string;
  readonly contract: string | undefined;
  /** Folders that the engine would put on its own disk, for as long as the container is there, whatever the policy says. */
  readonly volumes: readonly string[];
};

/** Reads what `docker image inspect` and the Engine API (`ImageInspect`) say; undefined where that is no image. */
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

/** The identity of an image, `sha256:…`, from what the Engine API says of its history (`ImageHistory`): its last step has it. */
export function identityOf(history: unknown): string | undefined {
  const id = Array.isArray(history) ? fieldOf(history[0], 'Id') : undefined;
  return typeof id === 'string' && /^sha256:[0-9a-f]{64}$/.test(id) ? id : undefined;
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? Object.getOwnPropertyDescriptor(value, name)?.value
    : undefined;
}
