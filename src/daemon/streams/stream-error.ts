import { type ErrorCode, PilotError } from '../../base/pilot-error.ts';
import type { StreamReset } from '../../session/stream.ts';

interface Meaning {
  readonly code: ErrorCode;
  readonly text: string;
  readonly hint: string;
}

/** Codes of the protocol (docs/protocol-session.md); what else comes is an application's. */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  connection_refused: {
    code: 'connection_refused',
    text: 'connection refused: nothing listens there',
    hint: 'start the service on the other node, or check the port',
  },
  busy: {
    code: 'unavailable',
    text: 'the program that listens there does not keep up',
    hint: 'try again in a moment',
  },
  service_unreachable: {
    code: 'connection_failed',
    text: 'the other node offers it, but the service behind it cannot be reached there',
    hint: 'start the service on the other host; there, pilotctl expose --list says what is wrong',
  },
  too_many_streams: {
    code: 'unavailable',
    text: 'the other node has too many streams with this one',
    hint: 'close some of them, or use each for more than one request',
  },
  rate_limited: {
    code: 'unavailable',
    text: 'streams are opened too fast for the other node',
    hint: 'try again in a moment',
  },
  trust_required: {
    code: 'trust_required',
    text: 'the other node does not trust this one any more',
    hint: 'ask it again: pilotctl handshake',
  },
};

/** What a caller is told about a stream that did not come to its end. `what`: which stream. */
export function streamError({ by, code }: StreamReset, what: string): PilotError {
  if (by === 'session') {
    return new PilotError('connection_failed', `${what}: the session ended: ${code}`, {
      hint: 'streams do not outlive a session: dial again; see: pilotctl peers',
    });
  }
  const meaning = Object.hasOwn(MEANINGS, code) ? MEANINGS[code] : undefined;
  if (meaning !== undefined) {
    return new PilotError(meaning.code, `${what}: ${meaning.text}`, { hint: meaning.hint });
  }
  return new PilotError('connection_failed', `${what}: the other side reset it: ${code}`, {
    hint: 'ask on the other node why; its log may say',
  });
}
