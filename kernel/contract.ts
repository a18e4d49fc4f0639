import en from 'zod/v4/locales/en.js';
import * as z from 'zod/mini';
import { UserError } from './error.ts';
import { contractLabel } from './image.ts';
import { printable } from './text.ts';
import { whyReserved } from './variable.ts';

// The small zod has no words for mistakes of its own.
z.config(en());

/** One path below the agent's home: relative, no `..`, nothing a shell or a mount would read as syntax. */
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

/** Its value goes through the environment of docker's client, so an image must not choose what else it means there. */
const EnvironmentName = z.string().check(
  z.regex(/^[A-Z][A-Z0-9_]*$/, {
    error: 'expected an environment variable name like "API_KEY"',
    abort: true,
  }),
  z.refine((name) => whyReserved(name) === undefined, {
    error: ({ input }) =>
      `${String(input)} is no credential: ${whyReserved(String(input)) ?? 'it is reserved'}`,
  }),
);

/** A credential the agent can use, by the variable it reads it from. */
const Credential = z.strictObject({
  env: EnvironmentName,
  /** The host this credential is sent to, e.g. `api.anthropic.com`. */
  host: z.optional(Host),
  /** The variable that points the agent at another address for that API, where it has one. */
  baseUrl: z.optional(EnvironmentName),
});

/** A key of a configuration file, like `model` or `ui.theme`: never one that names a program, or holds a secret. */
const ConfigKey = z.string().check(
  z.regex(/^[A-Za-z][A-Za-z0-9]*(\.[A-Za-z][A-Za-z0-9]*)*$/, {
    error: 'expected a key like "model" or "ui.theme"',
  }),
  z.refine(
    (key) =>
      !/hook|helper|command|exec|refresh|(^|\.)env(\.|$)|mcp|permission|token|secret|passw|credential|auth(?!or)|api-?key|key$|statusline|notify|telemetry|sandbox/i.test(
        key,
      ),
    { error: 'no key that can run something or hold a secret is carried in' },
  ),
);

/**
 * A file below the user's home that configures the agent there, and what of it may be carried into the sandbox when the
 * user asks for it: `keys` of a JSON file, a Markdown text as a whole. Other formats are named, so that the user learns
 * that they stay behind.
 */
const HostConfig = z.strictObject({
  path: HomePath,
  format: z.enum(['json', 'text', 'toml', 'yaml']),
  keys: z.prefault(z.array(ConfigKey), []),
});

/** What an agent asks of its sandbox. It may ask, never loosen: it cannot name host paths, capabilities or modes. */
export const ContractRequest = z.strictObject({
  credentials: z.prefault(z.array(Credential), []),
  /** Files and folders below its home that must outlive a session. */
  state: z.prefault(z.array(HomePath), []),
  /** Folders below its home that may outlive a session and may be lost. */
  cache: z.prefault(z.array(HomePath), []),
  /** Configuration files a project may bring, relative to the project. */
  projectConfig: z.prefault(z.array(HomePath), []),
  /** The user's own configuration of it, for `--with-config`. */
  hostConfig: z.prefault(z.array(HostConfig), []),
  /** The hosts it cannot work without. */
  hosts: z.prefault(z.array(Host), []),
});

/** The sandbox contract an image carries as its `ai-run.contract` label, as JSON. */
export const Contract = z.extend(ContractRequest, {
  schema: z.literal(1),
  agent: z.string().check(z.regex(/^[a-z0-9]+(?:[._-][a-z0-9]+)*$/)),
  /** Version of the agent, as its lock has it. */
  version: z.string().check(z.minLength(1)),
  /** What starts the agent inside the image; arguments are appended. */
  command: z.array(z.string().check(z.minLength(1))).check(z.minLength(1)),
});
export type Contract = z.infer<typeof Contract>;

/**
 * The contract in the label of an image, which anybody may have written.
 * @param name the image, for messages.
 * @throws UserError E_NO_CONTRACT where there is none, E_CONTRACT where it asks for what no contract may ask for.
 */
export function parseContract(label: string | undefined, name: string): Contract {
  if (label === undefined) {
    throw new UserError('E_NO_CONTRACT', `${name} has no label ${contractLabel}`, {
      hint: 'it is no image of an agent: take one that bakery made',
    });
  }
  const refused = (reason: string): UserError =>
    new UserError('E_CONTRACT', `${name}: its contract is refused: ${printable(reason)}`, {
      hint: 'take an image that a bakery of this version made',
    });
  let value: unknown;
  try {
    value = JSON.parse(label);
  } catch {
    throw refused('it is not JSON');
  }
  const { data, error } = Contract.safeParse(value);
  if (data !== undefined) return data;
  const [issue] = error.issues;
  const where = issue === undefined || issue.path.length === 0 ? '' : `${issue.path.join('.')}: `;
  throw refused(`${where}${issue?.message ?? 'it is not valid'}`);
}
