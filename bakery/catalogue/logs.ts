import { join } from 'node:path';
import type { Checkout } from './checkout.ts';

/** The folder for what one run leaves to read: logs of builds, reports of scans. */
export function logsOf({ own }: Checkout, started: Date): string {
  return join(own, '.bakery', 'logs', started.toISOString().replaceAll(':', '-'));
}
