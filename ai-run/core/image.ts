/** The image label that holds the sandbox contract, as JSON. */
export const contractLabel = 'ai-run.contract';

/** What the engine says of an image, as far as a session needs it. */
export type Inspected = {
  /** `sha256:…` */
  readonly id: string;
  /** `linux/amd64`: of the platform that the engine speaks of. */
  readonly platform: string;
  readonly contract: string | undefined;
};

const fieldOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null
    ? Object.getOwnPropertyDescriptor(value, name)?.value
    : undefined;

/** Reads what `docker image inspect` and the Engine API (`ImageInspect`) say; undefined where that is no image. */
export const parseInspected = (value: unknown): Inspected | undefined => {
  const id = fieldOf(value, 'Id');
  const [os, architecture] = ['Os', 'Architecture'].map((name) => fieldOf(value, name));
  if (typeof id !== 'string' || typeof os !== 'string' || typeof architecture !== 'string')
    return undefined;
  const contract = fieldOf(fieldOf(fieldOf(value, 'Config'), 'Labels'), contractLabel);
  return {
    id,
    platform: `${os}/${architecture}`,
    contract: typeof contract === 'string' ? contract : undefined,
  };
};
