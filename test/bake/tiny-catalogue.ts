import { createHash } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { makeCheckout, nonce, removeCheckout } from '../e2e/support.ts';

/** A checkout whose agents are shell scripts of a few bytes, on two runtimes that are as small: baked in seconds. */
export type TinyCatalogue = {
  readonly root: string;
  /** Makes an agent, or changes it: what it prints is its version. */
  readonly setAgent: (
    name: string,
    version: string,
    changes?: { readonly prints?: string; readonly platforms?: readonly string[] },
  ) => Promise<void>;
  readonly close: () => Promise<void>;
};

const architectures = ['amd64', 'arm64'] as const;

export const makeTinyCatalogue = async (agents: readonly string[]): Promise<TinyCatalogue> => {
  const root = await makeCheckout({});
  const word = nonce();
  for (const runtime of ['go', 'php8.4', 'php8.5'])
    await rm(join(root, 'runtimes', runtime), { recursive: true });
  // The smallest upstream image that there is here; what it can do is not what is tested.
  await writeFile(
    join(root, 'runtimes', 'base', 'runtime.yaml'),
    'title: Base\nfrom: docker.io/library/node:24-trixie-slim\nbudget: 1\n',
  );
  await mkdir(join(root, 'runtimes', 'mini'));
  await writeFile(
    join(root, 'runtimes', 'mini', 'runtime.yaml'),
    "title: Mini\nextends: base\nchecks:\n  - { name: mini, run: [cat, /usr/local/share/mini], stdout: '^mini$' }\nbudget: 1\n",
  );
  await writeFile(
    join(root, 'runtimes', 'mini', 'Dockerfile.hbs'),
    `FROM --platform=$BUILDPLATFORM {{upstream from}} AS {{stage}}\nRUN <<EOF\nset -eu\ninstall -d /out/usr/local/share\necho mini > /out/usr/local/share/mini\necho ${word} > /out/usr/local/share/word\n{{> times}}\nEOF\n`,
  );
  const files = new Map<string, string>();
  const server = createServer((request, response) => {
    const body = files.get(request.url ?? '');
    response.writeHead(body === undefined ? 404 : 200).end(body);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const setAgent: TinyCatalogue['setAgent'] = async (
    name,
    version,
    { prints = version, platforms = architectures.map((each) => `linux/${each}`) } = {},
  ) => {
    const lines = architectures.map((architecture) => {
      const text = `#!/bin/sh\n# ${word} ${architecture}\necho '${prints}'\n`;
      const path = `/${name}/${createHash('sha256').update(text).digest('hex')}`;
      files.set(path, text);
      const hash = createHash('sha256').update(text).digest('hex');
      return `    linux/${architecture}: { url: '${address}${path}', sha256: ${hash} }`;
    });
    await mkdir(join(root, 'agents', name), { recursive: true });
    await writeFile(
      join(root, 'agents', name, 'agent.yaml'),
      [
        `title: ${name}`,
        'homepage: https://example.com',
        'license: MIT',
        `command: ${name}`,
        'install:',
        '  kind: download',
        `  version: ${version}`,
        '  files:',
        ...lines,
        `  program: ${name}`,
        `platforms: [${platforms.join(', ')}]`,
        'contract: {}',
        'checks:',
        `  - { name: version, run: [${name}], stdout: '^{version}$' }`,
        'budget: 1',
        '',
      ].join('\n'),
    );
  };
  for (const name of agents) await setAgent(name, '1.0.0');
  return {
    root,
    setAgent,
    close: async () => {
      server.close();
      await removeCheckout(root, agents);
    },
  };
};
