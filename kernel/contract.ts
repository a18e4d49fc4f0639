/** The sandbox contract: what an agent requests from its sandbox, and the parser of an image's label. */

import en from 'zod/v4/locales/en.js';
import * as z from 'zod/mini';
import { UserError } from './error.ts';
import { contractLabel } from './image.ts';
import { parseJson } from './json.ts';
import { printable } from './text.ts';
import { whyReserved } from './variable.ts';

// zod/mini has no error messages until a locale is set.
z.config(en());

/** A path below the agent's home: relative, without `..` and without characters that shells or mounts treat as syntax. */
const HomePath = z.string().check(
  z.regex(/^(?!.*(^|\/)(\.\.?|\.git)(\/|$))[A-Za-z0-9._-]+(\/[A-Za-z0-9._-]+)*$/, {
    error:
      'expected a path below the home, like ".config/tool": relative, without "..", letters, digits and ._-',
  }),
);

const Host = z.string().check(
  z.regex(
    /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*\.[a-z]([a-z0-9-]*[a-z0-9])$/,
    {
      error:
        'expected a host name like "api.example.com": lower case, no scheme, port, wildcard or address',
    },
  ),
);

/** The value passes through the environment of docker's client, so the name must not have a meaning of its own there. */
const EnvironmentName = z.string().check(
  z.regex(/^[A-Z][A-Z0-9_]*$/, {
    error: 'expected an environment variable name like "API_KEY"',
    abort: true,
  }),
  z.refine((name) => whyReserved(name) === undefined, {
    error: ({ input }) =>
      `${String(input)} cannot be a credential: ${whyReserved(String(input)) ?? 'it is reserved'}`,
  }),
);

/** A credential that the agent can use, named by the variable that the agent reads. */
const Credential = z.strictObject({
  env: EnvironmentName,
  /** The host that receives this credential, e.g. `api.anthropic.com`. */
  host: z.optional(Host),
  /** The variable that sets another address for that API, if the agent supports one. */
  baseUrl: z.optional(EnvironmentName),
});

/** A key of a configuration file, like `model` or `ui.theme`; keys that can name a program or hold a secret are refused. */
const ConfigKey = z.string().check(
  z.regex(/^[A-Za-z][A-Za-z0-9]*(\.[A-Za-z][A-Za-z0-9]*)*$/, {
    error: 'expected a key like "model" or "ui.theme"',
  }),
  z.refine(
    (key) =>
      !/hook|helper|command|exec|refresh|(^|\.)env(\.|$)|mcp|permission|token|secret|passw|credential|auth(?!or)|api-?key|key$|statusline|notify|telemetry|sandbox/i.test(
        key,
      ),
    { error: 'a key that can run a program or hold a secret cannot be carried in' },
  ),
);

/**
 * A file below the user's home that configures the agent on the host. `--with-config` carries it into the sandbox: the
 * listed `keys` of a JSON file, or a Markdown text as a whole. Files of other formats are listed so that ai-run can report
 * that they are not carried in.
 */
const HostConfig = z.strictObject({
  path: HomePath,
  format: z.enum(['json', 'text', 'toml', 'yaml']),
  keys: z.prefault(z.array(ConfigKey), []),
});

/** An agent's requests to its sandbox. They cannot loosen it: a contract cannot name host paths, capabilities or modes. */
export const ContractRequest = z.strictObject({
  credentials: z.prefault(z.array(Credential), []),
  /** Files and folders below its home that must outlive a session. */
  state: z.prefault(z.array(HomePath), []),
  /** Folders below its home that may outlive a session, and may be deleted between sessions. */
  cache: z.prefault(z.array(HomePath), []),
  /** Configuration files that a project may contain, relative to the project. */
  projectConfig: z.prefault(z.array(HomePath), []),
  /** The user's own configuration files of the agent, for `--with-config`. */
  hostConfig: z.prefault(z.array(HostConfig), []),
  /** Hosts that the agent needs. */
  hosts: z.prefault(z.array(Host), []),
});

/** The sandbox contract in an image's label `ai-run.contract`, as JSON. */
export const Contract = z.extend(ContractRequest, {
  schema: z.literal(1),
  agent: z.string().check(z.regex(/^[a-z0-9]+(?:[._-][a-z0-9]+)*$/)),
  /** The agent's version in its lock. */
  version: z.string().check(z.minLength(1)),
  /** The command that starts the agent inside the image; arguments are appended. */
  command: z.array(z.string().check(z.minLength(1))).check(z.minLength(1)),
});
export type Contract = z.infer<typeof Contract>;

/**
 * Parses the contract in an image's label. The label is not trusted: anybody may have written it.
 * @param name the image, for messages.
 * @throws UserError E_NO_CONTRACT if the label is missing, E_CONTRACT if it is invalid or requests something forbidden.
 */
export function parseContract(label: string | undefined, name: string): Contract {
  if (label === undefined) {
    throw new UserError('E_NO_CONTRACT', `${name} has no label ${contractLabel}`, {
      hint: 'it is not an image of an agent: use one that bakery made',
    });
  }
  const refused = (reason: string): UserError =>
    new UserError('E_CONTRACT', `${name}: invalid contract: ${printable(reason)}`, {
      hint: 'use an image that a bakery of this version made',
    });
  const value = parseJson(label);
  if (value === undefined) throw refused('it is not JSON');
  const { data, error } = Contract.safeParse(value);
  if (data !== undefined) return data;
  const [issue] = error.issues;
  const where = issue === undefined || issue.path.length === 0 ? '' : `${issue.path.join('.')}: `;
  throw refused(`${where}${issue?.message ?? 'it is not valid'}`);
}
