/**
 * Many direct peers of one node: for each an ICE agent that keeps consent, a UDX stream over the node's one socket, and a
 * session over that. The peers are in one other process, each with a socket of its own. What a daemon keeps of a peer above
 * its session (trust, outbox, paths) is not in it.
 *
 *     node, one UDP socket ──┬── peer 1, a UDP socket
 *                            ├── peer 2
 *                            └── ...
 *
 * npm run bench -- direct-peers [peers, 500] [seconds idle, 20]
 */
import { randomBytes } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { fromHex, toHex } from '../src/base/bytes.ts';
import { systemClock } from '../src/base/system-clock.ts';
import { UdpUnderlay } from '../src/daemon/paths/udp-underlay.ts';
import type { UnderlayLink } from '../src/daemon/paths/underlay.ts';
import { foundationOf, priorityOf } from '../src/ice/candidate.ts';
import type { IceCredentials, IceRole } from '../src/ice/check-message.ts';
import { IceAgent } from '../src/ice/ice-agent.ts';
import { Identity } from '../src/identity/identity.ts';
import { Session } from '../src/session/session.ts';
import { LOOPBACK } from './support/direct-end.ts';
import { quantile, verdict } from './support/ratio.ts';
import { runRole, startRole } from './support/roles.ts';

/** What one peer is told of the other. */
interface Offer {
  readonly credentials: IceCredentials;
  readonly port: number;
  readonly streamId: number;
}

function newUnderlay(): UdpUnderlay {
  return new UdpUnderlay({
    ...{ port: 0, interfaces: 'loopback', families: ['v4'] },
    ...{ clock: systemClock, random: randomBytes },
  });
}

/** One side of one pair. The controlling one opens the session. */
class PeerEnd {
  readonly offer: Offer;
  readonly opened: Promise<void>;
  readonly session: Session;
  onBytes: () => void = () => undefined;
  readonly #underlay: UdpUnderlay;
  readonly #agent: IceAgent;
  readonly #role: IceRole;
  #remoteStreamId = 0;
  #link: UnderlayLink | undefined;

  constructor(
    underlay: UdpUnderlay,
    role: IceRole,
    identities: readonly [own: string, peer: string],
  ) {
    this.#underlay = underlay;
    this.#role = role;
    let onOpened: () => void = () => undefined;
    this.opened = new Promise((resolve) => (onOpened = resolve));
    const [own, remote] = identities.map((seed) => Identity.create(() => fromHex(seed), 0));
    if (own === undefined || remote === undefined) throw new Error('two identities');
    this.session = new Session({
      ...{ identity: own, remote: remote.chain, clock: systemClock, random: randomBytes },
      handlers: {
        admit: () => ({ accept: true }),
        opened: onOpened,
        refused: () => undefined,
        message: (body) => {
          this.#onMessage(body);
        },
        datagram: () => undefined,
        writable: () => undefined,
        rotated: () => undefined,
        closed: () => undefined,
      },
    });
    const port = underlay.port.portOf('v4') ?? 0;
    this.#agent = new IceAgent(
      {
        ...{ clock: systemClock, random: randomBytes, router: underlay.router },
        send: (bytes, base, to) => {
          underlay.send(bytes, base, to);
        },
      },
      { role, settings: { allowLoopback: true } },
      {
        selected: () => {
          this.#connect();
        },
        failed: ({ failure }) => {
          throw new Error(`no path: ${failure?.code ?? ''}`);
        },
        consentLost: () => {
          throw new Error('a path was lost');
        },
      },
    );
    this.#agent.addLocal({
      ...{ kind: 'host', base: 'v4', endpoint: { host: LOOPBACK, port } },
      ...{ priority: priorityOf('host', 1), foundation: foundationOf('host', LOOPBACK) },
    });
    this.offer = { credentials: this.#agent.credentials, port, streamId: underlay.newStreamId() };
  }

  meet({ credentials, port, streamId }: Offer): void {
    this.#remoteStreamId = streamId;
    this.#agent.setRemote(credentials);
    this.#agent.addRemote({
      ...{ kind: 'host', endpoint: { host: LOOPBACK, port } },
      ...{ priority: priorityOf('host', 1), foundation: foundationOf('host', LOOPBACK) },
    });
  }

  async roundTripUs(): Promise<number> {
    const startedMs = performance.now();
    await new Promise<void>((resolve) => {
      this.onBytes = resolve;
      this.session.send(randomBytes(100));
    });
    return (performance.now() - startedMs) * 1000;
  }

  #onMessage(body: Uint8Array): void {
    if (this.#role === 'controlled') this.session.send(body);
    else this.onBytes();
  }

  #connect(): void {
    const remote = this.#agent.selected?.remote.endpoint;
    if (remote === undefined || this.#link !== undefined) return;
    this.#link = this.#underlay.openLink(
      {
        ...{ base: 'v4', remote },
        ...{ localId: this.offer.streamId, remoteId: this.#remoteStreamId },
      },
      {
        packet: (packet) => {
          this.#agent.heard();
          this.session.receive(packet);
        },
        closed: (reason) => {
          throw new Error(`a link ended: ${reason}`);
        },
      },
    );
    this.session.setLink(this.#link);
    if (this.#role === 'controlling') this.session.open();
  }
}

/** Ready with what each peer offers; meets when it is told the node's offers. */
async function peersRole(seeds = ''): Promise<readonly Offer[]> {
  const [nodeSeed = '', ...peerSeeds] = seeds.split(',');
  const ends = peerSeeds.map((seed) => new PeerEnd(newUnderlay(), 'controlled', [seed, nodeSeed]));
  process.on('message', (offers: readonly Offer[]) => {
    for (const [i, end] of ends.entries()) {
      const offer = offers[i];
      if (offer !== undefined) end.meet(offer);
    }
    process.send?.('meeting');
  });
  return Promise.resolve(ends.map(({ offer }) => offer));
}

/** Without what a collection would free: the connecting leaves much. */
function residentKb(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().rss / 1024;
}

async function main(): Promise<void> {
  const [count = 500, idleSeconds = 20] = process.argv.slice(2).map(Number);
  const say = (line: string): void => {
    process.stdout.write(`${line}\n`);
  };
  const [nodeSeed = '', ...peerSeeds] = Array.from({ length: count + 1 }, () =>
    toHex(randomBytes(32)),
  );
  const underlay = newUnderlay();
  const peers = await startRole('peers', [nodeSeed, ...peerSeeds].join(','));
  const offers = peers.ready as readonly Offer[];
  const beforeKb = residentKb();
  const startedMs = performance.now();
  const ends = peerSeeds.map((seed) => new PeerEnd(underlay, 'controlling', [nodeSeed, seed]));
  peers.tell(ends.map(({ offer }) => offer));
  for (const [i, end] of ends.entries()) {
    const offer = offers[i];
    if (offer !== undefined) end.meet(offer);
  }
  await Promise.all(ends.map(async ({ opened }) => opened));
  const connectedMs = performance.now() - startedMs;
  const first = await Promise.all(ends.map(async (end) => end.roundTripUs()));
  const cpu = process.cpuUsage();
  await new Promise((resolve) => setTimeout(resolve, idleSeconds * 1000));
  const { user, system } = process.cpuUsage(cpu);
  const perPeerKb = (residentKb() - beforeKb) / count;
  const one: number[] = [];
  for (const end of ends) one.push(await end.roundTripUs());
  const load = (user + system) / 1e6 / idleSeconds;
  say(
    `${count} direct peers: connected in ${(connectedMs / 1000).toFixed(1)} s, ` +
      `${(connectedMs / count).toFixed(1)} ms each; answers from ${first.length}`,
  );
  say(
    `an idle one: ${perPeerKb.toFixed(0)} KB resident, ${((load / count) * 1e6).toFixed(0)} µs of processor a second`,
  );
  say(`all idle: ${(load * 100).toFixed(1)} % of a processor`);
  say(`100 B round trip with each in turn afterwards: p50 ${quantile(one, 0.5).toFixed(0)} µs`);
  say(`peers that answer: ${verdict(one.length, { atLeast: count })}`);
  await peers.stop();
}

if (!(await runRole({ peers: peersRole }))) {
  await main();
  process.exit(0);
}
