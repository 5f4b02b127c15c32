/**
 * Kills the daemons of two nodes and their relay with SIGKILL at random moments while both send, and
 * then looks: every message whose id a caller was given is in the other inbox once, and in order.
 */
import { setTimeout as pause } from 'node:timers/promises';

import { describeError } from '../../src/base/pilot-error.ts';
import { randomFraction } from '../../src/base/random.ts';
import type { PilotClient } from '../../src/client/client.ts';
import { takeInbox, untilDelivered } from '../support/delivery.ts';
import { eventually } from '../support/processes.ts';
import { befriend, type Sandbox, type SandboxNode, type SandboxRelay } from '../support/sandbox.ts';
import { seededRandom } from '../support/seeded-random.ts';

export interface CrashOptions {
  readonly rounds: number;
  /** In each round, half of them in each direction. */
  readonly messages: number;
  readonly seed: number;
  readonly report: (line: string) => void;
}

/** While a round's messages flow, somebody is killed this often at the latest. */
const MAX_CALM_MS = 500;
const MAX_DOWN_MS = 300;
const DELIVERY_TIMEOUT_MS = 60_000;

interface Side {
  readonly node: SandboxNode;
  readonly client: PilotClient;
}

/** What one sender was told: `kept` got an id, in this order; `unsure` got an error and may be anywhere. */
interface Sent {
  readonly kept: string[];
  readonly unsure: Set<string>;
}

export async function runCrashRounds(sandbox: Sandbox, options: CrashOptions): Promise<void> {
  const random = seededRandom(options.seed);
  const relay = await sandbox.relay().start();
  const sides = [];
  for (const name of ['alice', 'bob']) {
    const node = sandbox.node(name);
    node.env['PILOT_RELAY'] = relay.url;
    await node.start('--hostname', name);
    sides.push({ node, client: node.client() });
  }
  const [alice, bob] = sides as [Side, Side];
  await befriend(alice.node, bob.node);

  for (let round = 1; round <= options.rounds; round++) {
    const flowing = Promise.all([
      sendAll(alice, bob, { count: options.messages / 2, label: `${round}a` }),
      sendAll(bob, alice, { count: options.messages / 2, label: `${round}b` }),
    ]);
    const killed = await killWhile(flowing, [relay, alice.node, bob.node], random);
    const [fromAlice, fromBob] = await flowing;
    const startedMs = performance.now();
    await emptyOutbox(alice, bob);
    await emptyOutbox(bob, alice);
    check(fromAlice, await takeInbox(bob.client), `alice to bob in round ${round}`);
    check(fromBob, await takeInbox(alice.client), `bob to alice in round ${round}`);
    options.report(
      `round ${round}/${options.rounds}: killed ${killed.join(', ')}; ` +
        `${fromAlice.kept.length + fromBob.kept.length} ids given, ` +
        `${fromAlice.unsure.size + fromBob.unsure.size} calls failed; ` +
        `all there after ${Math.round(performance.now() - startedMs)} ms`,
    );
  }
}

/** One after the other, so that there is an order; a call that fails is not repeated. */
async function sendAll(
  from: Side,
  to: Side,
  { count, label }: { count: number; label: string },
): Promise<Sent> {
  const sent: Sent = { kept: [], unsure: new Set() };
  const target = to.node.name;
  for (let n = 0; n < count; n++) {
    const text = `${label}/${n}`;
    try {
      await from.client.send(target, text);
      sent.kept.push(text);
    } catch {
      sent.unsure.add(text);
      await eventually(`${from.node.name} is back`, async () => isUp(from));
    }
  }
  return sent;
}

async function isUp({ client }: Side): Promise<true | undefined> {
  try {
    await client.health();
    return true;
  } catch {
    return undefined;
  }
}

async function killWhile(
  flowing: Promise<unknown>,
  victims: readonly (SandboxRelay | SandboxNode)[],
  random: (length: number) => Uint8Array,
): Promise<string[]> {
  const killed: string[] = [];
  let isFlowing = true;
  const over = flowing.finally(() => {
    isFlowing = false;
  });
  do {
    await pause(MAX_CALM_MS * randomFraction(random));
    const victim = victims[Math.floor(victims.length * randomFraction(random))];
    if (victim === undefined) throw new Error('nobody to kill');
    await victim.kill();
    await pause(MAX_DOWN_MS * randomFraction(random));
    await victim.start();
    killed.push('name' in victim ? victim.name : 'relay');
  } while (isFlowing as boolean);
  await over;
  return killed;
}

async function emptyOutbox({ node, client }: Side, to: Side): Promise<void> {
  try {
    await untilDelivered(node.name, client, DELIVERY_TIMEOUT_MS);
  } catch (cause) {
    const [{ messages }, ...views] = await Promise.all([
      client.outbox(),
      client.peers(),
      client.info(),
      to.client.peers(),
      to.client.info(),
    ]);
    const waiting = JSON.stringify([messages.slice(0, 2), ...views], undefined, 2);
    throw new Error(`${describeError(cause)}: ${messages.length} wait, ${waiting}`, { cause });
  }
}

function check(sent: Sent, received: readonly string[], what: string): void {
  const once = new Set(received);
  if (once.size !== received.length) {
    const twice = received.find((text, at) => received.indexOf(text) !== at);
    throw new Error(`${what}: ${twice ?? ''} came more than once`);
  }
  const missing = sent.kept.filter((text) => !once.has(text));
  if (missing.length > 0) throw new Error(`${what}: lost ${missing.join(' ')}`);
  const expected = new Set(sent.kept);
  const stray = received.find((text) => !expected.has(text) && !sent.unsure.has(text));
  if (stray !== undefined) throw new Error(`${what}: ${stray} was never sent`);
  const order = received.filter((text) => expected.has(text));
  const at = order.findIndex((text, index) => text !== sent.kept[index]);
  if (at !== -1) {
    const [got, instead] = [order[at], sent.kept[at]];
    throw new Error(`${what}: out of order, ${got ?? ''} came before ${instead ?? ''}`);
  }
}
