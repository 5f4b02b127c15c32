/**
 * What the owner of this host has asked for, as it survives restarts. Nodes are their first keys: a name is
 * resolved once, when the rule is made.
 *
 * On disk (table `tunnels`) a CBOR map; the key is what tells rules apart:
 *
 *     expose/tcp/5432     forward/udp/127.0.0.1:5353     gateway     proxy
 */
import { fromHex, toHex, utf8 } from '../../base/bytes.ts';
import { encodeCbor } from '../../base/cbor.ts';
import { CborFields } from '../../base/cbor-fields.ts';
import { WireError } from '../../base/wire-error.ts';
import type { TunnelProtocol } from '../../client/api.ts';

const KEY_BYTES = 32;
export const MAX_ALLOWED = 256;
export const MAX_GATEWAY_PORTS = 64;
export const MAX_GATEWAY_MAPPINGS = 256;

export interface ExposeRule {
  readonly kind: 'expose';
  readonly protocol: TunnelProtocol;
  readonly port: number;
  /** `host:port` */
  readonly to: string;
  /** Empty: every trusted node. */
  readonly allow: readonly string[];
}

export interface ForwardRule {
  readonly kind: 'forward';
  readonly protocol: TunnelProtocol;
  /** `address:port` */
  readonly listen: string;
  readonly peer: string;
  readonly port: number;
}

export interface GatewayRule {
  readonly kind: 'gateway';
  /** `a.b.c.d/bits` */
  readonly subnet: string;
  readonly ports: readonly number[];
  readonly mappings: readonly { readonly ip: string; readonly peer: string }[];
}

export interface ProxyRule {
  readonly kind: 'proxy';
  readonly listen: string;
}

export type TunnelRule = ExposeRule | ForwardRule | GatewayRule | ProxyRule;

export function keyOfRule(rule: TunnelRule): Uint8Array {
  switch (rule.kind) {
    case 'expose':
      return utf8(`expose/${rule.protocol}/${rule.port}`);
    case 'forward':
      return utf8(`forward/${rule.protocol}/${rule.listen}`);
    case 'gateway':
    case 'proxy':
      return utf8(rule.kind);
  }
}

export function encodeTunnelRule(rule: TunnelRule): Uint8Array {
  switch (rule.kind) {
    case 'expose':
      return encodeCbor({ ...rule, allow: rule.allow.map(fromHex) });
    case 'forward':
      return encodeCbor({ ...rule, peer: fromHex(rule.peer) });
    case 'gateway':
      return encodeCbor({
        ...rule,
        ports: [...rule.ports],
        mappings: rule.mappings.map(({ ip, peer }) => ({ ip, peer: fromHex(peer) })),
      });
    case 'proxy':
      return encodeCbor({ ...rule });
  }
}

/** WireError for what this program does not know. */
export function decodeTunnelRule(bytes: Uint8Array): TunnelRule {
  const fields = CborFields.decode(bytes);
  const kind = fields.text('kind', {});
  switch (kind) {
    case 'expose': {
      const allow = fields.bytesList('allow', { atMost: MAX_ALLOWED, each: KEY_BYTES }).map(toHex);
      const place = { port: fields.count('port'), to: fields.text('to', {}) };
      return { kind, protocol: protocolOf(fields), ...place, allow };
    }
    case 'forward':
      return {
        ...{ kind, protocol: protocolOf(fields), listen: fields.text('listen', {}) },
        ...{ peer: peerOf(fields), port: fields.count('port') },
      };
    case 'gateway':
      return {
        ...{ kind, subnet: fields.text('subnet', {}) },
        ports: fields.list('ports', { atMost: MAX_GATEWAY_PORTS }).map(portOf),
        mappings: fields.list('mappings', { atMost: MAX_GATEWAY_MAPPINGS }).map((item) => {
          const mapping = CborFields.of(item, 'a mapping');
          return { ip: mapping.text('ip', {}), peer: peerOf(mapping) };
        }),
      };
    case 'proxy':
      return { kind, listen: fields.text('listen', {}) };
    default:
      throw new WireError(`a tunnel of kind ${kind}`);
  }
}

function protocolOf(fields: CborFields): TunnelProtocol {
  const protocol = fields.text('protocol', {});
  if (protocol === 'tcp' || protocol === 'udp') return protocol;
  throw new WireError(`${protocol} is not tcp or udp`);
}

function peerOf(fields: CborFields): string {
  return toHex(fields.bytes('peer', { exactly: KEY_BYTES }));
}

function portOf(value: unknown): number {
  if (typeof value === 'number' && Number.isInteger(value)) return value;
  throw new WireError('a port is not a number');
}
