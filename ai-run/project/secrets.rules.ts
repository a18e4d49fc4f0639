/** The names that look like secrets, and the mounts that hide them and keep them in place. */

import { fits } from './glob.rules.ts';
import type { Mount } from '@ai-bakery/kernel/policy.ts';
import { printable } from '@ai-bakery/kernel/text.ts';
import { isWithin } from './folders.rules.ts';

/** Patterns of names that are hidden from agents, by kind of secret; a pattern that ends in `/` is for folders. */
const secrets: Readonly<Record<string, string>> = {
  'variables with passwords and keys': '.env .env.* .envrc',
  'private keys': '*.pem *.key *.ppk id_rsa id_rsa.* id_dsa id_ecdsa id_ed25519 *_rsa *_ed25519',
  'keys with certificates': '*.p12 *.pfx *.jks *.keystore',
  'logins of package registries': '.npmrc .pypirc .gem/ auth.json',
  'logins of machines and databases': '.netrc _netrc .pgpass .my.cnf .git-credentials .htpasswd',
  'accounts of clouds': 'credentials.json client_secret*.json service-account*.json .aws/ .azure/',
  'accounts of clusters': 'kubeconfig .kube/ .vault-token .dockercfg .dockerconfigjson',
  'state of Terraform, which holds every secret it made': '*.tfstate *.tfstate.*',
  'keys of a user': '.ssh/ .gnupg/ *.kdbx',
};

// Exceptions to these patterns: templates, and public halves of keys.
const harmless = '*.example *.sample *.template *.dist *.pub'.split(' ');

/** Folders that are not searched: installed, generated, or covered by another part of a session. */
const heavy = new Set(
  (
    '.git .hg .svn node_modules bower_components vendor .venv venv __pycache__ .tox .gradle .yarn ' +
    '.pnpm-store target .next .nuxt'
  ).split(' '),
);

/**
 * Changes by the user or a project: patterns like those above, with `*` and `?` within a name. A pattern with a `/` is
 * matched against the path from the workspace. `remove` takes precedence over `add`.
 */
export type MaskSettings = {
  readonly add?: readonly string[];
  readonly remove?: readonly string[];
};

/** Whether a path, relative to its workspace, is hidden from agents. */
export type IsSecret = (path: string, kind: 'file' | 'folder') => boolean;

/** A file or folder to hide, by its real path. */
export type Secret = { readonly path: string; readonly kind: 'file' | 'folder' };

/** The empty file that covers others, relative to the home. */
export const emptyFileName = '.ai-home/.empty';

export function isHeavy(name: string): boolean {
  return heavy.has(name);
}

/** Returns the test for secrets: the patterns above without the exceptions, then the settings; later settings take precedence. */
export function secretsOf(...settings: readonly MaskSettings[]): IsSecret {
  const byDefault = matcher(Object.values(secrets).flatMap((line) => line.split(' ')));
  const isHarmless = matcher(harmless);
  const changes = settings.toReversed().map(({ add = [], remove = [] }) => ({
    adds: matcher(add),
    removes: matcher(remove),
  }));
  return (path, kind) => {
    for (const { adds, removes } of changes) {
      if (removes(path, kind)) return false;
      if (adds(path, kind)) return true;
    }
    return byDefault(path, kind) && !isHarmless(path, kind);
  };
}

/** Returns each secret once, without those below a folder that is hidden itself, sorted by path. */
export function distinct(found: readonly Secret[]): readonly Secret[] {
  const byPath = new Map(found.map((secret) => [secret.path, secret]));
  const folders = [...byPath.values()].filter(({ kind }) => kind === 'folder');
  return [...byPath.values()]
    .filter(({ path }) => !folders.some((one) => one.path !== path && isWithin(path, one.path)))
    .toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

/**
 * Returns the mounts that cover secrets. A covered file cannot be read, written, removed or unmounted.
 * @param emptyFile the path of an empty file of the host
 */
export function maskMounts(found: readonly Secret[], emptyFile: string): readonly Mount[] {
  return found.map(({ path, kind }) =>
    kind === 'file'
      ? { type: 'bind', source: emptyFile, target: path, readonly: true }
      : { type: 'tmpfs', target: path, bytes: 4096, mode: '0555', readonly: true },
  );
}

/** Returns the folders between shared folders and hidden paths, each once, outer ones first. */
export function foldersAbove(
  hidden: readonly string[],
  roots: readonly string[],
): readonly string[] {
  const found = new Set<string>();
  for (const path of hidden)
    for (
      let folder = above(path);
      !found.has(folder) && roots.some((root) => isWithin(folder, root));
      folder = above(folder)
    )
      found.add(folder);
  return [...found].filter((folder) => !roots.includes(folder)).toSorted();
}

/**
 * Mounts every folder that leads to a mask onto itself. The kernel lets an agent rename a folder that contains a mount
 * point, and the next session would not find the secret in its new place; a mount point itself cannot be renamed (EBUSY).
 * Folders that are shared read-only are left out: nothing in them can be renamed, and the mount would make them writable.
 * @param shared the mounts of `openWorkspaces`
 * @param mounts the mounts of all parts: a path cannot be mounted twice
 */
export function pinMounts(
  shared: readonly Mount[],
  mounts: readonly Mount[],
): readonly (Mount & { readonly type: 'bind' })[] {
  const taken = new Set(mounts.map(({ target }) => target));
  return foldersAbove(
    mounts.filter(isMask).map(({ target }) => target),
    shared.map(({ target }) => target),
  )
    .filter((folder) => !taken.has(folder) && innermost(folder, shared)?.readonly === false)
    .map((folder) => ({ type: 'bind', source: folder, target: folder, readonly: false }));
}

/** Returns one line for the user that names the first few masks. */
export function maskNote(found: readonly Secret[], project: string): readonly string[] {
  if (found.length === 0) return [];
  const shown = found.length > 5 ? 4 : 5;
  const names = found.slice(0, shown).map(({ path, kind }) => {
    const name = isWithin(path, project) ? path.slice(project.length + 1) : path;
    return kind === 'folder' ? `${name}/` : name;
  });
  const rest = found.length > shown ? ` and ${found.length - shown} more` : '';
  return [printable(`masked: ${names.join(', ')}${rest} (--no-mask shows them)`)];
}

function matcher(patterns: readonly string[]): IsSecret {
  const rules = patterns.map((pattern) => {
    const name = pattern.replace(/\/$/, '');
    const kind = name === pattern ? 'file' : 'folder';
    return { kind, wholePath: name.includes('/'), glob: name.replace(/^\//, '') };
  });
  return (path, kind) => {
    const name = path.slice(path.lastIndexOf('/') + 1);
    return rules.some(
      (rule) => rule.kind === kind && fits(rule.wholePath ? path : name, rule.glob),
    );
  };
}

function above(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

/** Whether a mount is one of `maskMounts`: no other part of a session makes similar ones. */
function isMask(mount: Mount): boolean {
  return mount.type === 'tmpfs'
    ? mount.readonly === true
    : mount.readonly && mount.source.endsWith(`/${emptyFileName}`);
}

/** Returns the innermost shared folder that contains a path. */
function innermost<T extends { readonly target: string }>(
  path: string,
  shared: readonly T[],
): T | undefined {
  return shared
    .filter(({ target }) => isWithin(path, target))
    .toSorted((a, b) => b.target.length - a.target.length)[0];
}
