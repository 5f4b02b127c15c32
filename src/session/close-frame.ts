/**
 * 05 CLOSE: the session is over. Its body is empty, or says which rule its receiver has broken: a code
 * `[a-z][a-z0-9_]*`, at most 64. What is no code is ignored, as an earlier release ignores all of it.
 */
import { utf8 } from '../base/bytes.ts';
import { FRAME, type OutgoingFrame } from './frame.ts';
import { isResetCode, MAX_CODE_BYTES } from './stream-frame.ts';

export function encodeClose(code = ''): OutgoingFrame {
  return { type: FRAME.close, sequence: undefined, body: utf8(code) };
}

export function decodeClose(body: Uint8Array): string | undefined {
  if (body.length > MAX_CODE_BYTES) return undefined;
  const code = Buffer.from(body).toString('latin1');
  return isResetCode(code) ? code : undefined;
}
