import { describe, expect, test } from 'vitest';
import { judgeScan, scanCommand, Scanning } from '../../../bakery/publisher/scan.rules.ts';
import { digest } from '../support.ts';

const image = `registry.example.com/ai/ai-otter@${digest('a')}`;

describe('the command line', () => {
  const command = (scanning: Scanning): string => {
    const { file, args } = scanCommand(scanning, image, 'linux/arm64', '/logs/scan.json');
    return [file, ...args].join(' ');
  };

  test.each<[Scanning, string]>([
    [
      { with: 'trivy' },
      `trivy image --quiet --scanners=vuln --image-src=remote --platform=linux/arm64 --severity=HIGH,CRITICAL --exit-code=10 --format=json --output=/logs/scan.json ${image}`,
    ],
    [
      { with: 'trivy', failOn: 'critical', onlyFixed: true },
      `trivy image --quiet --scanners=vuln --image-src=remote --platform=linux/arm64 --severity=CRITICAL --ignore-unfixed --exit-code=10 --format=json --output=/logs/scan.json ${image}`,
    ],
    [
      { with: 'grype', failOn: 'medium', onlyFixed: true },
      `grype registry:${image} --quiet --platform=linux/arm64 --fail-on=medium --only-fixed --output=json --file=/logs/scan.json`,
    ],
  ])('of %j', (scanning, expected) => {
    expect(command(scanning)).toBe(expected);
  });
});

type Severity = 'LOW' | 'HIGH' | 'CRITICAL';
const trivy = (...found: Severity[]): string =>
  JSON.stringify({
    SchemaVersion: 2,
    Results: [
      { Target: 'nothing in it' },
      {
        Vulnerabilities: found.map((Severity, at) => ({
          VulnerabilityID: `CVE-2026-${at}`,
          PkgName: 'openssl',
          Severity,
        })),
      },
    ],
  });
const grype = (...severities: string[]): string =>
  JSON.stringify({
    matches: severities.map((severity, at) => ({
      vulnerability: { id: `GHSA-${at}`, severity },
      artifact: { name: 'lodash' },
    })),
  });

describe('a scan', () => {
  test.each<[string, Scanning, number | undefined, string | undefined, string, string | undefined]>(
    [
      ['trivy found nothing', { with: 'trivy' }, 0, trivy(), 'passed', undefined],
      ['trivy has no results', { with: 'trivy' }, 0, '{"SchemaVersion":2}', 'passed', undefined],
      [
        'trivy found some',
        { with: 'trivy' },
        10,
        trivy('HIGH', 'CRITICAL', 'HIGH', 'HIGH', 'HIGH'),
        'failed',
        'trivy: CVE-2026-0 in openssl, CVE-2026-1 in openssl, CVE-2026-2 in openssl, 2 more',
      ],
      ['grype found nothing', { with: 'grype' }, 0, grype(), 'passed', undefined],
      ['grype found less than asked for', { with: 'grype' }, 0, grype('Low'), 'passed', undefined],
      [
        'grype found some',
        { with: 'grype' },
        2,
        grype('Low', 'High'),
        'failed',
        'grype: GHSA-1 in lodash',
      ],
      // Older ones exit with 1 for everything.
      [
        'an older grype did',
        { with: 'grype' },
        1,
        grype('Critical'),
        'failed',
        'grype: GHSA-0 in lodash',
      ],
      [
        'less is asked for',
        { with: 'grype', failOn: 'low' },
        2,
        grype('Low'),
        'failed',
        'grype: GHSA-0 in lodash',
      ],
      // A passed scan is one that both agree on.
      [
        'the report says more than the exit code',
        { with: 'trivy' },
        0,
        trivy('HIGH'),
        'failed',
        'trivy: CVE-2026-0 in openssl',
      ],
      [
        'the exit code says more than the report',
        { with: 'trivy' },
        10,
        trivy(),
        'not scanned',
        'trivy: the last word',
      ],
      ['it broke down', { with: 'trivy' }, 1, undefined, 'not scanned', 'trivy: the last word'],
      ['it wrote nothing', { with: 'trivy' }, 0, undefined, 'not scanned', 'trivy: the last word'],
      [
        'it wrote half',
        { with: 'grype' },
        0,
        grype('High').slice(0, -2),
        'not scanned',
        'grype: the last word',
      ],
      [
        'it wrote another’s report',
        { with: 'grype' },
        0,
        trivy(),
        'not scanned',
        'grype: the last word',
      ],
      [
        'it was killed',
        { with: 'trivy' },
        undefined,
        trivy(),
        'not scanned',
        'trivy: the last word',
      ],
    ],
  )('where %s', (_, scanning, exitCode, report, outcome, why) => {
    const judged = judgeScan(scanning, exitCode, 'first\nthe last word\u001b[2J\n', report);
    expect(judged).toEqual({ outcome, ...(why === undefined ? {} : { why }) });
  });

  test('that says nothing at all has not passed', () => {
    expect(judgeScan({ with: 'trivy' }, 3, '', undefined)).toEqual({
      outcome: 'not scanned',
      why: 'trivy: exited with 3, without a report',
    });
  });
});

test.each([
  [{ with: 'trivy' }, true],
  [{ with: 'grype', failOn: 'critical', onlyFixed: true }, true],
  [{ with: 'snyk' }, false],
  [{ with: 'trivy', failOn: 'severe' }, false],
  [{ with: 'trivy', failon: 'high' }, false],
  [{}, false],
])('settings %j are accepted: %s', (value, expected) => {
  expect(Scanning.safeParse(value).success).toBe(expected);
});
