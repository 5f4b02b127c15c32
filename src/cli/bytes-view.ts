import { Transform } from 'node:stream';

import { printable } from './printable.ts';

/** Members for `--json`: the text, or base64 and `<name>_encoding` where the bytes are none. */
export function bytesView(name: string, bytes: Uint8Array): Record<string, string> {
  const text = textOf(bytes);
  if (text !== undefined) return { [name]: text };
  return { [name]: Buffer.from(bytes).toString('base64'), [`${name}_encoding`]: 'base64' };
}

/** On one line for people. */
export function bytesLine(bytes: Uint8Array): string {
  return textOf(bytes) ?? `base64:${Buffer.from(bytes).toString('base64')}`;
}

/** Bytes of a peer on their way to a terminal: they must not move its cursor. */
export function terminalText(): Transform {
  const decoder = new TextDecoder();
  return new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      done(null, printable(decoder.decode(chunk, { stream: true })));
    },
    flush: (done) => {
      done(null, printable(decoder.decode()));
    },
  });
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
