import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './fake-caller.ts';
import { run } from './support.ts';

/** The owner of the engine: the user nobody. */
const nobody = 65_534;

export type RootlessEngine = { readonly host: string; readonly close: () => Promise<void> };

/**
 * Whether this machine has the requirements: the distribution's rootlesskit and uidmap, and root, which can become another
 * user.
 */
export const canBeRootless = async (): Promise<boolean> => {
  const found = await Promise.all(
    ['rootlesskit', 'newuidmap', 'dockerd'].map((name) => run('sh', ['-c', `command -v ${name}`])),
  );
  return process.getuid?.() === 0 && found.every(({ code }) => code === 0);
};

/** A Docker engine of nobody's, in a user namespace, as `dockerd-rootless.sh` starts one; without a network of its own. */
export const startRootlessEngine = async (): Promise<RootlessEngine> => {
  const root = await mkdtemp(join(tmpdir(), 'ai-run-rootless-'));
  const state = join(root, 'state');
  await mkdir(state, { mode: 0o700 });
  await chmod(root, 0o755);
  await chown(state, nobody, nobody);
  await writeFile(join(root, 'subid'), 'nobody:200000:65536\n');
  await writeFile(join(root, 'daemon.json'), '{}');
  const host = `unix://${state}/docker.sock`;
  const dockerd = [
    `dockerd --rootless --config-file ${root}/daemon.json --data-root ${state}/data`,
    `--exec-root ${state}/exec --pidfile ${state}/pid --host ${host}`,
    '--iptables=false --ip6tables=false --bridge=none --storage-driver=vfs',
    '--feature containerd-snapshotter=false',
  ].join(' ');
  const inside = `rm -f /run/docker /run/containerd /run/xtables.lock; exec ${dockerd}`;
  // Subordinate ids of this engine alone: the machine's own files stay as they are.
  const outside = `mount --bind ${root}/subid /etc/subuid && mount --bind ${root}/subid /etc/subgid &&
exec setpriv --reuid=${nobody} --regid=${nobody} --clear-groups rootlesskit --net=host --copy-up=/etc --copy-up=/run sh -c '${inside}'`;
  const engine: ChildProcess = spawn(
    'sh',
    ['-c', 'exec unshare --mount sh -c "$1"', 'sh', outside],
    {
      cwd: root,
      env: { PATH: process.env['PATH'], XDG_RUNTIME_DIR: state, HOME: state },
      stdio: 'ignore',
    },
  );
  const ended = new Promise((settle) => engine.on('close', settle));
  const close = async (): Promise<void> => {
    engine.kill('SIGTERM');
    await ended;
    await rm(root, { recursive: true, force: true });
  };
  try {
    await until(
      'the rootless engine answers',
      async () => {
        if (engine.exitCode !== null) throw new Error('the rootless engine does not start');
        return (await run('docker', ['info'], { env: { DOCKER_HOST: host } })).code === 0;
      },
      60,
    );
  } catch (error) {
    await close();
    throw error;
  }
  return { host, close };
};
