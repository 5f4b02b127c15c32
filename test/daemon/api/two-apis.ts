import { onTestFinished } from 'vitest';

import { PilotClient, type PilotStream, type StreamListener } from '../../../src/client/client.ts';
import { type JoinedPorts, joinedPorts } from '../joined-ports.ts';
import { type ApiOptions, type Fixture, startApi } from './api-fixture.ts';

export interface Two extends JoinedPorts {
  readonly daemons: readonly [Fixture, Fixture];
  readonly alice: PilotClient;
  readonly bob: PilotClient;
}

/** Two local APIs over nodes that are joined in memory; either knows the other as `peer`. */
export async function two(options?: ApiOptions): Promise<Two> {
  const joined = await joinedPorts();
  const daemons = [await startApi(options), await startApi(options)] as const;
  for (const i of [0, 1] as const) daemons[i].node.ports = joined.ports[i];
  const [alice, bob] = daemons.map(({ socketPath }) => new PilotClient({ socketPath }));
  if (alice === undefined || bob === undefined) throw new Error('no clients');
  onTestFinished(() => {
    joined.close();
    alice.close();
    bob.close();
  });
  return { ...joined, daemons, alice, bob };
}

export async function next(listener: StreamListener): Promise<PilotStream> {
  const { value } = await listener[Symbol.asyncIterator]().next();
  if (value === undefined) throw new Error('the listener has ended');
  return value;
}

/** For a socket that speaks for itself. */
export function upgradeRequest(path: string): string {
  return `GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: pilot-stream\r\n\r\n`;
}
