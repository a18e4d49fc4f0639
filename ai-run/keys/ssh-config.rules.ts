/** The part of the user's `~/.ssh/config` that an agent gets: an allow list of ssh_config(5) keywords. */

const host = String.raw`(?!-)[\w.:-]+`;

const whole = /^\d{1,6}$/;

const yesNo = /^(?:yes|no)$/;

const jump = String.raw`(?:(?!-)[\w.+-]+@)?(?:(?!-)[\w.-]+|\[[\da-fA-F:]+\])(?::\d{1,5})?`;

// By keyword in lower case. ProxyJump alone starts a program: ssh itself, with the same file.
const settings: Readonly<Record<string, readonly [keyword: string, value: RegExp]>> = {
  hostname: ['HostName', /^(?!-)(?:[\w.:-]|%[h%])+$/],
  user: ['User', /^(?!-)[\w.@+-]+$/],
  port: ['Port', /^(?!0)(?:\d{1,4}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5])$/],
  hostkeyalias: ['HostKeyAlias', new RegExp(`^${host}$`)],
  proxyjump: ['ProxyJump', new RegExp(`^(?:none|${jump}(?:,${jump})*)$`)],
  addressfamily: ['AddressFamily', /^(?:any|inet|inet6)$/],
  connecttimeout: ['ConnectTimeout', whole],
  connectionattempts: ['ConnectionAttempts', whole],
  serveraliveinterval: ['ServerAliveInterval', whole],
  serveralivecountmax: ['ServerAliveCountMax', whole],
  tcpkeepalive: ['TCPKeepAlive', yesNo],
  compression: ['Compression', yesNo],
};

export type SshConfig = {
  /** The text of the user's file. */
  readonly text: string;
  /** Names of the private keys in the user's `~/.ssh` that the agent gets. */
  readonly keys: readonly string[];
  /** The folder of keys, `known_hosts` and this file in the container. */
  readonly folder: string;
  /** The user's home folder, for absolute paths in `IdentityFile`. */
  readonly userHome: string;
  /** The texts of the files that match an `Include` pattern, within `~/.ssh` only. */
  readonly include: (pattern: string) => readonly string[];
};

/** `everywhere`: before the first `Host`, and below `Host *`. */
type Block = 'everywhere' | 'some hosts' | 'left out';

/** The depth of includes that ssh itself allows. */
const deepest = 16;

/**
 * The ssh configuration of a session. ssh takes the first value of a setting, so the first lines override the user's file:
 * unknown hosts are refused, the strictest setting that ssh has, and only the keys of this folder are tried: neither an SSH
 * agent nor a password.
 */
export function sshConfig(options: SshConfig): string {
  const { folder, keys } = options;
  return [
    'BatchMode yes',
    'StrictHostKeyChecking yes',
    `UserKnownHostsFile ${folder}/known_hosts`,
    'GlobalKnownHostsFile /dev/null',
    'UpdateHostKeys no',
    'IdentitiesOnly yes',
    'IdentityAgent none',
    '',
    ...allowedLines(options, options.text, 0),
    '',
    'Host *',
    ...keys.map((name) => `  IdentityFile ${folder}/${name}`),
    '',
  ].join('\n');
}

/** The keyword and arguments of a line; no arguments if a quote is not closed; undefined for comments. */
function wordsOf(line: string): readonly [keyword: string, ...values: string[]] | undefined {
  const [, word, rest = ''] = /^"?([A-Za-z]+)"?(?:\s*=\s*|\s+|$)(.*)$/.exec(line.trim()) ?? [];
  if (word === undefined) return undefined;
  const keyword = word.toLowerCase();
  if (rest.replaceAll(/"[^"]*"/g, '').includes('"')) return [keyword];
  const values = rest.match(/"[^"]*"|[^\s"]+/g) ?? [];
  const comment = values.findIndex((value) => value.startsWith('#'));
  const last = comment === -1 ? values.length : comment;
  return [keyword, ...values.slice(0, last).map((value) => value.replaceAll('"', ''))];
}

/** The name of the key in `~/.ssh` that an `IdentityFile` path refers to. */
function keyName(path: string, userHome: string): string | undefined {
  const folders = ['~', '%d', '${HOME}', userHome].map((home) => `${home}/.ssh/`);
  const folder = folders.find((one) => path.startsWith(one));
  return folder === undefined ? undefined : path.slice(folder.length);
}

/** The allowed lines of a file and its includes. */
function allowedLines(options: SshConfig, text: string, depth: number): string[] {
  const lines: string[] = [];
  let block: Block = 'everywhere';
  for (const line of text.split(/\r?\n/)) {
    const [keyword, ...values] = wordsOf(line) ?? [];
    const [value = ''] = values;
    if (keyword === 'host' || keyword === 'match') {
      // Without one of its patterns a block could match more hosts: it is kept whole or dropped.
      const known = keyword === 'host' && values.length > 0;
      const safe = known && values.every((one) => /^!?[\w.*?:-]+$/.test(one));
      block = !safe ? 'left out' : values.join(' ') === '*' ? 'everywhere' : 'some hosts';
      if (safe) lines.push('', `Host ${values.join(' ')}`);
      continue;
    }
    if (keyword === undefined || block === 'left out') continue;
    // Below a `Host`, ssh applies an include to that host alone.
    if (keyword === 'include' && block === 'everywhere' && depth < deepest) {
      const texts = values.flatMap(options.include);
      lines.push(
        ...texts.flatMap((one) => [...allowedLines(options, one, depth + 1), '', 'Host *']),
      );
    }
    if (values.length !== 1) continue;
    if (keyword === 'identityfile') {
      const name = options.keys.find((one) => one === keyName(value, options.userHome));
      if (name !== undefined) lines.push(`  IdentityFile ${options.folder}/${name}`);
    }
    const [spelled, allowed] = Object.hasOwn(settings, keyword) ? (settings[keyword] ?? []) : [];
    if (allowed?.test(value) === true) lines.push(`  ${spelled} ${value}`);
  }
  return lines;
}
