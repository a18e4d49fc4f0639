export const shells = ['bash', 'zsh', 'fish'] as const;

export type Shell = (typeof shells)[number];

/**
 * The completion of a shell, which asks ai-run itself what could follow: agents and sessions are today's. What it answers is
 * taken as it is: it may never be expanded again, as `compgen -W` would.
 * @param program how the shell starts ai-run.
 */
export function completionScript(shell: Shell, program = 'ai-run'): string {
  return {
    // bash 3.2, which macOS has, knows no mapfile.
    bash: `_ai_run() {
  local word
  COMPREPLY=()
  while IFS= read -r word; do
    COMPREPLY+=("$word")
  done < <(command ${program} completion --words -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o bashdefault -o default -F _ai_run ai-run`,
    zsh: `_ai_run() {
  local -a words_after
  words_after=("\${(@f)$(command ${program} completion --words -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  words_after=(\${words_after:#})
  if (( \${#words_after} )); then compadd -Q -- "\${words_after[@]}"; else _files; fi
}
if (( \${+functions[compdef]} )); then compdef _ai_run ai-run; fi`,
    fish: `complete -c ai-run -f -n 'not contains -- -- (commandline -opc)' -a '(command ${program.replaceAll("'", String.raw`\'`)} completion --words -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'`,
  }[shell];
}
