/**
 * Handshake (0F): its first byte says what (pilotctl interface 2.3). The protocol of port 444 that stood behind
 * it is our trust, asked for and answered between nodes in our own way.
 */
import { ByteReader } from '../../base/byte-reader.ts';
import type { Clock } from '../../base/clock.ts';
import { Deadlines } from '../../base/deadlines.ts';
import { PilotError } from '../../base/pilot-error.ts';
import type { NodeApi } from '../node/node-api.ts';
import { fitting } from './fitting.ts';
import { type IpcCommand, type IpcReply, jsonReply } from './ipc-command.ts';
import { errorText, IpcError } from './ipc-error.ts';
import { COMMAND } from './ipc-frame.ts';

interface Subcommand {
  readonly operation: string;
  run(payload: ByteReader, signal: AbortSignal): IpcReply | Promise<IpcReply>;
}

/** Pilotctl interface 2.3. */
const MAX_WAIT_MS = 30_000;
const utf8 = new TextDecoder();

export function handshakeCommand(node: NodeApi, clock: Clock): readonly [number, IpcCommand] {
  const subcommands = subcommandsOf(node, new Deadlines(clock));
  const run = async (payload: Uint8Array, signal: AbortSignal): Promise<IpcReply> => {
    const number = payload[0];
    if (number === undefined) throw new IpcError('handshake: missing sub-command');
    const subcommand = subcommands.get(number);
    if (subcommand === undefined) {
      const hex = number.toString(16).toUpperCase().padStart(2, '0');
      throw new IpcError(`handshake: unknown sub-command 0x${hex}`);
    }
    try {
      return await subcommand.run(new ByteReader(payload.subarray(1)), signal);
    } catch (error) {
      throw new IpcError(errorText(`handshake ${subcommand.operation}`, error));
    }
  };
  return [COMMAND.handshake, { operation: 'handshake', reply: 0x10, run }];
}

function subcommandsOf(node: NodeApi, deadlines: Deadlines): ReadonlyMap<number, Subcommand> {
  return new Map<number, Subcommand>([
    [
      0x01,
      {
        operation: 'request',
        run: async (payload, signal) => {
          const node_id = nodeIn(payload, 'request');
          const request = { target: String(node_id), justification: utf8.decode(payload.rest()) };
          await node.requestTrust(request, signal);
          return jsonReply({ status: 'sent', node_id });
        },
      },
    ],
    [
      0x02,
      {
        operation: 'approve',
        run: async (payload) => {
          const node_id = nodeIn(payload, 'approve');
          await node.approveTrust({ target: String(node_id) });
          return jsonReply({ status: 'approved', node_id });
        },
      },
    ],
    [
      0x03,
      {
        operation: 'reject',
        run: async (payload) => {
          const node_id = nodeIn(payload, 'reject');
          await node.rejectTrust({ target: String(node_id), reason: utf8.decode(payload.rest()) });
          return jsonReply({ status: 'rejected', node_id });
        },
      },
    ],
    [0x04, { operation: 'pending', run: () => jsonReply(pendingOf(node)) }],
    [0x05, { operation: 'trusted', run: () => jsonReply(trustedOf(node)) }],
    [
      0x06,
      {
        operation: 'revoke',
        run: async (payload) => {
          const node_id = nodeIn(payload, 'revoke');
          await revoke(node, node_id);
          return jsonReply({ status: 'revoked', node_id });
        },
      },
    ],
    [
      0x07,
      {
        operation: 'wait',
        run: async (payload, signal) => {
          if (payload.remaining < 8) throw new IpcError('handshake wait: missing node_id/timeout');
          const node_id = payload.u32();
          const waitMs = Math.min(payload.u32(), MAX_WAIT_MS);
          const isTrusted = (): boolean => isTrustedNode(node, node_id);
          if (!isTrusted() && waitMs > 0) {
            await trustComes({ node, deadlines, isTrusted, waitMs, signal });
          }
          return jsonReply({ node_id, trusted: isTrusted() });
        },
      },
    ],
  ]);
}

function nodeIn(payload: ByteReader, operation: string): number {
  if (payload.remaining < 4) throw new IpcError(`handshake ${operation}: missing node_id`);
  return payload.u32();
}

function pendingOf(node: NodeApi): object {
  const pending = node
    .pendingTrust()
    .map(({ node_id, public_key, justification, received_at }) => ({
      ...{ node_id, public_key, justification, received_at },
    }));
  return fitting('pending', pending);
}

function trustedOf(node: NodeApi): object {
  const trusted = node.trusted().map(({ node_id, public_key, approved_at, mutual, network }) => ({
    ...{ node_id, public_key, approved_at, mutual, network },
  }));
  return fitting('trusted', trusted);
}

async function revoke(node: NodeApi, nodeId: number): Promise<void> {
  try {
    await node.revokeTrust({ target: String(nodeId) });
  } catch (error) {
    const isUnknown = error instanceof PilotError && error.code === 'not_found';
    if (!isUnknown) throw error;
    throw new IpcError(`handshake revoke: node ${nodeId} was not trusted`);
  }
}

function isTrustedNode(node: NodeApi, nodeId: number): boolean {
  if (node.names().node_id === nodeId) return true;
  return node.trusted().some(({ node_id, mutual }) => node_id === nodeId && mutual);
}

interface Waiting {
  readonly node: NodeApi;
  readonly deadlines: Deadlines;
  readonly isTrusted: () => boolean;
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

async function trustComes(waiting: Waiting): Promise<void> {
  const { node, deadlines, isTrusted, waitMs, signal } = waiting;
  let stop = (): void => undefined;
  const come = new Promise<void>((resolve) => {
    stop = node.events.on('trust.changed', () => {
      if (isTrusted()) resolve();
    });
  });
  try {
    await deadlines.race(come, waitMs, signal);
  } finally {
    stop();
  }
}
