import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { messageOf, UserError } from '../ai-run/core/error.ts';
import {
  type Catalogue,
  catalogue,
  type Folder,
  formatIssue,
  type Issue,
  lockIssues,
  zodIssues,
} from './core/catalogue.ts';
import { templateNames, type Templates } from './core/dockerfile.ts';
import { type Settings, WrittenSettings } from './core/settings.ts';

/** The only file that reads definitions. */

const missing = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  (error.code === 'ENOENT' || error.code === 'ENOTDIR');

export const readText = async (path: string): Promise<string | undefined> => {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (missing(error)) return undefined;
    throw error;
  }
};

const parseYaml = (text: string): { value: unknown } | { error: string } => {
  const document = parseDocument(text, { prettyErrors: true });
  try {
    const [error] = document.errors;
    if (error !== undefined) throw error;
    return { value: document.toJS() };
  } catch (error) {
    return { error: messageOf(error).split('\n')[0] ?? 'not YAML' };
  }
};

const readFolder = async (
  root: string,
  kind: 'agent' | 'runtime',
  name: string,
): Promise<Folder> => {
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
    yaml: text === undefined ? { error: 'there is no such file' } : parseYaml(text),
  };
};

const readFolders = async (root: string, kind: 'agent' | 'runtime'): Promise<Folder[]> => {
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
};

const definitionError = (issues: readonly Issue[]): UserError =>
  new UserError('E_DEFINITION', issues.map(formatIssue).join('\n'));

/**
 * Reads `agents/` and `runtimes/` below `root`.
 * @param locks what to do about a lock that is unusable: whoever writes locks takes it as it is.
 * @throws UserError E_NO_CATALOGUE where there are none, E_DEFINITION with every mistake at once.
 */
export const loadCatalogue = async (
  root: string,
  locks: 'check' | 'accept',
): Promise<Catalogue> => {
  const read = catalogue(await readFolders(root, 'agent'), await readFolders(root, 'runtime'));
  const issues = locks === 'check' ? [...read.issues, ...lockIssues(read.catalogue)] : read.issues;
  if (issues.length > 0) throw definitionError(issues);
  return read.catalogue;
};

const readYaml = async <T>(
  root: string,
  file: string,
  schema: z.ZodType<T>,
): Promise<T | undefined> => {
  const text = await readText(join(root, file));
  if (text === undefined) return undefined;
  const yaml = parseYaml(text);
  if ('error' in yaml) throw definitionError([{ file, message: yaml.error }]);
  const result = schema.safeParse(yaml.value ?? {});
  if (!result.success) throw definitionError(zodIssues(file, result.error));
  return result.data;
};

/**
 * Reads `bakery.yaml` and, over it, the machine's own `bakery.local.yaml`.
 * @throws UserError E_DEFINITION with every mistake in the first faulty file.
 */
export const loadSettings = async (root: string, own = root): Promise<Settings> => {
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
};

const UpstreamLock = z.record(z.string(), z.string().regex(/^sha256:[0-9a-f]{64}$/));
/** Index digests by canonical upstream reference. */
export type UpstreamLock = z.infer<typeof UpstreamLock>;

/** The machine's own lock of the upstream images, or else the one that the definitions come with. */
export const loadUpstreamLock = async (
  root: string,
  { upstreamLock }: Settings,
  own = root,
): Promise<UpstreamLock> =>
  (await readYaml(own, upstreamLock, UpstreamLock)) ??
  (await readYaml(root, upstreamLock, UpstreamLock)) ??
  {};

/** The Handlebars templates, out of the package this file is part of: two levels higher once it is compiled. */
export const loadTemplates = async (): Promise<Templates> => {
  for (const base of ['.', '../../bakery']) {
    const folder = join(import.meta.dirname, base, 'templates');
    const texts = await Promise.all(
      templateNames.map(
        async (name) => [name, await readText(join(folder, `${name}.hbs`))] as const,
      ),
    );
    const templates = z
      .record(z.enum(templateNames), z.string())
      .safeParse(Object.fromEntries(texts));
    if (templates.success) return templates.data;
  }
  throw new Error(`templates are missing beside ${import.meta.dirname}`);
};
