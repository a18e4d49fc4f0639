/** Chooses the proxy of a request by the settings and the environment, with the rules of docker. */

import { BlockList, isIP } from 'node:net';
import type { WrittenSettings } from '../catalogue/settings.rules.ts';

/** Addresses of proxies by the scheme of the request, and the hosts without a proxy. */
export type ProxySettings = NonNullable<WrittenSettings['proxy']>;

/**
 * A setting replaces the variable of the same purpose; a variable in capitals precedes the same one in small letters.
 * golang.org/x/net/http/httpproxy
 */
export function readProxySettings(
  settings: ProxySettings = {},
  env: NodeJS.ProcessEnv = process.env,
): ProxySettings {
  const find = (name: string): string | undefined =>
    [env[name], env[name.toLowerCase()]].find((value) => value !== undefined && value !== '');
  const http = settings.http ?? find('HTTP_PROXY');
  const https = settings.https ?? find('HTTPS_PROXY');
  const no = settings.no ?? find('NO_PROXY');
  return {
    ...(http === undefined ? {} : { http }),
    ...(https === undefined ? {} : { https }),
    ...(no === undefined ? {} : { no }),
  };
}

/**
 * The proxy's address, `http://` added to one without a scheme. Loopback never takes a proxy.
 * @returns undefined if the request goes directly to its host.
 */
export function proxyOf(url: URL, { http, https, no = '' }: ProxySettings): string | undefined {
  const address = url.protocol === 'https:' ? https : http;
  if (address === undefined || address === '' || isLoopback(url.hostname)) return undefined;
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
  const entries = no.split(',').map((entry) => entry.trim().toLowerCase());
  if (entries.some((entry) => isExcepted(entry, hostOf(url), port))) return undefined;
  return address.includes('://') ? address : `http://${address}`;
}

/** `*`, `example.com` with its subdomains, `.example.com` for these alone, an address, a range of addresses; a port may follow. */
function isExcepted(entry: string, host: string, port: string): boolean {
  if (entry === '') return false;
  if (entry === '*') return true;
  if (entry.includes('/')) return isInRange(entry, host);
  const [, name = entry, wanted] = /^(.*?)(?::(\d+))?$/.exec(isIP(entry) === 6 ? '' : entry) ?? [];
  if (wanted !== undefined && wanted !== port) return false;
  const pattern = (name === '' ? entry : name).replace(/^\*\./, '.').replace(/^\[(.*)\]$/, '$1');
  if (pattern.startsWith('.')) return host.endsWith(pattern);
  return host === pattern || (isIP(host) === 0 && host.endsWith(`.${pattern}`));
}

function isInRange(range: string, host: string): boolean {
  const [network = '', bits = ''] = range.split('/');
  const family = isIP(network);
  if (family === 0 || isIP(host) !== family || !/^\d+$/.test(bits)) return false;
  if (Number(bits) > (family === 4 ? 32 : 128)) return false;
  const name = family === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addSubnet(network, Number(bits), name);
  return list.check(host, name);
}

function isLoopback(name: string): boolean {
  return name === 'localhost' || name.startsWith('127.') || name === '[::1]';
}

/** An IPv6 address without its brackets. */
function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, '$1').toLowerCase();
}
