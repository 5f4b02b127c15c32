import { closeSync, openSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';

import { toHex } from '../../src/base/bytes.ts';
import { nextNodeNumber } from '../../src/identity/address.ts';
import { encodeNodeRecord } from '../../src/identity/node-record.ts';
import { parseRelayUrl } from '../../src/relay/relay-url.ts';
import { selfSigned } from './support/certificate.ts';
import { logIn, newClient, newIdentity, next, refusal } from './support/relay-fixture.ts';
import { RelayProgram } from './support/relay-program.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

const HERE = ['--listen', '127.0.0.1:0', '--stun', 'off'];
let program: RelayProgram;

beforeAll(async () => {
  program = await RelayProgram.build();
});
afterAll(() => {
  program.remove();
});

describe('a running relay', () => {
  test('says where it listens, who it is, and the URL that pins it', async () => {
    const args = ['--listen', '127.0.0.1:0', '--stun', '127.0.0.1:0'];
    const relay = program.run(...args, '--store', temporaryDirectory());
    const line = await relay.logged('relay listening');
    expect(line['listen']).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(line['stun']).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(line['url']).toBe(`ws://${String(line['listen'])}/#${String(line['relay_id'])}`);
    const { client } = await logIn({ url: await relay.url() });
    expect(client.url).toBe(line['url']);
  });

  test('answers STUN at two addresses', async () => {
    const stun = ['--stun', '127.0.0.1:0', '--stun', '127.0.0.2:0'];
    const args = ['--listen', '127.0.0.1:0', ...stun, '--store', temporaryDirectory()];
    const line = await program.run(...args).logged('relay listening');
    expect(line['stun']).toMatch(/^127\.0\.0\.1:\d+ 127\.0\.0\.2:\d+$/);
  });

  test('keeps its key, directory and mailbox through kill -9', async () => {
    const store = temporaryDirectory();
    const first = program.run(...HERE, '--store', store);
    const url = await first.url();
    const alice = await logIn({ url });
    const bob = newIdentity();
    const addressCounter = nextNodeNumber(alice.identity.firstKey)?.counter ?? 0;
    const fields = { addressCounter, hostname: 'alice', relays: [url], issuedAtMs: Date.now() };
    const record = encodeNodeRecord(alice.identity, fields);
    await alice.client.publish(record);
    const puts = Array.from({ length: 50 }, async (_, i) =>
      alice.client.put({
        to: bob.firstKey,
        id: new Uint8Array(16).fill(i),
        body: new Uint8Array(1000).fill(i),
        expiresAtMs: Date.now() + 60_000,
      }),
    );
    await Promise.all(puts);
    await first.kill();

    const { port } = parseRelayUrl(url);
    const again = ['--listen', `127.0.0.1:${port}`, '--stun', 'off', '--store', store];
    const second = program.run(...again);
    expect(await second.url()).toBe(url);
    const receiver = newClient({ url }, { identity: bob });
    const fills: (number | undefined)[] = [];
    const last = next(receiver, 'envelope', ({ body }) => fills.push(body[0]) === 50);
    receiver.start();
    await last;
    expect(fills).toEqual(Array.from({ length: 50 }, (_, i) => i));
    const found = await receiver.lookup({ hostname: 'alice' });
    expect(toHex(found ?? new Uint8Array())).toBe(toHex(record));
  });

  test.each(['SIGTERM', 'SIGINT'] as const)('drains on %s and ends with 0', async (signal) => {
    const relay = program.run(...HERE, '--store', temporaryDirectory());
    const { client } = await logIn({ url: await relay.url() });
    const told = next(client, 'offline');
    expect(await relay.kill(signal)).toBe(0);
    expect((await told).code).toBe('going_away');
    expect(relay.lines.at(-1)).toContain('relay stopped');
  });

  test('goes on, and drains, where its log has no room', async () => {
    const full = openSync('/dev/full', 'w');
    onTestFinished(() => {
      closeSync(full);
    });
    const store = temporaryDirectory();
    const first = program.run(...HERE, '--store', store);
    const url = await first.url();
    await first.kill();
    const listen = ['--listen', `127.0.0.1:${parseRelayUrl(url).port}`, '--stun', 'off'];
    const relay = program.runInto(full, ...listen, '--store', store);
    const { client } = await logIn({ url });
    const told = next(client, 'offline');
    expect(await relay.kill('SIGTERM')).toBe(0);
    expect((await told).code).toBe('going_away');
    expect(relay.stderr).toBe('');
  });

  test('reads its allow list again on SIGHUP, and keeps it when that fails', async () => {
    const directory = temporaryDirectory();
    const file = path.join(directory, 'allowed');
    const [alice, bob] = [newIdentity(), newIdentity()];
    writeFileSync(file, alice.nodeId);
    const access = ['--access', 'allow', '--allow-file', file];
    const relay = program.run(...HERE, ...access, '--store', directory);
    const url = await relay.url();
    expect(await refusal({ url }, { identity: bob })).toBe('not_allowed');
    writeFileSync(file, bob.nodeId);
    relay.child.kill('SIGHUP');
    await relay.logged('access and certificate read anew');
    await logIn({ url }, { identity: bob });
    writeFileSync(file, 'nonsense');
    relay.child.kill('SIGHUP');
    await relay.logged('reload failed, nothing changed');
    await logIn({ url }, { identity: bob });
  });

  test('serves TLS under the name in its certificate, and logs text for people', async () => {
    const { certFile, keyFile, cert } = selfSigned();
    const tls = ['--tls-cert', certFile, '--tls-key', keyFile];
    const relay = program.run(...HERE, ...tls, '--store', temporaryDirectory());
    const url = await relay.url();
    expect(url).toMatch(/^wss:\/\/localhost:\d+\/#pilot1/);
    await logIn({ url }, { settings: { ca: cert } });
    const text = program.run(...HERE, '--log-format', 'text', '--store', temporaryDirectory());
    await text.line(/relay listening listen=127\.0\.0\.1:\d+ stun=off relay_id=pilot1/);
    await text.kill('SIGTERM');
    for (const line of text.lines) expect(line).toMatch(/^\d{4}-\d\d-\d\dT\S+ info \S/);
  });
});

describe('it says what is wrong and ends with 1', () => {
  const failing = async (...args: string[]): Promise<string> => {
    const relay = program.run(...HERE, '--store', temporaryDirectory(), ...args);
    expect(await relay.exited).toBe(1);
    expect(relay.lines).toEqual([]);
    expect(relay.stderr).not.toContain('    at ');
    return relay.stderr;
  };

  test('when the port is taken', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => {
      server.close();
    });
    await new Promise((resolve) => server.once('listening', resolve));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const stderr = await failing('--listen', `127.0.0.1:${port}`);
    expect(stderr).toContain(`cannot listen at 127.0.0.1:${port}`);
    expect(stderr).toContain('--listen');
  });

  test('when the certificate is none, or not that of the key', async () => {
    const [one, two] = [selfSigned(), selfSigned()];
    const noise = path.join(temporaryDirectory(), 'noise.pem');
    writeFileSync(noise, 'noise');
    for (const [cert, key] of [
      [noise, one.keyFile],
      [one.certFile, two.keyFile],
      ['/nowhere/cert.pem', one.keyFile],
    ] as const) {
      const stderr = await failing('--tls-cert', cert, '--tls-key', key);
      expect(stderr).toContain(cert);
      expect(stderr).toContain('PEM');
    }
  });

  test('when the store cannot be used', async () => {
    const file = path.join(temporaryDirectory(), 'file');
    writeFileSync(file, '');
    expect(await failing('--store', path.join(file, 'store'))).toContain('--store');
  });

  test('when the allow list cannot be read', async () => {
    const stderr = await failing('--allow-file', '/nowhere/allowed');
    expect(stderr).toContain('/nowhere/allowed');
  });
});

test('it ends with 2 for what it does not understand, and 0 for help', async () => {
  const wrong = program.run('--bogus');
  expect(await wrong.exited).toBe(2);
  expect(wrong.stderr).toContain("unknown option '--bogus'");
  expect(wrong.stderr).toContain('pilot-relay --help');
  const contradiction = program.run('--access', 'token');
  expect(await contradiction.exited).toBe(2);
  expect(contradiction.stderr).toContain('--token');
  const help = program.run('--help');
  expect(await help.exited).toBe(0);
  expect(help.lines.join('\n')).toContain('--max-mailbox-bytes');
});
