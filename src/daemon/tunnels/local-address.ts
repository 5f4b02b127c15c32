/** Addresses of this host on which tunnels listen, and of services that they lead to. */
import { type Endpoint, formatEndpoint, parseEndpoint } from '../../base/endpoint.ts';
import { parseIpAddress, plainHost } from '../../base/ip-address.ts';
import { describeError, PilotError } from '../../base/pilot-error.ts';

const MAX_HOST_CHARACTERS = 253;
/** What a resolver may be asked for (RFC 1123, 2.1), with the underscores that container networks use. */
const HOST_NAME = /^[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*$/i;

/** Where to listen. PilotError `invalid_argument`: no address of a host and a port. */
export function parseListen(text: string): Endpoint {
  const endpoint = parseEndpoint(text);
  const host = endpoint?.host === 'localhost' ? '127.0.0.1' : endpoint?.host;
  if (endpoint !== undefined && host !== undefined && parseIpAddress(host) !== undefined) {
    return { host, port: endpoint.port };
  }
  throw new PilotError('invalid_argument', `${quoted(text)} is no address to listen on`, {
    hint: 'write address:port with an address of this host, such as 127.0.0.1:15432 or [::1]:15432',
  });
}

/** Where a service is. PilotError `invalid_argument`: no host and port. */
export function parseService(text: string): Endpoint {
  const endpoint = parseEndpoint(text);
  const isNamed = !text.trim().startsWith(':');
  if (endpoint !== undefined && isNamed && endpoint.port > 0 && isHost(endpoint.host)) {
    return endpoint;
  }
  throw new PilotError('invalid_argument', `${quoted(text)} is no service`, {
    hint: 'write host:port as this host sees it, such as 127.0.0.1:5432',
  });
}

function isHost(host: string): boolean {
  if (host.includes(':') || /^[\d.]+$/.test(host)) return parseIpAddress(host) !== undefined;
  return host.length <= MAX_HOST_CHARACTERS && HOST_NAME.test(host);
}

/** Only programs of this host can use it. */
export function isLoopback(host: string): boolean {
  const address = parseIpAddress(host);
  if (address === undefined) return false;
  if (address.length === 4) return address[0] === 127;
  return address.every((byte, i) => byte === (i === 15 ? 1 : 0));
}

/** Empty for an address that only this host can use. */
export function exposureWarning({ host, port }: Endpoint): string {
  if (isLoopback(host)) return '';
  const where = formatEndpoint({ host: plainHost(host), port });
  return `whoever reaches ${where} can use this tunnel in the name of this node`;
}

/** Why nothing can listen there, for its user. */
export function listenError(error: unknown, endpoint: Endpoint): PilotError {
  const where = formatEndpoint(endpoint);
  switch ((error as NodeJS.ErrnoException).code ?? '') {
    case 'EADDRINUSE':
      return new PilotError('already_exists', `${where} is in use by another program`, {
        hint: 'choose another port, or port 0 for any free one',
        cause: error,
      });
    case 'EACCES':
      return new PilotError('permission_denied', `this user may not listen on ${where}`, {
        hint: 'choose a port from 1024 on, or give the daemon CAP_NET_BIND_SERVICE',
        cause: error,
      });
    case 'EADDRNOTAVAIL':
      return new PilotError('unavailable', `this host does not have the address ${endpoint.host}`, {
        hint: `give it the address first: ${howToAdd(endpoint.host)}`,
        cause: error,
      });
    default:
      return new PilotError('unavailable', `cannot listen on ${where}: ${describeError(error)}`, {
        hint: 'see the message for the reason the system gave',
        cause: error,
      });
  }
}

function howToAdd(host: string): string {
  return process.platform === 'darwin'
    ? `sudo ifconfig lo0 alias ${host}`
    : `sudo ip address add ${host} dev lo`;
}

/** The system's own name of what went wrong; several addresses that failed have no message. */
export function reasonOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  return code === undefined ? describeError(error) : (REASONS[code] ?? code);
}

const REASONS: Readonly<Record<string, string | undefined>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  ENOTFOUND: 'no such host',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  ETIMEDOUT: 'no answer',
};

function quoted(text: string): string {
  return JSON.stringify(text.length <= 64 ? text : `${text.slice(0, 64)}…`);
}
