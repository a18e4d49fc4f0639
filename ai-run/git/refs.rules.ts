/** Names, files and changes of refs. */

/** Refs of one repository by full name, like `refs/heads/main` → object id in hex. */
export type Refs = ReadonlyMap<string, string>;

const objectId = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

export type Change = {
  /** `main`, `tags/v1`, `stash`, `detached-head`: its name below `refs/remotes/ai/<session>/`. */
  readonly name: string;
  readonly id: string;
  readonly kind: 'moved' | 'new';
};

/**
 * Whether git accepts this name of a ref: git-check-ref-format(1). A name becomes a path and a line of a file, so names from a
 * repository that an agent wrote are checked before any use.
 */
export function isRefName(name: string): boolean {
  return (
    name.startsWith('refs/') &&
    name.length < 512 &&
    // oxlint-disable-next-line no-control-regex -- git refuses control characters
    !/[\u0000- ~^:?*[\\\u007f]|\.\.|@\{|\/\/|[/.]$/.test(name) &&
    name.split('/').every((part) => !part.startsWith('.') && !part.endsWith('.lock'))
  );
}

/** The lines `<id> <name>` of a `packed-refs` file; other lines are ignored. */
export function parseRefs(text: string): Refs {
  const refs = new Map<string, string>();
  for (const line of text.split('\n')) {
    const space = line.indexOf(' ');
    const [id, name] = [line.slice(0, space), line.slice(space + 1)];
    if (objectId.test(id) && isRefName(name)) refs.set(name, id);
  }
  return refs;
}

/** Refs as the text of a `packed-refs` file, which git reads in any order if it has no header. */
export function formatRefs(refs: Refs): string {
  return [...refs].map(([name, id]) => `${id} ${name}\n`).join('');
}

/** The content of a loose ref: an id, or the name of another ref. */
export function parseRef(
  text: string,
): { readonly id: string } | { readonly ref: string } | undefined {
  const value = text.trimEnd();
  if (objectId.test(value)) return { id: value };
  const ref = /^ref: *(\S+)$/.exec(value)?.[1];
  return ref !== undefined && isRefName(ref) ? { ref } : undefined;
}

/**
 * The agent's commits: changed branches, tags, its stash and a detached HEAD. Refs that it fetched (`refs/remotes`) are not
 * brought back.
 */
export function changedRefs(before: Refs, after: Refs, detached?: string): Change[] {
  const known = new Set(before.values());
  const changes: Change[] = [];
  // A ref cannot be a folder of another ref: the first keeps its name, the other gets a hyphen.
  const names = new Set<string>();
  const folders = new Set<string>();
  const add = (name: string, id: string, kind: Change['kind']): void => {
    const parts = name.split('/');
    const parents = parts.slice(1).map((_, at) => parts.slice(0, at + 1).join('/'));
    const taken =
      names.has(name) || folders.has(name) ? name : parents.find((parent) => names.has(parent));
    if (taken !== undefined) {
      add(`${taken}-${name.slice(taken.length)}`, id, kind);
      return;
    }
    names.add(name);
    for (const parent of parents) folders.add(parent);
    changes.push({ name, id, kind });
  };
  const addAll = (space: string): void => {
    for (const [ref, id] of after) {
      const old = before.get(ref);
      if (ref.startsWith(space) && old !== id)
        add(shortName(ref), id, old === undefined ? 'new' : 'moved');
    }
  };
  addAll('refs/heads/');
  const held = new Set([...known, ...changes.map(({ id }) => id)]);
  if (detached !== undefined && !held.has(detached)) add('detached-head', detached, 'new');
  addAll('refs/stash');
  addAll('refs/tags/');
  return changes;
}

/** Branches lose `refs/heads/`, all other refs only `refs/`, so that the first folder names their kind. */
function shortName(ref: string): string {
  return ref.slice(/^refs\/heads\//.exec(ref)?.[0].length ?? 5);
}
