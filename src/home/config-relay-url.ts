import { parseEndpoint } from '../base/endpoint.ts';
import { decodeNodeId } from '../identity/node-id.ts';

/** As many bytes as a node record has room for (docs/protocol.md). */
export const MAX_RELAY_URL_BYTES = 256;

/** `ws://host[:port][/path]` or `wss://…`; the fragment may pin the relay: `#pilot1…`. */
export function isRelayUrl(text: string): boolean {
  if (!/^wss?:\/\/[^\s]+$/.test(text) || !URL.canParse(text)) return false;
  const url = new URL(text);
  return url.hostname !== '' && url.username === '' && url.password === '' && isPin(url.hash);
}

export function relayUrlHint(text: string): string | undefined {
  if (/^https?:\/\//.test(text)) return `a relay is a WebSocket: ${text.replace(/^http/, 'ws')}`;
  if (isRelayUrl(text.replace(/#.*/, ''))) return 'what follows # is the Node ID of the relay';
  const url = relayUrlOfEndpoint(text);
  if (url !== undefined) return `write ${url}`;
  return /^[a-z0-9-]+(\.[a-z0-9-]+)+$/i.test(text) ? `write wss://${text}` : undefined;
}

/** The relay at a bare `host:port`, which is how older settings name a registry. */
export function relayUrlOfEndpoint(text: string): string | undefined {
  const endpoint = parseEndpoint(text);
  const url = `ws://${text.trim()}`;
  return endpoint !== undefined && endpoint.port > 0 && isRelayUrl(url) ? url : undefined;
}

function isPin(fragment: string): boolean {
  if (fragment === '') return true;
  try {
    decodeNodeId(fragment.slice(1));
    return true;
  } catch {
    return false;
  }
}
