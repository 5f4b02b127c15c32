import fc from 'fast-check';
import { expect, test } from 'vitest';

import { type Host, SETTINGS, World } from '../world.ts';

/**
 * Two hosts that write to each other while whatever can happen does. In the end, with everything in
 * order again, each message whose id was returned to its caller is in the receiver's inbox, once,
 * and in the order sent.
 */
interface HostAction {
  readonly do: 'crash' | 'stop' | 'start' | 'cut' | 'fetch';
  readonly host: 0 | 1;
}
type Switch =
  | { readonly do: 'disk'; readonly host: 0 | 1; readonly on: boolean }
  | { readonly do: 'relay' | 'loseAnswers' | 'doubleEnvelopes'; readonly on: boolean };
type Action =
  | { readonly do: 'send'; readonly from: 0 | 1; readonly count: number; readonly bytes: number }
  | { readonly do: 'wait'; readonly ms: number }
  | HostAction
  | Switch;

const host = fc.constantFrom<0 | 1>(0, 1);
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('send' as const),
      from: host,
      count: fc.integer({ min: 1, max: 12 }),
      bytes: fc.constantFrom(0, 100, 5000, 100_000),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      ms: fc.constantFrom(0, 10, 20, 50, 200, 1000, 6000),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('crash' as const), host }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('stop' as const), host }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('start' as const), host }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('cut' as const), host }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('fetch' as const), host }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('disk' as const), host, on: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('relay' as const), on: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom('loseAnswers' as const, 'doubleEnvelopes' as const),
      on: fc.boolean(),
    }),
  },
);

class Conversation {
  readonly world: World;
  readonly hosts: readonly [Host, Host];
  /** By sender: the messages whose ids were returned, and all that were asked for. */
  readonly promised: [number[], number[]] = [[], []];
  readonly asked: [number[], number[]] = [[], []];
  /** By receiver: what was taken out of its inbox. */
  readonly fetched: [number[], number[]] = [[], []];
  readonly #calls: Promise<unknown>[] = [];

  private constructor(world: World, hosts: readonly [Host, Host]) {
    this.world = world;
    this.hosts = hosts;
  }

  static async begin(seed: number): Promise<Conversation> {
    const world = new World(seed);
    // Attempts without end: dead letters are another test's subject.
    const retry = { ...SETTINGS.retry, maxMs: 4000, maxAttempts: 1e9 };
    // Small messages still fit when a large one does not: none may overtake.
    const inbox = { maxMessages: 60, maxBytes: 250_000 };
    const hosts = [world.host('a', { retry, inbox }), world.host('b', { retry, inbox })] as const;
    for (const one of hosts) one.start();
    await world.run(500);
    await world.trust(hosts[0], hosts[1]);
    return new Conversation(world, hosts);
  }

  async act(step: Action): Promise<void> {
    if (step.do === 'send') {
      for (let i = 0; i < step.count; i++) this.#send(step.from, step.bytes);
    } else if (step.do === 'wait') {
      await this.world.run(step.ms);
    } else if ('on' in step) {
      this.#turn(step);
    } else {
      await this.#touch(step);
    }
  }

  /** Everything is mended, and there is time. */
  async end(): Promise<void> {
    const { relay } = this.world;
    relay.goUp();
    relay.losesPutAnswers = false;
    relay.doublesEnvelopes = false;
    for (const one of this.hosts) {
      one.storage.isFull = false;
      this.#start(one);
    }
    for (let round = 0; round < 200 && !this.#isQuiet(); round++) {
      await this.world.run(1000);
      await this.#fetch(0);
      await this.#fetch(1);
    }
    await Promise.all(this.#calls);
    for (const one of this.hosts) await one.stop();
    for (const one of this.hosts) one.start();
    await this.#fetch(0);
    await this.#fetch(1);
  }

  async #fetch(at: 0 | 1): Promise<void> {
    const one = this.hosts[at];
    if (!one.isRunning) return;
    const numbers = one.inbox.map((text) => Number.parseInt(text, 10));
    const cleared = one.node.clearInbox({}).then(
      () => this.fetched[at].push(...numbers),
      () => undefined,
    );
    await Promise.race([cleared, this.world.turn()]);
  }

  async #touch(step: HostAction): Promise<void> {
    const one = this.hosts[step.host];
    switch (step.do) {
      case 'crash':
        one.crash();
        return;
      case 'stop':
        return one.stop();
      case 'start':
        this.#start(one);
        return;
      case 'cut':
        this.world.relay.cut(one.identity.firstKey);
        return;
      case 'fetch':
        return this.#fetch(step.host);
    }
  }

  /** Something breaks, or works again. */
  #turn(step: Switch): void {
    const { relay } = this.world;
    switch (step.do) {
      case 'disk':
        this.hosts[step.host].storage.isFull = step.on && this.hosts[step.host].isRunning;
        return;
      case 'relay':
        if (step.on) relay.goUp();
        else relay.goDown();
        return;
      case 'loseAnswers':
        relay.losesPutAnswers = step.on;
        return;
      case 'doubleEnvelopes':
        relay.doublesEnvelopes = step.on;
    }
  }

  #isQuiet(): boolean {
    return this.hosts.every((one) => one.node.outbox().total === 0);
  }

  #start(one: Host): void {
    if (one.isRunning) return;
    one.storage.isFull = false;
    one.start();
  }

  #send(from: 0 | 1, bytes: number): void {
    const sender = this.hosts[from];
    if (!sender.isRunning) return;
    const number = this.asked[from].length;
    this.asked[from].push(number);
    const data = `${number} ${'x'.repeat(bytes)}`;
    const target = this.hosts[from === 0 ? 1 : 0].id;
    // A process that died answers nobody, so this may never settle.
    const sent = sender.node.send({ target, type: 'text', data }).then(
      () => this.promised[from].push(number),
      () => undefined,
    );
    this.#calls.push(Promise.race([sent, this.world.turn()]));
  }
}

test('whatever happens, each message arrives once and in order', { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(action, { minLength: 5, maxLength: 60 }),
      fc.integer({ min: 1, max: 1_000_000 }),
      async (steps, seed) => {
        const conversation = await Conversation.begin(seed);
        for (const step of steps) await conversation.act(step);
        await conversation.end();
        for (const from of [0, 1] as const) {
          const inbox = conversation.fetched[from === 0 ? 1 : 0];
          const promised = new Set(conversation.promised[from]);
          expect(inbox.filter((number) => promised.has(number))).toEqual([...promised]);
          // What a caller was not told of may have got through: also once, and in its place.
          const got = new Set(inbox);
          expect(inbox).toEqual(conversation.asked[from].filter((number) => got.has(number)));
        }
      },
    ),
    { numRuns: Number(process.env['PILOT_FUZZ_RUNS'] ?? 25), endOnFailure: true },
  );
});
