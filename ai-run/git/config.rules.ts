/** One value of git's configuration, as `git config --list --show-scope --show-origin --null` tells it. */
export type Entry = {
  /** `system`, `global`, `local`, `worktree`, `command`. */
  readonly scope: string;
  /** `file:/path/of/config` */
  readonly origin: string;
  /** Section and variable in lower case, a subsection as it was written: `remote.Origin.url`. */
  readonly key: string;
  readonly value: string;
};

const plain = /^[A-Za-z0-9]{1,32}$/;

// How files become blobs and back, and which of them are checked out. None of these names a program.
const settings = new Set(
  `core.filemode core.symlinks core.ignorecase core.precomposeunicode core.autocrlf core.eol core.safecrlf
   core.sparsecheckout core.sparsecheckoutcone core.abbrev index.sparse`.split(/\s+/),
);

/** Extensions of git's repository format that a copy can do without, or carries. */
const extensions = new Set([
  'noop',
  'objectformat',
  'partialclone',
  'worktreeconfig',
  'relativeworktrees',
  'preciousobjects',
]);

/** Reads what that command printed: scope, origin, and key and value on two lines, each ended by a zero byte. */
export function parseEntries(text: string): Entry[] {
  const fields = text.split('\0');
  const entries: Entry[] = [];
  for (let at = 0; at + 2 < fields.length; at += 3) {
    const [scope = '', origin = '', pair = ''] = fields.slice(at, at + 3);
    const line = pair.indexOf('\n');
    // A key without `=` means true.
    entries.push({
      scope,
      origin,
      key: line === -1 ? pair : pair.slice(0, line),
      value: line === -1 ? 'true' : pair.slice(line + 1),
    });
  }
  return entries;
}

/**
 * The address of a remote without what could be a credential in it, or nothing where it is no address of a server:
 * `https://user:token@host/x?key=y` → `https://host/x`; the user of an SSH address is no secret and stays.
 */
export function withoutCredentials(url: string): string | undefined {
  const web = /^(https?|git):\/\/(?:[^/]*@)?([^/@?#]+)(\/[^?#]*)?/.exec(url);
  if (web !== null) return `${web[1]}://${web[2]}${web[3] ?? ''}`;
  const ssh = /^(?:git\+)?ssh:\/\/(?:([\w.-]+)(?::[^/]*)?@)?([^/@?#]+)(\/[^?#]*)?$/.exec(url);
  if (ssh !== null)
    return `ssh://${ssh[1] === undefined ? '' : `${ssh[1]}@`}${ssh[2]}${ssh[3] ?? ''}`;
  return /^[\w.-]+@[\w.-]+:(?!:)[^\s@]+$/.test(url) ? url : undefined;
}

/** Why a repository of this format cannot be shadowed, or nothing. */
export function unsupported(own: readonly Entry[]): string | undefined {
  // Git leaves out the configuration of a repository whose format it does not know, without a word.
  if (own.length === 0)
    return 'git does not read its configuration, as of a format that needs a newer git';
  for (const { key, value } of own) {
    if (key === 'extensions.refstorage' && value !== 'files')
      return `it keeps its refs as ${JSON.stringify(value)}, which ai-run does not read`;
    if (key === 'core.bare' && value === 'true') return 'it is bare: it has no files to work on';
    if (
      key.startsWith('extensions.') &&
      key !== 'extensions.refstorage' &&
      !extensions.has(key.slice(11))
    )
      return `it needs the extension ${JSON.stringify(key.slice(11))}, which ai-run does not know`;
  }
  return undefined;
}

/** Which hash names the objects of this repository. */
export function objectFormat(own: readonly Entry[]): 'sha1' | 'sha256' {
  return own.some(({ key, value }) => key === 'extensions.objectformat' && value === 'sha256')
    ? 'sha256'
    : 'sha1';
}

/**
 * The configuration of a shadow, written afresh: what `kept` lets in of the repository's own files, and the user's name
 * and address as values, wherever they were set.
 */
export function shadowConfig(all: readonly Entry[], own: readonly Entry[]): string {
  const lines = new Map<string, string>([
    [
      'core.repositoryformatversion',
      own.some(({ key }) => /^extensions\.(?:objectformat|partialclone)$/.test(key)) ? '1' : '0',
    ],
    ['core.bare', 'false'],
    ['core.logallrefupdates', 'true'],
    // It would copy what is only lent.
    ['gc.auto', '0'],
    ['maintenance.auto', 'false'],
  ]);
  for (const { key, value } of all) {
    if (/^user\.(?:name|email)$/.test(key)) lines.set(key, value);
    if (/^core\.(?:autocrlf|eol)$/.test(key) && plain.test(value)) lines.set(key, value);
  }
  const many: string[] = [];
  for (const entry of own) {
    const value = kept(entry);
    if (value === undefined || /[\r\0]/.test(entry.key + value)) continue;
    // A remote may have several of these.
    if (/^remote\..*\.fetch$/s.test(entry.key)) many.push(formatEntry(entry.key, value));
    else lines.set(entry.key, value);
  }
  return [...[...lines].map(([key, value]) => formatEntry(key, value)), ...many].join('');
}

/** What of a repository's own configuration its shadow gets. A list of what is let in: new keys that run programs are out. */
function kept({ key, value }: Entry): string | undefined {
  const [section, name, variable] = keyParts(key);
  if (settings.has(key)) return plain.test(value) ? value : undefined;
  if (section === 'remote' && name !== '') {
    if (variable === 'url') return withoutCredentials(value);
    if (variable === 'promisor' || variable === 'partialclonefilter') return value;
    return variable === 'fetch' && /^\+?refs\/\S*:refs\/\S*$/.test(value) ? value : undefined;
  }
  if (section === 'submodule' && name !== '') {
    if (variable === 'url') return withoutCredentials(value);
    return variable === 'active' && plain.test(value) ? value : undefined;
  }
  if (section === 'branch' && name !== '')
    return variable === 'remote' || variable === 'merge' ? value : undefined;
  if (key === 'extensions.objectformat' || key === 'extensions.partialclone') return value;
  return undefined;
}

function formatEntry(key: string, value: string): string {
  const [section, name, variable] = keyParts(key);
  const subsection = name === '' ? '' : ` "${name.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
  return `[${section}${subsection}] ${variable} = ${quote(value)}\n`;
}

/** `remote.a.b.url` → section, subsection, variable. */
function keyParts(key: string): [section: string, subsection: string, variable: string] {
  const [first, last] = [key.indexOf('.'), key.lastIndexOf('.')];
  return [
    key.slice(0, first),
    key.slice(first + 1, Math.max(first + 1, last)),
    key.slice(last + 1),
  ];
}

function quote(value: string): string {
  return `"${value
    .replaceAll(/["\\]/g, String.raw`\$&`)
    .replaceAll('\n', String.raw`\n`)
    .replaceAll('\t', String.raw`\t`)}"`;
}
