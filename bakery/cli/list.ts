/** The verb `list`: agents, runtimes, and the platforms that are not locked. */

import { openCheckout } from '../catalogue/checkout.ts';
import { lockedPlatforms } from '../catalogue/catalogue.rules.ts';
import { upstreamsOf } from '../templates/dockerfile.rules.ts';
import { select } from '../plan/matrix.rules.ts';
import { table } from '../host/format.ts';
import { type CommonFlags, print, printJson, type SelectionFlags, selectionOf } from './flags.ts';
import type { VerbFlags } from './verb-flags.rules.ts';

export async function list(
  flags: CommonFlags & SelectionFlags & VerbFlags<'list'>,
): Promise<number> {
  const { catalogue, settings } = await openCheckout(flags.root);
  const selection = selectionOf(flags);
  const { leftOut } = select(catalogue, selection);
  const agents = catalogue.agents.filter(
    ({ name }) => selection.agents.length === 0 || selection.agents.includes(name),
  );
  if (flags.upstreams === true) {
    const references = upstreamsOf(agents, catalogue.runtimes, settings.upstreams);
    if (flags.json === true) printJson(references);
    else print(references.join('\n'));
    return 0;
  }
  const runtimes = catalogue.runtimes.map(({ name, title }) => ({ name, title }));
  const rows = agents.map((agent) => ({
    name: agent.name,
    title: agent.title,
    kind: agent.install.kind,
    version: agent.lock.version,
    command: agent.command,
    platforms: lockedPlatforms(agent),
  }));
  if (flags.json === true) {
    printJson({ agents: rows, runtimes, leftOut });
    return 0;
  }
  print(
    [
      table(
        ['AGENT', 'VERSION', 'FROM', 'LOCKED FOR', 'TITLE'],
        rows.map(({ name, version, kind, platforms, title }) => [
          name,
          version ?? '-',
          kind,
          platforms.map((platform) => platform.replace('linux/', '')).join(', ') || '-',
          title,
        ]),
      ),
      '',
      table(
        ['RUNTIME', 'TITLE'],
        runtimes.map(({ name, title }) => [name, title]),
      ),
      '',
      ...leftOut.map(
        ({ agent, platform, reason }) => `${agent}: not locked for ${platform}: ${reason}`,
      ),
    ]
      .join('\n')
      .trimEnd(),
  );
  return 0;
}
