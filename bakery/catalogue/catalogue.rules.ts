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
  /** What its layer is built from, by file name below `agents/<name>/`. */
  readonly files: LockFiles;
};

export type Runtime = WrittenRuntime & { readonly name: string; readonly template: string };

export type Catalogue = {
  readonly agents: readonly Agent[];
  readonly runtimes: readonly Runtime[];
};

/** A folder of data as it was read: the parsed YAML, or why it could not be parsed, and the texts beside it. */
export type Folder = {
  readonly name: string;
  readonly yaml: { readonly value: unknown } | { readonly error: string };
  readonly files: LockFiles;
};

/** All of zod's issues, with the keys of an `unrecognized_keys` issue named one by one. */
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

/** The contract an image of this agent carries as a label. */
export function contractOf(agent: Agent): Contract {
  return {
    schema: 1,
    agent: agent.name,
    version: agent.lock.version ?? '',
    command: [`/opt/agent/bin/${agent.command}`],
    ...agent.contract,
  };
}

/** The platforms an agent can be baked for. */
export function lockedPlatforms(agent: Agent): Platform[] {
  return agent.lock.issues.length > 0
    ? []
    : agent.platforms.filter((platform) => agent.lock.missing[platform] === undefined);
}

/** The runtimes a runtime stands on, itself last. Stops at a cycle or at an unknown name, which `checkRuntimes` reports. */
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
 * Everything that was read, as definitions, or everything that is wrong with it. A lock that is missing for a
 * platform is no mistake: the matrix leaves it out by name.
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
      issues.push({ file: `runtimes/${folder.name}`, message: 'there is no Dockerfile.hbs' });
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

/** Locks that are for something else than what they stand beside, or have holes. */
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

/** Every name that stands there more than once, once. */
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

/** `known` are all folders, also those with mistakes of their own: these are told once. */
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
          message: `there is no runtime ${JSON.stringify(runtime.extends)}`,
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
