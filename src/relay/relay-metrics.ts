import { Gauge, Registry } from 'prom-client';

import type { MailboxSize } from './mailbox.ts';
import type { RelayCounters } from './relay-counters.ts';

export interface RelayGauges {
  readonly counters: RelayCounters;
  readonly connections: () => number;
  readonly nodes: () => number;
  readonly mailbox: () => Promise<MailboxSize>;
  /** Empty without a STUN server. */
  readonly stun: () => Readonly<Record<string, number>>;
}

/** Prometheus metrics, read from the counters only when somebody asks. */
export class RelayMetrics {
  readonly #registry = new Registry();

  constructor({ counters, connections, nodes, mailbox, stun }: RelayGauges) {
    this.#value('pilot_relay_connections', 'Open connections, logged in or not.', connections);
    this.#value('pilot_relay_nodes', 'Nodes that are logged in.', nodes);
    this.#value('pilot_relay_frames_received_total', 'WebSocket messages from nodes.', () => {
      return counters.framesIn;
    });
    this.#value('pilot_relay_bytes_received_total', 'Bytes of those messages.', () => {
      return counters.bytesIn;
    });
    this.#value('pilot_relay_frames_forwarded_total', 'Frames passed on to a peer.', () => {
      return counters.framesForwarded;
    });
    this.#value('pilot_relay_bytes_forwarded_total', 'Bytes of those frames.', () => {
      return counters.bytesForwarded;
    });
    this.#value('pilot_relay_envelopes_stored_total', 'Envelopes taken in for a node.', () => {
      return counters.envelopesStored;
    });
    this.#value('pilot_relay_envelopes_delivered_total', 'Envelopes sent to their node.', () => {
      return counters.envelopesDelivered;
    });
    this.#value(
      'pilot_relay_mailbox_envelopes',
      'Envelopes waiting in all mailboxes.',
      async () => {
        return (await mailbox()).envelopes;
      },
    );
    this.#value('pilot_relay_mailbox_bytes', 'Bytes waiting in all mailboxes.', async () => {
      return (await mailbox()).bytes;
    });
    this.#byLabel('pilot_relay_drops_total', 'What went nowhere, by reason.', 'reason', () => {
      return counters.drops;
    });
    this.#byLabel('pilot_relay_logins_total', 'Logins, by result.', 'result', () => {
      return counters.logins;
    });
    this.#byLabel('pilot_relay_stun_total', 'STUN datagrams, by outcome.', 'outcome', () => {
      return new Map(Object.entries(stun()));
    });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  async text(): Promise<string> {
    return this.#registry.metrics();
  }

  #value(name: string, help: string, read: () => number | Promise<number>): void {
    new Gauge({
      name,
      help,
      registers: [this.#registry],
      async collect() {
        this.set(await read());
      },
    });
  }

  #byLabel(
    name: string,
    help: string,
    label: string,
    read: () => ReadonlyMap<string, number>,
  ): void {
    new Gauge({
      name,
      help,
      labelNames: [label],
      registers: [this.#registry],
      collect() {
        for (const [value, total] of read()) this.set({ [label]: value }, total);
      },
    });
  }
}
