import type { Clock } from '../../base/clock.ts';
import { PilotError } from '../../base/pilot-error.ts';
import type { Config } from '../../home/config.ts';
import type { HomePaths } from '../../home/home-paths.ts';
import type { HostFacts } from '../api/host-view.ts';
import type { Log } from '../log/log.ts';
import type { NodeApi } from '../node/node-api.ts';
import { InboxMirror } from './inbox-mirror.ts';
import { PilotIpcServer } from './pilot-ipc-server.ts';

export interface PilotIpcDeps {
  readonly config: Config;
  readonly paths: HomePaths;
  readonly node: NodeApi;
  readonly host: HostFacts;
  readonly clock: Clock;
  readonly log: Log;
  readonly rotateKey: () => void;
}

export interface PilotIpc {
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** What the original clients find on a host beside the programs: their socket, and the inbox as files. */
export function openPilotIpc(deps: PilotIpcDeps): PilotIpc {
  const { config, paths, node, host, clock, log, rotateKey } = deps;
  const mirror = new InboxMirror({
    ...{ node, clock, log, folder: paths.inbox },
    maxInboxMessages: config.messaging.inbox.max_messages,
    maxInboxBytes: config.messaging.inbox.max_mb * 1024 * 1024,
  });
  const socketPath = config.api.pilot_ipc;
  const server = new PilotIpcServer({ socketPath, node, host, clock, log, rotateKey });
  return {
    start: async () => {
      await started(server);
      mirror.start();
      log.info({ socket: socketPath }, 'original clients are served');
    },
    stop: async () => {
      await mirror.stop();
      await server.stop();
    },
  };
}

async function started(server: PilotIpcServer): Promise<void> {
  try {
    await server.start();
  } catch (cause) {
    if (!(cause instanceof PilotError)) throw cause;
    throw new PilotError(cause.code, cause.message, {
      hint: 'an original daemon may run; end it, or name another place: --pilot-ipc PATH',
      cause,
    });
  }
}
