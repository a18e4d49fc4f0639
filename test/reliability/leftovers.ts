import { docker } from '../e2e/support.ts';

const lines = async (...args: readonly string[]): Promise<string[]> =>
  (await docker(...args)).stdout.split('\n').filter((line) => line !== '');

/** Removes what killed tests of these agents have left in the engine: containers that were made, and images that were pulled. */
export const removeLeftovers = async (agents: readonly string[]): Promise<void> => {
  for (const title of agents.flatMap((agent) => [`${agent} on Base`, `${agent} on Mini`])) {
    const label = `--filter=label=org.opencontainers.image.title=${title}`;
    const containers = await lines('ps', '--all', '--quiet', label);
    if (containers.length > 0) await docker('rm', '--force', ...containers);
    // Removed by one name, an image may still show under another for a moment.
    for (let tries = 0; tries < 3; tries += 1) {
      const format = '{{.Repository}} {{.Tag}} {{.Digest}}';
      const names = (await lines('image', 'ls', label, '--format', format)).flatMap((line) => {
        const [repository, tag, digest] = line.split(' ');
        return tag === '<none>' ? [`${repository}@${digest}`] : [`${repository}:${tag}`];
      });
      if (names.length > 0) await docker('image', 'rm', '--force', ...names);
    }
  }
};
