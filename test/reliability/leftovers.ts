import { docker } from '../e2e/support.ts';

const ids = async (...args: readonly string[]): Promise<string[]> =>
  (await docker(...args)).stdout.split('\n').filter((line) => line !== '');

/** Removes what killed tests of these agents have left in the engine: containers that were made, and images that were pulled. */
export const removeLeftovers = async (agents: readonly string[]): Promise<void> => {
  const titles = agents.flatMap((agent) => [`${agent} on Base`, `${agent} on Mini`]);
  const labels = titles.map((title) => `label=org.opencontainers.image.title=${title}`);
  for (const label of labels) {
    const containers = await ids('ps', '--all', '--quiet', `--filter=${label}`);
    if (containers.length > 0) await docker('rm', '--force', ...containers);
  }
  // By label, because tests give images names of their own; and by name, because one whose pull was killed has no labels.
  const references = agents.map((agent) => `reference=*/*/ai-${agent}`);
  const images = new Set<string>();
  for (const filter of [...labels, ...references])
    for (const id of await ids('image', 'ls', '--quiet', '--no-trunc', `--filter=${filter}`))
      images.add(id);
  if (images.size > 0) await docker('image', 'rm', '--force', ...images);
};
