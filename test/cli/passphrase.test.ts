import { PassThrough } from 'node:stream';

import { expect, test } from 'vitest';

import { Interrupted, type Io } from '../../src/cli/io.ts';
import { readPassphrase } from '../../src/cli/passphrase.ts';

/** A terminal at which somebody types an answer to each question. */
function terminal(
  answers: readonly string[],
  signal = new AbortController().signal,
): { io: Io; shown: () => string } {
  const stdin = Object.assign(new PassThrough(), { isTTY: true });
  const stderr = Object.assign(new PassThrough(), { isTTY: true });
  const left = [...answers];
  let shown = '';
  stderr.on('data', (chunk: Buffer) => {
    shown += chunk.toString();
    const answer = chunk.toString().endsWith(': ') ? left.shift() : undefined;
    if (answer !== undefined) setImmediate(() => stdin.write(`${answer}\r`));
  });
  const io = { stdin, stderr, stdout: new PassThrough(), env: {}, signal };
  return { io, shown: () => shown };
}

test('is asked for, and not shown', async () => {
  const { io, shown } = terminal(['correct horse']);
  await expect(readPassphrase(undefined, io, { twice: false })).resolves.toBe('correct horse');
  expect(shown()).toBe('Passphrase: \n');
});

test('twice, where a slip would cost the identity', async () => {
  const same = terminal(['correct horse', 'correct horse']);
  await expect(readPassphrase(undefined, same.io, { twice: true })).resolves.toBe('correct horse');
  const { io } = terminal(['correct horse', 'corect horse']);
  await expect(readPassphrase(undefined, io, { twice: true })).rejects.toMatchObject({
    code: 'invalid_argument',
    message: 'the two passphrases differ',
  });
});

test('Ctrl-C at the question', async () => {
  const stop = new AbortController();
  const { io } = terminal([], stop.signal);
  const asked = readPassphrase(undefined, io, { twice: false });
  stop.abort(new Interrupted('SIGINT'));
  await expect(asked).rejects.toThrow();
});

test('the end of input at the question', async () => {
  const { io } = terminal([]);
  const asked = readPassphrase(undefined, io, { twice: false });
  (io.stdin as unknown as PassThrough).end();
  await expect(asked).rejects.toMatchObject({ message: 'there is no passphrase' });
});
