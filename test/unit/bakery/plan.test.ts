import { describe, expect, test } from 'vitest';
import type { Folder } from '../../../bakery/catalogue/catalogue.rules.ts';
import { renderer, type Templates } from '../../../bakery/templates/dockerfile.rules.ts';
import { select, type Selection } from '../../../bakery/plan/matrix.rules.ts';
import { plan, type Plan } from '../../../bakery/plan/plan.rules.ts';
import {
  agentFolder,
  baseFolder,
  digest,
  goFolder,
  npmFiles,
  readCatalogue,
  runtimeFolder,
  type Written,
} from '../support.ts';

const upstreams = {
  node: 'docker.io/library/node:24',
  uv: 'ghcr.io/astral-sh/uv:1',
  python: 'docker.io/library/python:{python}',
};
const lock = {
  'docker.io/library/node:24': digest('1'),
  'docker.io/library/debian:13': digest('2'),
};
const templates: Templates = {
  npm: '# {{title}}\nFROM {{upstream upstreams.node}} AS agent\n{{#each install.prune}}\nRUN rm {{shellPath this}}\n{{/each}}\n{{> elf}}\n',
  pypi: '',
  download: '',
  'pypi-lock': '',
  ca: '',
  libraries: '',
  elf: '# for the target\n',
  times: '',
  image:
    'FROM {{upstream from}} AS image\n{{#each layers}}\nCOPY --link --from={{stage}} /out/ /\n{{/each}}\n{{#each env}}\nENV {{key}}={{value}}\n{{/each}}\n{{#each labels}}\nLABEL {{key}}={{value}}\n{{/each}}\n',
};

type Inputs = {
  readonly agents?: readonly Folder[];
  readonly runtimes?: readonly Folder[];
  readonly lock?: Readonly<Record<string, string>>;
  readonly mirrors?: Record<string, string>;
  readonly source?: string;
  readonly selection?: Partial<Selection>;
  readonly templates?: Partial<Templates>;
};

const beaver = (changes: Written = {}, version = '1.2.3'): Folder =>
  agentFolder(
    { command: 'beaver', title: 'Beaver', ...changes },
    { name: 'beaver', files: npmFiles(version) },
  );

const php = runtimeFolder('php', { extends: 'go' });

const planned = (changes: Inputs = {}): Plan => {
  const inputs = {
    agents: [agentFolder(), beaver()],
    runtimes: [baseFolder, goFolder, php],
    lock,
    mirrors: {},
    source: undefined,
    ...changes,
  };
  const definitions = readCatalogue(inputs.agents, inputs.runtimes);
  const settings = { upstreams, upstreamLock: 'x' };
  const by = (mirrors: Record<string, string>) =>
    renderer({ ...templates, ...changes.templates }, definitions.runtimes, settings, {
      lock: inputs.lock,
      mirrors,
    });
  const selection = { agents: [], runtimes: [], platforms: [], ...changes.selection };
  return plan(
    select(definitions, selection).cells,
    definitions,
    { canonical: by({}), local: by(inputs.mirrors) },
    inputs.lock,
    inputs.source,
  );
};

const keys = ({ layers, images }: Plan): Map<string, string> =>
  new Map([...layers, ...images].map(({ id, key }) => [id, key]));

const before = keys(planned());

/** The layers and images whose key this changes. */
const changed = (changes: Inputs): string[] => {
  return [...keys(planned(changes))]
    .filter(([id, key]) => before.get(id) !== key)
    .map(([id]) => id);
};

const beaverImages = ['beaver:base', 'beaver:go', 'beaver:php'];
const otterImages = ['otter:base', 'otter:go', 'otter:php'];
const layerOf = (name: string): string[] => [`${name} linux/amd64`, `${name} linux/arm64`];

describe('a plan', () => {
  test('has (agents + runtimes) · platforms layers and agents · runtimes images', () => {
    const { layers, images } = planned();
    expect(layers).toHaveLength((2 + 3) * 2);
    expect(images).toHaveLength(2 * 3);
    expect(new Set(layers.map(({ key }) => key)).size).toBe(layers.length);
    expect(new Set(images.map(({ key }) => key)).size).toBe(images.length);
  });

  test('composes an image of its runtimes, the lowest first, and its agent', () => {
    const image = planned().images.find(({ id }) => id === 'beaver:php');
    expect(image).toMatchObject({
      reference: 'ai-beaver:php',
      platforms: ['linux/amd64', 'linux/arm64'],
      context: 'agents/beaver',
      layers: ['linux/amd64', 'linux/arm64'].flatMap((platform) =>
        ['runtime/base', 'runtime/go', 'runtime/php', 'agent/beaver'].map(
          (id) => `${id} ${platform}`,
        ),
      ),
    });
  });

  test('names the stage and the context of each layer', () => {
    const { layers } = planned({ selection: { platforms: ['linux/arm64'], agents: ['otter'] } });
    expect(layers.map(({ id, stage, context }) => [id, stage, context])).toEqual([
      ['runtime/base linux/arm64', 'runtime-base', 'runtimes/base'],
      ['agent/otter linux/arm64', 'agent', 'agents/otter'],
      ['runtime/go linux/arm64', 'runtime-go', 'runtimes/go'],
      ['runtime/php linux/arm64', 'runtime-php', 'runtimes/php'],
    ]);
  });

  test('has the layers of runtimes that others stand on, though they were not asked for', () => {
    const selection = { runtimes: ['php'], agents: ['otter'], platforms: ['linux/amd64'] };
    const { layers, images } = planned({ selection });
    expect(images.map(({ id }) => id)).toEqual(['otter:php']);
    expect(layers.map(({ id }) => id)).toEqual([
      'runtime/base linux/amd64',
      'runtime/go linux/amd64',
      'runtime/php linux/amd64',
      'agent/otter linux/amd64',
    ]);
  });
});

describe('an input key', () => {
  test('is a sha256', () => {
    for (const key of keys(planned()).values()) expect(key).toMatch(/^sha256:[0-9a-f]{64}$/);
  });

  test.each<[string, Inputs]>([
    ['nothing changes', {}],
    ['the mirrors are others', { mirrors: { 'docker.io': 'mirror.local/docker' } }],
    [
      'another upstream image gets a digest',
      { lock: { ...lock, 'ghcr.io/astral-sh/uv:1': digest('9') } },
    ],
    [
      'the checks of an agent change',
      { agents: [agentFolder(), beaver({ checks: [{ name: 'x', run: ['x'] }] })] },
    ],
    ['a budget changes', { agents: [agentFolder(), beaver({ budget: 99 })] }],
    ['a template of another kind changes', { templates: { pypi: 'FROM scratch' } }],
  ])('stays where %s', (_, change) => {
    expect(changed(change)).toEqual([]);
  });

  test.each<[string, Inputs, string[]]>([
    [
      'an agent’s lock',
      { agents: [agentFolder(), beaver({}, '1.2.4')] },
      [...layerOf('agent/beaver'), ...beaverImages],
    ],
    [
      'one hash in an agent’s lock',
      {
        agents: [
          agentFolder(),
          {
            ...beaver(),
            files: {
              ...npmFiles(),
              'package-lock.json':
                npmFiles()['package-lock.json']?.replace('sha512-a', 'sha512-z') ?? '',
            },
          },
        ],
      },
      [...layerOf('agent/beaver'), ...beaverImages],
    ],
    [
      'an agent’s environment',
      { agents: [agentFolder(), beaver({ env: { A: '1' } })] },
      beaverImages,
    ],
    [
      'an agent’s contract',
      { agents: [agentFolder(), beaver({ contract: { state: ['.x'] } })] },
      beaverImages,
    ],
    ['an agent’s license', { agents: [agentFolder(), beaver({ license: 'X' })] }, beaverImages],
    [
      'what is pruned of an agent',
      {
        agents: [
          agentFolder(),
          beaver({
            install: {
              kind: 'npm',
              program: 'node_modules/otter-linux-{arch}/bin/otter',
              prune: ['x'],
            },
          }),
        ],
      },
      [...layerOf('agent/beaver'), ...beaverImages],
    ],
    [
      'the template of a runtime',
      {
        runtimes: [
          baseFolder,
          goFolder,
          runtimeFolder('php', { extends: 'go' }, 'FROM scratch AS {{stage}}\n'),
        ],
      },
      [...layerOf('runtime/php'), 'otter:php', 'beaver:php'],
    ],
    [
      'the template of a runtime that others extend',
      {
        runtimes: [
          baseFolder,
          runtimeFolder('go', { extends: 'base' }, 'FROM scratch AS {{stage}}\n'),
          php,
        ],
      },
      [...layerOf('runtime/go'), 'otter:go', 'otter:php', 'beaver:go', 'beaver:php'],
    ],
    [
      'the environment of a runtime',
      {
        runtimes: [baseFolder, goFolder, runtimeFolder('php', { extends: 'go', env: { A: '1' } })],
      },
      ['otter:php', 'beaver:php'],
    ],
    [
      'the digest of the image that agents are made in',
      { lock: { ...lock, 'docker.io/library/node:24': digest('9') } },
      [...layerOf('agent/otter'), ...layerOf('agent/beaver'), ...otterImages, ...beaverImages],
    ],
    [
      'the digest of the base',
      { lock: { ...lock, 'docker.io/library/debian:13': digest('9') } },
      [
        ...['base', 'go', 'php'].flatMap((name) => layerOf(`runtime/${name}`)),
        ...otterImages,
        ...beaverImages,
      ],
    ],
    [
      'the template of images',
      { templates: { image: 'FROM {{upstream from}} AS image\n' } },
      [...otterImages, ...beaverImages],
    ],
    [
      'a part that templates share',
      { templates: { elf: '# other\n' } },
      [...layerOf('agent/otter'), ...layerOf('agent/beaver'), ...otterImages, ...beaverImages],
    ],
  ])('changes with %s, and no other does', (_, change, ids) => {
    expect(changed(change).toSorted()).toEqual(ids.toSorted());
  });

  test.each([['linux/amd64'], ['linux/arm64']])(
    'is the same where only %s is asked for',
    (platform) => {
      const all = keys(planned());
      const some = keys(planned({ selection: { platforms: [platform], runtimes: ['php'] } }));
      expect(some.size).toBe(4 + 1 + 2);
      for (const [id, key] of some) expect(all.get(id)).toBe(key);
    },
  );

  test('is a label of its image, and no part of itself', () => {
    const { images } = planned();
    for (const { dockerfile, key } of images) {
      expect(dockerfile.match(/^LABEL ai-run\.key=(.*)$/m)?.[1]).toBe(key);
    }
  });
});

describe('of the inputs of an image', () => {
  const inputsOf = (changes: Inputs = {}): Readonly<Record<string, string>> =>
    planned(changes).images.find(({ id }) => id === 'beaver:php')?.inputs ?? {};
  const same = inputsOf();

  const inputNames = ['runtime.base', 'runtime.go', 'runtime.php', 'agent', 'base', 'image'];
  test('each has a name', () => {
    expect(Object.keys(same)).toEqual(inputNames);
    expect(same['base']).toBe(digest('2'));
  });

  test.each<[string, Inputs, string[]]>([
    ['nothing changes', {}, []],
    ['only one platform is asked for', { selection: { platforms: ['linux/arm64'] } }, []],
    ['another agent changes', { agents: [agentFolder({ env: { A: '1' } }), beaver()] }, []],
    // The version is in the labels as well, and is told for itself.
    ['the agent has a new version', { agents: [agentFolder(), beaver({}, '1.2.4')] }, ['agent']],
    [
      'its environment changes',
      { agents: [agentFolder(), beaver({ env: { A: '1' } })] },
      ['image'],
    ],
    [
      'a runtime that it stands on changes',
      {
        runtimes: [
          baseFolder,
          runtimeFolder('go', { extends: 'base' }, 'FROM scratch AS {{stage}}\n'),
          php,
        ],
      },
      ['runtime.go'],
    ],
    [
      'the digest of the base changes',
      { lock: { ...lock, 'docker.io/library/debian:13': digest('9') } },
      ['runtime.base', 'runtime.go', 'runtime.php', 'base'],
    ],
    ['the repository is named', { source: 'https://example.com/bakery' }, ['image']],
  ])('where %s, these differ', (_, change, names) => {
    const inputs = inputsOf(change);
    expect(Object.keys(inputs).filter((name) => inputs[name] !== same[name])).toEqual(names);
  });

  test('the version is the locked one', () => {
    expect(planned().images.map(({ version }) => version)).toContain('1.2.3');
  });
});

test('an image names the repository that a setting names, and no commit', () => {
  const [named] = planned({ source: 'https://example.com/bakery' }).images;
  expect(named?.dockerfile).toContain('source=https://example.com/bakery');
  expect(named?.labels).toHaveProperty(
    ['org.opencontainers.image.source'],
    'https://example.com/bakery',
  );
  const [plain] = planned().images;
  expect(plain?.dockerfile).not.toContain('image.source');
  expect(Object.keys(named?.labels ?? {}).join()).not.toMatch(/revision|created/);
});

describe('mirrors', () => {
  test('are in the text that is built, and the upstream name is in the labels', () => {
    const [image] = planned({ mirrors: { 'docker.io': 'mirror.local/docker' } }).images;
    expect(image?.dockerfile).toContain(
      `FROM mirror.local/docker/library/debian:13@${digest('2')} AS image`,
    );
    expect(image?.dockerfile).not.toContain('FROM docker.io');
    expect(image?.dockerfile).toContain('base.name=docker.io/library/debian:13');
  });
});
