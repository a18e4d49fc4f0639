import { openRegistry } from '../../bakery/registry/registry.ts';
import { nonce } from '../e2e/support.ts';
import type { Registry } from './registry.ts';

/**
 * A namespace of its own in the registry of the stand-ins. Upstream layers are mounted there, and need not be copied, as a
 * registry of a test's own would need it. Its `host` is an address with a path.
 * @param repositories names below it, for example `ai/ai-layers`; their manifests are deleted at the end.
 */
export const openNamespace = (name: string, repositories: readonly string[]): Registry => {
  const registry = openRegistry(new AbortController().signal);
  const host = `127.0.0.1:5000/e2e-${name}-${nonce()}`;
  return {
    host,
    close: async () => {
      for (const repository of repositories.map((each) => `${host}/${each}`)) {
        const tags = await registry.readTags(repository);
        const found = await Promise.all(
          tags.map((tag) => registry.readManifest(`${repository}:${tag}`)),
        );
        for (const digest of new Set(found.flatMap((one) => one?.digest ?? [])))
          await registry.deleteManifest(`${repository}@${digest}`);
      }
    },
  };
};
