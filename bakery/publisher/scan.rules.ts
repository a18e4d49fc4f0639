/** Commands for scanners, and the judgement of their reports. */

import { z } from 'zod';
import { parseJson } from '@ai-bakery/kernel/json.ts';
import type { Command } from '@ai-bakery/kernel/command.ts';
import type { Platform } from '@ai-bakery/kernel/platform.ts';
import type { Digest } from '@ai-bakery/kernel/reference.ts';
import { printable } from '@ai-bakery/kernel/text.ts';

const severities = ['low', 'medium', 'high', 'critical'] as const;

type Severity = (typeof severities)[number];

/** `scan` in bakery.yaml. */
export const Scanning = z.strictObject({
  /** The program that looks for known vulnerabilities. */
  with: z.enum(['trivy', 'grype']),
  /** Lowest severity that blocks promotion (default: high). */
  failOn: z.enum(severities).optional(),
  /** Count only vulnerabilities that have a corrected version. */
  onlyFixed: z.boolean().optional(),
});

export type Scanning = z.infer<typeof Scanning>;

/** The result of one scan. */
export type ScanReport = {
  /** `registry.example.com/ai/ai-claude:go` */
  readonly image: string;
  readonly platform: Platform;
  /** The index that was scanned, for this platform. */
  readonly digest: Digest;
  readonly scanner: Scanning['with'];
  readonly outcome: 'passed' | 'failed' | 'not scanned';
  readonly why?: string;
  /** The file that the scanner wrote; absent if it wrote none. */
  readonly report?: string;
};

/** trivy's exit code for findings; its own failures exit with 1. */
const trivyFound = 10;

type Found = { readonly id: string; readonly severity: string; readonly part: string };

const Trivy = z
  .object({
    SchemaVersion: z.number(),
    Results: z
      .array(
        z.object({
          Vulnerabilities: z
            .array(
              z.object({ VulnerabilityID: z.string(), PkgName: z.string(), Severity: z.string() }),
            )
            .nullish(),
        }),
      )
      .nullish(),
  })
  .transform(({ Results }): Found[] =>
    (Results ?? []).flatMap(({ Vulnerabilities }) =>
      (Vulnerabilities ?? []).map(({ VulnerabilityID, PkgName, Severity }) => ({
        id: VulnerabilityID,
        severity: Severity,
        part: PkgName,
      })),
    ),
  );

const Grype = z
  .object({
    matches: z.array(
      z.object({
        vulnerability: z.object({ id: z.string(), severity: z.string() }),
        artifact: z.object({ name: z.string() }),
      }),
    ),
  })
  .transform(({ matches }): Found[] =>
    matches.map(({ vulnerability: { id, severity }, artifact }) => ({
      id,
      severity,
      part: artifact.name,
    })),
  );

/** Number of findings that are named. */
const shown = 3;

/**
 * Scans one platform of an index in its registry; the report goes to a file.
 * trivy.dev/docs/latest/references/configuration/cli/trivy_image, oss.anchore.com/docs/reference/grype/cli
 * @param image by digest.
 */
export function scanCommand(
  scanning: Scanning,
  image: string,
  platform: Platform,
  report: string,
): Command {
  return scanning.with === 'trivy'
    ? {
        file: 'trivy',
        args: [
          'image',
          '--quiet',
          '--scanners=vuln',
          // Not from an engine, which may have another image under this name.
          '--image-src=remote',
          `--platform=${platform}`,
          `--severity=${atLeast(scanning).join(',').toUpperCase()}`,
          ...(scanning.onlyFixed === true ? ['--ignore-unfixed'] : []),
          `--exit-code=${trivyFound}`,
          '--format=json',
          `--output=${report}`,
          image,
        ],
      }
    : {
        file: 'grype',
        args: [
          `registry:${image}`,
          '--quiet',
          `--platform=${platform}`,
          `--fail-on=${failOnOf(scanning)}`,
          ...(scanning.onlyFixed === true ? ['--only-fixed'] : []),
          '--output=json',
          `--file=${report}`,
        ],
      };
}

/**
 * Judges a scan: it has passed if both its report and its exit code say so.
 * @param report the text of the file; undefined if the scanner wrote none.
 */
export function judgeScan(
  scanning: Scanning,
  exitCode: number | undefined,
  stderr: string,
  report: string | undefined,
): Pick<ScanReport, 'outcome' | 'why'> {
  const found = readReport(scanning.with, report);
  const counted = (found ?? []).filter(({ severity }) =>
    atLeast(scanning).some((one) => one === severity.toLowerCase()),
  );
  if (counted.length > 0) {
    const names = counted.slice(0, shown).map(({ id, part }) => `${id} in ${part}`);
    const rest = counted.length - names.length;
    const all = [...names, ...(rest > 0 ? [`${rest} more`] : [])].join(', ');
    return { outcome: 'failed', why: printable(`${scanning.with}: ${all}`) };
  }
  if (exitCode === 0 && found !== undefined) return { outcome: 'passed' };
  const said = stderr.trim().split('\n').at(-1) ?? '';
  const reason = said === '' ? `exited with ${exitCode ?? 'no code'}, without a report` : said;
  return { outcome: 'not scanned', why: printable(`${scanning.with}: ${reason}`) };
}

function atLeast(scanning: Scanning): readonly Severity[] {
  return severities.slice(severities.indexOf(failOnOf(scanning)));
}

function failOnOf({ failOn = 'high' }: Scanning): Severity {
  return failOn;
}

function readReport(kind: Scanning['with'], report: string | undefined): Found[] | undefined {
  return parseJson<Found[]>(report ?? '', kind === 'trivy' ? Trivy : Grype);
}
