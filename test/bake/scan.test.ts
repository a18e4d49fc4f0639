import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PublishReport } from '../../bakery/publisher/published.rules.ts';
import { openRegistry } from '../../bakery/registry/registry.ts';
import { bakery, edit, nonce, type Ran } from '../e2e/support.ts';
import { isWrite, type Recorder, recordRequests } from './recorder.ts';
import { makeTinyCatalogue, type TinyCatalogue } from './tiny-catalogue.ts';

/**
 * Two agents on two runtimes, of which a scanner finds one vulnerable. The data of real scanners cannot be had where these
 * tests run, so programs of their own take trivy's and grype's place on PATH. They do what the documentation of those says:
 * read the image from the registry by digest, write a report of their format to the named file, and exit with trivy's
 * --exit-code, or grype's 2. `found` names agents with a finding, `broken` those that cannot be scanned.
 */

const agents = ['e2e-sound', 'e2e-weak'];
const native = process.arch === 'arm64' ? 'linux/arm64' : 'linux/amd64';
const registry = openRegistry(new AbortController().signal);
const word = nonce();

let catalogue: TinyCatalogue;
let recorder: Recorder;
let where = '';
let scanners = '';

/** A scanner, in the words that each of the two uses. */
const program = (
  reports: { found: string; clean: string },
  exits: number,
): string => `#!/usr/bin/env node
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
const args = process.argv.slice(2);
if (args[0] === 'version') process.exit(0);
const valueOf = (name) => args.find((arg) => arg.startsWith(name + '='))?.slice(name.length + 1);
const image = args.find((arg) => arg.includes('@sha256:')).replace('registry:', '');
const [, host, repository, digest] = /^([^/]+)\\/(.+)@(.+)$/.exec(image);
const says = (name) => readFileSync(import.meta.dirname + '/' + name, 'utf8').split(' ').some((one) => one !== '' && repository.endsWith(one));
appendFileSync(import.meta.dirname + '/asked', image + ' ' + valueOf('--platform') + '\\n');
const accept = 'application/vnd.oci.image.index.v1+json';
const answer = await fetch('http://' + host + '/v2/' + repository + '/manifests/' + digest, { headers: { accept } });
if (answer.status !== 200 || says('broken')) {
  console.error('FATAL: scan error: unable to initialize a scanner');
  process.exit(1);
}
const report = says('found') ? ${JSON.stringify(reports.found)} : ${JSON.stringify(reports.clean)};
writeFileSync(valueOf('--output') === 'json' ? valueOf('--file') : valueOf('--output'), report);
process.exit(says('found') ? ${exits} : 0);
`;

const trivy = program(
  {
    found: JSON.stringify({
      SchemaVersion: 2,
      Results: [
        {
          Vulnerabilities: [
            { VulnerabilityID: 'CVE-2026-1', PkgName: 'openssl', Severity: 'CRITICAL' },
          ],
        },
      ],
    }),
    clean: '{"SchemaVersion":2}',
  },
  10,
);
const grype = program(
  {
    found: JSON.stringify({
      matches: [
        { vulnerability: { id: 'GHSA-1', severity: 'High' }, artifact: { name: 'lodash' } },
      ],
    }),
    clean: '{"matches":[]}',
  },
  2,
);

const setVersion = async (version: string): Promise<void> => {
  for (const agent of agents) await catalogue.setAgent(agent, version, { platforms: [native] });
};
const say = (name: 'found' | 'broken', ...which: string[]): Promise<void> =>
  writeFile(join(scanners, name), which.join(' '));

beforeAll(async () => {
  catalogue = await makeTinyCatalogue(agents);
  await setVersion('1.0.0');
  recorder = await recordRequests('127.0.0.1:5000');
  where = `${recorder.address}/e2e-scan-${word}`;
  scanners = join(catalogue.root, 'bin');
  await mkdir(scanners);
  for (const [name, text] of Object.entries({ trivy, grype })) {
    await writeFile(join(scanners, name), text);
    await chmod(join(scanners, name), 0o755);
  }
  await say('found');
  await say('broken');
});
afterAll(async () => {
  for (const agent of agents) {
    const repository = `${where}/ai-${agent}`;
    const all = await Promise.all(
      (await registry.readTags(repository)).map((tag) =>
        registry.readManifest(`${repository}:${tag}`),
      ),
    );
    for (const digest of new Set(all.flatMap((found) => found?.digest ?? [])))
      await registry.deleteManifest(`${repository}@${digest}`);
  }
  await recorder.close();
  await catalogue.close();
});

const bake = (
  args: readonly string[],
  path = `${scanners}${delimiter}${process.env['PATH'] ?? ''}`,
): Promise<Ran> =>
  bakery(['--root', catalogue.root, 'publish', '--registry', where, ...args], {
    env: { PATH: path },
  });
const publish = async (...args: readonly string[]): Promise<PublishReport> => {
  const { stdout, stderr } = await bake(['--json', '--quiet', ...args]);
  expect(stdout, stderr).toMatch(/^\{/);
  return JSON.parse(stdout) as PublishReport;
};

/** The outcome of each image: `sound:base promoted`. */
const outcomes = ({ images }: PublishReport): string[] =>
  images.map(({ image, outcome }) => `${image.replace(/^.*\/ai-e2e-/, '')} ${outcome}`);
const latest = async (agent: string): Promise<string | undefined> =>
  (await registry.readManifest(`${where}/ai-${agent}:latest`))?.digest;
const asked = async (): Promise<string[]> => {
  const text = await readFile(join(scanners, 'asked'), 'utf8').catch(() => '');
  await rm(join(scanners, 'asked'), { force: true });
  return text.split('\n').filter((line) => line !== '');
};
const sound = ['sound:base promoted', 'sound:mini promoted'];

test('a missing scanner is named before anything is built', async () => {
  recorder.forget();
  // Neither is installed beside Node.
  const { code, stderr } = await bake(['--scan', 'grype'], '/nowhere');
  expect(code).toBe(1);
  expect(stderr).toContain('images are to be scanned, but program "grype" not found on PATH');
  expect(stderr).toContain('hint: install grype; or publish without: --no-scan');
  expect(recorder.requests().filter(isWrite)).toEqual([]);
});

test('what is vulnerable is not promoted, and keeps nothing else back', async () => {
  await say('found', 'e2e-weak');
  const report = await publish('--scan', 'trivy');
  expect(outcomes(report)).toEqual([...sound, 'weak:base failed', 'weak:mini failed']);
  expect(report.images[2]?.why).toBe(`${native}: trivy: CVE-2026-1 in openssl`);
  expect(await latest('e2e-weak')).toBeUndefined();
  const digest = await latest('e2e-sound');
  expect(await asked()).toContain(`${where}/ai-e2e-sound@${digest} ${native}`);
  expect(report.scans).toHaveLength(4);
  for (const { report: file = '', outcome, image } of report.scans ?? []) {
    expect(outcome).toBe(image.includes('e2e-weak') ? 'failed' : 'passed');
    expect(JSON.parse(await readFile(file, 'utf8'))).toHaveProperty('SchemaVersion');
  }
});

test('it is scanned again whenever it is to be promoted, and not built or tested again', async () => {
  const report = await publish('--scan', 'grype');
  expect(outcomes(report).slice(2)).toEqual(['weak:base failed', 'weak:mini failed']);
  expect(report.images[2]?.why).toBe(`${native}: grype: GHSA-1 in lodash`);
  expect([report.layers, report.tests]).toEqual([[], []]);
  // Public images are left alone: only the two that wait were scanned.
  expect(await asked()).toHaveLength(2);
});

test('what could not be scanned has not passed', async () => {
  await say('found');
  await say('broken', 'e2e-weak');
  const report = await publish('--scan', 'trivy');
  expect(outcomes(report).slice(2)).toEqual(['weak:base failed', 'weak:mini failed']);
  expect(report.scans?.map(({ outcome }) => outcome)).toEqual(['not scanned', 'not scanned']);
  expect(report.images[2]?.why).toContain('trivy: FATAL: scan error');
});

test('the settings ask for it as well, and the same images are promoted once nothing is found', async () => {
  await edit(
    join(catalogue.root, 'bakery.yaml'),
    (text) => `${text}\nscan: { with: trivy, failOn: critical }\n`,
  );
  await say('broken');
  const { stdout } = await bake(['--dry-run']);
  expect(stdout).toContain('after their tests and a scan by trivy; nothing was done');
  await asked();
  const report = await publish();
  expect(outcomes(report).slice(2)).toEqual(['weak:base promoted', 'weak:mini promoted']);
  expect(report.scans).toHaveLength(2);
});

test('without a scan, the same findings keep nothing back', async () => {
  await setVersion('1.1.0');
  await say('found', ...agents);
  await asked();
  const report = await publish('--no-scan');
  expect(outcomes(report)).toEqual([...sound, 'weak:base promoted', 'weak:mini promoted']);
  expect([report.scans, await asked()]).toEqual([undefined, []]);
});
