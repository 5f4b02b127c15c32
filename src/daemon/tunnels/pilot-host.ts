import { PilotError } from '../../base/pilot-error.ts';
import { checkPort } from '../streams/port-table.ts';

const SUFFIX = '.pilot';
const ADDRESS = /^\d+:[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}$/i;

/** A port of a node, as programs name it to a proxy. */
export interface PilotHost {
  /** A Node ID, an address, a node number or a hostname. */
  readonly target: string;
  readonly port: number;
  /** `agent-b.pilot:3000` */
  readonly authority: string;
}

/**
 * `agent-b.pilot`, also with a Node ID or a node number before the dot, or an address alone (`0:0000.HHHH.LLLL`). PilotError
 * `permission_denied` for any other host: what is not of this network, a proxy for it does not reach.
 */
export function pilotHost(host: string, port: number): PilotHost {
  checkPort(port);
  const name = host.toLowerCase().replace(/\.$/, '');
  const isAddress = ADDRESS.test(name);
  if (isAddress || (name.endsWith(SUFFIX) && name.length > SUFFIX.length)) {
    const target = isAddress ? host : name.slice(0, -SUFFIX.length);
    return { target, port, authority: port === 80 ? name : `${name}:${port}` };
  }
  const shown = JSON.stringify(host.length <= 64 ? host : `${host.slice(0, 64)}…`);
  throw new PilotError('permission_denied', `${shown} is no node of this network`, {
    hint: 'this proxy leads to nodes only: http://HOSTNAME.pilot:PORT/',
  });
}

/** Of CONNECT: `host:port`. */
export function pilotAuthority(authority: string): PilotHost {
  const match = /^([^\s/@[\]]+):(\d{1,5})$/.exec(authority);
  if (match?.[1] !== undefined) return pilotHost(match[1], Number(match[2]));
  throw new PilotError('invalid_argument', 'CONNECT needs a host and a port', {
    hint: 'CONNECT HOSTNAME.pilot:PORT',
  });
}

/** Of a request in absolute form: where to, and the path there. */
export function pilotUrl(text: string): PilotHost & { readonly path: string } {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'http:' || url.username !== '' || url.password !== '') {
    throw new PilotError('invalid_argument', 'this is a proxy: it takes http://HOSTNAME.pilot/…', {
      hint: 'name it as proxy to your program: http_proxy, or curl --proxy',
    });
  }
  const port = url.port === '' ? 80 : Number(url.port);
  return { ...pilotHost(url.hostname, port), path: `${url.pathname}${url.search}` };
}
