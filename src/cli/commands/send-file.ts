import { formatDuration } from '../../base/duration.ts';
import { PilotError } from '../../base/pilot-error.ts';
import type { FileReport } from '../../client/client.ts';
import { byteText } from '../byte-text.ts';
import { defineCommand, rest, target } from '../command.ts';
import { nodeText } from '../node-text.ts';
import { duration, toggle } from '../option.ts';
import { TransferBar } from '../transfer-bar.ts';

export const sendFile = defineCommand({
  args: { target, paths: rest('files and folders; a folder keeps its tree') },
  options: {
    timeout: duration('give up when nothing has moved for this long (default 90s)'),
    preferDirect: toggle('first look for a direct path, for 10 s at most; over the relay without'),
    noStream: toggle('needless: a file goes as a stream of any size', { hidden: true }),
  },
  returns:
    'filename, path (below the received folder of the other node), bytes, bytes_sent, bytes_resumed, sha256, elapsed_ms, throughput_mbps, transport, verified, destination; of a folder or several files: files[…], bytes, bytes_sent, bytes_resumed, elapsed_ms, throughput_mbps, destination, left_out[path]',
  details:
    'The other node has each file on its disk, with the same SHA-256, when this returns. A transfer that\nwas cut off goes on by itself, and with the same command later: for a day the other node keeps\nwhat has come. Links inside of a folder are not sent.',
  async run({ args, client, io, notice, options, signal, wait }) {
    if (args.paths.length === 0) {
      throw new PilotError('invalid_argument', 'there is nothing to send', {
        hint: 'pilotctl send-file TARGET FILE…',
      });
    }
    const to = await client.resolve(args.target, { signal });
    if (options.preferDirect) {
      const label = `looking for a direct path to ${args.target}`;
      const { why_not_direct: why } = await wait(label, client.preferDirect(to.id, { signal }));
      if (why !== '') notice(`not direct: ${why}`);
    }
    const bar = new TransferBar(io);
    const leftOut: string[] = [];
    const startedMs = performance.now();
    try {
      const reports = await client.sendFile(to.id, args.paths, {
        signal,
        timeoutMs: options.timeout,
        onProgress: (progress) => {
          bar.show(progress);
        },
        onLeftOut: (path) => leftOut.push(path),
      });
      bar.clear();
      for (const path of leftOut) notice(`not sent, as it is no regular file: ${path}`);
      const elapsedMs = Math.round(performance.now() - startedMs);
      return {
        data: dataOf(reports, { destination: to.address, elapsedMs, leftOut, paths: args.paths }),
        text: textOf(reports, nodeText(to), elapsedMs),
      };
    } finally {
      bar.clear();
    }
  },
});

interface Totals {
  readonly destination: string;
  readonly elapsedMs: number;
  readonly leftOut: readonly string[];
  readonly paths: readonly string[];
}

function dataOf(reports: readonly FileReport[], totals: Totals): object {
  const { destination, elapsedMs, leftOut, paths } = totals;
  const [only] = reports;
  // A folder with one file in it is a folder all the same.
  const isOne = paths.length === 1 && reports.length === 1 && only?.path.includes('/') === false;
  if (isOne) return { ...only, destination };
  const sent = sum(reports, 'bytes_sent');
  return {
    files: reports,
    ...{ bytes: sum(reports, 'bytes'), bytes_sent: sent },
    bytes_resumed: sum(reports, 'bytes_resumed'),
    elapsed_ms: elapsedMs,
    throughput_mbps: Math.round(sent / Math.max(1, elapsedMs) / 10) / 100,
    ...{ transport: 'filestream', verified: true, destination, left_out: leftOut },
  };
}

function textOf(reports: readonly FileReport[], to: string, elapsedMs: number): string {
  const bytes = sum(reports, 'bytes');
  const resumed = sum(reports, 'bytes_resumed');
  const what = reports.length === 1 ? (reports[0]?.filename ?? '') : `${reports.length} files`;
  const rate = byteText(((bytes - resumed) / Math.max(1, elapsedMs)) * 1000);
  const before = resumed > 0 ? `, ${byteText(resumed)} of it were there before` : '';
  return `${what} sent to ${to}: ${byteText(bytes)} in ${formatDuration(elapsedMs)} (${rate}/s)${before}`;
}

function sum(
  reports: readonly FileReport[],
  member: 'bytes' | 'bytes_sent' | 'bytes_resumed',
): number {
  return reports.reduce((total, report) => total + report[member], 0);
}
