import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';

import { PilotError } from '../base/pilot-error.ts';
import { type Io, readAll } from './io.ts';
import { text } from './option.ts';

export const passphraseFile = text('FILE', 'a file whose first line is the passphrase', {
  isFile: true,
});

const MAX_PASSPHRASE_BYTES = 4096;

/** From a file, from `PILOT_PASSPHRASE`, or asked for at a terminal; never from the command line, which others can see. */
export async function readPassphrase(
  file: string | undefined,
  io: Io,
  { twice }: { readonly twice: boolean },
): Promise<string> {
  if (file !== undefined) return firstLineOf(file, io.signal);
  const named = io.env['PILOT_PASSPHRASE'] ?? '';
  if (named !== '') return named;
  if (io.stdin.isTTY !== true || io.stderr.isTTY !== true) {
    throw new PilotError('invalid_argument', 'there is no passphrase', {
      hint: 'give it with --passphrase-file or in PILOT_PASSPHRASE, or run this at a terminal',
    });
  }
  const passphrase = await ask('Passphrase: ', io);
  if (twice && (await ask('Once more: ', io)) !== passphrase) {
    throw new PilotError('invalid_argument', 'the two passphrases differ');
  }
  return passphrase;
}

async function firstLineOf(file: string, signal: AbortSignal): Promise<string> {
  const limits = { maxBytes: MAX_PASSPHRASE_BYTES, what: file, signal };
  try {
    const bytes = await readAll(createReadStream(file), limits);
    return (new TextDecoder().decode(bytes).split('\n')[0] ?? '').replace(/\r$/, '');
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof PilotError) throw error;
    throw new PilotError('not_found', `cannot read the passphrase file ${file}`, { cause: error });
  }
}

/** At a terminal, without an echo. */
async function ask(question: string, { signal, stderr, stdin }: Io): Promise<string> {
  const silent = new Writable({
    write: (_chunk, _encoding, done) => {
      done();
    },
  });
  const lines = createInterface({ input: stdin, output: silent, terminal: true });
  // A terminal that does not echo does not turn Ctrl-C into a signal either.
  lines.once('SIGINT', () => {
    process.kill(process.pid, 'SIGINT');
  });
  const ended = once(lines, 'close').then(() => {
    throw new PilotError('invalid_argument', 'there is no passphrase');
  });
  stderr.write(question);
  try {
    return await Promise.race([lines.question('', { signal }), ended]);
  } finally {
    lines.close();
    stderr.write('\n');
  }
}
