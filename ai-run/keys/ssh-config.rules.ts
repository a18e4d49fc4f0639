/** The part of the user's `~/.ssh/config` that an agent gets: an allow list of ssh_config(5) keywords. */

const host = String.raw`(?!-)[\w.:-]+`;

const whole = /^\d{1,6}$/;

const yesNo = /^(?:yes|no)$/;

const jump = String.raw`(?:(?!-)[\w.+-]+@)?(?:(?!-)[\w.-]+|\[[\da-fA-F:]+\])(?::\d{1,5})?`;

// By keyword in lower case. None of these starts a program but ProxyJump, and that one only ssh, under the same file.
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
  /** The user's home folder, as `IdentityFile` may spell it. */
  readonly userHome: string;
  /** The texts of the files that an `Include` with this pattern means: those in `~/.ssh` only. */
  readonly include: (pattern: string) => readonly string[];
};

/** `everywhere` is before the first `Host`, and below `Host *`. */
type Block = 'everywhere' | 'some hosts' | 'left out';

/** As deep as ssh itself goes. */
const deepest = 16;

/**
 * The ssh configuration of a session. What stands first holds, whatever the user's file says: hosts are never trusted at
 * first sight, which no user's setting is stricter than, and no agent, password or key is tried but those that are here.
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
    ...kept(options, options.text, 0),
    '',
    'Host *',
    ...keys.map((name) => `  IdentityFile ${folder}/${name}`),
    '',
  ].join('\n');
}

/** Keyword and arguments of a line, without any where a quote is not closed; nothing for comments. */
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

/** The name of a key in `~/.ssh`, as `IdentityFile` names it. */
function keyName(path: string, userHome: string): string | undefined {
  const folders = ['~', '%d', '${HOME}', userHome].map((home) => `${home}/.ssh/`);
  const folder = folders.find((one) => path.startsWith(one));
  return folder === undefined ? undefined : path.slice(folder.length);
}

function kept(options: SshConfig, text: string, depth: number): string[] {
  const lines: string[] = [];
  let block: Block = 'everywhere';
  for (const line of text.split(/\r?\n/)) {
    const [keyword, ...values] = wordsOf(line) ?? [];
    const [value = ''] = values;
    if (keyword === 'host' || keyword === 'match') {
      // A pattern less could mean more hosts, so that a block is taken whole or not at all.
      const known = keyword === 'host' && values.length > 0;
      const safe = known && values.every((one) => /^!?[\w.*?:-]+$/.test(one));
      block = !safe ? 'left out' : values.join(' ') === '*' ? 'everywhere' : 'some hosts';
      if (safe) lines.push('', `Host ${values.join(' ')}`);
      continue;
    }
    if (keyword === undefined || block === 'left out') continue;
    // Below a host, ssh reads what is included for that host alone.
    if (keyword === 'include' && block === 'everywhere' && depth < deepest) {
      const texts = values.flatMap(options.include);
      lines.push(...texts.flatMap((one) => [...kept(options, one, depth + 1), '', 'Host *']));
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
