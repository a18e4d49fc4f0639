export const help = `Usage: ai-run [options] <agent> [-- agent arguments]
       ai-run ps | attach <session> | stop <session>... | stop --all
       ai-run git list | fetch [session...] | drop <session>...
       ai-run list | doctor [--json]
       ai-run setup [--agents <names>] [--shell <name>] [--no-pull] [--yes]
       ai-run uninstall [--images] [--homes] [--all] [--yes]
       ai-run completion bash | zsh | fish

Runs an agent in a hardened container around the current folder. It sees this folder, a home of its own, a copy of the
repository, and the credentials that its image's contract names: nothing else of this machine.

Image
  --runtime <name>       base, go, php8.4, php8.5 (default: base); --lang is the same
  --image-source <from>  local or registry (default: $AI_IMAGE_SOURCE, or local)
  --platform <name>      linux/amd64 or linux/arm64 (default: $AI_RUN_PLATFORM, or this machine's)
  --pull <when>          always, missing or never, for images of a registry (default: missing)
  --build                build the local image with \`bakery build\` first

Session
  --shell                bash instead of the agent
  --git <mode>           shadow: a repository of its own, whose commits \`ai-run git fetch\` brings back (default);
                         none: no repository; live: yours, and what the agent plants in it
  --no-mask              show it .env files, keys and tokens in the project
  --ssh-key <name>       give its git this key of ~/.ssh, for one session; the key needs to have no passphrase
  --git-credentials      the same after a question, whose "always" holds for this project from then on
  --with-config          copy your own configuration of the agent into its home, as far as the image's contract
                         lists it and it can run nothing; what the agent has set itself goes over it
  --env <name>           pass this variable on as well; its value comes from the environment or ~/.ai-env
  --print                show the docker command, do not run it

Around it
  list                   the images of agents that are here, and whether a registry has newer ones
  doctor                 engine, known ways out of it, limits, registry, files: what is wrong, and what to do
  setup                  aliases in your shell: \`claude\` means \`ai-run claude --\`, \`command claude\` the real one; their
                         images; completion
  uninstall              takes that back; also --images, what was pulled; --homes, what agents keep; --all, these and your
                         settings and what agents have committed

Limits, which may be wider or narrower than the defaults
  --memory 4g  --cpus 2  --pids 1024
  --network <mode>       bridge or none (default: bridge)
  --join <network>       a network that docker knows, instead
  --mount <path>[:ro]    one more folder
  --writable-root        the image's files may be changed, for this session
  --gvisor               run under gVisor; --oci-runtime <name> for any other

Project: .ai-run.yaml in the folder that is shared says what its sessions need; flags go before it. Its keys:
  runtime, memory, cpus, pids, network, join, git, gvisor and writable-root (true or false), and lists: mask, unmask
  (patterns), env (names), mounts (path or path:ro, from this folder on). What allows more than the defaults do is asked
  about in a terminal, once and after each change. The agent cannot change the file in a session that has one.
Masks: AI_RUN_MASK hides more, AI_RUN_UNMASK shows what is hidden: patterns between spaces or commas. *.pem is a file in
  any folder, private/ a folder, config/prod.yml a path; * and ? stand within a name. .ai-run.yaml goes before them.

Files: ~/.ai-workspaces, folders that may be shared, one a line; ~/.ai-env, settings and credentials as NAME=value, mode 600;
~/.ai-git-allowed, which keys agents get, "KEY[,KEY] /project" a line, mode 600;
~/.ai-home and ~/.ai-cache, what agents keep, and ~/.ai-home/<agent>/global, what they start with in a new project;
~/.ai-run, what they have committed, what you have approved, and what setup has written. Of its settings, an agent puts
those of the project over those of its home.
Environment: AI_IMAGE_SOURCE, AI_IMAGE_REGISTRY (registry/namespace), AI_IMAGE_VERIFY, AI_RUN_PLATFORM, DOCKER_HOST,
DOCKER_CONTEXT, and the credentials that the image's contract names: they are passed on, all others are not.
Signatures: with AI_IMAGE_VERIFY, an image of a registry runs only when cosign verifies its digest, by a public key
(/path/of/cosign.pub) or a certificate's identity (identity=<name>,issuer=<URL>; identity-regexp, issuer-regexp).

Examples:
  ai-run claude
  ai-run gemini --runtime go -- --version
  AI_IMAGE_SOURCE=registry AI_IMAGE_REGISTRY=registry.example.com/ai ai-run codex
  echo 'explain this' | ai-run claude -- -p
  ai-run claude --memory 8g --cpus 4

Exit codes: the agent's own; 1 it could not be started; 2 wrong usage; 128 + n ended by signal n.`;
