/** The data channels of a node: their library in its own process, their datagrams over the node's sockets. */
import type { Cancel, Clock } from '../../base/clock.ts';
import type { Endpoint } from '../../base/endpoint.ts';
import type { RandomBytes } from '../../base/random.ts';
import { WebRtcDemux } from '../links/webrtc-demux.ts';
import { WebRtcLink } from '../links/webrtc-link.ts';
import { WebRtcProcess } from '../links/webrtc-process.ts';
import type { ChannelHandlers, UnderlayChannel } from './underlay.ts';

export interface WebRtcChannelsOptions {
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly send: (bytes: Uint8Array, base: string, to: Endpoint) => void;
  /** Default: the one that is built beside the daemon's. */
  readonly program?: string | undefined;
}

export class WebRtcChannels {
  readonly #options: WebRtcChannelsOptions;
  readonly #process: WebRtcProcess;
  readonly #demux = new WebRtcDemux();
  readonly #links = new Set<WebRtcLink>();

  constructor(options: WebRtcChannelsOptions) {
    this.#options = options;
    this.#process = new WebRtcProcess(options.clock, options.program);
  }

  open(isClient: boolean, handlers: ChannelHandlers): UnderlayChannel {
    const { clock, random, send } = this.#options;
    let unregister: Cancel = () => undefined;
    const link = new WebRtcLink({
      ...{ process: this.#process, clock, random, isClient },
      handlers: {
        ...handlers,
        closed: (reason, detail) => {
          unregister();
          this.#links.delete(link);
          handlers.closed(reason, detail);
        },
      },
    });
    this.#links.add(link);
    const close = async (): Promise<void> => {
      await link.close();
      unregister();
      this.#links.delete(link);
    };
    return {
      ...{ kind: link.kind, maxPacketBytes: link.maxPacketBytes, close },
      accept: (fingerprint) => {
        link.accept(fingerprint);
      },
      use: (base, remote) => {
        unregister = this.#demux.register(base, remote, (bytes) => {
          link.receive(bytes);
        });
        link.use((bytes) => {
          send(bytes, base, remote);
        });
      },
      send: (packet) => {
        link.send(packet);
      },
    };
  }

  /** False: it is not DTLS. */
  receive(bytes: Uint8Array, base: string, from: Endpoint): boolean {
    return this.#demux.receive(bytes, base, from);
  }

  /** Ends the channels and the process. Resolves when it is gone; may be called twice. */
  async close(): Promise<void> {
    await Promise.all([...this.#links].map(async (link) => link.close()));
    await this.#process.stop();
  }
}
