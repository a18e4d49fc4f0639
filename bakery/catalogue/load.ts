/** Reads definitions, settings, locks and templates: the only file that does. */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { messageOf, UserError } from '@ai-bakery/kernel/error.ts';
import {
  type Catalogue,
  catalogue,
  type Folder,
  formatIssue,
  type Issue,
  lockIssues,
  zodIssues,
} from './catalogue.rules.ts';
import { templateNames, type Templates } from '../templates/dockerfile.rules.ts';
import { type Settings, WrittenSettings } from './settings.rules.ts';

const UpstreamLock = z.record(z.string(), z.string().regex(/^sha256:[0-9a-f]{64}$/));

/** Index digests by canonical upstream reference. */
export type UpstreamLock = z.infer<typeof UpstreamLock>;

export async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (missing(error)) return undefined;
    throw error;
  }
}

/**
 * Reads `agents/` and `runtimes/` below `root`.
 * @param locks `accept` ignores unusable locks, for a caller that writes new ones.
 * @throws UserError E_NO_CATALOGUE if they do not exist, E_DEFINITION with every mistake at once.
 */
export async function loadCatalogue(root: string, locks: 'check' | 'accept'): Promise<Catalogue> {
  const read = catalogue(await readFolders(root, 'agent'), await readFolders(root, 'runtime'));
  const issues = locks === 'check' ? [...read.issues, ...lockIssues(read.catalogue)] : read.issues;
  if (issues.length > 0) throw definitionError(issues);
  return read.catalogue;
}

/**
 * Reads `bakery.yaml` and, over it, the machine's own `bakery.local.yaml`.
 * @throws UserError E_DEFINITION with every mistake in the first faulty file.
 */
export async function loadSettings(root: string, own = root): Promise<Settings> {
  const { upstreams, upstreamLock, ...rest } = {
    ...(await readYaml(root, 'bakery.yaml', WrittenSettings)),
    ...(await readYaml(own, 'bakery.local.yaml', WrittenSettings)),
  };
  if (upstreams === undefined || upstreamLock === undefined) {
    throw definitionError([
      { file: 'bakery.yaml', message: 'expected "upstreams" and "upstreamLock"' },
    ]);
  }
  return { ...rest, upstreams, upstreamLock };
}

/** Reads the machine's own lock of the upstream images, or else the one beside the definitions. */
export async function loadUpstreamLock(
  root: string,
  { upstreamLock }: Settings,
  own = root,
): Promise<UpstreamLock> {
  return (
    (await readYaml(own, upstreamLock, UpstreamLock)) ??
    (await readYaml(root, upstreamLock, UpstreamLock)) ??
    {}
  );
}

/** Reads the package's Handlebars templates; this file is one level below the package, bundled or not. */
export async function loadTemplates(): Promise<Templates> {
  const folder = join(import.meta.dirname, '../templates');
  const texts = await Promise.all(
    templateNames.map(async (name) => [name, await readText(join(folder, `${name}.hbs`))] as const),
  );
  const templates = z
    .record(z.enum(templateNames), z.string())
    .safeParse(Object.fromEntries(texts));
  if (templates.success) return templates.data;
  throw new Error(`${folder}: templates are missing`);
}

function missing(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    (error.code === 'ENOENT' || error.code === 'ENOTDIR')
  );
}

async function readFolders(root: string, kind: 'agent' | 'runtime'): Promise<Folder[]> {
  try {
    const entries = await readdir(join(root, `${kind}s`), { withFileTypes: true });
    const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
    return await Promise.all(names.toSorted().map((name) => readFolder(root, kind, name)));
  } catch (error) {
    if (!missing(error)) throw error;
    throw new UserError('E_NO_CATALOGUE', `${join(root, `${kind}s`)}: there is no such folder`, {
      hint: 'run bakery in a checkout, or name one with --root',
    });
  }
}

function definitionError(issues: readonly Issue[]): UserError {
  return new UserError('E_DEFINITION', issues.map(formatIssue).join('\n'));
}

async function readFolder(root: string, kind: 'agent' | 'runtime', name: string): Promise<Folder> {
  const folder = join(root, `${kind}s`, name);
  const files: Record<string, string> = {};
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isFile() && !entry.name.startsWith('.')) {
      files[entry.name] = await readFile(join(folder, entry.name), 'utf8');
    }
  }
  const text = files[`${kind}.yaml`];
  return {
    name,
    files,
    yaml: text === undefined ? { error: 'file not found' } : parseYaml(text),
  };
}

function parseYaml(text: string): { value: unknown } | { error: string } {
  const document = parseDocument(text, { prettyErrors: true });
  try {
    const [error] = document.errors;
    if (error !== undefined) throw error;
    return { value: document.toJS() };
  } catch (error) {
    return { error: messageOf(error).split('\n')[0] ?? 'not YAML' };
  }
}

async function readYaml<T>(
  root: string,
  file: string,
  schema: z.ZodType<T>,
): Promise<T | undefined> {
  const text = await readText(join(root, file));
  if (text === undefined) return undefined;
  const yaml = parseYaml(text);
  if ('error' in yaml) throw definitionError([{ file, message: yaml.error }]);
  const result = schema.safeParse(yaml.value ?? {});
  if (!result.success) throw definitionError(zodIssues(file, result.error));
  return result.data;
}
