import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';

import { onTestFinished } from 'vitest';

import { systemClock } from '../../../src/base/system-clock.ts';
import { type FileReport, type SendFileOptions, sendFiles } from '../../../src/client/send-file.ts';
import type { FileArrival } from '../../../src/daemon/files/file-receiver.ts';
import {
  ReceivedFolder,
  type ReceivedFolderDeps,
} from '../../../src/daemon/files/received-folder.ts';
import { silentLog } from '../../../src/daemon/log/log.ts';
import { DataExchange } from '../../../src/daemon/services/data-exchange.ts';
import type { ExchangeMessage } from '../../../src/daemon/services/data-exchange-message.ts';
import type { ExchangeAcceptance } from '../../../src/daemon/services/exchange-inbox.ts';
import type { PeerStream } from '../../../src/daemon/streams/stream-duplex.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { joinedPorts } from '../joined-ports.ts';

export interface ExchangeFixture {
  /** Where files are sent from. */
  readonly outgoing: string;
  /** The received folder of the other node. */
  readonly received: string;
  readonly folder: ReceivedFolder;
  readonly exchange: DataExchange;
  readonly messages: ExchangeMessage[];
  readonly arrived: FileArrival[];
  readonly failures: string[];
  acceptance: ExchangeAcceptance;
  dial(): Promise<PeerStream>;
  /** As `client.sendFile`, without the local API in between; every stream that is dialled goes through `onDial`. */
  send(paths: string | readonly string[], options?: SendFileOptions): Promise<FileReport[]>;
  onDial: (stream: PeerStream) => void;
  /** Paths and contents of what lies in the received folder, parts too. */
  tree(): Record<string, string>;
}

/** One node's data exchange, and another node that dials it, in memory; the files are real. */
export async function exchangeFixture(
  options: Partial<Pick<ReceivedFolderDeps, 'limits' | 'freeBytes' | 'clock'>> = {},
): Promise<ExchangeFixture> {
  const { clock = systemClock } = options;
  const joined = await joinedPorts();
  const base = temporaryFolder();
  const received = path.join(base, 'received');
  const folder = new ReceivedFolder({
    ...{ root: received, clock, limits: { maxBytes: 2 ** 30, maxFiles: 100 } },
    ...options,
  });
  const messages: ExchangeMessage[] = [];
  const arrived: FileArrival[] = [];
  const failures: string[] = [];
  const exchange = new DataExchange({
    ...{ ports: joined.ports[1], folder, maxMessageBytes: 1000 },
    ...{ clock, log: silentLog },
    inbox: {
      accept: async (_sender, message) => {
        messages.push(message);
        return Promise.resolve(fixture.acceptance);
      },
    },
    files: {
      progress: () => undefined,
      received: (arrival) => arrived.push(arrival),
      failed: (_arrival, reason) => failures.push(reason),
    },
  });
  const dial = async (): Promise<PeerStream> => {
    const stream = await joined.ports[0].dial('other', 1001);
    fixture.onDial(stream);
    return stream;
  };
  const fixture: ExchangeFixture = {
    ...{ outgoing: base, received, folder, exchange, messages, arrived, failures, dial },
    acceptance: 'stored',
    send: async (paths, more = {}) =>
      sendFiles(dial, typeof paths === 'string' ? [paths] : paths, { timeoutMs: 10_000, ...more }),
    onDial: () => undefined,
    tree: () => treeOf(received),
  };
  onTestFinished(async () => {
    await exchange.stop();
    joined.close();
  });
  return fixture;
}

export function treeOf(root: string, below = ''): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of readdirSync(path.join(root, below)).sort()) {
    const at = below === '' ? name : `${below}/${name}`;
    if (statSync(path.join(root, at)).isDirectory()) Object.assign(found, treeOf(root, at));
    else found[at] = readFileSync(path.join(root, at), 'latin1');
  }
  return found;
}
