/** Records the tags that a run moves, and the indexes that it signs. */

import pLimit from 'p-limit';
import type { Digest } from '@ai-bakery/kernel/reference.ts';
import { writeAtomic } from '../host/write.ts';

/** One tag that was moved. */
type JournalEntry = {
  /** `registry.example.com/ai/ai-claude:go` */
  readonly reference: string;
  readonly from: Digest | null;
  readonly to: Digest;
  /** Input key of the image. */
  readonly key: Digest;
  /** RFC 3339: the time of the request, and the time at which it was read back; null if it was not verified. */
  readonly begun: string;
  readonly verified: string | null;
};

/** One index that was signed. */
type Signature = {
  /** `registry.example.com/ai/ai-claude@sha256:…` */
  readonly reference: string;
  readonly begun: string;
  readonly verified: string | null;
};

export type Journal = {
  readonly path: string;
  /** Written before the request, so that the journal contains every change. */
  readonly begin: (entry: Omit<JournalEntry, 'begun' | 'verified'>) => Promise<void>;
  readonly verify: (reference: string) => Promise<void>;
  /** The same for a signature: before cosign runs, and when the registry has it. */
  readonly beginSigning: (reference: string) => Promise<void>;
  readonly signed: (reference: string) => Promise<void>;
  readonly isEmpty: () => boolean;
};

/** The journal is a JSON file that is complete at any time. It is created by its first entry. */
export function openJournal(path: string, registry: string, clock: () => Date): Journal {
  const entries = new Map<string, JournalEntry>();
  const signatures = new Map<string, Signature>();
  const started = clock().toISOString();
  const oneByOne = pLimit(1);
  const write = (): Promise<void> =>
    oneByOne(() =>
      writeAtomic(
        path,
        `${JSON.stringify({ registry, started, moved: [...entries.values()], signed: [...signatures.values()] }, undefined, 2)}\n`,
      ),
    );
  return {
    path,
    begin: (entry) => {
      entries.set(entry.reference, { ...entry, begun: clock().toISOString(), verified: null });
      return write();
    },
    verify: (reference) => {
      const entry = entries.get(reference);
      if (entry !== undefined)
        entries.set(reference, { ...entry, verified: clock().toISOString() });
      return write();
    },
    beginSigning: (reference) => {
      signatures.set(reference, { reference, begun: clock().toISOString(), verified: null });
      return write();
    },
    signed: (reference) => {
      const entry = signatures.get(reference);
      if (entry !== undefined)
        signatures.set(reference, { ...entry, verified: clock().toISOString() });
      return write();
    },
    isEmpty: () => entries.size === 0 && signatures.size === 0,
  };
}
