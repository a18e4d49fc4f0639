import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { type Fault, type FaultKind, type Faults, noFaults } from './faults.ts';
import { openLag } from './lag.ts';
import { refusalOf, refuse, unauthorized } from './refuse.ts';
import { type Cuts, relay, type Relayed, reset } from './relay.ts';
import { parseRequest, type RegistryRequest } from './request.ts';
import { challenge, openTokens, type Tokens } from './tokens.ts';

/** A proxy on loopback in front of a registry, which asks for tokens and injects faults. */
export type FaultProxy = {
  /** `127.0.0.1:port`, to be used in the place of the registry. */
  readonly address: string;
  /** Sets the faults from now on; without faults, delayed writes become visible at once. */
  readonly inject: (faults: Faults) => void;
  /** Told of each request when it comes, until told otherwise. */
  readonly watch: (watcher: Watcher) => void;
  readonly tokens: Tokens;
  /** Everything that came and was answered since it was last asked to forget. */
  readonly log: () => readonly Entry[];
  /** Requests that are not answered yet. */
  readonly underWay: () => readonly Started[];
  readonly forget: () => void;
  readonly close: () => Promise<void>;
};

type Started = RegistryRequest & { readonly fault?: FaultKind };

/** One request, and what became of it; bytes are those of bodies. */
export type Entry = Started & {
  readonly status: number;
  /** From the client to the registry, and back. */
  readonly sent: number;
  readonly received: number;
};

const bodyOf = async (incoming: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
};

const nothing: Relayed = { status: 0, sent: 0, received: 0 };

const cuts: Partial<Record<FaultKind, (share: number) => Cuts>> = {
  'reset after the registry has done it': () => ({ silent: true }),
  'reset in the middle of an answer': (share) => ({ answer: { share, end: 'reset' } }),
  'truncated answer': (share) => ({ answer: { share, end: 'close' } }),
  'reset in the middle of an upload': (share) => ({ upload: { share, end: 'reset' } }),
  'truncated upload': (share) => ({ upload: { share, end: 'close' } }),
};

/** Between three tenths of a second and two: longer than a client is patient by itself. */
const lagOf = ({ amount }: Fault): number => 300 + amount * 1700;
const slownessOf = ({ amount }: Fault): number => 200 + amount * 1300;

type Watcher = (request: RegistryRequest) => void;
const nobody: Watcher = () => undefined;

export const openFaultProxy = async (registry: string): Promise<FaultProxy> => {
  const tokens = openTokens();
  const lag = openLag(registry);
  let faults: Faults = noFaults;
  let watcher = nobody;
  let entries: Entry[] = [];
  const open = new Set<Started>();

  const handle = async (
    request: RegistryRequest,
    fault: Fault | undefined,
    isKnown: boolean,
    incoming: IncomingMessage,
    outgoing: ServerResponse,
  ): Promise<Relayed> => {
    const { authorization, host = '' } = incoming.headers;
    if (fault?.kind === 'expired token') tokens.expire(authorization);
    const refusal =
      !isKnown || fault?.kind === 'expired token'
        ? unauthorized(challenge(host, request.repository, authorization))
        : fault && refusalOf(fault);
    if (refusal !== undefined) {
      refuse(incoming, outgoing, refusal);
      return { ...nothing, status: refusal.status };
    }
    if (fault?.kind === 'reset before the registry is asked') {
      reset(incoming.socket);
      return nothing;
    }
    if (fault?.kind === 'no answer') {
      // Reads the client's body; the client closes the connection.
      incoming.resume();
      await once(outgoing, 'close');
      return nothing;
    }
    if (fault?.kind === 'slow') await setTimeout(slownessOf(fault));
    if (request.about === 'token') {
      if (fault !== undefined && fault.kind !== 'slow') reset(incoming.socket);
      else tokens.issue(incoming, outgoing);
      return { ...nothing, status: 200 };
    }
    const before = lag.answer(request);
    if (before !== undefined) {
      const headers = Object.fromEntries(before.headers);
      outgoing.writeHead(before.status, headers);
      outgoing.end(request.method === 'HEAD' ? undefined : before.body);
      return { ...nothing, status: before.status, received: before.body.length };
    }
    if (fault?.kind !== 'read-after-write lag')
      return relay(registry, incoming, outgoing, fault && cuts[fault.kind]?.(fault.amount));
    const body = await bodyOf(incoming);
    await lag.begin(request, body, lagOf(fault));
    return relay(registry, incoming, outgoing, {}, body);
  };

  const server = createServer((incoming, outgoing) => {
    const request = parseRequest(incoming.method ?? '', incoming.url ?? '/');
    watcher(request);
    // A request without a token is answered with 401, and gets no fault.
    const isKnown = request.about === 'token' || tokens.isValid(incoming.headers.authorization);
    const fault = isKnown ? faults(request) : undefined;
    const started = { ...request, ...(fault === undefined ? {} : { fault: fault.kind }) };
    open.add(started);
    handle(request, fault, isKnown, incoming, outgoing)
      .then(
        (relayed) => entries.push({ ...started, ...relayed }),
        () => reset(incoming.socket),
      )
      .finally(() => open.delete(started));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    inject: (next) => {
      faults = next;
      if (next === noFaults) lag.end();
    },
    watch: (next) => (watcher = next),
    tokens,
    log: () => entries,
    underWay: () => [...open],
    forget: () => (entries = []),
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
};
