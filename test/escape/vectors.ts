import type { Policy } from '../../kernel/policy.ts';

/** Targets that an agent must not reach. */
export type Machine = {
  /** A file that everyone on the machine may read. */
  readonly file: string;
  /** A listener on its loopback. */
  readonly port: number;
};

/** One way out, tried in a container: under the whole policy, and with the one thing off that guards it. */
export type Vector = {
  /** The agent's attempt, as a verb. */
  readonly attempt: string;
  /** The guard that prevents it, in the words of the policy. */
  readonly guard: string;
  /** Ends with 0 when it succeeds. `{file}` and `{port}` are of the {@link Machine}. */
  readonly run: readonly [string, ...string[]];
  /** Changes the policy, in both runs: smaller limits, that are reached sooner. */
  readonly given?: (policy: Policy) => Policy;
  /** The policy without its guard, and with all the rest. */
  readonly without?: (policy: Policy, machine: Machine) => Policy;
  /** Flags of docker that are taken away for the run without the guard. */
  readonly drop?: RegExp;
  /** The replacement in them, for a guard that is one word of a flag. */
  readonly swap?: readonly [string, string];
  /** Flags of docker that no policy has a word for, added for the run without the guard. */
  readonly add?: readonly string[];
};

const root = { uid: 0, gid: 0 };
const mebibyte = 2 ** 20;

const sh = (script: string): Vector['run'] => ['sh', '-c', script];
const perl = (script: string): Vector['run'] => ['perl', '-e', script];

const limited =
  (limits: Partial<Policy['limits']>) =>
  (policy: Policy): Policy => ({ ...policy, limits: { ...policy.limits, ...limits } });
const asRoot =
  (...capabilities: readonly string[]) =>
  (policy: Policy): Policy => ({ ...policy, user: root, capabilities });
const writable = (policy: Policy): Policy => ({ ...policy, writableRoot: true });
const mounting =
  (source: string) =>
  (policy: Policy): Policy => ({
    ...policy,
    mounts: [...policy.mounts, { type: 'bind', source, target: source, readonly: true }],
  });
/** The size of the policy's own folders. */
const folders =
  (bytes: number) =>
  (policy: Policy): Policy => ({
    ...policy,
    mounts: policy.mounts.map((mount) => (mount.type === 'tmpfs' ? { ...mount, bytes } : mount)),
  });
const fill = (folder: string): Vector['run'] => sh(`head -c 32M /dev/zero > ${folder}/file`);
/** Attempts that need a privileged container, and root in it. */
const privileged = {
  without: (policy: Policy): Policy => ({ ...policy, user: root, newPrivileges: true }),
  // A privileged container has no filter of system calls, and takes none.
  drop: /^--(cap-drop|read-only|security-opt=seccomp)/,
  add: ['--privileged'],
} as const;

/** The ways out that the policy closes, by what closes them. */
export const vectors: readonly Vector[] = [
  // The image's files
  {
    attempt: 'write where everyone may, in the image',
    guard: 'read-only root filesystem',
    run: sh('touch /var/tmp/file'),
    without: writable,
  },
  {
    attempt: 'write to /etc',
    guard: 'read-only root filesystem, no root',
    run: sh('touch /etc/file'),
    without: (policy) => writable(asRoot()(policy)),
  },
  {
    attempt: 'change its own program',
    guard: 'read-only root filesystem, no root',
    run: sh('echo >> "$(find /opt/agent/bin -type f -o -type l | head -n 1)"'),
    without: (policy) => writable(asRoot('DAC_OVERRIDE')(policy)),
  },
  // Its user
  {
    attempt: 'be root',
    guard: 'the caller’s uid and gid, never root',
    run: sh('test "$(id -u)" = 0'),
    without: asRoot(),
  },
  {
    attempt: 'become root with sudo',
    guard: 'no-new-privileges, no capabilities',
    run: ['sudo', '-n', 'true'],
    without: (policy) => ({
      ...policy,
      user: { uid: 1000, gid: 1000 },
      newPrivileges: true,
      capabilities: ['SETUID', 'SETGID', 'AUDIT_WRITE'],
    }),
  },
  {
    attempt: 'gain privileges by a setuid program',
    guard: 'no-new-privileges',
    run: sh("grep -q '^NoNewPrivs:[[:space:]]*0$' /proc/self/status"),
    without: (policy) => ({ ...policy, newPrivileges: true }),
  },
  {
    attempt: 'be root through a setuid program that was brought to /tmp',
    guard: 'tmpfs without setuid',
    given: (policy) => ({ ...asRoot('SETUID', 'SETGID')(policy), newPrivileges: true }),
    run: sh(
      'cp /usr/bin/id /tmp && chmod u+s /tmp/id && test "$(setpriv --reuid=1000 --clear-groups /tmp/id --user)" = 0',
    ),
    swap: ['nosuid', 'suid'],
  },
  {
    attempt: 'use a device that was made in /tmp',
    guard: 'tmpfs without devices',
    given: asRoot('MKNOD'),
    run: sh('mknod /tmp/null c 1 3 && echo > /tmp/null'),
    swap: ['nodev', 'dev'],
  },
  {
    attempt: 'have a capability, now or ever',
    guard: 'cap-drop ALL',
    run: sh(
      "awk '/^Cap(Inh|Prm|Eff|Bnd|Amb):/ && $2 !~ /^0+$/ { found = 1 } END { exit !found }' /proc/self/status",
    ),
    drop: /^--cap-drop=/,
  },
  {
    attempt: 'give a file to somebody else',
    guard: 'cap-drop ALL',
    run: sh('touch /tmp/file && chown 4242 /tmp/file'),
    without: asRoot('CHOWN'),
  },
  {
    attempt: 'read a file that is closed to it',
    guard: 'cap-drop ALL, no root',
    run: sh('head -c 1 /etc/shadow'),
    without: asRoot('DAC_OVERRIDE'),
  },
  {
    attempt: 'make a device',
    guard: 'cap-drop ALL',
    run: ['mknod', '/tmp/disk', 'b', '8', '0'],
    without: asRoot('MKNOD'),
  },
  {
    attempt: 'forge packets through a raw socket',
    guard: 'cap-drop ALL',
    run: perl('use Socket; socket(S, PF_INET, SOCK_RAW, 1) or exit 1'),
    without: asRoot('NET_RAW'),
  },
  {
    attempt: 'change the network’s interfaces',
    guard: 'cap-drop ALL',
    // SIOCSIFMTU, 1500 bytes, of the loopback interface: struct ifreq of netdevice(7).
    run: perl(
      'use Socket; socket(S, PF_INET, SOCK_DGRAM, 0) or exit 1; my $r = pack("a16 i x20", "lo", 1500); ioctl(S, 0x8922, $r) or exit 1',
    ),
    without: asRoot('NET_ADMIN'),
  },
  // The kernel
  {
    attempt: 'mount',
    guard: 'cap-drop ALL, seccomp',
    run: ['mount', '-t', 'tmpfs', 'none', '/mnt'],
    without: asRoot('SYS_ADMIN'),
    add: ['--security-opt=apparmor=unconfined'],
  },
  {
    attempt: 'rename the machine',
    guard: 'cap-drop ALL, seccomp',
    run: ['hostname', 'other'],
    without: asRoot('SYS_ADMIN'),
  },
  {
    attempt: 'make a user namespace, and be root in it',
    guard: 'docker’s seccomp profile',
    run: ['unshare', '--user', '--map-root-user', 'true'],
    swap: ['seccomp=builtin', 'seccomp=unconfined'],
    add: ['--security-opt=apparmor=unconfined'],
  },
  {
    attempt: 'change a setting of the kernel',
    guard: 'read-only /proc/sys',
    run: sh('cat /proc/sys/kernel/domainname > /proc/sys/kernel/domainname'),
    ...privileged,
  },
  {
    attempt: 'raise its own limits',
    guard: 'read-only cgroups',
    // The second place is that of version 1 of cgroups.
    run: sh(
      'echo max > "$(ls /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max 2>/dev/null | head -n 1)"',
    ),
    ...privileged,
  },
  {
    attempt: 'read the kernel’s log',
    guard: 'no devices',
    run: sh('test -e /dev/kmsg'),
    add: ['--device=/dev/kmsg'],
  },
  // The machine
  {
    attempt: 'see the engine’s socket',
    guard: 'no Docker socket',
    run: sh('test -S /run/docker.sock || test -S /var/run/docker.sock'),
    without: mounting('/var/run/docker.sock'),
  },
  {
    attempt: 'see the machine’s processes',
    guard: 'no host pid',
    run: sh('test "$(ls -d /proc/[0-9]* | wc -l)" -gt 10'),
    add: ['--pid=host'],
  },
  {
    attempt: 'see the machine’s shared memory',
    guard: 'private ipc',
    run: sh('test "$(df --output=size /dev/shm | tail -n 1)" -gt 65536'),
    drop: /^--ipc=/,
    add: ['--ipc=host'],
  },
  {
    attempt: 'read a file of the machine',
    guard: 'only whitelisted workspaces mounted',
    run: ['cat', '{file}'],
    without: (policy, { file }) => mounting(file)(policy),
  },
  {
    attempt: 'reach the machine’s own loopback',
    guard: 'no host network',
    run: ['bash', '-c', 'exec 3<>/dev/tcp/127.0.0.1/{port}'],
    drop: /^--network=/,
    add: ['--network=host'],
  },
  {
    attempt: 'have a network that it was not given',
    guard: 'network none',
    run: sh('test -e /sys/class/net/eth0'),
    without: (policy) => ({ ...policy, network: { mode: 'bridge' } }),
  },
  {
    attempt: 'find the machine by name',
    guard: 'no host gateway',
    run: ['getent', 'hosts', 'host.docker.internal'],
    add: ['--add-host=host.docker.internal:host-gateway'],
  },
  // Its share
  {
    attempt: 'start more processes than its share',
    guard: 'pids limit',
    given: limited({ pids: 64 }),
    run: sh('i=0; while [ $i -lt 100 ]; do sleep 20 & i=$((i+1)); done'),
    without: limited({ pids: 1024 }),
  },
  {
    attempt: 'take more memory than its share',
    guard: 'memory limit',
    given: limited({ memory: 128 * mebibyte }),
    run: ['node', '-e', 'Buffer.alloc(400 * 2 ** 20, 1)'],
    without: limited({ memory: 1024 * mebibyte }),
  },
  {
    attempt: 'take all processors',
    guard: 'cpu limit',
    run: sh(
      'cat /sys/fs/cgroup/cpu.max /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null | grep -Eq "^(max|-1)"',
    ),
    drop: /^--cpus=/,
  },
  {
    attempt: 'fill the machine’s disk through /tmp',
    guard: 'tmpfs with a size',
    given: folders(16 * mebibyte),
    run: fill('/tmp'),
    without: folders(64 * mebibyte),
  },
  {
    attempt: 'fill it through its home',
    guard: 'tmpfs with a size',
    given: folders(16 * mebibyte),
    run: fill('~'),
    without: folders(64 * mebibyte),
  },
  {
    attempt: 'take as much again, as swap',
    guard: 'memory and swap limit',
    // Version 1 of cgroups limits the sum, version 2 the swap alone.
    run: sh(
      `cd /sys/fs/cgroup; if [ -e memory.max ]; then test "$(cat memory.swap.max)" != 0
       else test "$(cat memory/memory.memsw.limit_in_bytes)" -gt "$(cat memory/memory.limit_in_bytes)"; fi`,
    ),
    drop: /^--memory-swap=/,
  },
  {
    attempt: 'leave its dead in the table of processes',
    guard: 'an init that buries them',
    run: [
      'node',
      '-e',
      `require('child_process').execFileSync('sh', ['-c', 'sleep 0.2 & exit']);
       const isDead = (pid) => { try { return require('fs').readFileSync('/proc/' + pid + '/stat', 'utf8').includes(') Z ') } catch { return false } };
       setTimeout(() => process.exit(require('fs').readdirSync('/proc').some(isDead) ? 0 : 1), 1000)`,
    ],
    drop: /^--init$/,
  },
  {
    attempt: 'dump its memory to the machine’s disk',
    guard: 'ulimit core 0',
    run: sh('test "$(ulimit -Hc)" != 0'),
    drop: /^--ulimit=core/,
  },
];

/** The one whose effect shows outside, in the engine's answers. */
export const printing = {
  attempt: 'fill the machine’s disk with what it prints',
  guard: 'no log of the engine’s',
  run: sh('echo canary; sleep 30'),
  drop: /^--log-driver=/,
} satisfies Vector;
