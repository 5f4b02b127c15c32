/**
 * Two daemons send each other messages, and one a stream beside them, while the network under them goes wrong at
 * random, seeded: is every message in the other inbox, once and in order, and every byte of the stream?
 *
 *     calm ──> a fault at one of the two sites, or at the relay ──> it lasts ──> mended ──> calm …
 */
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

import { type RandomBytes, randomFraction } from '../../src/base/random.ts';
import { readPidFile } from '../../src/home/pid-file.ts';
import { takeInbox, untilDelivered } from '../support/delivery.ts';
import type { Sandbox } from '../support/sandbox.ts';
import { seededRandom } from '../support/seeded-random.ts';
import type { Lab } from './lab.ts';
import { checkReceived, messageText } from './sent-messages.ts';
import { type Servers, startServers } from './servers.ts';
import type { Site, SiteKind } from './site.ts';
import { startStation, type Station, trustEachOther } from './station.ts';
import { transfer } from './switching-stream.ts';

export interface SwitchingOptions {
  readonly kinds: readonly [SiteKind, SiteKind];
  readonly rounds: number;
  /** In each round, half of them in each direction. */
  readonly messages: number;
  /** In each round, in one stream from the first to the second. */
  readonly streamBytes: number;
  readonly seed: number;
  readonly report?: (line: string) => void;
}

export interface SwitchingResult {
  readonly faults: number;
  /** Times at which a session went from one path to another, at either end. */
  readonly switches: number;
  /** Of the larger of the two daemons: before the first message, and the most it ever was. */
  readonly firstRssMiB: number;
  readonly mostRssMiB: number;
}

export function describeSwitching(result: SwitchingResult): string {
  const { faults, switches, firstRssMiB, mostRssMiB } = result;
  return (
    `every message once and in order, every byte of the stream; ${faults} faults, ${switches} changes of path, ` +
    `at most ${Math.round(mostRssMiB)} MiB (${Math.round(firstRssMiB)} MiB at first)\n`
  );
}

interface Side {
  readonly site: Site;
  readonly station: Station;
}

interface Fault {
  readonly name: string;
  readonly begin: () => Promise<void>;
  readonly end?: () => Promise<void>;
}

const MAX_CALM_MS = 3000;
/** Longer and shorter than it takes to leave a dead path. */
const MAX_FAULT_MS = 5000;
/** One after the other from each side: so a thousand of each take some fifteen seconds, and meet some four faults. */
const MAX_BETWEEN_MESSAGES_MS = 20;
const DELIVERY_TIMEOUT_MS = 90_000;
const SAMPLE_MS = 250;
const MIB = 1024;

export async function runSwitching(
  lab: Lab,
  sandbox: Sandbox,
  options: SwitchingOptions,
): Promise<SwitchingResult> {
  const { kinds, rounds, messages, streamBytes, seed, report = () => undefined } = options;
  // Each its own: how fast one is does not change what another draws.
  const randomOf = (n: number): RandomBytes => seededRandom(3 * seed + n);
  const [random, randomOfA, randomOfB] = [randomOf(1), randomOf(2), randomOf(3)];
  const randomOfStream = seededRandom(~seed);
  const [servers, ...sites] = await Promise.all([
    startServers(lab, sandbox),
    lab.site(kinds[0], { name: `${kinds[0]}-a` }),
    lab.site(kinds[1], { name: `${kinds[1]}-b` }),
  ]);
  const [a, b] = await Promise.all(
    sites.map(async (site): Promise<Side> => {
      const { name, host } = site;
      return { site, station: await startStation(sandbox, servers, { name, host }) };
    }),
  );
  if (a === undefined || b === undefined) throw new Error('two sides');
  await trustEachOther([[a.station, b.station]]);
  const over = new AbortController();
  const watch = await Watch.start([a.station, b.station], over.signal);
  let faults = 0;
  try {
    for (let round = 1; round <= rounds; round++) {
      const count = messages / 2;
      const flowing = Promise.all([
        sendAll(a, b, { name: `${round}a`, count, random: randomOfA }),
        sendAll(b, a, { name: `${round}b`, count, random: randomOfB }),
        transfer(a.station, b.station, {
          ...{ bytes: streamBytes, random: randomOfStream, stallMs: DELIVERY_TIMEOUT_MS },
          restMs: (count * MAX_BETWEEN_MESSAGES_MS) / 2,
        }),
      ]);
      const names = await goWrongWhile(flowing, faultsOf([a, b], servers), random);
      faults += names.length;
      const sentMs = performance.now();
      for (const { station } of [a, b]) {
        await untilDelivered(station.name, station.client, DELIVERY_TIMEOUT_MS);
      }
      checkReceived(`${round}a`, count, await takeInbox(b.station.client));
      checkReceived(`${round}b`, count, await takeInbox(a.station.client));
      report(
        `round ${round}/${rounds}: ${names.join(', ')}; ${messages} messages, ${streamBytes} bytes, ` +
          `all there ${Math.round(performance.now() - sentMs)} ms after the last; ${watch.describe()}`,
      );
    }
  } finally {
    over.abort();
    for (const { station } of [a, b]) station.client.close();
  }
  return { faults, ...watch.result };
}

function faultsOf(sides: readonly Side[], servers: Servers): Fault[] {
  const atSites = sides.flatMap(({ site }): Fault[] => [
    {
      name: `UDP blocked at ${site.name}`,
      begin: async () => site.blockUdp(),
      end: async () => site.unblockUdp(),
    },
    { name: `${site.name} forgot`, begin: async () => site.flushMappings() },
    {
      name: `outer address of ${site.name}`,
      begin: async () => site.changeOuterAddress(),
    },
    {
      name: `inner address of ${site.name}`,
      begin: async () => site.changeInnerAddress(),
    },
  ]);
  return [...atSites, { name: 'relay killed', begin: servers.restartRelay }];
}

async function goWrongWhile(
  flowing: Promise<unknown>,
  faults: readonly Fault[],
  random: RandomBytes,
): Promise<string[]> {
  const names: string[] = [];
  let isFlowing = true;
  const over = flowing.finally(() => {
    isFlowing = false;
  });
  // Whoever waits for it below hears of a failure; until then a fault may last.
  over.catch(() => undefined);
  do {
    await pause(MAX_CALM_MS * randomFraction(random));
    const fault = faults[Math.floor(faults.length * randomFraction(random))];
    if (fault === undefined) throw new Error('no fault');
    names.push(fault.name);
    await fault.begin();
    if (fault.end === undefined) continue;
    await pause(MAX_FAULT_MS * randomFraction(random));
    await fault.end();
  } while (isFlowing as boolean);
  await over;
  return names;
}

/** One after the other, so that there is an order. */
async function sendAll(
  { station }: Side,
  to: Side,
  { name, count, random }: { name: string; count: number; random: RandomBytes },
): Promise<void> {
  for (let number = 0; number < count; number++) {
    await station.client.send(to.station.id, messageText(name, number));
    await pause(MAX_BETWEEN_MESSAGES_MS * randomFraction(random));
  }
}

/** Memory and paths of the daemons while all of that happens. */
class Watch {
  #switches = 0;
  #firstRssMiB = 0;
  #mostRssMiB = 0;

  static async start(stations: readonly Station[], signal: AbortSignal): Promise<Watch> {
    const watch = new Watch();
    for (const { client } of stations) {
      const events = await client.subscribe(['path.opened', 'path.changed'], { signal });
      void (async () => {
        try {
          for await (const event of events) if (event.data.id !== '') watch.#switches += 1;
        } catch {
          // It is over, or the daemon is gone: the messages will tell.
        }
      })();
    }
    const sample = (): number => Math.max(...stations.map(rssMiBOf));
    watch.#firstRssMiB = sample();
    const timer = setInterval(() => {
      watch.#mostRssMiB = Math.max(watch.#mostRssMiB, sample());
    }, SAMPLE_MS);
    signal.addEventListener('abort', () => {
      clearInterval(timer);
    });
    return watch;
  }

  get result(): Omit<SwitchingResult, 'faults'> {
    return {
      switches: this.#switches,
      firstRssMiB: this.#firstRssMiB,
      mostRssMiB: this.#mostRssMiB,
    };
  }

  describe(): string {
    return `${this.#switches} switches, ${Math.round(this.#mostRssMiB)} MiB`;
  }
}

/** proc(5); 0 when it is gone, which the messages will tell. */
function rssMiBOf({ node }: Station): number {
  try {
    const { pid } = readPidFile(node.paths.pidFile) ?? { pid: 0 };
    const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kib ?? 0) / MIB;
  } catch {
    return 0;
  }
}
