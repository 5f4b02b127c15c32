import { Counter, Gauge, Histogram, Registry } from 'prom-client';

import type { Config } from '../home/config.ts';
import type { NodeApi, NodeCounters } from './node/node-api.ts';

export type MetricsFamily = Config['observability']['metrics'][number];

/** From a neighbour on the same host to the far side of a satellite. */
const ROUND_TRIP_BUCKETS_SECONDS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5, 10,
];

/** What `/metrics` shows: the node's own counters, read when somebody asks, in the families wanted. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #node: NodeApi;
  #totals: NodeCounters;

  constructor(node: NodeApi, families: readonly MetricsFamily[], version: string) {
    this.#node = node;
    this.#totals = node.counters();
    this.#addProcess(version);
    for (const family of new Set(families)) this.#addFamily(family);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  async text(): Promise<string> {
    // Once for all metrics: the node adds its totals up anew each time.
    this.#totals = this.#node.counters();
    return this.#registry.metrics();
  }

  #addFamily(family: MetricsFamily): void {
    switch (family) {
      case 'connection_state':
        this.#addConnectionState();
        return;
      case 'round_trip_latency':
        this.#addRoundTrips();
        return;
      case 'relay_usage_ratio':
        this.#gauge('relay_usage_ratio', 'Part of all packets that went over a relay', (totals) =>
          ratio(totals.packetsOverRelay, totals.packetsSent + totals.packetsReceived),
        );
        return;
      case 'message_success_rate':
        this.#addMessages();
        return;
      case 'queues':
        this.#addQueues();
        return;
      case 'drops':
        this.#counter('drops_total', 'What was dropped, by reason', 'reason', ({ drops }) => drops);
        return;
    }
  }

  #addProcess(version: string): void {
    const registers = [this.#registry];
    const info = { name: 'pilot_build_info', help: 'Always 1', labelNames: ['version'], registers };
    new Gauge(info).set({ version }, 1);
    new Gauge({
      ...{ name: 'process_resident_memory_bytes', help: 'Resident memory', registers },
      collect() {
        this.set(process.memoryUsage.rss());
      },
    });
    new Gauge({
      ...{ name: 'process_start_time_seconds', help: 'Unix time of the start', registers },
    }).set(Math.round(Date.now() / 1000 - process.uptime()));
  }

  #addConnectionState(): void {
    const node = this.#node;
    new Gauge({
      name: 'pilot_connection_state',
      help: '1 while logged in at the relay',
      labelNames: ['relay'],
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const { url, state } of node.relays()) {
          this.set({ relay: url }, state === 'online' ? 1 : 0);
        }
      },
    });
    this.#gauge('sessions_open', 'Sessions with peers', (totals) => totals.sessionsOpen);
    this.#addPaths();
    this.#addStreams();
  }

  #addPaths(): void {
    this.#gauge('direct_ratio', 'Part of all sessions that no relay carries', (totals) =>
      ratio(totals.sessionsDirect, totals.sessionsOpen),
    );
    this.#gauge(
      'direct_path_missing',
      'Peers that should be reached directly and are not (nat_traversal: required)',
      (totals) => totals.pathAlarms.no_direct_path,
    );
    this.#gauge(
      'path_slow',
      'Peers whose path is slower than max_latency_ms',
      (totals) => totals.pathAlarms.slow_path,
    );
    this.#counter(
      'path_changes_total',
      'Sessions that moved, by their path',
      'path',
      (totals) => totals.pathChanges,
    );
    this.#counter(
      'path_attempts_total',
      'Searches for a direct path',
      'outcome',
      (totals) => totals.pathAttempts,
    );
    this.#counter(
      'path_losses_total',
      'Direct paths lost while in use',
      'reason',
      (totals) => totals.pathLosses,
    );
  }

  #addStreams(): void {
    this.#gauge('streams_open', 'Streams with peers', ({ streams }) => streams.open);
    this.#counter(
      'streams_total',
      'Streams that were opened, by which side did',
      'direction',
      ({ streams }) => streams.opened,
    );
    this.#counter(
      'stream_resets_total',
      'Streams that were refused or cut short',
      'reason',
      ({ streams }) => streams.resets,
    );
    this.#counter('stream_bytes_total', 'Bytes of streams', 'direction', ({ streams }) => [
      ['sent', streams.bytesSent],
      ['received', streams.bytesReceived],
    ]);
  }

  #addRoundTrips(): void {
    const histogram = new Histogram({
      name: 'pilot_round_trip_seconds',
      help: 'Round trips to peers: pings and message acknowledgements',
      buckets: ROUND_TRIP_BUCKETS_SECONDS,
      registers: [this.#registry],
    });
    this.#node.onRoundTrip = (rttMs) => {
      histogram.observe(rttMs / 1000);
    };
  }

  #addMessages(): void {
    this.#counter('messages_total', 'Messages that came to a status', 'status', (totals) =>
      Object.entries(totals.messagesByStatus),
    );
    this.#gauge(
      'message_success_rate',
      'Part of all finished messages that were delivered; the others are dead letters',
      ({ messagesByStatus: { delivered, dead } }) => ratio(delivered, delivered + dead),
    );
  }

  #addQueues(): void {
    const gauges: [string, string, (totals: NodeCounters) => number][] = [
      ['outbox_messages', 'Messages not delivered', (totals) => totals.outboxMessages],
      ['outbox_bytes', 'Their payloads', (totals) => totals.outboxBytes],
      ['inbox_messages', 'Messages received and kept', (totals) => totals.inboxMessages],
      ['inbox_bytes', 'Their payloads', (totals) => totals.inboxBytes],
      ['inbox_unread', 'Those not read', (totals) => totals.inboxUnread],
      ['pending_trust', 'Trust requests without an answer', (totals) => totals.pendingTrust],
    ];
    for (const [name, help, read] of gauges) this.#gauge(name, help, read);
  }

  #gauge(name: string, help: string, read: (totals: NodeCounters) => number): void {
    const totals = (): NodeCounters => this.#totals;
    new Gauge({
      ...{ name: `pilot_${name}`, help, registers: [this.#registry] },
      collect() {
        this.set(read(totals()));
      },
    });
  }

  /** A total that the node counts itself, one value per label. */
  #counter(
    name: string,
    help: string,
    label: string,
    read: (totals: NodeCounters) => Iterable<readonly [string, number]>,
  ): void {
    const totals = (): NodeCounters => this.#totals;
    new Counter({
      ...{ name: `pilot_${name}`, help, labelNames: [label], registers: [this.#registry] },
      collect() {
        this.reset();
        for (const [value, total] of read(totals())) this.inc({ [label]: value }, total);
      },
    });
  }
}

/** Not a number while there is nothing to divide: neither all nor none of nothing. */
function ratio(part: number, whole: number): number {
  return whole === 0 ? Number.NaN : part / whole;
}
