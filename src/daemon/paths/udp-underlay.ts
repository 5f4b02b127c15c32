import type { Clock } from '../../base/clock.ts';
import type { Endpoint } from '../../base/endpoint.ts';
import { PilotError } from '../../base/pilot-error.ts';
import type { RandomBytes } from '../../base/random.ts';
import type { LocalBase } from '../../ice/base-gatherer.ts';
import { StunRouter } from '../../ice/stun-router.ts';
import { DirectLink } from '../links/direct-link.ts';
import { type Base, UdpPort, type UdpPortOptions } from '../links/udp-port.ts';
import type {
  ChannelHandlers,
  LinkAddress,
  LinkHandlers,
  Underlay,
  UnderlayChannel,
  UnderlayLink,
} from './underlay.ts';
import { WebRtcChannels } from './webrtc-channels.ts';

export interface UdpUnderlayOptions extends Omit<UdpPortOptions, 'datagram'> {
  readonly clock: Clock;
  readonly random: RandomBytes;
  /** Which links there are; `auto`: both, and UDX wherever the peer has it. */
  readonly transport?: 'auto' | 'udx' | 'webrtc';
  /** Of the process with the WebRTC library; default: built beside the daemon's. */
  readonly webrtcProgram?: string;
}

/**
 * The node's sockets of this host: links are UDX streams or data channels, whose DTLS is told from STUN by
 * the first byte; all other datagrams go to the STUN router.
 */
export class UdpUnderlay implements Underlay {
  readonly router = new StunRouter();
  readonly port: UdpPort;
  readonly hasStreams: boolean;
  readonly #clock: Clock;
  readonly #random: RandomBytes;
  readonly #channels: WebRtcChannels | undefined;

  /** Binds. PilotError `unavailable` when neither address family can be used. */
  constructor(options: UdpUnderlayOptions) {
    this.#clock = options.clock;
    this.#random = options.random;
    const { clock, random, transport = 'auto', webrtcProgram: program } = options;
    this.hasStreams = transport !== 'webrtc';
    this.port = new UdpPort({
      ...options,
      datagram: (bytes, base, from) => {
        const isTaken = this.#channels?.receive(bytes, base, from) === true;
        if (!isTaken) this.router.receive(bytes, base, from);
      },
    });
    if (transport === 'udx') return;
    this.#channels = new WebRtcChannels({
      ...{ clock, random, program },
      send: (bytes, base, to) => {
        this.send(bytes, base, to);
      },
    });
  }

  get bases(): readonly LocalBase[] {
    return (['v4', 'v6'] as const).flatMap((name) => {
      const port = this.port.portOf(name);
      return port === undefined ? [] : [{ name, family: name, port }];
    });
  }

  send(bytes: Uint8Array, base: string, to: Endpoint): void {
    if (isBase(base)) this.port.send(bytes, base, to);
  }

  openExtra(count: number): readonly string[] {
    return this.port.openExtra(count);
  }

  closeExtra(bases: readonly string[]): void {
    this.port.closeExtra(bases.filter(isBase));
  }

  newStreamId(): number {
    return this.port.newStreamId(this.#random);
  }

  openLink(address: LinkAddress, handlers: LinkHandlers): UnderlayLink {
    const { base, remote } = address;
    if (!isBase(base) || !this.port.reaches(base, remote)) {
      throw new PilotError('unavailable', `the socket ${base} does not reach ${remote.host}`, {
        hint: 'See which address families this host has: pilotctl netcheck',
      });
    }
    return new DirectLink({ ...address, base, port: this.port, clock: this.#clock, handlers });
  }

  openChannel(isClient: boolean, handlers: ChannelHandlers): UnderlayChannel | undefined {
    return this.#channels?.open(isClient, handlers);
  }

  /** Ends the links, too. Resolves when every socket is closed; may be called twice. */
  async close(): Promise<void> {
    await this.#channels?.close();
    await this.port.close();
  }
}

function isBase(name: string): name is Base {
  return /^(?:v4|v6|punch-\d+)$/.test(name);
}
