import { expect, test } from 'vitest';

import { PilotError } from '../../../src/base/pilot-error.ts';
import { PathTransport } from '../../../src/daemon/paths/path-transport.ts';
import type { ChannelHandlers, Underlay } from '../../../src/daemon/paths/underlay.ts';
import type { SelectedPair } from '../../../src/ice/ice-settings.ts';
import type { LinkLoad } from '../../../src/session/link.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { SimUnderlay } from '../../support/nat/sim-underlay.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const FINGERPRINT = '0f'.repeat(32);
const pair: SelectedPair = {
  base: 'v4',
  remote: {
    kind: 'host',
    endpoint: { host: '192.0.2.1', port: 4000 },
    priority: 1,
    foundation: 'x',
  },
  mapped: undefined,
  rttMs: 20,
};

/** A side whose channel, if it opens one, is played by the test. */
class Side {
  readonly clock = new ManualClock();
  readonly told: string[] = [];
  readonly underlay: Underlay;
  readonly transport: PathTransport;
  channel: ChannelHandlers | undefined;

  constructor(options: {
    isOffering: boolean;
    hasStreams: boolean;
    hasChannels: boolean | PilotError;
  }) {
    const openChannel: Underlay['openChannel'] = (isClient, handlers) => {
      if (options.hasChannels instanceof PilotError) throw options.hasChannels;
      if (!options.hasChannels) return undefined;
      this.told.push(`channel as ${isClient ? 'client' : 'server'}`);
      this.channel = handlers;
      return {
        ...{ kind: 'webrtc', maxPacketBytes: 1_000_000 },
        accept: (fingerprint) => this.told.push(`accept ${fingerprint.slice(0, 4)}`),
        use: (base, { host }) => this.told.push(`use ${base} ${host}`),
        send: () => this.told.push('send'),
        close: async () => {
          this.told.push('close');
          return Promise.resolve();
        },
      };
    };
    const { clock, told } = this;
    const { hasStreams, isOffering } = options;
    const random = seededRandom(3);
    this.underlay = new SimUnderlay([], { clock, random, hasStreams, openChannel });
    this.transport = new PathTransport({
      ...{ clock, isOffering, underlay: this.underlay },
      handlers: {
        tellFingerprint: (fingerprint) => told.push(`tell ${fingerprint.slice(0, 4)}`),
        up: () => told.push('up'),
        sent: () => told.push('sent'),
        packet: (packet) => told.push(`packet ${packet.length}`),
        ended: (code) => told.push(`ended ${code}`),
      },
    });
  }

  takeTold(): string[] {
    return this.told.splice(0);
  }
}

test('without UDX the channel is made at once, and the client begins a round trip after its pair', () => {
  const side = new Side({ isOffering: true, hasStreams: false, hasChannels: true });
  expect(side.transport.terms).toEqual({});
  side.transport.told();
  expect(side.takeTold()).toEqual(['channel as client']);
  side.channel?.described(FINGERPRINT);
  side.transport.agree({ streamId: 7 });
  side.transport.accept(FINGERPRINT);
  expect(side.takeTold()).toEqual(['tell 0f0f', 'accept 0f0f']);
  side.transport.use(pair, true);
  side.clock.advance(49);
  expect(side.takeTold()).toEqual([]);
  side.clock.advance(1);
  expect(side.takeTold()).toEqual(['use v4 192.0.2.1']);
  expect(side.transport.link).toBeUndefined();
  side.channel?.opened();
  side.channel?.packet(new Uint8Array(3));
  side.transport.link?.send(new Uint8Array(1));
  expect(side.takeTold()).toEqual(['up', 'packet 3', 'sent', 'send']);
  expect(side.transport.link?.kind).toBe('webrtc');
});

test('with UDX a channel is made for a peer without, and the server listens at once', () => {
  const side = new Side({ isOffering: false, hasStreams: true, hasChannels: true });
  side.transport.told();
  expect(side.takeTold()).toEqual([]);
  expect(side.transport.terms.streamId).toBeGreaterThan(0);
  side.transport.agree({});
  side.transport.use(pair, false);
  expect(side.takeTold()).toEqual(['channel as server', 'use v4 192.0.2.1']);
});

test('UDX on both sides opens no channel', () => {
  const side = new Side({ isOffering: true, hasStreams: true, hasChannels: true });
  side.transport.told();
  side.transport.agree({ streamId: 7 });
  expect(side.takeTold()).toEqual([]);
});

test('neither the one nor the other on both sides is an end', () => {
  const side = new Side({ isOffering: false, hasStreams: true, hasChannels: false });
  side.transport.agree({});
  expect(side.takeTold()).toEqual(['ended no_common_transport']);
});

test('a system that gives no channel is an end with a reason', () => {
  const hasChannels = new PilotError('unavailable', 'too many open files');
  const side = new Side({ isOffering: false, hasStreams: true, hasChannels });
  side.transport.agree({});
  side.transport.use(pair, false);
  expect(side.takeTold()).toEqual(['ended link_failed']);
});

test('the end of the channel is told once, and not after close', async () => {
  const side = new Side({ isOffering: false, hasStreams: false, hasChannels: true });
  side.transport.agree({});
  side.takeTold();
  side.channel?.closed('process_ended', 'killed');
  side.channel?.closed('process_ended', 'killed');
  expect(side.takeTold()).toEqual(['ended link_process_ended']);

  const other = new Side({ isOffering: false, hasStreams: false, hasChannels: true });
  other.transport.agree({});
  await other.transport.close();
  other.channel?.described(FINGERPRINT);
  other.channel?.opened();
  other.channel?.closed('channel_closed', 'closed');
  expect(other.takeTold()).toEqual(['channel as server', 'close']);
});

test('the session is told what the link of now has under way, as long as it is there', () => {
  const { transport, clock, underlay } = new Side({
    ...{ isOffering: true, hasStreams: true, hasChannels: false },
  });
  let load: LinkLoad | undefined = { underWayBytes: 1000, isResting: false };
  underlay.openLink = () => ({
    ...{ kind: 'direct', maxPacketBytes: 1_000_000, rttMs: 20 },
    get load() {
      return load;
    },
    send: () => undefined,
    close: async () => Promise.resolve(),
  });
  transport.agree({ streamId: 7 });
  transport.use(pair, true);
  clock.advance(50);
  expect(transport.link?.load).toEqual({ underWayBytes: 1000, isResting: false });
  load = { underWayBytes: 0, isResting: true };
  expect(transport.link?.load).toEqual({ underWayBytes: 0, isResting: true });
  load = undefined;
  expect(transport.link).toMatchObject({ kind: 'direct', load: undefined });
});
