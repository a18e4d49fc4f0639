import { type IncomingMessage, request as ask, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Passes one request on, and its answer back: whole, or as far as it is to come. */

/** Closes a connection with a reset, so that the other side learns nothing of what was still under way. */
export const reset = (socket: Socket | null): void => {
  socket?.resetAndDestroy();
};

/** The way in which a relayed body is cut short. */
type Cut = {
  /** From 0 to 1: how much of the body passes. */
  readonly share: number;
  readonly end: 'reset' | 'close';
};

export type Cuts = {
  /** The registry gets less: and the client a reset, or the registry is told that this is all. */
  readonly upload?: Cut;
  /** The client gets less: and a reset, or an end before the length that was announced. */
  readonly answer?: Cut;
  /** The registry has done it, and the client learns nothing of it. */
  readonly silent?: boolean;
};

export type Relayed = { readonly status: number; readonly sent: number; readonly received: number };

const lengthOf = ({ headers }: IncomingMessage): number => Number(headers['content-length'] ?? 0);

/** At least one byte is missing. */
const lengthLeft = (all: number, share: number): number =>
  Math.min(Math.floor(all * share), Math.max(all - 1, 0));

const passAnswer = (answer: IncomingMessage, outgoing: ServerResponse, cut: Cut): void => {
  const left = lengthLeft(lengthOf(answer), cut.share);
  let passed = 0;
  answer.on('data', (chunk: Buffer) => {
    outgoing.write(chunk.subarray(0, Math.max(left - passed, 0)));
    passed += chunk.length;
  });
  answer.on('end', () => {
    // Bytes that were written must leave before the connection is closed.
    setTimeout(() => {
      if (cut.end === 'reset') reset(outgoing.socket);
      else outgoing.socket?.end();
    }, 20);
  });
};

/** @param body the request's body, if it was read already. */
export const relay = (
  registry: string,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  cuts: Cuts = {},
  body?: Buffer,
): Promise<Relayed> =>
  new Promise((settle) => {
    const [host, port] = registry.split(':');
    const { method, url } = incoming;
    const length = lengthOf(incoming);
    const cut = length > 0 ? cuts.upload : undefined;
    const upload = cut === undefined ? undefined : lengthLeft(length, cut.share);
    const headers = {
      ...incoming.headers,
      ...(cut?.end === 'close' ? { 'content-length': String(upload) } : {}),
    };
    // The registry knows no tokens: this is where they are judged.
    delete headers.authorization;
    let sent = 0;
    let received = 0;
    const onward = ask({ host, port, method, path: url, headers });
    const end = (status: number): void => settle({ status, sent, received });
    onward.on('response', (answer) => {
      const status = answer.statusCode ?? 502;
      answer.on('data', (chunk: Buffer) => (received += chunk.length));
      answer.on('close', () => end(status));
      if (cuts.silent === true) {
        answer.resume();
        answer.on('end', () => reset(outgoing.socket));
        return;
      }
      outgoing.writeHead(status, answer.headers);
      if (cuts.answer === undefined || method === 'HEAD') answer.pipe(outgoing);
      else passAnswer(answer, outgoing, cuts.answer);
    });
    onward.on('error', () => {
      reset(outgoing.socket);
      end(0);
    });
    incoming.on('error', () => onward.destroy());
    // A client that goes away takes its request with it.
    outgoing.on('close', () => {
      if (!outgoing.writableEnded) onward.destroy();
    });
    if (body !== undefined) {
      sent = body.length;
      onward.end(body);
      return;
    }
    incoming.on('data', (chunk: Buffer) => {
      const rest = upload === undefined ? chunk.length : Math.max(upload - sent, 0);
      const part = chunk.subarray(0, rest);
      sent += part.length;
      if (part.length > 0 && !onward.destroyed && !onward.write(part)) {
        incoming.pause();
        onward.once('drain', () => incoming.resume());
      }
      if (cut?.end === 'reset' && sent === upload) {
        // The registry has what came so far, and no end of it.
        setTimeout(() => {
          onward.destroy();
          reset(incoming.socket);
        }, 20);
      }
    });
    incoming.on('end', () => {
      if (cut?.end !== 'reset') onward.end();
    });
  });
