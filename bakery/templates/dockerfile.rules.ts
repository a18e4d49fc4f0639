/** Renders definitions as Dockerfiles. */

import Handlebars from 'handlebars';
import { messageOf, UserError } from '@ai-bakery/kernel/error.ts';
import { architecture } from '@ai-bakery/kernel/platform.ts';
import {
  type Agent,
  lineage,
  lockedPlatforms,
  type Runtime,
} from '../catalogue/catalogue.rules.ts';
import { sourceDate } from './source-date.rules.ts';
import { mirrored, type Settings } from '../catalogue/settings.rules.ts';

/** The templates of the install kinds and of the image, then the parts they share. */
export const templateNames = [
  'npm',
  'pypi',
  'download',
  'image',
  'pypi-lock',
  'ca',
  'elf',
  'libraries',
  'times',
] as const;

/** Template texts by name, from `bakery/templates/`. */
export type Templates = Readonly<Record<(typeof templateNames)[number], string>>;

/** One layer's part of a Dockerfile: its stages, and the name of the stage whose `/out` is the layer. */
export type LayerText = { readonly stage: string; readonly text: string };

export type Renderer = {
  readonly agentLayer: (agent: Agent) => LayerText;
  readonly runtimeLayer: (runtime: Runtime) => LayerText;
  readonly image: (
    agent: Agent,
    runtime: Runtime,
    labels: Readonly<Record<string, string>>,
  ) => string;
  /** A Dockerfile that resolves a requirement of a PyPI agent; BuildKit exports the files. */
  readonly pypiLock: (agent: Agent, requirement: string) => string;
};

export type Upstreams = {
  /** Index digests by canonical reference. */
  readonly lock: Readonly<Record<string, string>>;
  readonly mirrors?: Settings['mirrors'];
};

/** The upstream image at the bottom of a runtime. */
export function baseOf(runtime: Runtime, runtimes: readonly Runtime[]): string {
  return lineage(runtime, runtimes)[0]?.from ?? '';
}

/** Every upstream image of these definitions, sorted. */
export function upstreamsOf(
  agents: readonly Agent[],
  runtimes: readonly Runtime[],
  upstreams: Settings['upstreams'],
): string[] {
  return [
    ...new Set([
      ...agents.flatMap((agent) => Object.values(agentUpstreams(agent, upstreams))),
      ...runtimes.flatMap((runtime) => [
        ...Object.values(runtime.upstreams),
        ...(runtime.from === undefined ? [] : [runtime.from]),
      ]),
    ]),
  ].toSorted();
}

/**
 * Turns definitions into Dockerfile text.
 * @throws UserError E_UPSTREAM_UNLOCKED for an upstream image without a digest, E_TEMPLATE for a faulty template.
 */
export function renderer(
  templates: Templates,
  runtimes: readonly Runtime[],
  settings: Settings,
  upstreams: Upstreams,
): Renderer {
  const render = openTemplates(templates, upstreams);
  return {
    agentLayer: (agent) => ({
      stage: 'agent',
      text: render(
        `bakery/templates/${agent.install.kind}.hbs`,
        templates[agent.install.kind],
        agentView(agent, settings.upstreams),
      ),
    }),
    runtimeLayer: (runtime) => {
      const stage = `runtime-${runtime.name}`;
      const view = { stage, from: baseOf(runtime, runtimes), upstreams: runtime.upstreams };
      return {
        stage,
        text: render(`runtimes/${runtime.name}/Dockerfile.hbs`, runtime.template, view),
      };
    },
    image: (agent, runtime, labels) =>
      render(
        'bakery/templates/image.hbs',
        templates.image,
        imageView(agent, runtime, runtimes, labels),
      ),
    pypiLock: (agent, requirement) =>
      render('bakery/templates/pypi-lock.hbs', templates['pypi-lock'], {
        ...agentView(agent, settings.upstreams),
        requirement,
        architectures: agent.platforms.map(architecture).join(' '),
      }),
  };
}

/** Renders one template; the file's name is for messages. */
type Render = (file: string, template: string, view: unknown) => string;

/** Prepares helpers and shared parts of the templates. */
function openTemplates(templates: Templates, upstreams: Upstreams): Render {
  const handlebars = Handlebars.create();
  handlebars.registerHelper('upstream', (reference: unknown) => {
    // Handlebars is strict about names in the text, not about arguments of helpers.
    if (typeof reference !== 'string') throw new Error('{{upstream}} names none of the upstreams');
    return pin(reference, upstreams);
  });
  handlebars.registerHelper('shellPath', shellPath);
  handlebars.registerHelper('sourceDate', () => sourceDate);
  for (const partial of ['ca', 'elf', 'libraries', 'times'] as const) {
    handlebars.registerPartial(partial, templates[partial]);
  }
  const compiled = new Map<string, Handlebars.TemplateDelegate>();
  const compile = (template: string): Handlebars.TemplateDelegate => {
    const known =
      compiled.get(template) ?? handlebars.compile(template, { noEscape: true, strict: true });
    compiled.set(template, known);
    return known;
  };
  return (file, template, view) => {
    try {
      return compile(template)(view);
    } catch (error) {
      if (error instanceof UserError) throw error;
      throw new UserError('E_TEMPLATE', `${file}: ${messageOf(error).replaceAll('\n', ' ')}`, {
        cause: error,
      });
    }
  };
}

/** The variables of the template of images. */
function imageView(
  agent: Agent,
  runtime: Runtime,
  runtimes: readonly Runtime[],
  labels: Readonly<Record<string, string>>,
) {
  const line = lineage(runtime, runtimes);
  return {
    from: baseOf(runtime, runtimes),
    layers: [...line.map(({ name }) => ({ stage: `runtime-${name}` })), { stage: 'agent' }],
    env: Object.entries(Object.assign({}, ...line.map(({ env }) => env), agent.env)).map(
      ([key, value]) => ({ key, value: word(String(value)) }),
    ),
    path: ['/opt/agent/bin', ...line.toReversed().flatMap(({ path }) => path)].join(':'),
    labels: Object.entries(labels).map(([key, value]) => ({ key, value: word(value) })),
    entrypoint: JSON.stringify([agent.command]),
  };
}

/** The upstream images of an agent's install kind, as its template names them. */
function agentUpstreams(agent: Agent, { node, uv, python }: Settings['upstreams']) {
  return agent.install.kind === 'pypi'
    ? { uv, python: python.replace('{python}', agent.install.python) }
    : { node };
}

function pin(reference: string, { lock, mirrors }: Upstreams): string {
  const digest = lock[reference];
  if (digest === undefined) {
    throw new UserError('E_UPSTREAM_UNLOCKED', `the upstream image ${reference} is not locked`, {
      hint: 'run `bakery update --upstreams` where its registry, or a mirror of it, can be reached',
    });
  }
  return `${mirrored(reference, mirrors)}@${digest}`;
}

/** `{arch}` in a path of agent.yaml is a variable of the build step. */
function shellPath(path: string): string {
  return path.replaceAll('{arch}', '${arch}').replaceAll('{otherArch}', '${otherArch}');
}

/** The variables of an agent's template. Every name is defined, because unknown names are errors. */
function agentView(agent: Agent, upstreams: Settings['upstreams']) {
  return {
    title: agent.title,
    version: agent.lock.version,
    command: agent.command,
    script:
      agent.install.kind === 'pypi' && agent.install.script !== agent.command
        ? agent.install.script
        : undefined,
    // PyPA's recorded-installed-projects specification: a distribution's folder has _ for -.
    distribution:
      agent.install.kind === 'pypi' ? agent.install.package.replaceAll('-', '_') : undefined,
    install: { program: undefined, requires: [], ...agent.install },
    files: downloadFiles(agent),
    archive: downloadFiles(agent).some(({ url }) => /\.(tgz|tar\.gz)$/.test(url ?? '')),
    upstreams: agentUpstreams(agent, upstreams),
  };
}

/** Quotes a value so that the Dockerfile grammar reads it back as one word, without expansion. */
function word(value: string): string {
  if (/^[A-Za-z0-9_@%+=:,./~^-]+$/.test(value)) return value;
  if (!/['\n\r]/.test(value)) return `'${value}'`;
  return `"${value.replaceAll(/["\\$]/g, String.raw`\$&`).replaceAll(/\r?\n/g, ' ')}"`;
}

function downloadFiles(agent: Agent) {
  return agent.install.kind === 'download'
    ? lockedPlatforms(agent).map((platform) => ({
        arch: architecture(platform),
        ...(agent.install.kind === 'download' ? agent.install.files[platform] : {}),
      }))
    : [];
}
