import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import { decodeNodeId } from '../../src/identity/node-id.ts';
import { decodeRelayMessage, encodeNodeMessage } from '../../src/relay/control.ts';
import { FRAME } from '../../src/relay/protocol.ts';
import { loginFor, RawNode } from '../relay/support/raw-node.ts';
import { newIdentity } from '../relay/support/relay-fixture.ts';
import { eventually } from '../support/processes.ts';
import { counted } from './metrics.ts';
import { FRAME_ROWS, LOGIN_ROWS, type Outcome, type StrangerPlace } from './relay-rows.ts';
import type { RelayVitals } from './vitals.ts';
import { World } from './world.ts';

vi.setConfig({ testTimeout: 30_000 });

/** Short, so that what waits for it does not hold up the tests. */
const LOGIN_SECONDS = 1;

let world: World;
/** Without the pin, which is for our own client. */
let place: { readonly url: string };
let relay: RelayVitals;
let aliceKey: Uint8Array;
let checkAll: () => Promise<void>;

beforeAll(async () => {
  world = await World.open({ relay: ['--max-login-seconds', String(LOGIN_SECONDS)] });
  const vitals = await world.vitals();
  relay = vitals.relay;
  place = { url: world.relay.url.replace(/#.*/, '') };
  aliceKey = decodeNodeId(await world.alice.nodeId());
  checkAll = async () => {
    await Promise.all([vitals.alice.check(), vitals.bob.check(), relay.check(2)]);
  };
}, 60_000);
afterAll(async () => {
  await world.close();
});

async function countOf(name: string | undefined): Promise<number> {
  if (name === undefined) return 0;
  return counted(await relay.metrics(), `pilot_relay_${name}`);
}

async function expectOutcome(node: RawNode, outcome: Outcome): Promise<void> {
  switch (outcome.kind) {
    case 'closed': {
      const { code, reason } = outcome;
      expect(await node.end()).toMatchObject({ code, ...(reason !== undefined && { reason }) });
      return;
    }
    case 'reply':
      // Of several requests that a rate limit meets, any may be refused.
      await replyTo(node, 1, outcome.code);
      break;
    case 'unreachable':
      await node.frame(FRAME.unreachable);
      break;
    case 'lives':
      break;
  }
  node.say({ t: 'ping', n: 4711 });
  expect(await replyTo(node, 4711)).toMatch(/^(ok|rate_limited)$/);
  expect(node.closed).toBeUndefined();
}

async function replyTo(node: RawNode, n: number, code?: string): Promise<string> {
  return eventually(`the reply ${code ?? ''} to request ${n}`, () => {
    for (const frame of node.frames) {
      const message = frame[0] === FRAME.control ? decodeRelayMessage(frame) : undefined;
      if (message?.t !== 'reply' || message.n !== n) continue;
      if (code === undefined || message.code === code) return message.code;
    }
    return undefined;
  });
}

describe('before the login', () => {
  test.each(LOGIN_ROWS)('$name', async (row) => {
    const before = await countOf(row.counted);
    const { node, challenge } = await RawNode.challenged(place);
    const stranger: StrangerPlace = { challenge, identity: newIdentity(), other: aliceKey };
    for (const frame of row.frames(stranger)) node.socket.send(frame);
    await expectOutcome(node, row.outcome);
    expect(await countOf(row.counted)).toBe(before + 1);
    await relay.check(2);
  });
});

describe('after the login', () => {
  test.each(FRAME_ROWS)('$name', async (row) => {
    const identity = newIdentity();
    const { node, challenge } = await RawNode.challenged(place);
    node.say(loginFor(challenge, identity));
    await node.message('welcome');
    const before = await countOf(row.counted);
    for (const frame of row.frames({ challenge, identity, other: aliceKey })) {
      node.socket.send(frame);
    }
    await expectOutcome(node, row.outcome);
    if (row.counted !== undefined) {
      expect(await countOf(row.counted)).toBeGreaterThan(before);
    }
    node.socket.terminate();
    await relay.check(2);
  });

  test('the same envelope again and again is stored once', async () => {
    const node = await RawNode.loggedIn(place, newIdentity());
    const before = await countOf('mailbox_envelopes');
    const envelope = { to: newIdentity().firstKey, id: new Uint8Array(16).fill(7) };
    const expiresAtMs = Date.now() + 60_000;
    for (let n = 1; n <= 5; n++) {
      node.say({ t: 'put', n, ...envelope, expiresAtMs, body: new Uint8Array(10) });
    }
    for (let n = 1; n <= 5; n++) expect(await replyTo(node, n)).toBe('stored');
    expect(await countOf('mailbox_envelopes')).toBe(before + 1);
    node.socket.terminate();
    await checkAll();
  });
});

/** The bytes of a connection's own, without a WebSocket library that minds the rules. */
async function rawConnection(...bytes: (string | Uint8Array)[]): Promise<Raw> {
  const { hostname, port } = new URL(world.relay.url);
  const socket = connect(Number(port), hostname);
  // A reset is an end like any other.
  socket.on('error', () => undefined);
  const closed = new Promise<void>((resolve) =>
    socket.once('close', () => {
      resolve();
    }),
  );
  const raw: Raw = { socket, text: '', closed };
  socket.setEncoding('latin1').on('data', (text: string) => {
    raw.text += text;
  });
  await once(socket, 'connect');
  for (const part of bytes) socket.write(part);
  return raw;
}

interface Raw {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  text: string;
}

const UPGRADE = [
  'GET / HTTP/1.1',
  'Host: relay',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Protocol: pilot-relay',
  '\r\n',
].join('\r\n');

describe('bytes that are no WebSocket', () => {
  test.each<[string, string | Uint8Array, RegExp]>([
    ['noise', Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00]), /^HTTP\/1\.1 400 /],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', /^HTTP\/1\.1 (400|404) |^$/],
    ['a path that is none', 'GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n', /^HTTP\/1\.1 404 /],
    [
      'a method of no use',
      'POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n',
      /^HTTP\/1\.1 404 /,
    ],
    [
      'headers without end',
      `GET / HTTP/1.1\r\nHost: x\r\nCookie: ${'x'.repeat(10_000)}\r\n\r\n`,
      /^HTTP\/1\.1 431 /,
    ],
    ['a WebSocket elsewhere', UPGRADE.replace('GET / ', 'GET /else '), /^HTTP\/1\.1 404 /],
    [
      'a WebSocket of another version',
      UPGRADE.replace('Version: 13', 'Version: 99'),
      /^HTTP\/1\.1 (400|426) /,
    ],
  ])('%s', async (_what, bytes, answer) => {
    const raw = await rawConnection(bytes);
    await raw.closed;
    expect(raw.text).toMatch(answer);
    await relay.check(2);
  });

  test.each<[string, readonly number[]]>([
    ['a frame without its mask', [0x82, 0x01, 0x00]],
    ['a frame with a reserved opcode', [0x83, 0x80, 0, 0, 0, 0]],
    ['a frame that claims to be compressed', [0xc2, 0x80, 0, 0, 0, 0]],
    ['a frame of 2^60 bytes', [0x82, 0xff, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
    ['a continuation of nothing', [0x80, 0x80, 0, 0, 0, 0]],
  ])('%s', async (_what, bytes) => {
    const before = await countOf('drops_total{reason="malformed"}');
    // In one piece: what follows the upgrade at once belongs to the WebSocket already.
    const raw = await rawConnection(Buffer.concat([Buffer.from(UPGRADE), Buffer.from(bytes)]));
    await raw.closed;
    expect(raw.text).toMatch(/^HTTP\/1\.1 101 /);
    expect(await countOf('drops_total{reason="malformed"}')).toBe(before + 1);
    await relay.check(2);
  });
});

/** Writes a byte now and then until the connection ends; the count of its writes. */
function trickle(raw: Raw, text: string): void {
  let at = 0;
  const timer = setInterval(() => {
    raw.socket.write(text[at++ % text.length] ?? 'x');
  }, 50);
  raw.socket.once('close', () => {
    clearInterval(timer);
  });
}

describe('a slow loris', () => {
  test('of any kind is cut off when its time is over', async () => {
    const before = await countOf('drops_total{reason="login_timeout"}');
    const startMs = performance.now();
    const login = encodeNodeMessage(
      loginFor(
        { t: 'challenge', version: 1, oldest: 1, key: aliceKey, nonce: new Uint8Array(32) },
        newIdentity(),
      ),
    );
    const silent = await rawConnection();
    const headers = await rawConnection('GET / HTTP/1.1\r\nHost: x\r\nX: ');
    trickle(headers, 'y');
    const body = await rawConnection(
      'POST /healthz HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\nContent-Length: 99999\r\n\r\n',
    );
    trickle(body, 'z');
    const open = await rawConnection(UPGRADE);
    const pings = await rawConnection(UPGRADE);
    const pinging = setInterval(
      () => pings.socket.write(Buffer.from([0x89, 0x80, 0, 0, 0, 0])),
      50,
    );
    const frame = await rawConnection(UPGRADE, Buffer.from([0x82, 0xfe, 0x01, 0x00, 0, 0, 0, 0]));
    trickle(frame, Buffer.from(login).toString('latin1'));
    const all = { silent, headers, body, open, pings, frame };
    await Promise.all(Object.values(all).map(async ({ closed }) => closed));
    clearInterval(pinging);
    expect(performance.now() - startMs).toBeGreaterThan(LOGIN_SECONDS * 500);
    // The one with a body had its answer, and was let go of then.
    expect(body.text).toMatch(/^HTTP\/1\.1 404 /);
    expect(await countOf('drops_total{reason="login_timeout"}')).toBe(before + 5);
    await checkAll();
  });

  test('in numbers takes the places of strangers, not those of nodes', async () => {
    const before = await countOf('drops_total{reason="too_many"}');
    const many = await Promise.all(Array.from({ length: 80 }, async () => rawConnection()));
    const turnedAway = await eventually('the surplus is turned away', () => {
      const over = many.filter(({ text }) => text.startsWith('HTTP/1.1 503 '));
      return over.length >= 16 ? over.length : undefined;
    });
    expect(turnedAway).toBeLessThan(20);
    // Those that are logged in already notice nothing.
    const sent = await world.alice.json<{ status: string }>(
      'send-message',
      'bob',
      '--data',
      'still here',
    );
    expect(sent.status).toBe('delivered');
    await world.bob.pilotctl('inbox', '--clear');
    await Promise.all(many.map(async ({ closed }) => closed));
    expect(await countOf('drops_total{reason="too_many"}')).toBeGreaterThanOrEqual(before + 16);
    await checkAll();
  });
});
