import { join } from 'node:path';
import { readableFiles, wordFaults } from '../test/support/words.ts';

/** Prints every fault of the words that people read, below the given paths or everywhere. A test wants none. */
const root = join(import.meta.dirname, '..');
const wanted = process.argv.slice(2);
const files = readableFiles(root).filter(
  (path) =>
    wanted.length === 0 ||
    wanted.some((one) => path === one || path.startsWith(`${one.replace(/\/$/, '')}/`)),
);
for (const fault of files.flatMap((path) => wordFaults(root, path))) console.log(fault);
