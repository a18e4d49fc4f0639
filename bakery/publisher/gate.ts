/** The gate between tests and promotion: scans and signs an index. */

import type { Manifest } from '../registry/manifest.rules.ts';
import type { Scanning, ScanReport } from './scan.rules.ts';
import type { Signing } from './signature.rules.ts';
import type { Display } from '../host/display.ts';
import type { Registry } from '../registry/registry.ts';
import type { Journal } from './journal.ts';
import type { Order } from './publication.rules.ts';

export type Gate = {
  /** @returns the reason why the index does not pass, or whether it was signed. */
  readonly pass: (
    order: Order,
    index: Manifest,
  ) => Promise<{ readonly why: string } | { readonly signed?: 'now' | 'before' }>;
};

export type GateOptions = {
  readonly signing: Signing | undefined;
  readonly scanning: Scanning | undefined;
  readonly registry: Registry;
  readonly journal: Journal;
  /** Collects the report of every scan. */
  readonly scans: ScanReport[];
  /** Folder for the scanner's reports. */
  readonly reports: string;
  readonly display: Display;
  readonly signal: AbortSignal;
};

/**
 * Checks scanner and key, so that missing ones are reported before anything is built.
 * @throws UserError of `openSigner` and `openScanner`.
 */
export async function openGate(options: GateOptions): Promise<Gate> {
  const { signing, scanning, registry, journal, scans, display, signal } = options;
  const scanner =
    scanning === undefined
      ? undefined
      : await (await import('./scanner.ts')).openScanner(scanning, options);
  const signer =
    signing === undefined
      ? undefined
      : await (await import('./signer.ts')).openSigner(signing, registry, signal);

  /** An image that is public and lacks only its signature is not scanned, because it is not promoted. */
  const scan = async (order: Order, index: Manifest): Promise<string | undefined> => {
    if (scanner === undefined || order.need.step === 'sign') return undefined;
    const reports = await scanner.scan(order, index);
    scans.push(...reports);
    const bad = reports.find(({ outcome }) => outcome !== 'passed');
    return bad === undefined ? undefined : `${bad.platform}: ${bad.why ?? bad.outcome}`;
  };

  return {
    pass: async (order, index) => {
      const why = await scan(order, index);
      if (why !== undefined) return { why };
      if (signer === undefined) return {};
      const { repository, subject } = order;
      const reference = `${repository}@${index.digest}`;
      const name = `sign ${subject.image.id}`;
      display.start(name);
      try {
        const signed = await signer.sign(repository, index.digest, () =>
          journal.beginSigning(reference),
        );
        if (signed === 'now') await journal.signed(reference);
        display.end(name, 'done', signed === 'now' ? '' : 'was signed');
        return { signed };
      } catch (error) {
        display.end(name, 'failed', '');
        throw error;
      }
    },
  };
}
