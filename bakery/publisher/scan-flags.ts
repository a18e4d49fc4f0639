/** Reads the settings of scanning from flags and bakery.yaml. */

import { UserError } from '@ai-bakery/kernel/error.ts';
import type { Checkout } from '../catalogue/checkout.ts';
import { Scanning } from './scan.rules.ts';

/** The flags of scanning. */
export type ScanFlags = {
  /** The scanner; false for --no-scan. */
  readonly scan?: string | false;
  readonly failOn?: string;
};

/**
 * Flags override `scan` in bakery.yaml. Returns undefined if images are not scanned.
 * @throws UserError E_USAGE for an unknown scanner or severity.
 */
export function readScanning(
  { settings }: Checkout,
  { scan, failOn }: ScanFlags,
): Scanning | undefined {
  if (scan === false) return undefined;
  if (scan === undefined && failOn === undefined) return settings.scan;
  const { success, data } = Scanning.safeParse({
    ...settings.scan,
    ...(scan === undefined ? {} : { with: scan }),
    ...(failOn === undefined ? {} : { failOn }),
  });
  if (success) return data;
  throw new UserError('E_USAGE', '--scan, --fail-on: unknown scanner or severity', {
    hint: 'expected --scan trivy or grype, and --fail-on low, medium, high or critical',
  });
}
