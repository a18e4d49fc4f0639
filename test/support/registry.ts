import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Call, type Refusal, refuse, type RegistryOptions } from './registry-answer.ts';
import { openAuth } from './registry-auth.ts';
import { answerBlob } from './registry-blobs.ts';
import { answerManifest, answerTags } from './registry-manifests.ts';
import { openStore, type Store } from './registry-store.ts';

/** A registry in memory on loopback: blobs, manifests, tags, uploads, mounts and deletion. After go-containerregistry's pkg/registry. */
export type TestRegistry = AsyncDisposable & {
  /** `127.0.0.1:41234`: docker and the bakery speak to it without TLS. */
  readonly host: string;
  readonly store: Store;
  /** Every request since `forget`, those that a fault answers included. */
  readonly requests: readonly RegistryRequest[];
  readonly forget: () => void;
  /** Decides over each request from now on; undefined removes it. */
  readonly inject: (fault: RegistryFault | undefined) => void;
  readonly close: () => Promise<void>;
};

export type RegistryRequest = {
  readonly method: string;
  /** With its query: `/v2/acme/image/manifests/tag`. */
  readonly url: string;
  readonly authorization: string | undefined;
};

/** An answer in place of the registry's own, or `reset` for a connection that breaks; undefined for the registry's own. */
type RegistryFault = (request: RegistryRequest) => Refusal | 'reset' | undefined;

/** @param store content that several servers share. Default: an empty one. */
export async function serveTestRegistry(
  options: RegistryOptions = {},
  store = openStore(),
): Promise<TestRegistry> {
  const auth = openAuth(options.auth);
  const requests: RegistryRequest[] = [];
  let fault: RegistryFault | undefined;
  const server = createServer((incoming, outgoing) => {
    const { method = '', url = '/', headers } = incoming;
    const request = { method, url, authorization: headers.authorization };
    requests.push(request);
    const refusal = fault?.(request);
    if (refusal === 'reset') incoming.socket.destroy();
    else if (refusal !== undefined) refuse(outgoing, refusal);
    else if (!auth(incoming, outgoing)) {
      route(incoming, outgoing, store, options).catch((error: unknown) =>
        refuse(outgoing, { status: 500, error: ['UNKNOWN', String(error)] }),
      );
    }
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const close = (): Promise<void> =>
    new Promise((closed) => {
      server.close(() => closed());
      server.closeAllConnections();
    });
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    store,
    requests,
    forget: () => requests.splice(0),
    inject: (next) => (fault = next),
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function route(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  store: Store,
  options: RegistryOptions,
): Promise<void> {
  const { pathname, searchParams: query } = new URL(incoming.url ?? '/', 'http://registry');
  const match = /^\/v2\/(.+?)\/(manifests|blobs|tags)\/(.+)$/.exec(pathname);
  const [, repository = '', kind, text = ''] = match ?? [];
  const rest = decodeURIComponent(text);
  const call: Call = { incoming, outgoing, store, options, repository, rest, query };
  if (pathname === '/v2/') outgoing.writeHead(200).end('{}');
  else if (kind === 'manifests') await answerManifest(call);
  else if (kind === 'blobs') await answerBlob(call);
  else if (kind === 'tags' && rest === 'list') answerTags(call);
  else refuse(outgoing, { status: 404, error: ['NAME_UNKNOWN'] });
}
