/**
 * What the registry once answered through the daemon (pilotctl interface 2.4): names, visibility, tags. The
 * shapes are its own; what there is behind them here is said at each.
 */
import { describeError, PilotError } from '../../base/pilot-error.ts';
import type { NodeApi } from '../node/node-api.ts';
import { type IpcCommand, jsonReply } from './ipc-command.ts';
import { IpcError } from './ipc-error.ts';
import { COMMAND } from './ipc-frame.ts';

const MAX_TAGS = 3;
/** Longer names are none; a payload can have a megabyte. */
const MAX_NAME_BYTES = 256;
const utf8 = new TextDecoder();

export function registryCommands(node: NodeApi): (readonly [number, IpcCommand])[] {
  return [
    [
      COMMAND.resolveHostname,
      {
        operation: 'resolve_hostname',
        reply: 0x12,
        run: async (payload, signal) => {
          if (payload.length === 0) throw new IpcError('resolve_hostname: missing hostname');
          const found = await node.resolve(nameIn(payload), signal);
          const { node_id, address, hostname } = found;
          const names = { node_id, address, hostname, public: found.public };
          return jsonReply({ type: 'resolve_hostname_ok', ...names });
        },
      },
    ],
    [
      COMMAND.setHostname,
      {
        operation: 'set_hostname',
        reply: 0x14,
        run: async (payload) => {
          const { hostname, node_id } = await node.setHostname(nameIn(payload));
          return jsonReply({ type: 'set_hostname_ok', node_id, hostname });
        },
      },
    ],
    [
      COMMAND.setVisibility,
      {
        operation: 'set_visibility',
        reply: 0x16,
        run: (payload) => {
          const [visibility] = payload;
          if (visibility === undefined) throw new IpcError('set_visibility: missing value');
          // A node is for those it trusts; saying yes would promise that strangers get in.
          if (visibility !== 0) throw alwaysPrivate();
          const { node_id } = node.names();
          return jsonReply({ type: 'set_visibility_ok', node_id, visibility: 'private' });
        },
      },
    ],
    [
      COMMAND.deregister,
      {
        operation: 'deregister',
        reply: 0x18,
        // The address is the key's; what relays were told by choice is the name.
        run: async () => {
          await node.setHostname('');
          return jsonReply({ type: 'deregister_ok' });
        },
      },
    ],
    [
      COMMAND.setTags,
      {
        operation: 'set_tags',
        reply: 0x1a,
        run: async (payload) => {
          const { node_id, tags } = await node.setTags(tagsIn(payload));
          return jsonReply({ type: 'set_tags_ok', node_id, tags });
        },
      },
    ],
    [
      COMMAND.setWebhook,
      {
        operation: 'set_webhook',
        reply: 0x1c,
        run: (payload) => {
          if (payload.length > 0) throw noWebhooks();
          return jsonReply({ webhook: '' });
        },
      },
    ],
  ];
}

function nameIn(payload: Uint8Array): string {
  if (payload.length <= MAX_NAME_BYTES) return utf8.decode(payload);
  throw new PilotError('invalid_argument', `a name has at most ${MAX_NAME_BYTES} bytes`);
}

function tagsIn(payload: Uint8Array): readonly string[] {
  let tags: unknown;
  try {
    tags = JSON.parse(utf8.decode(payload));
  } catch (error) {
    throw new IpcError(`set_tags: invalid JSON: ${describeError(error)}`);
  }
  if (!Array.isArray(tags) || !tags.every((tag): tag is string => typeof tag === 'string')) {
    throw new IpcError('set_tags: invalid JSON: expected an array of strings');
  }
  if (tags.length > MAX_TAGS) throw new IpcError(`set_tags: maximum ${MAX_TAGS} tags allowed`);
  return tags;
}

function alwaysPrivate(): PilotError {
  return new PilotError('not_supported', 'every node is private here', {
    hint: 'whoever wants to reach it asks for trust: pilotctl handshake',
  });
}

function noWebhooks(): PilotError {
  return new PilotError('not_supported', 'this daemon calls no webhooks', {
    hint: 'its own pilotctl tells of messages as they come: pilotctl serve, inbox --follow',
  });
}
