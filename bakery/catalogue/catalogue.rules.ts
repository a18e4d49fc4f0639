/** The catalogue: agents and runtimes as definitions, made of the folders that were read, with all mistakes. */

import type { z } from 'zod';
import type { Contract } from '@ai-bakery/kernel/contract.ts';
import type { Platform } from '@ai-bakery/kernel/platform.ts';
import { Name, WrittenAgent, WrittenRuntime } from './definition.rules.ts';
import { type Lock, type LockFiles, readLock } from './lock.rules.ts';

/** One mistake in a definition. `path` is where in the file, e.g. `checks[0].stdout`. */
export type Issue = { readonly file: string; readonly path?: string; readonly message: string };

export type Agent = WrittenAgent & {
  readonly name: string;
  readonly lock: Lock;
  /** The texts beside agent.yaml, by file name. */
  readonly files: LockFiles;
};

export type Runtime = WrittenRuntime & { readonly name: string; readonly template: string };

export type Catalogue = {
  readonly agents: readonly Agent[];
  readonly runtimes: readonly Runtime[];
};

/** A folder of data as it was read: its YAML, parsed or with the parser's error, and the texts beside it. */
export type Folder = {
  readonly name: string;
  readonly yaml: { readonly value: unknown } | { readonly error: string };
  readonly files: LockFiles;
};

/** Lists all of zod's issues, with the keys of an `unrecognized_keys` issue one by one. */
export function zodIssues(file: string, error: z.ZodError): Issue[] {
  return error.issues.flatMap((issue): Issue[] =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({
          file,
          path: pathOf([...issue.path, key]),
          message: 'is not a known key',
        }))
      : [{ file, path: pathOf(issue.path), message: lowerFirst(issue.message) }],
  );
}

export function formatIssue({ file, path, message }: Issue): string {
  return `${file}: ${path === undefined || path === '' ? '' : `${path}: `}${message}`;
}

/** Returns the contract that an image of this agent has as a label. */
export function contractOf(agent: Agent): Contract {
  return {
    schema: 1,
    agent: agent.name,
    version: agent.lock.version ?? '',
    command: [`/opt/agent/bin/${agent.command}`],
    ...agent.contract,
  };
}

/** Returns the platforms that an agent can be baked for. */
export function lockedPlatforms(agent: Agent): Platform[] {
  return agent.lock.issues.length > 0
    ? []
    : agent.platforms.filter((platform) => agent.lock.missing[platform] === undefined);
}

/** Returns a runtime's ancestors and itself, itself last; up to a cycle or an unknown name, which `checkRuntimes` reports. */
export function lineage(runtime: Runtime, runtimes: readonly Runtime[]): Runtime[] {
  const line: Runtime[] = [];
  for (
    let at: Runtime | undefined = runtime;
    at !== undefined && !line.includes(at);
    at = runtimes.find(({ name }) => name === at?.extends)
  ) {
    line.unshift(at);
  }
  return line;
}

/**
 * Makes definitions of all folders, and lists all mistakes in them. A lock that is missing for a platform is not a
 * mistake: the matrix leaves it out by name.
 */
export function catalogue(
  agentFolders: readonly Folder[],
  runtimeFolders: readonly Folder[],
): { readonly catalogue: Catalogue; readonly issues: readonly Issue[] } {
  const issues: Issue[] = [];
  const agents = agentFolders.flatMap((folder): Agent[] => {
    const written = parseFolder(WrittenAgent, 'agent', folder, issues);
    if (written === undefined) return [];
    const file = `agents/${folder.name}/agent.yaml`;
    if (folder.name === 'base')
      issues.push({ file, message: '"base" is the name of images without an agent' });
    issues.push(...checkNames(file, written.checks));
    return [
      { ...written, name: folder.name, lock: readLock(written, folder.files), files: folder.files },
    ];
  });
  for (const command of duplicates(agents.map((agent) => agent.command))) {
    const [first, ...others] = agents.filter((agent) => agent.command === command);
    issues.push(
      ...others.map(({ name }) => ({
        file: `agents/${name}/agent.yaml`,
        path: 'command',
        message: `${JSON.stringify(command)} is already the command of agents/${first?.name}`,
      })),
    );
  }
  const runtimes = runtimeFolders.flatMap((folder): Runtime[] => {
    const written = parseFolder(WrittenRuntime, 'runtime', folder, issues);
    const template = folder.files['Dockerfile.hbs'];
    const file = `runtimes/${folder.name}/runtime.yaml`;
    if (folder.name === 'latest') issues.push({ file, message: '"latest" is a tag of its own' });
    issues.push(...checkNames(file, written?.checks ?? []));
    if (template === undefined) {
      issues.push({ file: `runtimes/${folder.name}`, message: 'Dockerfile.hbs is missing' });
    }
    return written === undefined || template === undefined
      ? []
      : [{ ...written, name: folder.name, template }];
  });
  issues.push(
    ...checkRuntimes(
      runtimes,
      runtimeFolders.map(({ name }) => name),
    ),
  );
  return { catalogue: { agents, runtimes }, issues };
}

/** Lists the faults of locks: another package or version than their agent's, or entries without a hash. */
export function lockIssues({ agents }: Catalogue): Issue[] {
  return agents.flatMap(({ name, lock }) =>
    lock.issues.map(({ file, message }) => ({ file: `agents/${name}/${file}`, message })),
  );
}

function pathOf(path: readonly PropertyKey[]): string {
  return path
    .map((key, at) =>
      typeof key === 'number' ? `[${key}]` : `${at === 0 ? '' : '.'}${String(key)}`,
    )
    .join('');
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function parseFolder<T>(
  schema: z.ZodType<T>,
  kind: string,
  folder: Folder,
  issues: Issue[],
): T | undefined {
  const file = `${kind}s/${folder.name}/${kind}.yaml`;
  issues.push(...nameIssue(file, folder.name));
  if ('error' in folder.yaml) {
    issues.push({ file, message: folder.yaml.error });
    return undefined;
  }
  const result = schema.safeParse(folder.yaml.value);
  if (result.success) return result.data;
  issues.push(...zodIssues(file, result.error));
  return undefined;
}

/** Returns each name that occurs more than once, once. */
function duplicates(names: readonly string[]): string[] {
  return [...new Set(names.filter((name, at) => names.indexOf(name) !== at))];
}

function nameIssue(file: string, name: string): Issue[] {
  return Name.safeParse(name).success
    ? []
    : [
        {
          file,
          message: `the folder's name ${JSON.stringify(name)} must be lower-case letters, digits and single . _ -`,
        },
      ];
}

function checkNames(file: string, checks: readonly { readonly name: string }[]): Issue[] {
  return duplicates(checks.map(({ name }) => name)).map((name) => ({
    file,
    path: 'checks',
    message: `two checks are named ${JSON.stringify(name)}`,
  }));
}

/** @param known the names of all folders, including those with mistakes of their own, which are reported once. */
function checkRuntimes(runtimes: readonly Runtime[], known: readonly string[]): Issue[] {
  return runtimes.flatMap((runtime): Issue[] => {
    const file = `runtimes/${runtime.name}/runtime.yaml`;
    if ((runtime.extends === undefined) === (runtime.from === undefined)) {
      return [
        {
          file,
          message: 'expected exactly one of "from" (an upstream image) and "extends" (a runtime)',
        },
      ];
    }
    if (runtime.extends !== undefined && !known.includes(runtime.extends)) {
      return [
        {
          file,
          path: 'extends',
          message: `unknown runtime ${JSON.stringify(runtime.extends)}`,
        },
      ];
    }
    const first = lineage(runtime, runtimes)[0];
    return first?.extends !== undefined && runtimes.some(({ name }) => name === first.extends)
      ? [
          {
            file,
            path: 'extends',
            message: `leads back to itself: ${runtime.name} → ${cycle(runtime, runtimes)}`,
          },
        ]
      : [];
  });
}

function cycle(runtime: Runtime, runtimes: readonly Runtime[]): string {
  return [
    ...lineage(runtime, runtimes).toReversed().slice(1),
    { name: lineage(runtime, runtimes)[0]?.extends ?? '' },
  ]
    .map(({ name }) => name)
    .join(' → ');
}
