import type { PublishReport } from '../../bakery/publisher/published.rules.ts';
import { descendants, startBakery } from '../e2e/fake-caller.ts';
import type { FaultProxy } from './fault-proxy.ts';
import { isAt, type Moment } from './killer.ts';

/** One start of `bakery publish`, and how it ended. */
export type Publication = {
  readonly code: number;
  readonly killed: boolean;
  /** A description of its state, if it did not end and had to be killed. */
  readonly stuck?: string;
  readonly milliseconds: number;
  /** Ids of the layers whose build it said was done: `agent/one linux/amd64`. */
  readonly built: readonly string[];
  /** Undefined where it was killed before it could print one. */
  readonly report: PublishReport | undefined;
  readonly stderr: string;
};

/** Milliseconds that pass at most between a request and the kill that follows it. */
const latest = 150;

/** Milliseconds after which a publication does not end any more: many times what the slowest has taken. */
const stuckAfter = 10 * 60_000;

const describeStuck = async (pid: number, proxy: FaultProxy, stderr: string): Promise<string> =>
  [
    `not ended after ${stuckAfter / 1000} s`,
    'its programs:',
    ...(await descendants(pid)).map(({ command }) => `  ${command}`),
    'not answered:',
    ...proxy.underWay().map((request) => `  ${JSON.stringify(request)}`),
    'answered last:',
    ...proxy
      .log()
      .slice(-20)
      .map((entry) => `  ${JSON.stringify(entry)}`),
    'it said:',
    stderr,
  ].join('\n');

/** @param usual milliseconds that it takes when it is not killed. */
export const publishOnce = async (
  root: string,
  where: string,
  proxy: FaultProxy,
  moment?: Moment,
  usual = 0,
): Promise<Publication> => {
  const started = performance.now();
  const caller = startBakery(['--root', root, 'publish', '--registry', where, '--json']);
  let killed = false;
  // With everything that it has started.
  const kill = (): void => {
    if (killed || caller.child.exitCode !== null) return;
    killed = true;
    process.kill(-caller.pid, 'SIGKILL');
  };
  const timers: NodeJS.Timeout[] = [];
  if (moment?.name === 'at any time') timers.push(setTimeout(kill, moment.amount * usual));
  let seen = 0;
  let moved = false;
  proxy.watch((request) => {
    if (moment === undefined) return;
    if (isAt(moment.name, request, moved)) {
      if (seen === moment.nth) timers.push(setTimeout(kill, moment.amount * latest));
      seen += 1;
    }
    moved ||= isAt('while tags are moved', request, moved);
  });
  let stuck: string | undefined;
  const giveUp = async (): Promise<void> => {
    stuck = await describeStuck(caller.pid, proxy, caller.said());
    kill();
  };
  const watchdog = setTimeout(() => void giveUp(), stuckAfter);
  const { code, stdout, stderr } = await caller.ended;
  for (const timer of [...timers, watchdog]) clearTimeout(timer);
  return {
    code,
    killed,
    ...(stuck === undefined ? {} : { stuck }),
    milliseconds: performance.now() - started,
    built: [...stderr.matchAll(/✔ ((?:agent|runtime)\/\S+ linux\/\w+)/g)].map(([, id = '']) => id),
    report: stdout.startsWith('{') ? (JSON.parse(stdout) as PublishReport) : undefined,
    stderr,
  };
};
