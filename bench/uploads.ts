import { type AddressInfo, connect, createServer } from 'node:net';

/** Counts what clients send to a registry: a TCP relay in front of it, on loopback. */
export type Counter = {
  /** `127.0.0.1:port`, to be used in the place of the registry. */
  readonly address: string;
  readonly bytes: () => number;
  readonly reset: () => void;
  readonly close: () => void;
};

export const countUploads = async (registry: string): Promise<Counter> => {
  const [host, port] = registry.split(':');
  let sent = 0;
  const server = createServer((client) => {
    const upstream = connect(Number(port), host);
    client.on('data', (chunk) => (sent += chunk.length));
    client.pipe(upstream);
    upstream.pipe(client);
    client.on('error', () => upstream.destroy());
    upstream.on('error', () => client.destroy());
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    bytes: () => sent,
    reset: () => (sent = 0),
    close: () => server.close(),
  };
};
