import { toHex } from '../../src/base/bytes.ts';
import { PilotError } from '../../src/base/pilot-error.ts';
import { systemClock } from '../../src/base/system-clock.ts';
import { silentLog } from '../../src/daemon/log/log.ts';
import { namesOfKey } from '../../src/daemon/names/node-names.ts';
import { PortCalls } from '../../src/daemon/streams/port-calls.ts';
import { Session } from '../../src/session/session.ts';
import { twoIdentities } from '../session/two-ends.ts';
import { seededRandom } from '../support/seeded-random.ts';

const nothing = (): void => undefined;

/** The ports of a node that knows nobody. */
export function lonelyPorts(): PortCalls {
  return new PortCalls({
    ...{ clock: systemClock, log: silentLog, namesOf: namesOfKey },
    peer: () => undefined,
    isTrusted: () => false,
    dropped: nothing,
    keyOf: async (target) =>
      Promise.reject(new PilotError('not_found', `this node does not know ${target}`)),
  });
}

export interface JoinedPorts {
  /** Each reaches the other as `peer`. */
  readonly ports: readonly [PortCalls, PortCalls];
  readonly sessions: readonly [Session, Session];
  /** What either dropped. */
  readonly drops: string[];
  close(): void;
}

/** The ports of two nodes with an open session between them, in memory, in real time. */
export async function joinedPorts(): Promise<JoinedPorts> {
  const identities = twoIdentities();
  const drops: string[] = [];
  const sessions: Session[] = [];
  const ports = [0, 1].map(
    (own) =>
      new PortCalls({
        ...{ clock: systemClock, log: silentLog, namesOf: namesOfKey },
        peer: () => {
          const session = sessions[own];
          return session && { open: async () => Promise.resolve(), session };
        },
        isTrusted: () => true,
        dropped: (reason) => drops.push(reason),
        keyOf: async () =>
          Promise.resolve(toHex(identities[1 - own]?.firstKey ?? new Uint8Array())),
      }),
  ) as unknown as [PortCalls, PortCalls];
  await new Promise<void>((opened) => {
    for (const own of [0, 1] as const) {
      const other = identities[1 - own] ?? identities[0];
      sessions.push(
        new Session({
          ...{ identity: identities[own], remote: other.chain, clock: systemClock },
          random: seededRandom(own + 1),
          handlers: {
            ...{ admit: () => ({ accept: true }), refused: nothing, message: nothing },
            ...{ writable: nothing, rotated: nothing, closed: nothing },
            opened: () => {
              if (own === 1) opened();
            },
            ...ports[own].handlersOf(toHex(other.firstKey)),
          },
        }),
      );
    }
    for (const [own, session] of sessions.entries()) {
      session.setLink({
        ...{ kind: 'relay', maxPacketBytes: 2 ** 21 },
        send: (packet) => {
          setImmediate(() => sessions[1 - own]?.receive(packet));
        },
      });
    }
    sessions[0]?.open();
  });
  return {
    ports,
    sessions: sessions as unknown as [Session, Session],
    drops,
    close: () => {
      for (const session of sessions) session.close();
    },
  };
}
