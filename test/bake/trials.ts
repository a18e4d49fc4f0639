import { docker } from '../e2e/support.ts';

/** Names of images that a publication pulled to test these agents, and that a killed one has left in the engine. */
export const trialsOf = async (agents: readonly string[]): Promise<string[]> => {
  const format = '--format={{.Repository}}:{{.Tag}}';
  const { stdout } = await docker('image', 'ls', '--filter=reference=bakery-trial', format);
  const names = stdout.split('\n').filter((name) => name !== '');
  const label = '--format={{index .Config.Labels "ai-run.contract"}}';
  const contracts = await Promise.all(
    names.map(async (name) => (await docker('image', 'inspect', label, name)).stdout),
  );
  return names.filter((_, at) =>
    agents.some((agent) => contracts[at]?.includes(`"agent":"${agent}"`)),
  );
};
