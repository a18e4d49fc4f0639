import { docker } from './support.ts';

/** BuildKit's own records of what it built: `docker buildx history`. */

export type Step = { readonly digest: string; readonly name: string; readonly cached: boolean };

const lines = (text: string): string[] => text.split('\n').filter((line) => line.startsWith('{'));

/** References of all builds that BuildKit remembers, newest first. */
export const buildReferences = async (): Promise<string[]> => {
  const { stdout } = await docker(
    'buildx',
    'history',
    'ls',
    '--no-trunc',
    '--format',
    '{{json .}}',
  );
  return lines(stdout).map((line) => {
    const { ref } = JSON.parse(line) as { ref: string };
    return ref.split('/').at(-1) ?? '';
  });
};

/** Every step of a build, as BuildKit recorded it. */
export const stepsOf = async (reference: string): Promise<Step[]> => {
  const { stdout, stderr } = await docker(
    'buildx',
    'history',
    'logs',
    '--progress=rawjson',
    reference,
  );
  const steps = new Map<string, Step>();
  for (const line of [...lines(stdout), ...lines(stderr)]) {
    const { vertexes = [] } = JSON.parse(line) as {
      vertexes?: { digest: string; name: string; cached?: boolean; completed?: string }[];
    };
    for (const { digest, name, cached = false, completed } of vertexes) {
      if (completed !== undefined) steps.set(digest, { digest, name, cached });
    }
  }
  return [...steps.values()];
};
