import { readFileSync } from 'node:fs';

import { describeError, PilotError } from '../base/pilot-error.ts';
import type { Config } from '../home/config.ts';
import { RelayClient } from '../relay/client.ts';
import { dialWebSocket } from '../relay/dial-websocket.ts';
import type { DaemonNode, NodeDeps } from './daemon.ts';
import { ReceivedFolder } from './files/received-folder.ts';
import type { QuotaLimits } from './files/received-quota.ts';
import { ReceivedView } from './files/received-view.ts';
import { openNetcheck } from './netcheck/open-netcheck.ts';
import { PilotNode } from './node/node.ts';
import type { NodeSettings } from './node/node-settings.ts';
import { openNetwork } from './paths/open-network.ts';
import { Echo } from './services/echo.ts';
import { EventStreamService } from './services/event-stream-service.ts';
import { openDataExchange } from './services/open-data-exchange.ts';
import { Services } from './services/services.ts';
import { Store } from './store/store.ts';
import { openSubscribers, openTopics } from './topics/open-topics.ts';
import { Tunnels } from './tunnels/tunnels.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** The node of this host: its store on disk, its relays over WebSockets, on its way to them. */
export async function openNode(deps: NodeDeps): Promise<DaemonNode> {
  const { config, identity, dataFolder, log, clock, random, env } = deps;
  const ca = certificatesOf(config);
  const relays = newRelays(deps, ca);
  const storage = Store.open(dataFolder);
  try {
    const settings = nodeSettings(config);
    const open = openNetwork({ config, storage, relays, clock, random, log });
    const network = open?.network;
    const node = new PilotNode({
      identity,
      storage,
      clock,
      random,
      log,
      settings,
      relays,
      network,
    });
    const probeRelays = (): void => {
      for (const relay of relays) relay.probe();
    };
    const reviveRelays = (): void => {
      for (const relay of relays) relay.networkChanged();
    };
    // A connection from an address that is gone, or by a NAT that forgot it, tells nothing by itself.
    network?.events.on('changed', reviveRelays);
    network?.events.on('suspected', probeRelays);
    for (const relay of relays) {
      relay.on('online', () => {
        network?.refresh('a relay is online');
      });
    }
    const netcheck = openNetcheck({ config, relays, ca, clock, random, log, env });
    const tunnels = new Tunnels({ node, storage, clock, log });
    const folder = new ReceivedFolder({
      root: deps.receivedFolder,
      clock,
      limits: filesOf(config),
    });
    const topicDeps = { node, storage, clock, random, log, limits: settings };
    const topics = openTopics(topicDeps);
    const services = new Services(config.services, {
      echo: () => new Echo({ ports: node.ports, clock }),
      data_exchange: () =>
        openDataExchange({
          node,
          folder,
          maxMessageBytes: settings.send.maxPayloadBytes,
          clock,
          random,
          log,
        }),
      event_stream: () =>
        new EventStreamService({
          ...{ ports: node.ports, clock, broker: topics.broker },
          durable: openSubscribers(topicDeps, topics.broker),
          rate: { perSecond: config.events.publish_per_second, burst: config.events.publish_burst },
        }),
    });
    await tunnels.start();
    node.start();
    return {
      api: node,
      netcheck: async (request, signal) => netcheck.run(request, signal),
      topics,
      tunnels,
      received: new ReceivedView(folder, clock),
      onWake: () => {
        reviveRelays();
        network?.refresh('wake');
      },
      onKeyRotated: () => {
        node.keyRotated();
      },
      stop: async () => {
        topics.close();
        await tunnels.stop();
        await services.stop();
        await node.stop();
        await open?.close();
        await storage.close();
      },
    };
  } catch (error) {
    await storage.close();
    throw error;
  }
}

function newRelays(
  { config, identity, clock, random, log }: NodeDeps,
  ca: string | undefined,
): RelayClient[] {
  const { relays, relay_token: token } = config.protocol.connection;
  const settings = { ...(token !== '' && { token }), ca };
  const options = { identity, clock, random, log, settings, dial: dialWebSocket };
  const clients = relays.map((url) => new RelayClient({ ...options, url }));
  // One relay in two spellings would take our own second login for somebody else's.
  return [...new Map(clients.map((client) => [client.url, client])).values()];
}

/** That relays are trusted by; undefined: the system's. */
function certificatesOf({ protocol }: Config): string | undefined {
  const { relay_ca_file: file } = protocol.connection;
  return file === '' ? undefined : readCertificates(file);
}

function readCertificates(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw unusable(file, describeError(cause), cause);
  }
  if (!text.includes('-----BEGIN CERTIFICATE-----')) throw unusable(file, 'it has no certificate');
  return text;
}

function unusable(file: string, fault: string, cause?: unknown): PilotError {
  return new PilotError('invalid_argument', `relay_ca_file ${file}: ${fault}`, {
    hint: 'protocol.connection.relay_ca_file names a PEM file of the authority to trust',
    cause,
  });
}

function filesOf({ files }: Config): QuotaLimits {
  return { maxBytes: files.received_max_mb * MIB, maxFiles: files.received_max_files };
}

function nodeSettings({ node, network, protocol, trust, messaging }: Config): NodeSettings {
  const { retry_policy: retry, inbox, outbox } = messaging;
  return {
    hostname: node.hostname,
    trust: {
      autoApprove: trust.auto_approve,
      maxPending: trust.max_pending,
      requestsPerSourceHour: trust.requests_per_source_hour,
    },
    send: { maxPayloadBytes: messaging.max_payload_kb * KIB, expiryMs: messaging.expiry },
    retry: {
      maxAttempts: retry.max_attempts,
      multiplier: retry.backoff_multiplier,
      jitter: retry.jitter,
      initialMs: retry.initial_delay,
      maxMs: retry.max_delay,
    },
    inbox: { maxMessages: inbox.max_messages, maxBytes: inbox.max_mb * MIB },
    outbox: { maxMessages: outbox.max_messages, maxBytes: outbox.max_mb * MIB },
    handshakeTimeoutMs: protocol.connection.handshake_timeout_ms,
    paths: {
      isDirectRequired: network.nat_traversal === 'required',
      mayRelay: protocol.connection.relay_fallback,
      isStatic: network.topology === 'static',
      maxLatencyMs: network.max_latency_ms,
    },
  };
}
