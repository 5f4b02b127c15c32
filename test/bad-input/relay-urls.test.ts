import { readFileSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import type { Info } from '../../src/client/api.ts';
import { formatRelayUrl } from '../../src/relay/relay-url.ts';
import { newIdentity } from '../relay/support/relay-fixture.ts';
import { eventually } from '../support/processes.ts';
import { Sandbox, type SandboxNode, type SandboxRelay } from '../support/sandbox.ts';
import { Servers, type SilentProxy } from './servers.ts';
import { DaemonVitals } from './vitals.ts';

vi.setConfig({ testTimeout: 60_000 });

/** 5 s to log in and what a busy machine takes. */
const PATIENCE_MS = 30_000;
/** A ping each 20 s, and 10 s for its answer. */
const SILENCE_MS = 45_000;

interface UrlRow {
  readonly name: string;
  readonly url: (place: Place) => string | Promise<string>;
  /** Of the log line, as src/relay/relay-error.ts has them. */
  readonly code: RegExp;
  /** What `pilotctl info` shows. */
  readonly reason: RegExp;
}

interface Place {
  readonly servers: Servers;
  readonly relay: SandboxRelay;
}

const portOf = (relay: SandboxRelay): number => Number(new URL(relay.url).port);
const NOT_A_RELAY = /not a relay|HTTP|Parse Error|Expected HTTP|Invalid/i;
const WRONG_VERSION = Uint8Array.from([1, 0xa1, 0x61, 0x74, 0x64, 0x74, 0x65, 0x73, 0x74]);

/** A daemon takes four relays at most: each group of four is one daemon. */
const ROWS: readonly UrlRow[] = [
  {
    name: 'nothing listens there',
    url: async ({ servers }) => `ws://127.0.0.1:${await servers.closedPort()}`,
    code: /^refused$/,
    reason: /ECONNREFUSED/,
  },
  {
    name: 'a web server',
    url: async ({ servers }) => `ws://127.0.0.1:${await servers.plainHttp()}`,
    code: /^protocol$/,
    reason: /what answers there is not a relay \(HTTP 200\)/,
  },
  {
    name: 'a mail server',
    url: async ({ servers }) => `ws://127.0.0.1:${await servers.garbage()}`,
    code: /^protocol$/,
    reason: NOT_A_RELAY,
  },
  {
    name: 'a server that hangs up',
    url: async ({ servers }) => `ws://127.0.0.1:${await servers.hangsUp()}`,
    code: /^lost$/,
    reason: /hang up|ECONNRESET/,
  },
  {
    name: 'a server that takes the call and says nothing',
    url: async ({ servers }) => `ws://127.0.0.1:${await servers.silent()}`,
    code: /^timeout$/,
    reason: /the relay did not answer in time/,
  },
  {
    name: 'a WebSocket that is no relay',
    url: async ({ servers }) =>
      `ws://127.0.0.1:${await servers.webSocket(new TextEncoder().encode('welcome to our chat'))}`,
    code: /^protocol$/,
    reason: /not a relay's message/,
  },
  {
    name: 'a relay that says nothing this release knows',
    url: async ({ servers }) => `ws://127.0.0.1:${await servers.webSocket(WRONG_VERSION)}`,
    code: /^timeout$/,
    reason: /the relay did not answer in time/,
  },
  {
    name: 'another relay than the one pinned',
    url: ({ relay }) =>
      formatRelayUrl({ href: `ws://127.0.0.1:${portOf(relay)}/`, pin: newIdentity().firstKey }),
    code: /^wrong_relay$/,
    reason: /the relay there is pilot1\S+, not the one pinned/,
  },
  {
    name: 'TLS where there is none',
    url: ({ relay }) => `wss://127.0.0.1:${portOf(relay)}`,
    code: /^protocol$/,
    reason: /wrong version number|SSL|not a relay/i,
  },
  {
    name: 'no TLS where there is some',
    url: async ({ servers }) => {
      const port = await servers.tls(servers.certificate('plain', 'IP:127.0.0.1'));
      return `ws://127.0.0.1:${port}`;
    },
    code: /^(protocol|lost)$/,
    reason: /./,
  },
  {
    name: 'a certificate that signed itself',
    url: async ({ servers }) => {
      const port = await servers.tls(servers.certificate('self', 'IP:127.0.0.1'));
      return `wss://127.0.0.1:${port}`;
    },
    code: /^certificate$/,
    reason: /self.signed certificate/i,
  },
  {
    name: 'a name that does not exist',
    url: () => 'ws://relay.invalid:7443',
    code: /^(dns|timeout)$/,
    reason: /ENOTFOUND|EAI_AGAIN|in time/,
  },
];
const GROUP = 4;

let sandbox: Sandbox;
let servers: Servers;
let relay: SandboxRelay;
/** One of them is logged in through a proxy that went silent, the other at a relay that was stopped. */
let proxied: SandboxNode;
let proxy: SilentProxy;
let frozen: SandboxNode;
let frozenRelay: SandboxRelay;

beforeAll(async () => {
  sandbox = new Sandbox();
  servers = new Servers(sandbox.folder);
  relay = sandbox.relay();
  frozenRelay = sandbox.relay('frozen-relay');
  await Promise.all([relay.start(), frozenRelay.start()]);
  proxy = await servers.proxy(portOf(relay));
  proxied = sandbox.node('proxied');
  frozen = sandbox.node('frozen');
  await Promise.all([
    proxied.start('--relay', `ws://127.0.0.1:${proxy.port}`),
    frozen.start('--relay', frozenRelay.url),
  ]);
  await Promise.all([online(proxied), online(frozen)]);
  // While it takes them half a minute to notice, the other rows run.
  proxy.goSilent();
  process.kill(frozenRelay.pid, 'SIGSTOP');
}, 60_000);
afterAll(async () => {
  process.kill(frozenRelay.pid, 'SIGCONT');
  await servers.close();
  await sandbox.close();
});

async function infoOf(node: SandboxNode): Promise<Info> {
  return node.json<Info>('info');
}

async function online(node: SandboxNode): Promise<void> {
  await eventually(`${node.name} is online`, async () => {
    return (await infoOf(node)).relays[0]?.state === 'online' || undefined;
  });
}

function logLines(node: SandboxNode, message: string): { relay?: string; code?: string }[] {
  const lines = readFileSync(node.paths.logFile, 'utf8').split('\n').slice(0, -1);
  const fields = lines.map((line) => JSON.parse(line) as { msg?: string; relay?: string });
  return fields.filter(({ msg }) => msg === message);
}

describe('a relay URL that leads to', () => {
  const groups = Array.from({ length: Math.ceil(ROWS.length / GROUP) }, (_, i) =>
    ROWS.slice(i * GROUP, (i + 1) * GROUP),
  );
  test.concurrent.each(
    groups.map((rows) => [rows.map(({ name }) => name).join('; '), rows] as const),
  )('%s', async (_names, rows) => {
    const urls = await Promise.all(rows.map(async ({ url }) => url({ servers, relay })));
    const node = sandbox.node(`lost-${groups.indexOf(rows)}`);
    await node.start(...urls.flatMap((url) => ['--relay', url]));
    const vitals = await DaemonVitals.of(node);
    for (const [i, row] of rows.entries()) {
      const reason = await eventually(
        `${row.name}: ${String(row.reason)}`,
        async () => {
          const shown = (await infoOf(node)).relays[i];
          return shown !== undefined && row.reason.test(shown.reason) ? shown : undefined;
        },
        PATIENCE_MS,
      );
      expect(reason.state).not.toBe('online');
      const href = reason.url.replace(/#.*/, '');
      const lines = logLines(node, 'relay offline').filter(({ relay: at }) => at === href);
      expect(lines.at(-1)?.code, row.name).toMatch(row.code);
      // The same failure over and over is one line.
      expect(lines.length).toBeLessThanOrEqual(2);
    }
    expect(await node.json('health')).toMatchObject({ status: 'degraded' });
    const sent = await node.tryPilotctl(['--json', 'lookup', newIdentity().nodeId]);
    expect(JSON.parse(sent.stderr)).toMatchObject({
      code: 'connection_failed',
      hint: expect.stringMatching(/Check the address and the network/) as string,
    });
    await vitals.check();
    await node.stop();
  });
});

describe('a certificate authority of one’s own', () => {
  test('is believed for its own names only', async () => {
    const authority = servers.certificate('authority', 'DNS:authority');
    const good = servers.certificate('good', 'IP:127.0.0.1', authority);
    const bad = servers.certificate('bad', 'DNS:elsewhere.example', authority);
    const secure = sandbox.relay('secure-relay');
    await secure.start('--tls-cert', good.certFile, '--tls-key', good.keyFile);
    const wrongName = `wss://127.0.0.1:${await servers.tls(bad)}`;
    const node = sandbox.node('private-authority');
    node.paths.ensureRoot();
    await node.pilotctl(
      ...['config', '--set', `protocol.connection.relay_ca_file=${authority.certFile}`],
    );
    await node.start('--relay', wrongName, '--relay', `wss://127.0.0.1:${portOf(secure)}`);
    const relays = await eventually('one is online, the other is not', async () => {
      const shown = (await infoOf(node)).relays;
      return shown[1]?.state === 'online' && shown[0]?.reason !== '' ? shown : undefined;
    });
    expect(relays[0]?.reason).toMatch(/IP: 127\.0\.0\.1 is not in the cert's list/);
    expect(logLines(node, 'relay offline')).toMatchObject([{ code: 'certificate' }]);
    await node.stop();
  });
});

describe('a relay that stops answering', () => {
  async function noticed(node: SandboxNode): Promise<void> {
    const lines = await eventually(
      `${node.name} notices`,
      () => {
        const found = logLines(node, 'relay offline');
        return found.length > 0 ? found : undefined;
      },
      SILENCE_MS,
    );
    expect(lines[0]).toMatchObject({ code: 'lost', reason: 'the relay went silent' });
  }

  test('behind a line that went dead is given up, and reached on another', async () => {
    const vitals = await DaemonVitals.of(proxied);
    await noticed(proxied);
    await online(proxied);
    await vitals.check();
  });

  test('as a whole is given up, and found again when it answers', async () => {
    const vitals = await DaemonVitals.of(frozen);
    await noticed(frozen);
    expect(await frozen.json('health')).toMatchObject({ status: 'degraded' });
    expect((await infoOf(frozen)).relays[0]?.reason).toMatch(/went silent|did not answer in time/);
    await vitals.check();
    process.kill(frozenRelay.pid, 'SIGCONT');
    await online(frozen);
    expect(await frozen.json('health')).toMatchObject({ status: 'ok' });
    await vitals.check();
  });
});
