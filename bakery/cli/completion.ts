import type { Command } from 'commander';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { platforms } from '@ai-bakery/kernel/platform.ts';
import { openCheckout } from '../catalogue/checkout.ts';
import { type CommonFlags, print } from './flags.ts';

/** Each shell asks the program itself what could follow, so that agents and runtimes are today's. */
const scripts: Readonly<Record<string, string>> = {
  bash: `_bakery() {
  mapfile -t COMPREPLY < <(compgen -W "$(bakery completion --words -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)" -- "\${COMP_WORDS[COMP_CWORD]}")
}
complete -F _bakery bakery`,
  zsh: `_bakery() {
  local -a candidates
  candidates=(\${(f)"$(bakery completion --words -- "\${(@)words[2,CURRENT]}" 2>/dev/null)"})
  compadd -- $candidates
}
compdef _bakery bakery`,
  fish: `complete -c bakery -f -a '(bakery completion --words -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'`,
};

export async function completion(
  flags: CommonFlags & { words: string[]; asked: boolean; program: Command },
): Promise<number> {
  if (flags.asked) {
    print((await candidates(flags.words, flags.program, flags.root)).join('\n'));
    return 0;
  }
  const script = scripts[flags.words[0] ?? ''];
  if (script === undefined) {
    throw new UserError('E_USAGE', `completion is there for ${Object.keys(scripts).join(', ')}`, {
      hint: 'eval "$(bakery completion bash)"',
    });
  }
  print(script);
  return 0;
}

/** What could follow the words before the last one, which is being typed. */
async function candidates(
  words: readonly string[],
  program: Command,
  root: string | undefined,
): Promise<readonly string[]> {
  const verbs = program.commands.map((command) => command.name());
  const verb = program.commands.find((command) => words.slice(0, -1).includes(command.name()));
  if (verb === undefined) return [...verbs, '--root', '--help'];
  const { catalogue } = await openCheckout(root, 'accept');
  const previous = words.at(-2);
  if (previous === '--runtime') return catalogue.runtimes.map(({ name }) => name);
  if (previous === '--platform') return platforms;
  if (verb.name() === 'completion') return Object.keys(scripts);
  if (verb.name() === 'layer') {
    const parts = [
      ...catalogue.agents.map(({ name }) => `agent/${name}`),
      ...catalogue.runtimes.map(({ name }) => `runtime/${name}`),
    ];
    return [...verb.options.map(({ long }) => long ?? ''), ...parts];
  }
  return [
    ...verb.options.map(({ long }) => long ?? ''),
    ...(verb.registeredArguments.length > 0 ? catalogue.agents.map(({ name }) => name) : []),
  ];
}
