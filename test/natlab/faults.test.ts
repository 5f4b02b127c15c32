import { setTimeout as pause } from 'node:timers/promises';

import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';

import type { Endpoint } from '../../src/base/endpoint.ts';
import { DatagramAgent } from './datagram-agent.ts';
import { describeWithLab } from './describe-with-lab.ts';
import { Lab } from './lab.ts';
import { EchoServer, Prober } from './nat-behaviour.ts';
import type { Site, SiteKind } from './site.ts';

/** A site is there in a quarter of a second; a machine on which much else is tested at the time gets more. */
const LIMIT_MS = 30_000;
/** For what is not expected to come. */
const SHORT_MS = 500;
vi.setConfig({ testTimeout: LIMIT_MS });

describeWithLab('faults of the laboratory', () => {
  let lab: Lab;
  let echo: EchoServer;
  let a1: Endpoint;

  beforeAll(async () => {
    lab = await Lab.open();
    echo = await EchoServer.start(await lab.server('echo', { addresses: 2 }));
    [a1] = echo.endpoints(false);
  }, LIMIT_MS);

  afterEach(async () => lab.undelay());

  afterAll(async () => lab.close());

  /** A site, and two sockets that the server has heard. */
  async function talking(kind: SiteKind): Promise<{
    readonly site: Site;
    readonly prober: Prober;
    readonly outer: Endpoint;
    readonly otherOuter: Endpoint;
  }> {
    const site = await lab.site(kind);
    const prober = await Prober.start(site, echo);
    for (const socket of ['one', 'other']) await prober.agent.bind(socket, prober.host);
    const [outer, otherOuter] = [await heard(prober, 'one'), await heard(prober, 'other')];
    return { site, prober, outer, otherOuter };
  }

  async function heard(prober: Prober, socket: string): Promise<Endpoint> {
    const endpoint = await prober.outerEndpoint(socket, echo.endpoints(prober.isV6)[0]);
    if (endpoint === undefined) throw new Error(`the server did not hear ${socket}`);
    return endpoint;
  }

  test.each(['home', 'full-cone', 'symmetric-random', 'carrier-grade'] as const)(
    'flushed mappings of %s: nothing gets in until something went out',
    async (kind) => {
      const { site, prober, outer, otherOuter } = await talking(kind);
      expect(await prober.lets({ from: a1, to: outer }, { from: a1, to: otherOuter })).toBe(true);

      await site.flushMappings();
      const reopened = await heard(prober, 'other');

      expect(await prober.lets({ from: a1, to: outer }, { from: a1, to: reopened })).toBe(false);
      const again = await heard(prober, 'one');
      expect(await prober.lets({ from: a1, to: again }, { from: a1, to: reopened })).toBe(true);
    },
  );

  test('mappings die in silence', async () => {
    const { site, prober, outer } = await talking('home');
    await site.setMappingTimeout(1);
    await heard(prober, 'one');
    // The kernel's own clock, and every datagram would begin it anew.
    await pause(1200);
    const fence = { from: a1, to: await heard(prober, 'other') };

    expect(await prober.lets({ from: a1, to: outer }, fence)).toBe(false);
  });

  test('UDP is blocked and unblocked, TCP is not', async () => {
    const { site, prober } = await talking('home');
    await site.blockUdp();
    expect(await prober.outerEndpoint('one', a1, SHORT_MS)).toBeUndefined();
    expect(await prober.agent.connects({ ...a1, port: 443 })).toBe(true);
    await site.unblockUdp();
    expect(await prober.outerEndpoint('one', a1)).toBeDefined();
  });

  test.each(['home', 'symmetric-sequential', 'carrier-grade', 'open'] as const)(
    'another outer address for %s',
    async (kind) => {
      const { site, prober, outer } = await talking(kind);
      await site.changeOuterAddress();
      await prober.agent.bind('new', site.addressesOf().v4 ?? '');
      const { host } = await heard(prober, 'new');
      expect(host).toBe(site.outerV4);
      expect(host).not.toBe(outer.host);
    },
  );

  test('another inner address', async () => {
    const { site, prober, outer } = await talking('home');
    const before = site.addressesOf().v4;
    await site.changeInnerAddress();
    const now = site.addressesOf().v4;
    expect(now).not.toBe(before);
    await prober.agent.bind('new', now ?? '');
    expect((await heard(prober, 'new')).host).toBe(outer.host);
  });

  test('a share of the packets is lost', async () => {
    const { site, prober } = await talking('home');
    await site.dropUdp(0.5);
    const texts = Array.from({ length: 200 }, (_, n) => `drop ${n}`);
    for (const text of texts) prober.agent.send('one', a1, text);
    await prober.agent.flush();
    await site.dropUdp(0);
    await heard(prober, 'one');
    const arrived = texts.filter((text) => echo.agent.arrived(text) !== undefined).length;
    // Seven standard deviations.
    expect(arrived).toBeGreaterThan(50);
    expect(arrived).toBeLessThan(150);
  });

  test.each(['home', 'ipv6-only', 'open'] as const)(
    'delay for %s, in order, and away again',
    async (kind) => {
      const { prober } = await talking(kind);
      const [server] = echo.endpoints(prober.isV6);
      await lab.delay({ eachWayMs: 25 });
      const sentMs = performance.now();
      const texts = Array.from({ length: 50 }, (_, n) => `delay ${kind} ${n}`);
      for (const text of texts) prober.agent.send('one', server, text);
      await heard(prober, 'one');
      expect(performance.now() - sentMs).toBeGreaterThan(24);
      expect(echo.agent.texts().filter((text) => texts.includes(text))).toEqual(texts);
      await lab.undelay();
      await heard(prober, 'one');
    },
  );

  test('a bottleneck drops what its buffer does not hold', async () => {
    const { prober } = await talking('home');
    // 5,000 bytes wait for 50 ms.
    await lab.delay({ eachWayMs: 5, megabytesPerSecond: 0.1 });
    const texts = Array.from({ length: 100 }, (_, n) => `rate ${n} ${'x'.repeat(1000)}`);
    for (const text of texts) prober.agent.send('one', a1, text);
    // The first one may be dropped like the others; by the next one the buffer is empty.
    await prober.outerEndpoint('one', a1, SHORT_MS);
    await heard(prober, 'one');
    const arrived = texts.filter((text) => echo.agent.arrived(text) !== undefined).length;
    expect(arrived).toBeGreaterThan(0);
    expect(arrived).toBeLessThan(50);
  });

  test('two hosts behind one NAT meet inside, and not at its outer address', async () => {
    const site = await lab.site('home', { hosts: 2 });
    const [first, second] = site.hosts;
    const [near, far] = [site.addressesOf(0).v4 ?? '', site.addressesOf(1).v4 ?? ''];
    if (first === undefined || second === undefined) throw new Error('two hosts');
    const prober = await Prober.start(site, echo);
    const other = await DatagramAgent.start(second);
    const port = await prober.agent.bind('called', near);
    await other.bind('caller', far);
    const outer = await heard(prober, 'called');

    other.send('caller', outer, 'outside');
    other.send('caller', { host: near, port }, 'inside');

    const inside = await prober.agent.arrival('inside');
    expect(inside?.from.host).toBe(far);
    expect(prober.agent.arrived('outside')).toBeUndefined();
  });
});
