/** Scans indexes of a registry for known vulnerabilities. */

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { architecture } from '@ai-bakery/kernel/platform.ts';
import { redacted } from '@ai-bakery/kernel/text.ts';
import type { Manifest } from '../registry/manifest.rules.ts';
import { cellName } from '../plan/plan.rules.ts';
import { judgeScan, scanCommand, type Scanning, type ScanReport } from './scan.rules.ts';
import type { Display } from '../host/display.ts';
import { run } from '../host/exec.ts';
import { cannotWrite } from '../host/write.ts';
import { logName } from '../builder/buildx.ts';
import { readText } from '../catalogue/load.ts';
import type { Order } from './publication.rules.ts';

/** Results are not remembered, because a scanner's data changes daily. */
export type Scanner = {
  /** Scans an index on every platform of the image. */
  readonly scan: (order: Order, index: Manifest) => Promise<ScanReport[]>;
};

/** Milliseconds; the first scan downloads the scanner's data. */
const patience = 20 * 60_000;

type ScannerOptions = {
  /** Folder for the reports. */
  readonly reports: string;
  readonly display: Display;
  readonly signal: AbortSignal;
};

/** @throws UserError E_NO_PROGRAM if the scanner is not installed. */
export async function openScanner(
  scanning: Scanning,
  { reports, display, signal }: ScannerOptions,
): Promise<Scanner> {
  await checkScanner(scanning.with, signal);
  // Trivy locks its data: the second of two would give up.
  const oneByOne = pLimit(1);
  return {
    scan: ({ subject: { image }, repository }, index) =>
      Promise.all(
        image.platforms.map((platform) =>
          oneByOne(async (): Promise<ScanReport> => {
            const name = `scan ${cellName(image, platform)}`;
            const report = join(
              reports,
              `scan-${logName(image.id)}-${architecture(platform)}.json`,
            );
            await mkdir(reports, { recursive: true }).catch((error: unknown) => {
              throw cannotWrite(reports, error);
            });
            display.start(name);
            const command = scanCommand(
              scanning,
              `${repository}@${index.digest}`,
              platform,
              report,
            );
            const { exitCode, stderr } = await run(command, { signal, timeout: patience });
            const text = await readText(report);
            const judged = judgeScan(scanning, exitCode, redacted(stderr), text);
            display.end(name, judged.outcome === 'passed' ? 'done' : 'failed', judged.why ?? '');
            return {
              image: `${repository}:${image.runtime}`,
              platform,
              digest: index.digest,
              scanner: scanning.with,
              ...judged,
              ...(text === undefined ? {} : { report }),
            };
          }),
        ),
      ),
  };
}

async function checkScanner(file: Scanning['with'], signal: AbortSignal): Promise<void> {
  try {
    await run({ file, args: ['version'] }, { signal, timeout: 60_000 });
  } catch (error) {
    if (!(error instanceof UserError) || error.code !== 'E_NO_PROGRAM') throw error;
    throw new UserError('E_NO_PROGRAM', `images are to be scanned, but ${error.message}`, {
      hint: `install ${file}; or publish without: --no-scan`,
      cause: error,
    });
  }
}
