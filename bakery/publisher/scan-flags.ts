import { UserError } from '@ai-bakery/kernel/error.ts';
import type { Checkout } from '../catalogue/checkout.ts';
import { Scanning } from './scan.rules.ts';

/** What the command line says about scanning. */
export type ScanFlags = {
  /** The scanner; false for none at all. */
  readonly scan?: string | false;
  readonly failOn?: string;
};

/**
 * Whether and how to scan: what the command line says goes over `scan` in bakery.yaml.
 * @throws UserError E_USAGE for a scanner or a severity that is none.
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
  throw new UserError('E_USAGE', '--scan, --fail-on: that is no scanner, or no severity', {
    hint: 'there are --scan trivy or grype, and --fail-on low, medium, high or critical',
  });
}
