/** Compares the names that docker's configuration has for a registry: a host, or a URL with any path. */

const hub = ['docker.io', 'index.docker.io', 'registry-1.docker.io'];

/** The name for which docker asks a credential helper; Docker Hub has a URL. */
export function serverOf(registry: string): string {
  return hub.includes(registry) ? 'https://index.docker.io/v1/' : registry;
}

/** Those of these names that mean the registry, docker's own spelling first. */
export function spellingsOf(registry: string, names: readonly string[]): string[] {
  const own = [serverOf(registry), registry];
  const host = canonical(registry);
  const others = names.filter((name) => !own.includes(name) && canonical(name) === host);
  return [...new Set(own)].filter((name) => names.includes(name)).concat(others);
}

/** The host with its port, as docker's ConvertToHostname returns it; one name for Docker Hub. */
function canonical(name: string): string {
  const host = name.replace(/^https?:\/\//, '').replace(/\/.*$/s, '');
  return hub.includes(host) ? 'index.docker.io' : host;
}
