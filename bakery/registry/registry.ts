/** The door to all registries: the operations of the distribution spec, with docker's credentials. */

import type { Digest } from '@ai-bakery/kernel/reference.ts';
import { openClient } from './authorization.ts';
import { mountBlob, readBlob, writeBlob } from './blob-requests.ts';
import { deleteManifest, readManifest, writeManifest } from './manifest-requests.ts';
import type { Manifest } from './manifest.rules.ts';
import { readTags } from './tag-requests.ts';
import { openTransport, type RegistrySettings } from './transport.ts';

/** Every operation throws RegistryError, code E_REGISTRY. github.com/opencontainers/distribution-spec */
export type Registry = {
  /** @returns undefined if the registry has no such manifest. */
  readonly readManifest: (reference: string) => Promise<Manifest | undefined>;
  /** Puts these bytes under a reference's tag or digest. The registry already has the blobs and manifests that they name. */
  readonly writeManifest: (reference: string, manifest: Manifest) => Promise<void>;
  /**
   * Deletes a manifest by digest, and with it every tag that points to it. Succeeds if the registry has no such manifest.
   * @throws UserError E_NO_DELETE if the registry does not support deletion.
   */
  readonly deleteManifest: (reference: string) => Promise<void>;
  /** Reads a blob of this repository into memory. */
  readonly readBlob: (repository: string, digest: Digest) => Promise<Uint8Array<ArrayBuffer>>;
  /** Uploads a blob unless the repository has it. */
  readonly writeBlob: (repository: string, body: Uint8Array<ArrayBuffer>) => Promise<void>;
  /**
   * Makes a blob of one repository available in another one without a transfer.
   * @param from a repository of the same registry.
   * @returns whether the repository has the blob now.
   */
  readonly mountBlob: (repository: string, digest: Digest, from: string) => Promise<boolean>;
  /** All tags of a repository; an empty list if the registry does not have the repository. */
  readonly readTags: (repository: string) => Promise<string[]>;
};

export function openRegistry(signal: AbortSignal, settings: RegistrySettings = {}): Registry {
  const client = openClient(openTransport(signal, settings));
  return {
    readManifest: (reference) => readManifest(client, reference),
    writeManifest: (reference, manifest) => writeManifest(client, reference, manifest),
    deleteManifest: (reference) => deleteManifest(client, reference),
    readBlob: (repository, digest) => readBlob(client, repository, digest),
    writeBlob: (repository, body) => writeBlob(client, repository, body),
    mountBlob: (repository, digest, from) => mountBlob(client, repository, digest, from),
    readTags: (repository) => readTags(client, repository),
  };
}
