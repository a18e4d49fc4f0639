import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Store } from './registry-store.ts';

/** The parts of a registry's answers: its options, one call, and the error. */

export type Refusal = {
  readonly status: number;
  /** Code and message of the error's body. */
  readonly error?: readonly [code: string, message?: string];
  readonly headers?: Readonly<Record<string, string>>;
};

export type RegistryOptions = {
  /** Credentials that every request needs. Default: none. */
  readonly auth?: AuthOptions;
  /** Whether manifests can be deleted. Default: true. */
  readonly deletes?: boolean;
  /** Whether blobs can be mounted. Default: true. */
  readonly mounts?: boolean;
  /** Tags on one page of a list. Default: as many as requested. */
  readonly pageSize?: number;
  /** `http://127.0.0.2:1234`: another origin that receives uploads. Default: the registry itself. */
  readonly uploads?: () => string;
};

/** One request as its handler sees it. */
export type Call = {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly store: Store;
  readonly options: RegistryOptions;
  readonly repository: string;
  /** The path after the kind: a tag, a digest, `uploads/1`. */
  readonly rest: string;
  readonly query: URLSearchParams;
};

export type AuthOptions = {
  readonly scheme: 'basic' | 'bearer';
  /** Default with `bearer`: anybody gets a token. */
  readonly user?: string;
  readonly password?: string;
};

/** Answers with an error. Distribution spec, "error codes" */
export function refuse(outgoing: ServerResponse, { status, error, headers = {} }: Refusal): void {
  const [code, message = ''] = error ?? [];
  const body = code === undefined ? '' : JSON.stringify({ errors: [{ code, message }] });
  outgoing.writeHead(status, { 'content-type': 'application/json', ...headers });
  outgoing.end(outgoing.req.method === 'HEAD' ? undefined : body);
}

export async function bodyOf(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
