import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { Interrupted } from '../../src/cli/io.ts';
import type { Netcheck } from '../../src/client/api.ts';
import { FakeDaemon } from '../client/fake-daemon.ts';
import { AT_HOME, NETCHECK, NO_FAMILY } from '../client/fake-netcheck.ts';
import { type Ran, runCli, startCli } from './run-cli.ts';

let daemon: FakeDaemon;

beforeAll(async () => {
  daemon = await new FakeDaemon().start();
});

afterAll(async () => {
  await daemon.stop();
});

async function runWith(changes: Partial<Netcheck>, ...options: string[]): Promise<Ran> {
  daemon.handlers.netcheck = () => ({ ...NETCHECK, ...changes });
  const ran = await runCli(['netcheck', ...options], { env: { PILOT_SOCKET: daemon.socketPath } });
  expect(ran).toMatchObject({ code: 0, stderr: '' });
  return ran;
}

test('the whole text', async () => {
  const [relay] = NETCHECK.relays;
  const ran = await runWith({
    relays: relay === undefined ? [] : [{ ...relay, url: `${relay.url}#pilot1xyz` }],
    nearest_relay: `${relay?.url ?? ''}#pilot1xyz`,
    warnings: ['first', 'second'],
  });
  expect(ran.stdout).toBe(
    [
      'Direct to most peers: the NAT has one outer port for all.',
      '',
      'UDP      yes',
      'IPv4     10.1.0.2; seen as 203.0.113.10:4000; mapping endpoint-independent, filtering address-and-port-dependent, port kept, no hairpin',
      'IPv6     no address',
      'gateway  forwards no port; pcp: no answer within 1500 ms',
      '',
      'relay  ws://relay.example:7443/  online  11.5 ms  nearest',
      '',
      'STUN  stun.example:3478  192.0.2.1:3478  answered  203.0.113.10:4000  12.3 ms',
      '',
      'warning: first',
      'warning: second',
      '',
    ].join('\n'),
  );
});

const asked = { ...NO_FAMILY, available: true, addresses: ['10.1.0.2'] };

test.each<[string, Partial<Netcheck>, RegExp]>([
  ['nothing asked', { udp: null, ipv4: asked }, /^UDP +not asked\nIPv4 +10\.1\.0\.2; not asked$/m],
  ['blocked', { udp: false, ipv4: { ...asked, udp: false } }, /^UDP +blocked\n.*; no answer$/m],
  ['no NAT', { ipv4: { ...AT_HOME, behind_nat: false } }, /, no NAT; filtering address-and/],
  ['divided', { ipv4: { ...AT_HOME, mapped: '' } }, /; outer address not clear; mapping/],
  ['counting', { ipv4: { ...AT_HOME, port_step: -2 } }, /, ports count by -2, no hairpin/],
  ['changed', { ipv4: { ...AT_HOME, port_kept: false, hairpin: true } }, /port changed, hairpin$/m],
  [
    'a port of the gateway',
    {
      port_mapping: {
        ...{ status: 'mapped', protocol: 'pcp', external: '203.0.113.10:5000', failures: [] },
      },
    },
    /^gateway +forwards a port by pcp: 203\.0\.113\.10:5000 \(given back\)$/m,
  ],
  [
    'no need of a gateway',
    { port_mapping: { ...NETCHECK.port_mapping, status: 'not_needed' } },
    /^gateway +not asked: there is nothing to forward$/m,
  ],
  ['no servers', { relays: [], stun_servers: [] }, /^gateway .*\n$/m],
])('%s', async (_name, changes, text) => {
  expect((await runWith(changes)).stdout).toMatch(text);
});

test('what strangers wrote moves no cursor', async () => {
  const ran = await runWith({ warnings: ['a certificate of \u001b[2JEvil'] });
  expect(ran.stdout).not.toContain('\u001b');
});

describe('--force', () => {
  test.each([
    [['--force'], { force: true }],
    [[], {}],
  ])('%j', async (options, body) => {
    await runWith({}, ...options);
    expect(daemon.calls.at(-1)?.body).toEqual(body);
  });
});

test('Ctrl-C ends it, and the daemon hears of it', async () => {
  const stop = new AbortController();
  let arrived = (): void => undefined;
  const asking = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  let givenUp: Promise<void> | undefined;
  // Which gives no answer.
  daemon.handlers.netcheck = (call) => {
    ({ givenUp } = call);
    arrived();
  };
  const cli = startCli(['netcheck'], {
    env: { PILOT_SOCKET: daemon.socketPath },
    signal: stop.signal,
  });
  await asking;
  stop.abort(new Interrupted('SIGINT'));
  await expect(cli.finished).resolves.toMatchObject({ code: 130, stdout: '', stderr: '' });
  await givenUp;
});
