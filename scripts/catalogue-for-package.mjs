#!/usr/bin/env node
// catalogue-for-package.mjs copy|remove
// npm packs nothing that lies outside a package's folder: the catalogue is copied beside bakery/package.json while it packs.
import { cpSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const parts = ['agents', 'runtimes', 'bakery.yaml', 'upstream.lock.yaml', 'README.md', 'LICENSE'];

for (const part of parts) {
  const copy = join(root, 'bakery', part);
  rmSync(copy, { recursive: true, force: true });
  if (process.argv[2] === 'copy' && existsSync(join(root, part)))
    cpSync(join(root, part), copy, { recursive: true });
}
