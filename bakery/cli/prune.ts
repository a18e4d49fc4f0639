/** The verb `prune`: leftovers of old publications in a registry, and their deletion. */

import { UserError } from '@ai-bakery/kernel/error.ts';
import { allLayers } from '../catalogue/checkout.ts';
import { layersIn, layerTag } from '../composer/layer-names.rules.ts';
import { select } from '../plan/matrix.rules.ts';
import { planPrune, prune as remove } from '../publisher/remove.ts';
import { table } from '../host/format.ts';
import { type CommonFlags, print, printJson, registryOf } from './flags.ts';
import type { VerbFlags } from './verb-flags.rules.ts';
import { openMachine } from './machine.ts';

const day = 24 * 60 * 60 * 1000;

/** Lists the leftovers, and with --yes deletes them. One failing repository does not stop the others. */
export async function prune(
  flags: CommonFlags & VerbFlags<'prune'> & { agents: string[] },
): Promise<number> {
  const where = registryOf(flags.registry);
  const { checkout, registry } = await openMachine(flags, 'accept');
  const { catalogue } = checkout;
  // Throws for an unknown name.
  select(catalogue, { agents: flags.agents, runtimes: [], platforms: [] });
  const agents = catalogue.agents.filter(
    ({ name }) => flags.agents.length === 0 || flags.agents.includes(name),
  );
  const tags = new Set(allLayers(checkout).map(layerTag));
  const keep = { count: flags.keep, since: Date.now() - flags.keepDays * day, tags };
  const rows = [];
  const repositories = [
    ...agents.map(({ name }) => `${where}/ai-${name}`),
    // Layers of all agents and runtimes.
    ...(flags.agents.length === 0 ? [layersIn(where)] : []),
  ];
  for (const repository of repositories) {
    try {
      const removal = await planPrune(registry, repository, keep);
      if (flags.yes === true) await remove(registry, repository, removal);
      rows.push({ repository, ...removal });
    } catch (error) {
      // A registry that cannot delete in one repository cannot delete in any.
      if (!(error instanceof UserError) || error.code === 'E_NO_DELETE' || flags.signal.aborted)
        throw error;
      rows.push({ repository, tags: [], digests: [], code: error.code, error: error.message });
    }
  }
  const failed = rows.filter((row) => 'error' in row);
  const manifests = rows.reduce((sum, { digests }) => sum + digests.length, 0);
  if (flags.json === true) printJson({ deleted: flags.yes === true, repositories: rows });
  else {
    print(
      [
        table(
          ['REPOSITORY', 'MANIFESTS', 'TAGS'],
          rows.map((row) => [
            row.repository,
            String(row.digests.length),
            'error' in row ? (row.error ?? '') : row.tags.join(' '),
          ]),
        ),
        flags.yes === true
          ? `${manifests} manifests deleted; the registry frees their layers when it collects garbage`
          : `${manifests} manifests can go; --yes deletes them`,
      ].join('\n'),
    );
  }
  return failed.length === 0 ? 0 : 1;
}
