import { nonce } from '../e2e/support.ts';
import { audit, type Audit } from './audit.ts';
import { noFaults, randomFaults } from './faults.ts';
import { count, countRequests, type Figures } from './figures.ts';
import { momentOf } from './killer.ts';
import { type Publication, publishOnce } from './publication.ts';
import { chance, pick } from './random.ts';
import { isWrite } from './request.ts';
import { openRig } from './rig.ts';

/** A registry, a proxy that fails in front of it, and a catalogue that is published there again and again. */
export type Lane = {
  /** Publishes for the first time, without faults. @returns what was wrong. */
  readonly begin: () => Promise<readonly string[]>;
  /** Changes something, publishes it with faults and perhaps a kill, and again without. @returns what was wrong. */
  readonly run: (run: number) => Promise<readonly string[]>;
  /** Downloads and hashes everything again. @returns what was wrong. */
  readonly end: () => Promise<readonly string[]>;
  readonly close: () => Promise<void>;
};

/** Layers of a publication that it had to execute something for. */
const executed = ({ report }: Publication): string[] =>
  (report?.layers ?? []).flatMap(({ id, executed: steps }) =>
    !id.startsWith('push ') && steps > 0 ? [id] : [],
  );

const gone = ({ tags }: Audit, before: Audit): string[] =>
  [...before.tags.keys()].filter((tag) => !tags.has(tag)).map((tag) => `${tag} is gone`);

const say = ({ code, report, stderr, stuck }: Publication): string =>
  stuck ??
  [
    `exit code ${code}`,
    ...(report?.images ?? []).map(({ image, outcome, why = '' }) => `${image} ${outcome} ${why}`),
    ...(report === undefined ? [stderr] : []),
  ].join('\n  ');

export const openLane = async (seed: number, figures: Figures): Promise<Lane> => {
  const word = nonce();
  const agents = [`e2e-${word}-one`, `e2e-${word}-two`] as const;
  const repositories = agents.map((agent) => `ai/ai-${agent}`);
  const { registry, proxy, catalogue, close } = await openRig(agents);
  const where = `${proxy.address}/ai`;
  /** Digests that audits have hashed. */
  const known = new Set<string>();
  /** The version that each agent's public tags must have once nothing fails any more. */
  const versions = new Map<string, string>(agents.map((agent) => [agent, '1.0.0']));
  /** Milliseconds that a publication takes when nobody kills it. */
  let usual = 0;
  let last: Audit;

  const read = async (): Promise<Audit> => {
    const found = await audit(registry.host, repositories, known);
    figures.tagsRead += found.tags.size;
    figures.tagsWrong += found.wrong.length;
    figures.bodiesHashed += found.hashed;
    return found;
  };

  /** Which tags are not where they have to be. */
  const astray = ({ tags }: Audit): string[] =>
    [...versions].flatMap(([agent, version]) =>
      [`${version}-base`, 'base', 'latest', `${version}-mini`, 'mini'].flatMap((tag) => {
        const found = tags.get(`ai/ai-${agent}:${tag}`);
        const fixed = tags.get(
          `ai/ai-${agent}:${version}-${tag.includes('mini') ? 'mini' : 'base'}`,
        );
        return found?.version === version && found.digest === fixed?.digest
          ? []
          : [`${agent}:${tag} is at ${found?.version}, and not at ${version}`];
      }),
    );

  /** Every run changes an agent, and every fifth one the runtime of two images as well. */
  const change = async (run: number): Promise<void> => {
    if (run % 5 === 0) await catalogue.setRuntime(`${word}${run}`);
    const agent = pick(agents, chance(seed, run, 'agent'));
    versions.set(agent, `1.${run}.0`);
    await catalogue.setAgent(agent, `1.${run}.0`);
  };

  /** Publishes without faults until there is nothing to do, which is the second time at the latest. */
  const converge = async (built: readonly string[]): Promise<string[]> => {
    proxy.inject(noFaults);
    proxy.forget();
    const again = await publishOnce(catalogue.root, where, proxy);
    if (again.code !== 0) return [`repeated: ${say(again)}`];
    const hadToWrite = proxy.log().some(isWrite);
    proxy.forget();
    const once = hadToWrite ? await publishOnce(catalogue.root, where, proxy) : again;
    const writes = proxy.log().filter(isWrite);
    figures.writesAfterwards += writes.length;
    const rebuilt = executed(again).filter((id) => built.includes(id));
    figures.layersBuilt += new Set([...built, ...executed(again)]).size;
    figures.layersRebuilt += rebuilt.length;
    last = await read();
    const problems = [
      ...(once.code === 0 ? [] : [`once more: ${say(once)}`]),
      ...writes.map(
        ({ method, repository, reference }) => `wrote ${method} ${repository} ${reference}`,
      ),
      ...rebuilt.map((id) => `${id} was built again`),
      ...last.wrong,
      ...astray(last),
    ];
    figures.converged += problems.length === 0 ? 1 : 0;
    return problems;
  };

  return {
    begin: async () => {
      const first = await publishOnce(catalogue.root, where, proxy);
      // It builds and pushes four times as much as those that follow.
      usual = first.milliseconds / 2;
      last = await read();
      return [...(first.code === 0 ? [] : [say(first)]), ...last.wrong, ...astray(last)];
    },
    run: async (run) => {
      const before = last;
      await change(run);
      const moment = momentOf(seed, run);
      proxy.forget();
      proxy.inject(randomFaults(seed + run, 0.01 + 0.07 * chance(seed, run, 'rate')));
      const publication = await publishOnce(catalogue.root, where, proxy, moment, usual);
      const { killed, code, milliseconds, built } = publication;
      countRequests(figures, proxy.log());
      figures.runs += 1;
      if (killed && moment !== undefined) count(figures.kills, moment.name);
      else {
        figures.survivors += 1;
        figures.succeeded += code === 0 ? 1 : 0;
        usual = milliseconds;
      }
      const after = await read();
      figures.tagsMoved += [...after.tags].filter(
        ([tag, { digest }]) => before.tags.get(tag)?.digest !== digest,
      ).length;
      const told = killed ? `killed ${moment?.name}` : say(publication);
      const problems = [
        ...(publication.stuck === undefined ? [] : [publication.stuck]),
        ...after.wrong,
        ...gone(after, before),
        ...(await converge(built)),
      ];
      if (process.env['VERBOSE'] !== undefined)
        console.log(`run ${run}, ${Math.round(milliseconds)} ms, ${told}`);
      return problems.map((problem) => `run ${run}, ${told}: ${problem}`);
    },
    end: async () => {
      known.clear();
      return (await read()).wrong;
    },
    close,
  };
};
