/** Updates an agent that is a download. */

import { createHash } from 'node:crypto';
import { parseDocument } from 'yaml';
import { messageOf } from '@ai-bakery/kernel/error.ts';
import type { Platform } from '@ai-bakery/kernel/platform.ts';
import type { Agent } from '../catalogue/catalogue.rules.ts';
import type { Update } from './candidates.rules.ts';

/** Finds the maker's newest version, and hashes its present archive for each platform. */
export async function updateDownload(agent: Agent, signal: AbortSignal): Promise<Update> {
  if (agent.install.kind !== 'download') throw new Error(`${agent.name} is not a download`);
  const { version: from, files } = agent.install;
  const nothing = {
    name: agent.name,
    from,
    to: from,
    skipped: [],
    missing: agent.lock.missing,
    files: {},
  };
  try {
    const to = await newestVersion(agent, signal);
    if (to === undefined)
      return { ...nothing, error: `nothing at ${agent.install.latest?.url} looks like a version` };
    if (to === from && Object.keys(agent.lock.missing).length === 0) return nothing;
    const path = `agents/${agent.name}/agent.yaml`;
    const document = parseDocument(agent.files['agent.yaml'] ?? '');
    document.setIn(['install', 'version'], to);
    const missing: Partial<Record<Platform, string>> = {};
    for (const platform of agent.platforms) {
      const url = files[platform]?.url.replaceAll(from, to);
      if (url === undefined) continue;
      try {
        document.setIn(['install', 'files', platform, 'sha256'], await sha256(url, signal));
        document.setIn(['install', 'files', platform, 'url'], url);
      } catch (error) {
        missing[platform] = messageOf(error);
      }
    }
    const reasons = Object.values(missing);
    if (reasons.length === agent.platforms.length) return { ...nothing, error: reasons[0] ?? '' };
    return {
      name: agent.name,
      from,
      to,
      skipped: [],
      missing,
      files: { [path]: document.toString() },
    };
  } catch (error) {
    if (signal.aborted) throw error;
    return { ...nothing, error: messageOf(error) };
  }
}

async function newestVersion(agent: Agent, signal: AbortSignal): Promise<string | undefined> {
  if (agent.install.kind !== 'download') return undefined;
  const { latest, version } = agent.install;
  if (latest === undefined) return version;
  return new RegExp(latest.match).exec(await (await get(latest.url, signal)).text())?.[1];
}

async function sha256(url: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  const { body } = await get(url, signal);
  if (body !== null) for await (const chunk of body) hash.update(chunk);
  return hash.digest('hex');
}

async function get(url: string, signal: AbortSignal): Promise<Response> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(600_000)]);
  const response = await fetch(url, { signal: limit }).catch((error: unknown) => {
    // The message of fetch is always "fetch failed"; its cause has the reason.
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    throw new Error(`${url}: ${messageOf(cause)}`, { cause: error });
  });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${response.statusText}`);
  return response;
}
