/** The folder of a run's logs. */

import { join } from 'node:path';
import type { Checkout } from './checkout.ts';

/** Returns the folder of one run's logs of builds and reports of scans. */
export function logsOf({ own }: Checkout, started: Date): string {
  return join(own, '.bakery', 'logs', started.toISOString().replaceAll(':', '-'));
}
