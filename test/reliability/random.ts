import { createHash } from 'node:crypto';

/** A number from 0 to 1 that depends on these words only: the same for the same words, in whatever order they are asked for. */
export const chance = (...words: readonly (string | number)[]): number =>
  createHash('sha256').update(JSON.stringify(words)).digest().readUInt32BE() / 2 ** 32;

/** One of these, by a number from 0 to 1. */
export const pick = <T>(all: readonly [T, ...T[]], by: number): T =>
  all[Math.floor(by * all.length)] ?? all[0];
