import { isIP } from 'node:net';

import { equalBytes } from '../base/bytes.ts';
import { formatEndpoint } from '../base/endpoint.ts';
import { PilotError } from '../base/pilot-error.ts';
import { decodeNodeId, encodeNodeId } from '../identity/node-id.ts';

/** Where a relay is, and which one it has to be. */
export interface RelayUrl {
  /** `ws://host:port/path` with nothing left out but the pin: what is dialled. */
  readonly href: string;
  readonly isSecure: boolean;
  readonly host: string;
  readonly port: number;
  /** The relay's public key, where the URL names it. */
  readonly pin: Uint8Array | undefined;
}

/** HTTPS's own port passes where others do not; without TLS it is the one `pilot-relay` listens at. */
const DEFAULT_PORT = { secure: 443, plain: 7443 };
const HINT =
  'Write wss://host[:port] or ws://host[:port]; #pilot1… at the end pins the relay of that Node ID.';

/**
 * Reads `ws://…`, `wss://…` or a bare `host[:port]` (wss for names, ws for IP addresses and localhost), each
 * with `#pilot1…` or without. PilotError `invalid_argument` says what is wrong.
 */
export function parseRelayUrl(text: string): RelayUrl {
  const trimmed = text.trim();
  if (trimmed === '') throw invalid(text, 'it is empty');
  const scheme = /^([a-z][a-z\d+.-]*):\/\//i.exec(trimmed)?.[1]?.toLowerCase();
  if (scheme !== undefined && scheme !== 'ws' && scheme !== 'wss') {
    throw invalid(text, `a relay is reached by ws:// or wss://, not ${scheme}://`);
  }
  // Read as http(s), which has the same grammar and whose default ports are not ours.
  const rest = scheme === undefined ? trimmed : trimmed.slice(scheme.length + 3);
  const url = parseAuthority(text, rest);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const isSecure = scheme === undefined ? !isNearOrNumeric(host) : scheme === 'wss';
  const port = explicitPort(rest) ?? (isSecure ? DEFAULT_PORT.secure : DEFAULT_PORT.plain);
  const place = formatEndpoint({ host, port });
  const href = `${isSecure ? 'wss' : 'ws'}://${place}${url.pathname}${url.search}`;
  return { href, isSecure, host, port, pin: parsePin(text, url.hash) };
}

export function formatRelayUrl({ href, pin }: Pick<RelayUrl, 'href' | 'pin'>): string {
  return pin === undefined ? href : `${href}#${encodeNodeId(pin)}`;
}

export function isPinned({ pin }: RelayUrl, relayKey: Uint8Array): boolean {
  return pin === undefined || equalBytes(pin, relayKey);
}

function parseAuthority(text: string, rest: string): URL {
  let url: URL;
  try {
    url = new URL(`http://${rest}`);
  } catch {
    throw invalid(text, 'host or port cannot be read');
  }
  if (url.username !== '' || url.password !== '') {
    throw invalid(text, 'a relay takes no user name; access tokens are given with --token');
  }
  return url;
}

/** `new URL` hides a port that is its scheme's own. */
function explicitPort(rest: string): number | undefined {
  const authority = rest.split(/[/?#]/, 1)[0] ?? '';
  const digits = /:(\d+)$/.exec(authority)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

function isNearOrNumeric(host: string): boolean {
  return isIP(host) !== 0 || host === 'localhost';
}

function parsePin(text: string, hash: string): Uint8Array | undefined {
  if (hash.length <= 1) return undefined;
  try {
    return decodeNodeId(hash.slice(1));
  } catch (error) {
    throw invalid(text, error instanceof Error ? error.message : 'the pin is malformed', error);
  }
}

function invalid(text: string, fault: string, cause?: unknown): PilotError {
  const shown = JSON.stringify(text.length <= 80 ? text : `${text.slice(0, 80)}…`);
  const message = `${shown} is not a relay: ${fault}`;
  return new PilotError('invalid_argument', message, { hint: HINT, cause });
}
