import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../e2e/fake-caller.ts';

/** A registry of its own on loopback, where docker speaks plain HTTP, and nothing of it afterwards. */
export type Registry = { readonly host: string; readonly close: () => Promise<void> };

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
};

const answers = (host: string): Promise<boolean> =>
  fetch(`http://${host}/v2/`).then(
    ({ ok }) => ok,
    () => false,
  );

/** The registry of the `docker-registry` package, which `scripts/setup` serves the stand-ins with. */
export const serveRegistry = async (): Promise<Registry> => {
  const folder = await mkdtemp(join(tmpdir(), 'registry-e2e-'));
  const host = `127.0.0.1:${await freePort()}`;
  const config = join(folder, 'config.yml');
  await writeFile(
    config,
    `version: 0.1\nstorage: { filesystem: { rootdirectory: ${folder} } }\nhttp: { addr: '${host}' }\n`,
  );
  // The exporters of traces are switched off: nothing listens for them here.
  const env = { ...process.env, OTEL_TRACES_EXPORTER: 'none' };
  const child = spawn('docker-registry', ['serve', config], { env, stdio: 'ignore' });
  await until('the registry answers', () => answers(host), 30);
  return {
    host,
    close: async () => {
      child.kill();
      await once(child, 'exit');
      await rm(folder, { recursive: true });
    },
  };
};
