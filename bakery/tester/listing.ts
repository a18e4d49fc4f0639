/** Lists the files of a saved image's layers. */

import { createHash } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { extract, type Header } from 'tar-stream';
import type { Entry } from './static.rules.ts';

/** The content of a layer. */
export type Listing = {
  /** Its name in the archive, `blobs/sha256/…`. */
  readonly blob: string;
  /** Digest of the uncompressed tar. OCI image spec, config.md. */
  readonly diffId: string;
  readonly entries: readonly Entry[];
};

type Bytes = AsyncIterable<Buffer>;

const types: Readonly<Record<string, Entry['type']>> = {
  file: 'file',
  'contiguous-file': 'file',
  directory: 'directory',
  symlink: 'symlink',
  link: 'link',
};

/** e_machine is at offset 18 of an ELF header. */
const elfHeaderLength = 20;

const elfMagic = Buffer.from([0x7f, 0x45, 0x4c, 0x46]);

const bytes = async function* bytes(source: AsyncIterable<unknown>): Bytes {
  for await (const chunk of source) if (Buffer.isBuffer(chunk)) yield chunk;
};

/**
 * Lists the layers of a saved image.
 * @param known whether the listing of a blob, by its name in the archive, is not needed.
 */
export async function readListings(
  saved: NodeJS.ReadableStream,
  known: (blob: string) => Promise<boolean>,
): Promise<Listing[]> {
  const listings: Listing[] = [];
  const archive = extract();
  const reading = (async () => {
    for await (const entry of archive) {
      const { name, type, size } = entry.header;
      // The smallest compressed tar is larger than this.
      if (type !== 'file' || !name.startsWith('blobs/') || size < 20 || (await known(name))) {
        entry.resume();
        continue;
      }
      const [start, blob] = await peek(bytes(entry), 512);
      const compression = compressionOf(start);
      if (compression === 'not a tar') {
        for await (const _ of blob);
        continue;
      }
      listings.push({ blob: name, ...(await listLayer(name, blob, compression)) });
    }
  })();
  await Promise.all([pipeline(saved, archive), reading]);
  return listings;
}

/** Returns the first `length` bytes, and all bytes from the start. */
async function peek(source: Bytes, length: number): Promise<[Buffer, Bytes]> {
  const iterator = source[Symbol.asyncIterator]();
  const chunks: Buffer[] = [];
  for (let have = 0; have < length; have += chunks.at(-1)?.length ?? 0) {
    const next = await iterator.next();
    if (next.done === true) break;
    chunks.push(next.value);
  }
  const all = async function* all(): Bytes {
    yield* chunks;
    yield* { [Symbol.asyncIterator]: () => iterator };
  };
  return [Buffer.concat(chunks).subarray(0, length), all()];
}

/** A blob of an OCI layout is a tar, which may be compressed, or JSON; its first bytes tell which. */
function compressionOf(start: Buffer): 'gzip' | 'zstd' | 'none' | 'not a tar' {
  if (start.readUInt16BE(0) === 0x1f8b) return 'gzip';
  if (start.readUInt32LE(0) === 0xfd2fb528) return 'zstd';
  return start.subarray(257, 262).toString('latin1') === 'ustar' ? 'none' : 'not a tar';
}

async function listLayer(
  name: string,
  blob: Bytes,
  compression: 'gzip' | 'zstd' | 'none',
): Promise<{ diffId: string; entries: Entry[] }> {
  const tar = extract();
  const entries = collectEntries(tar);
  if (compression === 'none') {
    await pipeline(blob, tar);
    return { diffId: `sha256:${name.slice('blobs/sha256/'.length)}`, entries };
  }
  const hash = createHash('sha256');
  await pipeline(
    blob,
    decompress(compression),
    async function* hashed(source: Bytes): Bytes {
      for await (const chunk of source) {
        hash.update(chunk);
        yield chunk;
      }
    },
    tar,
  );
  return { diffId: `sha256:${hash.digest('hex')}`, entries };
}

/** Uses events, because a layer has tens of thousands of entries and an await for each would take most of the time. */
function collectEntries(tar: ReturnType<typeof extract>): Entry[] {
  const entries: Entry[] = [];
  tar.on('entry', (header, body, next) => {
    let start = Buffer.alloc(0);
    body.on('data', (chunk) => {
      if (start.length < elfHeaderLength && Buffer.isBuffer(chunk)) {
        start = Buffer.concat([start, chunk.subarray(0, elfHeaderLength - start.length)]);
      }
    });
    body.on('end', () => {
      entries.push(entryOf(header, start));
      next();
    });
  });
  return entries;
}

function decompress(compression: 'gzip' | 'zstd'): Duplex {
  return compression === 'gzip' ? createGunzip() : createZstdDecompress();
}

function entryOf(header: Header, start: Buffer): Entry {
  const machine = machineOf(start);
  return {
    path: header.name.replace(/^\.?\/+/, '').replace(/\/+$/, ''),
    type: types[header.type ?? 'file'] ?? 'other',
    mode: (header.mode ?? 0) & 0o7777,
    uid: header.uid ?? 0,
    gid: header.gid ?? 0,
    size: header.size,
    ...(machine === undefined ? {} : { machine }),
  };
}

function machineOf(start: Buffer): number | undefined {
  return start.length >= elfHeaderLength && start.subarray(0, 4).equals(elfMagic)
    ? start.readUInt16LE(18)
    : undefined;
}
