/**
 * Messages as the command line shows them. `from` and `to` are address texts under --json, which is
 * what existing clients compare (pilotctl interface 1.6); the other names stand beside them.
 */
import {
  type IncomingMessage,
  type OutgoingMessage,
  payloadBytes,
  payloadText,
} from '../client/client.ts';
import { jsonText } from './output.ts';
import { jsonLine, oneLine, printable } from './printable.ts';

export function incomingView(message: IncomingMessage): object {
  const { from, ...others } = message;
  return {
    ...others,
    message_id: message.id,
    from: from.address,
    from_id: from.id,
    from_node_id: from.node_id,
    from_hostname: from.hostname,
  };
}

export function outgoingView(message: OutgoingMessage): object {
  const { to, ...others } = message;
  return {
    ...others,
    to: to.address,
    to_id: to.id,
    to_node_id: to.node_id,
    to_hostname: to.hostname,
  };
}

/**
 * `INBOUND: <payload>`, one line for each message whatever is in it: JSON loses the line ends between
 * its tokens, text has `\n` for them, bytes are base64.
 */
export function inboundLine(message: IncomingMessage): string {
  return `INBOUND: ${payloadLine(message)}\n`;
}

export function inboundJson(message: IncomingMessage): string {
  return `${jsonText(incomingView(message))}\n`;
}

/** The payload for standard output: as it is for programs, harmless for a terminal. */
export function payloadOutput(message: IncomingMessage, isTerminal: boolean): string | Uint8Array {
  if (!isTerminal || message.type === 'binary') return payloadBytes(message);
  return `${printable(payloadText(message))}\n`;
}

function payloadLine(message: IncomingMessage): string {
  switch (message.type) {
    case 'binary':
      return Buffer.from(payloadBytes(message)).toString('base64');
    case 'json':
      return jsonLine(payloadText(message));
    case 'text':
      return oneLine(payloadText(message));
  }
}
