import { PilotError } from '../base/pilot-error.ts';
import type { ExposedService, Forward, GatewayMapping } from '../client/client.ts';
import { nodeText } from './node-text.ts';
import { readPort } from './port-argument.ts';

/** Several with commas between. */
export function readPorts(text: string, what: string): readonly number[] {
  return text.split(',').map((item) => readPort(item.trim(), what));
}

/** A port alone is one of 127.0.0.1. */
export function readListen(text: string): string {
  return /^\d+$/.test(text) ? `127.0.0.1:${readPort(text, 'listen')}` : text;
}

/** `target:port`; the target may be an address, which has a colon too. */
export function readDestination(text: string): { readonly target: string; readonly port: number } {
  const colon = text.lastIndexOf(':');
  if (colon > 0) {
    return { target: text.slice(0, colon), port: readPort(text.slice(colon + 1), text) };
  }
  throw new PilotError('invalid_argument', `"${text}" names no port`, {
    hint: 'write TARGET:PORT, such as bob:5432',
  });
}

export function exposedRow({
  port,
  protocol,
  to,
  allow,
  connections,
  error,
}: ExposedService): string[] {
  const who = allow.length === 0 ? 'every trusted node' : allow.map(nodeText).join(', ');
  return [`${protocol} ${port}`, `to ${to}`, `for ${who}`, `${connections} open`, error];
}

export function forwardRow(forward: Forward): string[] {
  const { listen, protocol, target, port, connections, error } = forward;
  const state = forward.listening ? `${connections} open` : 'not listening';
  return [`${protocol} ${listen}`, `to ${nodeText(target)} port ${port}`, state, error];
}

export function mappingRow(mapping: GatewayMapping): string[] {
  const { local_ip: ip, ports, failed } = mapping;
  const [first] = failed;
  const missing = failed.map(({ port }) => port).join(', ');
  return [
    ...[ip, nodeText(mapping), `ports ${ports.join(', ')}`],
    first === undefined ? '' : `not ${missing}: ${first.reason}`,
  ];
}
