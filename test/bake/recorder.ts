import { createServer, request as ask } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A relay in front of the registry on loopback that notes what it is asked for. */
export type Recorder = {
  /** `127.0.0.1:port`, to be used in the place of the registry. */
  readonly address: string;
  /** `PUT /v2/…`, in the order in which they came, since it was last asked to forget. */
  readonly requests: () => readonly string[];
  readonly forget: () => void;
  readonly close: () => Promise<void>;
};

export const isWrite = (line: string): boolean => !/^(GET|HEAD) /.test(line);

/** Digests of the blobs that were uploaded: the last request of an upload names it. */
export const uploads = (lines: readonly string[]): string[] =>
  lines.flatMap((line) => {
    const digest = /^PUT \S+\/blobs\/uploads\/\S*[?&]digest=([^&]+)/.exec(line)?.[1];
    return digest === undefined ? [] : [decodeURIComponent(digest)];
  });

/** @param mounts whether the registry seems to mount blobs of other repositories; where not, it begins an upload, as it may. */
export const recordRequests = async (registry: string, mounts = true): Promise<Recorder> => {
  const [host, port] = registry.split(':');
  let lines: string[] = [];
  const server = createServer((incoming, outgoing) => {
    const { method, url = '', headers } = incoming;
    lines.push(`${method} ${url}`);
    const path = mounts ? url : url.replace(/\?mount=.*/, '');
    const onward = ask({ host, port, method, path, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    incoming.on('error', () => onward.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: () => lines,
    forget: () => (lines = []),
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
};
