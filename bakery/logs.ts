import { join } from 'node:path';
import type { Checkout } from './checkout.ts';

/** The folder for what one run leaves to read: logs of builds, reports of scans. */
export const logsOf = ({ own }: Checkout, started: Date): string =>
  join(own, '.bakery', 'logs', started.toISOString().replaceAll(':', '-'));
