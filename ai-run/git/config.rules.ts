/** Decides which of a repository's settings its shadow gets. */

/** One value of git's configuration, as `git config --list --show-scope --show-origin --null` prints it. */
export type Entry = {
  /** `system`, `global`, `local`, `worktree`, `command`. */
  readonly scope: string;
  /** `file:/path/of/config` */
  readonly origin: string;
  /** Section and variable in lower case, a subsection in its own spelling: `remote.Origin.url`. */
  readonly key: string;
  readonly value: string;
};

const plain = /^[A-Za-z0-9]{1,32}$/;

// Conversion between files and blobs, and sparse checkouts. None of these settings names a program.
const settings = new Set(
  `core.filemode core.symlinks core.ignorecase core.precomposeunicode core.autocrlf core.eol core.safecrlf
   core.sparsecheckout core.sparsecheckoutcone core.abbrev index.sparse`.split(/\s+/),
);

/** Extensions of git's repository format that a copy carries or does not need. */
const extensions = new Set([
  'noop',
  'objectformat',
  'partialclone',
  'worktreeconfig',
  'relativeworktrees',
  'preciousobjects',
]);

/** Parses the output of that command: scope, origin, and key and value on two lines, each ended by a zero byte. */
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
 * The address of a remote without possible credentials: `https://user:token@host/x?key=y` → `https://host/x`. The user of an SSH
 * address is not a secret and is kept. Returns undefined if the text is not an address of a server.
 */
export function withoutCredentials(url: string): string | undefined {
  const web = /^(https?|git):\/\/(?:[^/]*@)?([^/@?#]+)(\/[^?#]*)?/.exec(url);
  if (web !== null) return `${web[1]}://${web[2]}${web[3] ?? ''}`;
  const ssh = /^(?:git\+)?ssh:\/\/(?:([\w.-]+)(?::[^/]*)?@)?([^/@?#]+)(\/[^?#]*)?$/.exec(url);
  if (ssh !== null)
    return `ssh://${ssh[1] === undefined ? '' : `${ssh[1]}@`}${ssh[2]}${ssh[3] ?? ''}`;
  return /^[\w.-]+@[\w.-]+:(?!:)[^\s@]+$/.test(url) ? url : undefined;
}

/** The reason why a repository of this format cannot be shadowed; undefined if it can. */
export function unsupported(own: readonly Entry[]): string | undefined {
  // Git silently ignores the configuration of a repository whose format it does not know.
  if (own.length === 0)
    return 'git ignores its configuration, as it does for formats that need a newer git';
  for (const { key, value } of own) {
    if (key === 'extensions.refstorage' && value !== 'files')
      return `it keeps its refs as ${JSON.stringify(value)}, which ai-run does not read`;
    if (key === 'core.bare' && value === 'true') return 'it is bare: it has no worktree';
    if (
      key.startsWith('extensions.') &&
      key !== 'extensions.refstorage' &&
      !extensions.has(key.slice(11))
    )
      return `it needs the extension ${JSON.stringify(key.slice(11))}, which ai-run does not know`;
  }
  return undefined;
}

/** The hash function of a repository's object ids. */
export function objectFormat(own: readonly Entry[]): 'sha1' | 'sha256' {
  return own.some(({ key, value }) => key === 'extensions.objectformat' && value === 'sha256')
    ? 'sha256'
    : 'sha1';
}

/**
 * The configuration of a shadow, written afresh: the allowed settings of the repository's own files, and the user's name and
 * address, wherever they are set.
 */
export function shadowConfig(all: readonly Entry[], own: readonly Entry[]): string {
  const lines = new Map<string, string>([
    [
      'core.repositoryformatversion',
      own.some(({ key }) => /^extensions\.(?:objectformat|partialclone)$/.test(key)) ? '1' : '0',
    ],
    ['core.bare', 'false'],
    ['core.logallrefupdates', 'true'],
    // Garbage collection would copy the lent objects.
    ['gc.auto', '0'],
    ['maintenance.auto', 'false'],
  ]);
  for (const { key, value } of all) {
    if (/^user\.(?:name|email)$/.test(key)) lines.set(key, value);
    if (/^core\.(?:autocrlf|eol)$/.test(key) && plain.test(value)) lines.set(key, value);
  }
  const many: string[] = [];
  for (const entry of own) {
    const value = allowedValue(entry);
    if (value === undefined || /[\r\0]/.test(entry.key + value)) continue;
    // A remote may have several of this setting.
    if (/^remote\..*\.fetch$/s.test(entry.key)) many.push(formatEntry(entry.key, value));
    else lines.set(entry.key, value);
  }
  return [...[...lines].map(([key, value]) => formatEntry(key, value)), ...many].join('');
}

/** The value of an allowed setting. An allow list: keys of future versions that run programs are excluded. */
function allowedValue({ key, value }: Entry): string | undefined {
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
