import { readFile, received, sendFile } from './file-tools.ts';
import { inbox, outbox, read } from './message-tools.ts';
import { find, info, peers, ping } from './node-tools.ts';
import { publish } from './publish-tool.ts';
import { send } from './send-tool.ts';
import type { Tool } from './tool.ts';
import { approve, handshake, pending, reject } from './trust-tools.ts';

/** Every tool, in the order that clients list them. */
export const TOOLS: readonly Tool[] = [
  info,
  find,
  peers,
  ping,
  handshake,
  pending,
  approve,
  reject,
  send,
  inbox,
  read,
  outbox,
  publish,
  sendFile,
  received,
  readFile,
];
