import { describe, expect, test } from 'vitest';
import { sshConfig } from '../../../ai-run/keys/ssh-config.rules.ts';

const included: Readonly<Record<string, readonly string[]>> = {
  'config.d/*': ['Port 1\nHost inner\n  Port 2', 'ProxyCommand evil'],
};

const written = (text: string, keys = ['work', 'home']): string =>
  sshConfig({
    text,
    keys,
    folder: '/k',
    userHome: '/home/me',
    include: (pattern) => included[pattern] ?? [],
  });

const head = written('').split('\n\n')[0] ?? '';

/** The result of the user's own lines. */
const kept = (text: string): string[] => {
  const all = written(text);
  expect(all.startsWith(`${head}\n`)).toBe(true);
  const end = '\nHost *\n  IdentityFile /k/work\n  IdentityFile /k/home\n';
  expect(all.endsWith(end)).toBe(true);
  return all
    .slice(head.length, -end.length)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.trim());
};

test('hosts are never trusted at first sight, and only what is here logs in: it stands first, where it holds', () => {
  expect(head.split('\n')).toEqual([
    'BatchMode yes',
    'StrictHostKeyChecking yes',
    'UserKnownHostsFile /k/known_hosts',
    'GlobalKnownHostsFile /dev/null',
    'UpdateHostKeys no',
    'IdentitiesOnly yes',
    'IdentityAgent none',
  ]);
});

describe('a setting is carried in', () => {
  test.each([
    ['HostName git.example.com', 'HostName git.example.com'],
    ['hostname=%h.example.com', 'HostName %h.example.com'],
    ['  HostName = "10.0.0.1" # here', 'HostName 10.0.0.1'],
    ['\tHostName\t2001:db8::1\r', 'HostName 2001:db8::1'],
    ['User git', 'User git'],
    ['PORT 2222', 'Port 2222'],
    ['Port 65535', 'Port 65535'],
    ['HostKeyAlias git.example.com', 'HostKeyAlias git.example.com'],
    ['ProxyJump me@bastion:22,[::1]:23', 'ProxyJump me@bastion:22,[::1]:23'],
    ['ProxyJump none', 'ProxyJump none'],
    ['AddressFamily inet', 'AddressFamily inet'],
    ['ConnectTimeout 5', 'ConnectTimeout 5'],
    ['Compression yes', 'Compression yes'],
    ['ServerAliveInterval 30', 'ServerAliveInterval 30'],
    ['IdentityFile ~/.ssh/work', 'IdentityFile /k/work'],
    ['IdentityFile "%d/.ssh/home"', 'IdentityFile /k/home'],
    ['IdentityFile ${HOME}/.ssh/work', 'IdentityFile /k/work'],
    ['IdentityFile /home/me/.ssh/work', 'IdentityFile /k/work'],
  ])('%j', (line, expected) => {
    expect(kept(line)).toEqual([expected]);
  });
});

describe('a setting is left out', () => {
  test.each([
    'ProxyCommand nc evil 1',
    'proxycommand=sh -c evil',
    '"ProxyCommand" evil',
    'LocalCommand evil',
    'PermitLocalCommand yes',
    'RemoteCommand evil',
    'KnownHostsCommand /bin/evil %H',
    'UserKnownHostsFile /dev/null',
    'GlobalKnownHostsFile /etc/x',
    'StrictHostKeyChecking no',
    'StrictHostKeyChecking accept-new',
    'IdentitiesOnly no',
    'IdentityAgent SSH_AUTH_SOCK',
    'AddKeysToAgent yes',
    'ForwardAgent yes',
    'ForwardX11 yes',
    'LocalForward 1 localhost:1',
    'RemoteForward 1 localhost:1',
    'DynamicForward 1080',
    'ControlPath ~/.ssh/%r',
    'ControlMaster auto',
    'SendEnv *',
    'SetEnv LD_PRELOAD=/x',
    'PKCS11Provider /evil.so',
    'SecurityKeyProvider /evil.so',
    'SmartcardDevice /evil.so',
    'CertificateFile ~/.ssh/other',
    'XAuthLocation /bin/evil',
    'Include ~/elsewhere',
    'Port 0',
    'Port 65536',
    'Port 22 23',
    'Port -1',
    'User -oProxyCommand=evil',
    'User $(evil)',
    'User a;b',
    'User "a b"',
    'HostName -evil',
    'HostName a%d',
    'HostName $(evil)',
    'HostName `evil`',
    'HostName "unclosed',
    'HostKeyAlias a/b',
    'ProxyJump $(evil)',
    'ProxyJump a b',
    'ProxyJump -oX',
    'ProxyJump "a\'b"',
    'IdentityFile ~/.ssh/other',
    'IdentityFile ~/.ssh/../.ssh/work',
    'IdentityFile ~/keys/work',
    'IdentityFile work',
    'IdentityFile /home/other/.ssh/work',
    'constructor x',
    '__proto__ x',
    '# Port 1',
    'nonsense',
  ])('%j', (line) => {
    expect(kept(line)).toEqual([]);
    // Alone: the lines after it are read as before.
    expect(kept(`${line}\nPort 7`)).toEqual(['Port 7']);
  });
});

describe('a block', () => {
  test('keeps its hosts', () => {
    expect(kept('Port 1\nHost a *.b !c\n  User x\nhost = d\n  User y')).toEqual([
      'Port 1',
      'Host a *.b !c',
      'User x',
      'Host d',
      'User y',
    ]);
  });

  test.each([
    'Match exec "evil"',
    'Match host a exec evil',
    'Match all',
    'Host',
    'Host a $(b)',
    'Host a "b c"',
    'Host a/b',
    'Host "a',
    '"Host" a$',
    'Match',
  ])('is left out as a whole: %s', (line) => {
    expect(kept(`${line}\n  User x\n  Include config.d/*\nHost next\n  User y`)).toEqual([
      'Host next',
      'User y',
    ]);
  });
});

describe('an included file', () => {
  test('is filtered like the file itself, and what follows it holds for all hosts again', () => {
    expect(kept('Include config.d/*\nPort 3')).toEqual([
      'Port 1',
      'Host inner',
      'Port 2',
      'Host *',
      'Host *',
      'Port 3',
    ]);
  });

  test('is left out below a host: it would hold for all', () => {
    expect(kept('Host a\n  Include config.d/*\nHost *\n  Include config.d/*')).toEqual([
      'Host a',
      'Host *',
      'Port 1',
      'Host inner',
      'Port 2',
      'Host *',
      'Host *',
    ]);
  });

  test('that includes itself ends', () => {
    const text = 'Include self\nPort 1';
    const config = sshConfig({
      text,
      keys: [],
      folder: '/k',
      userHome: '/home/me',
      include: () => [text],
    });
    expect(config.match(/Port 1/g)).toHaveLength(17);
  });
});
