/** The door to the engine's API: the only file that imports dockerode. */

import { Agent as PlainAgent } from 'node:http';
import { Agent as SecureAgent } from 'node:https';
import Docker from 'dockerode';
import { addressOf, type Endpoint, type Tls } from '@ai-bakery/kernel/endpoint.ts';
import { messageOf, UserError } from '@ai-bakery/kernel/error.ts';
import { connection } from '../host/exec.ts';
import { certificatesOf, engineEndpoint } from './endpoint.ts';

export type Engine = {
  readonly docker: Docker;
  /** The engine's identity: layers built and images tested on another engine do not count for this one. */
  readonly id: string;
  readonly version: string;
  readonly cpus: number;
  /** Whether it uses the containerd image store, which images for several platforms need. */
  readonly containerdStore: boolean;
};

/**
 * Opens the engine that docker's client talks to.
 * @throws UserError E_NO_ENGINE with the address, if it does not answer.
 */
export async function openEngine(): Promise<Engine> {
  const endpoint = engineEndpoint();
  try {
    const docker = connect(endpoint);
    const info = await docker.info();
    return {
      docker,
      id: String(info.ID),
      version: String(info.ServerVersion),
      cpus: Number(info.NCPU),
      containerdStore: JSON.stringify(info.DriverStatus ?? '').includes(
        'io.containerd.snapshotter',
      ),
    };
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(
      'E_NO_ENGINE',
      `no Docker engine answers at ${endpoint.host}: ${messageOf(error)}`,
      {
        hint: 'start it, or set DOCKER_HOST or the docker context; in a checkout on Debian or Ubuntu, as root: scripts/setup --install-engine',
        cause: error,
      },
    );
  }
}

/** The HTTP status with which the engine refused a request; undefined if it did not answer. */
export function statusOf(error: unknown): number | undefined {
  const status: unknown =
    typeof error === 'object' && error !== null ? Reflect.get(error, 'statusCode') : undefined;
  return typeof status === 'number' ? status : undefined;
}

/** The engine's own message, without the words that dockerode puts around it. */
export function reasonOf(error: unknown): string {
  const json: unknown =
    typeof error === 'object' && error !== null ? Reflect.get(error, 'json') : undefined;
  const message: unknown =
    typeof json === 'object' && json !== null ? Reflect.get(json, 'message') : undefined;
  return typeof message === 'string' ? message : messageOf(error);
}

/** Every option is given: dockerode fills those that are missing from variables, by rules of its own. */
function connect(endpoint: Endpoint): Docker {
  const address = addressOf(endpoint);
  switch (address?.kind) {
    case 'socket':
      return new Docker({ protocol: 'http', host: '', socketPath: address.path });
    case 'ssh':
      return through(clientAgent(), { protocol: 'http', host: 'docker', port: 80 });
    case 'tcp': {
      const { host, port } = address;
      const tls = certificatesOf(endpoint);
      return tls === undefined
        ? new Docker({ protocol: 'http', host, port })
        : through(secureAgent(tls), { protocol: 'https', host, port });
    }
    case undefined:
      throw new Error('expected unix://, tcp:// or ssh://');
  }
}

/** The types of dockerode's options lack `agent`, which docker-modem documents. */
function through(agent: PlainAgent, options: Docker.DockerOptions): Docker {
  const all = { ...options, agent };
  return new Docker(all);
}

function secureAgent({ verify, ...certificates }: Tls): SecureAgent {
  return new SecureAgent({ ...certificates, rejectUnauthorized: verify });
}

/** Docker's client carries the connection: it starts the user's ssh, which knows their hosts and keys. */
function clientAgent(): PlainAgent {
  const agent = new PlainAgent({ keepAlive: false });
  agent.createConnection = () => connection({ file: 'docker', args: ['system', 'dial-stdio'] });
  return agent;
}
