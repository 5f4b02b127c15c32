import { onTestFinished } from 'vitest';

import { type ApiOptions, type Fixture, startApi } from '../daemon/api/api-fixture.ts';
import { type JoinedPorts, joinedPorts } from '../daemon/joined-ports.ts';
import { type CliSettings, type Ran, runCli, type RunningCli, startCli } from './run-cli.ts';

/** The command line of one node. */
export interface User {
  readonly daemon: Fixture;
  run(argv: readonly string[], settings?: CliSettings): Promise<Ran>;
  start(argv: readonly string[], settings?: CliSettings): RunningCli;
}

/** Two local APIs over nodes that are joined in memory; each reaches the other by any target. */
export async function twoDaemons(
  apiOf: (joined: JoinedPorts) => Promise<readonly [ApiOptions, ApiOptions]> = async () =>
    Promise.resolve([{}, {}]),
): Promise<JoinedPorts & { alice: User; bob: User }> {
  const joined = await joinedPorts();
  onTestFinished(() => {
    joined.close();
  });
  const options = await apiOf(joined);
  const user = async (i: 0 | 1): Promise<User> => {
    const daemon = await startApi(options[i]);
    daemon.node.ports = joined.ports[i];
    const env = { PILOT_SOCKET: daemon.socketPath };
    return {
      daemon,
      run: async (argv, settings) => runCli(argv, { ...settings, env }),
      start: (argv, settings) => startCli(argv, { ...settings, env }),
    };
  };
  return { ...joined, alice: await user(0), bob: await user(1) };
}

/** Resolves when the node listens on as many ports. */
export async function listening(user: User, count = 1): Promise<void> {
  await until(() => user.daemon.node.ports.listenerCount >= count);
}

/** Looks every few milliseconds, for 10 s at most. */
export async function until(isSo: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 10_000;
  while (!isSo()) {
    if (performance.now() > deadlineMs) throw new Error('it did not come to that in 10 s');
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
}
