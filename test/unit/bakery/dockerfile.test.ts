import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Checkout, openCheckout, planCells } from '../../../bakery/catalogue/checkout.ts';
import {
  renderer,
  type Templates,
  upstreamsOf,
} from '../../../bakery/templates/dockerfile.rules.ts';
import { lintDockerfile } from '../../../bakery/templates/lint.rules.ts';
import { select } from '../../../bakery/plan/matrix.rules.ts';
import { agentFolder, fixtures, readCatalogue, runtimeFolder } from '../support.ts';

let checkout: Checkout;
let dockerfiles: ReadonlyMap<string, string>;

beforeAll(async () => {
  checkout = await openCheckout(join(fixtures, 'checkout'));
  const { cells: all } = select(checkout.catalogue, { agents: [], runtimes: [], platforms: [] });
  dockerfiles = new Map(
    planCells(checkout, all).images.map(({ id, dockerfile }) => [id, dockerfile]),
  );
});

const rendered = (name: string): string => {
  const text = dockerfiles.get(name);
  if (text === undefined) throw new Error(`${name} was not planned`);
  return text;
};

const cells = ['otter', 'heron', 'crane'].flatMap((agent) =>
  ['base', 'go', 'php'].map((runtime) => `${agent}:${runtime}`),
);

describe('the Dockerfile of an image', () => {
  test.each(cells)('%s is as expected', async (name) => {
    const file = `${name.replace(':', '.')}.Dockerfile`;
    await expect(rendered(name)).toMatchFileSnapshot(join(fixtures, 'expected', file));
  });

  test.each([...cells, 'finch:base'])('%s has none of the known traps', (name) => {
    expect(lintDockerfile(rendered(name))).toEqual([]);
  });

  test('holds every upstream image by digest', () => {
    const from = cells.flatMap((name) => rendered(name).match(/^FROM .*$/gm) ?? []);
    const upstream = from.filter((line) => !/FROM (scratch|download-)/.test(line));
    expect(upstream.length).toBeGreaterThan(20);
    for (const line of upstream) expect(line).toMatch(/@sha256:[0-9a-f]{64} AS /);
  });

  test('unpacks an archive, and installs a file that is none', () => {
    expect(rendered('crane:base')).toContain(
      'tar -xzf /from/download -C program --strip-components=1',
    );
    expect(rendered('finch:base')).toContain('install -D -m 0755 /from/download "program/finch"');
  });

  test('fetches a download only for the platforms it is locked for', () => {
    expect(rendered('finch:base').match(/^FROM scratch AS .*$/gm)).toEqual([
      'FROM scratch AS download-amd64',
    ]);
  });
});

/** Renders the first agent on the first runtime of these definitions. */
const render = (
  definitions: ReturnType<typeof readCatalogue>,
  changes: { templates?: Partial<Templates>; lock?: Record<string, string> } = {},
) => {
  const { settings, upstreamLock, templates } = checkout;
  const [agent] = definitions.agents;
  const [runtime] = definitions.runtimes;
  if (agent === undefined || runtime === undefined) throw new Error('nothing was read');
  const by = renderer({ ...templates, ...changes.templates }, definitions.runtimes, settings, {
    lock: changes.lock ?? upstreamLock,
  });
  return {
    agent: () => by.agentLayer(agent).text,
    runtime: () => by.runtimeLayer(runtime).text,
    image: (labels = {}) => by.image(agent, runtime, labels),
  };
};

describe('rendering', () => {
  test('refuses an upstream image without a digest', () => {
    expect(render(readCatalogue([agentFolder()]), { lock: {} }).agent).toThrow(
      expect.objectContaining({
        code: 'E_UPSTREAM_UNLOCKED',
        message: 'the upstream image docker.io/library/node:24-trixie-slim is not locked',
        hint: 'run `bakery update --upstreams` where its registry, or a mirror of it, can be reached',
      }),
    );
  });

  test.each([
    ['an unknown name', 'FROM {{nope}}', /^runtimes\/base\/Dockerfile\.hbs: "nope" not defined/],
    [
      'an unknown upstream image',
      'FROM {{upstream upstreams.nope}}',
      /^runtimes\/base\/Dockerfile\.hbs: \{\{upstream\}\} names none/,
    ],
    ['an unknown part', '{{> nope}}', /^runtimes\/base\/Dockerfile\.hbs: .*nope/],
    ['an unknown helper', '{{shout stage}}', /^runtimes\/base\/Dockerfile\.hbs: .*shout/],
    [
      'a block that does not end',
      '{{#if stage}}',
      /^runtimes\/base\/Dockerfile\.hbs: Parse error on line 1/,
    ],
  ])('refuses a template with %s in one line', (_, template, message) => {
    const runtime = runtimeFolder('base', { from: 'docker.io/library/debian:13' }, template);
    expect(render(readCatalogue([agentFolder()], [runtime])).runtime).toThrow(
      expect.objectContaining({ code: 'E_TEMPLATE', message: expect.stringMatching(message) }),
    );
    expect(render(readCatalogue([agentFolder()], [runtime])).runtime).toThrow(/^[^\n]+$/);
  });

  test('names the template of the bakery that is at fault', () => {
    const templates = { npm: '{{install.nope}}' };
    expect(render(readCatalogue([agentFolder()]), { templates }).agent).toThrow(
      /^bakery\/templates\/npm\.hbs: "nope" not defined/,
    );
  });

  test('lets an agent’s variables win over its runtime’s, and later runtimes over earlier ones', () => {
    const { image } = render(
      readCatalogue(
        [agentFolder({ env: { A: 'agent' } })],
        [
          runtimeFolder('go', { extends: 'base', env: { A: 'go', B: 'go' }, path: ['/go'] }),
          runtimeFolder('base', {
            from: 'docker.io/library/debian:13',
            env: { A: 'base', B: 'base', C: 'base' },
            path: ['/base', '/other'],
          }),
        ],
      ),
    );
    expect(image().match(/^ENV .*$/gm)).toEqual([
      'ENV A=agent',
      'ENV B=go',
      'ENV C=base',
      'ENV AI_PATH=/opt/agent/bin:/go:/base:/other PATH=/opt/agent/bin:/go:/base:/other:$PATH',
    ]);
  });

  test.each([
    ['plain', 'MIT', 'MIT'],
    ['empty', '', "''"],
    ['with a space', 'SEE LICENSE', "'SEE LICENSE'"],
    ['with a variable', '$HOME', "'$HOME'"],
    ['with double quotes', '{"a":"b"}', `'{"a":"b"}'`],
    ['with a single quote', `it's "$x" \\`, String.raw`"it's \"\$x\" \\"`],
    ['of two lines', 'a\nRUN id', '"a RUN id"'],
  ])('writes a value %s as one word', (_, value, word) => {
    const { image } = render(readCatalogue([agentFolder()]));
    expect(image({ key: value }).match(/^LABEL .*$/gm)).toEqual([`LABEL key=${word}`]);
  });

  test('resolves a PyPI requirement for the platforms of its agent', () => {
    const heron = checkout.catalogue.agents.find(({ name }) => name === 'heron');
    if (heron === undefined) throw new Error('heron was not read');
    const { settings, templates, upstreamLock: lock } = checkout;
    const by = renderer(templates, [], settings, { lock });
    const text = by.pypiLock(heron, 'heron-chat==0.87.0');
    expect(text).toContain("echo 'heron-chat==0.87.0' > /tmp/requirements.in");
    expect(text).toContain('for arch in amd64 arm64; do');
    expect(text).toContain('--python-version 3.11 ');
  });
});

test('the upstream images are those of the chosen agents and of all runtimes', () => {
  const { agents, runtimes } = checkout.catalogue;
  const of = (name: string) =>
    upstreamsOf(
      agents.filter((agent) => agent.name === name),
      runtimes,
      checkout.settings.upstreams,
    );
  const shared = [
    'docker.io/library/debian:13',
    'docker.io/library/golang:1.26-trixie',
    'docker.io/library/php:8.4-cli-trixie',
  ];
  expect(of('otter')).toEqual([...shared, 'docker.io/library/node:24-trixie-slim'].toSorted());
  expect(of('heron')).toEqual(
    [
      ...shared,
      'docker.io/library/python:3.11-slim-trixie',
      'ghcr.io/astral-sh/uv:0.13.8',
    ].toSorted(),
  );
  expect(of('none')).toEqual(shared);
});

describe('the files of every layer get the same times, when all else is done, by', () => {
  const root = join(import.meta.dirname, '../../..');
  const templates = [
    ...['npm', 'pypi', 'download'].map((kind) => `bakery/templates/${kind}.hbs`),
    ...readdirSync(join(root, 'runtimes')).map((name) => `runtimes/${name}/Dockerfile.hbs`),
  ];
  test.each(templates)('%s', (path) => {
    const text = readFileSync(join(root, path), 'utf8');
    expect(text.trimEnd().split('\n').slice(-2)).toEqual(['{{> times}}', 'EOF']);
  });
});
