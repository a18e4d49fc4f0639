/** Environment variables: values, names, and the names that credentials must not have. */

/** Environment variables by name; one that is not set is absent or undefined. */
export type Variables = Readonly<Record<string, string | undefined>>;

// Secrets pass through the environment of docker's client into the container's. A name that either of them, or a loader, shell
// or interpreter in the container interprets, cannot be a credential's.
const reserved: readonly (readonly [reason: string, names: RegExp])[] = [
  [
    'docker reads it',
    /^(DOCKER_.*|BUILDKIT_.*|BUILDX_.*|COMPOSE_.*|CONTAINER_(HOST|SSHKEY)|REGISTRY_AUTH_FILE|XDG_.*|SSH_(ASKPASS.*|AUTH_SOCK|SK_PROVIDER)|GO(DEBUG|GC|MEMLIMIT|MAXPROCS|TRACEBACK))$/,
  ],
  ['docker reads it; proxies are set in ~/.docker/config.json', /^(HTTPS?|FTP|ALL|NO)_PROXY$/],
  [
    'it changes which certificates programs trust',
    /^(SSL_CERT_(FILE|DIR)|CURL_CA_BUNDLE|REQUESTS_CA_BUNDLE|NODE_EXTRA_CA_CERTS|NODE_TLS_REJECT_UNAUTHORIZED)$/,
  ],
  [
    'it changes how every program is loaded',
    /^(LD_.*|DYLD_.*|GLIBC_TUNABLES|GCONV_PATH|LOCPATH|NLSPATH|HOSTALIASES|RES_OPTIONS|LOCALDOMAIN)$/,
  ],
  [
    'it changes the commands that shells run or the paths that programs search',
    /^(PATH|HOME|PWD|OLDPWD|TMPDIR|SHELL|USER|LOGNAME|IFS|ENV|BASH_.*|SHELLOPTS|BASHOPTS|PS4|PROMPT_COMMAND|CDPATH|ZDOTDIR|LESSOPEN|LESSCLOSE)$/,
  ],
  [
    'it changes the code that an interpreter runs',
    /^(NODE_(OPTIONS|PATH|V8_COVERAGE|REPL_EXTERNAL_MODULE)|BUN_OPTIONS|PYTHON.*|PERL(5?LIB|5OPT|5DB)|RUBY(OPT|LIB)|(JDK_)?JAVA_(TOOL_)?OPTIONS|_JAVA_OPTIONS|CLASSPATH|PHPRC|PHP_INI_SCAN_DIR|DOTNET_STARTUP_HOOKS|LUA_(INIT.*|C?PATH))$/,
  ],
  [
    'it changes the commands that git runs or the repository that it uses',
    /^GIT_(DIR|WORK_TREE|COMMON_DIR|INDEX_FILE|(ALTERNATE_)?OBJECT_DIRECTOR(Y|IES)|CONFIG.*|SSH.*|EXEC_PATH|ASKPASS|EXTERNAL_DIFF|PROXY_COMMAND|TEMPLATE_DIR|EDITOR|SEQUENCE_EDITOR|PAGER)$/,
  ],
  ['it is a setting of ai-run', /^AI_(RUN|IMAGE)_.*$/],
];

/** Returns a variable's value; an empty one counts as not set, as in most programs. */
export function valueOf(variables: Variables, name: string): string | undefined {
  // Own properties only: every object inherits a `constructor`.
  return Object.hasOwn(variables, name) && variables[name] !== '' ? variables[name] : undefined;
}

export function isVariableName(text: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(text);
}

/** Returns the reason why a credential must not have this name; undefined if it may. Ignores case: `https_proxy` is reserved. */
export function whyReserved(name: string): string | undefined {
  return reserved.find(([, names]) => names.test(name.toUpperCase()))?.[0];
}
