import { describe, expect, test } from 'vitest';

import { Metrics, type MetricsFamily } from '../../src/daemon/metrics.ts';
import { FakeNode, RELAY } from './fake-node.ts';

/** The samples of ours, by name with labels. */
async function samplesOf(metrics: Metrics): Promise<Record<string, number>> {
  const lines = (await metrics.text()).split('\n').filter((line) => line.startsWith('pilot_'));
  const samples = lines.map((line): [string, number] => {
    const space = line.lastIndexOf(' ');
    return [line.slice(0, space), Number(line.slice(space + 1).replace('Nan', 'NaN'))];
  });
  return Object.fromEntries(samples);
}

const BUILD = { 'pilot_build_info{version="1.2.3"}': 1 };

const SESSIONS = {
  ...{ pilot_sessions_open: 4, pilot_direct_ratio: 0.75 },
  ...{ pilot_direct_path_missing: 2, pilot_path_slow: 1 },
  'pilot_path_changes_total{path="direct"}': 5,
  'pilot_path_attempts_total{outcome="no_answer"}': 2,
  'pilot_path_losses_total{reason="consent_lost"}': 1,
  pilot_streams_open: 2,
  'pilot_streams_total{direction="incoming"}': 3,
  'pilot_stream_resets_total{reason="cancelled"}': 1,
  'pilot_stream_bytes_total{direction="sent"}': 300,
  'pilot_stream_bytes_total{direction="received"}': 400,
};

const FAMILIES: [MetricsFamily, Record<string, number>][] = [
  ['connection_state', { 'pilot_connection_state{relay="wss://relay.example"}': 1, ...SESSIONS }],
  ['relay_usage_ratio', { pilot_relay_usage_ratio: 0.5 }],
  [
    'message_success_rate',
    {
      'pilot_messages_total{status="queued"}': 1,
      'pilot_messages_total{status="sent"}': 2,
      'pilot_messages_total{status="stored"}': 3,
      'pilot_messages_total{status="delivered"}': 9,
      'pilot_messages_total{status="dead"}': 1,
      pilot_message_success_rate: 0.9,
    },
  ],
  [
    'queues',
    {
      ...{ pilot_outbox_messages: 6, pilot_outbox_bytes: 600, pilot_pending_trust: 1 },
      ...{ pilot_inbox_messages: 4, pilot_inbox_bytes: 400, pilot_inbox_unread: 2 },
    },
  ],
  ['drops', { 'pilot_drops_total{reason="replayed"}': 7 }],
];

describe('each family of the configuration brings its metrics and no others', () => {
  test.each(FAMILIES)('%s', async (family, samples) => {
    expect(await samplesOf(new Metrics(new FakeNode(), [family], '1.2.3'))).toEqual({
      ...BUILD,
      ...samples,
    });
  });

  test('none', async () => {
    expect(await samplesOf(new Metrics(new FakeNode(), [], '1.2.3'))).toEqual(BUILD);
  });
});

test('round trips are counted where they fall', async () => {
  const node = new FakeNode();
  const metrics = new Metrics(node, ['round_trip_latency'], '1.2.3');
  for (const rttMs of [0.5, 4, 4.5, 30_000]) node.onRoundTrip(rttMs);
  expect(await samplesOf(metrics)).toMatchObject({
    'pilot_round_trip_seconds_bucket{le="0.001"}': 1,
    'pilot_round_trip_seconds_bucket{le="0.005"}': 3,
    'pilot_round_trip_seconds_bucket{le="10"}': 3,
    'pilot_round_trip_seconds_bucket{le="+Inf"}': 4,
    pilot_round_trip_seconds_count: 4,
    pilot_round_trip_seconds_sum: 30.009,
  });
});

test('every scrape shows the present: totals are not added up, relays that went are gone', async () => {
  const node = new FakeNode();
  const metrics = new Metrics(node, ['connection_state', 'drops'], '1.2.3');
  await metrics.text();
  node.relayViews = [{ ...RELAY, url: 'wss://other.example', state: 'waiting' }];
  node.totals = { ...node.totals, drops: new Map([['replayed', 8]]) };
  expect(await samplesOf(metrics)).toEqual({
    ...BUILD,
    'pilot_connection_state{relay="wss://other.example"}': 0,
    ...SESSIONS,
    'pilot_drops_total{reason="replayed"}': 8,
  });
});

test('rates of nothing are not a number', async () => {
  const node = new FakeNode();
  node.totals = {
    ...node.totals,
    ...{ packetsSent: 0, packetsReceived: 0, packetsOverRelay: 0 },
    ...{ sessionsOpen: 0, sessionsDirect: 0 },
    messagesByStatus: { queued: 0, sent: 0, stored: 0, delivered: 0, dead: 0 },
  };
  const families = ['relay_usage_ratio', 'message_success_rate', 'connection_state'] as const;
  const metrics = new Metrics(node, families, '1.2.3');
  expect(await samplesOf(metrics)).toMatchObject({
    pilot_relay_usage_ratio: Number.NaN,
    pilot_direct_ratio: Number.NaN,
    pilot_message_success_rate: Number.NaN,
  });
});

test('a scraper is told the format, and how the process fares', async () => {
  const metrics = new Metrics(new FakeNode(), [], '1.2.3');
  expect(metrics.contentType).toBe('text/plain; version=0.0.4; charset=utf-8');
  const text = await metrics.text();
  expect(text).toMatch(/^# TYPE pilot_build_info gauge$/m);
  expect(text).toMatch(/^process_resident_memory_bytes \d{7,}$/m);
  expect(text).toMatch(/^process_start_time_seconds \d{10}$/m);
});
