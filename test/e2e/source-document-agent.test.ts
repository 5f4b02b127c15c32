import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { transform } from 'esbuild';
import { expect, test } from 'vitest';

import { Sandbox } from '../support/sandbox.ts';

const DOCUMENT = 'test/vectors/source-document.txt';
const FIRST_LINE = '// src/pilot-agent.ts';
const CLASS_LINE = 'export class PilotAgentNode {';

/** The listing in the document: from its first line to the bracket that closes the class. */
function listing(): string {
  const lines = readFileSync(DOCUMENT, 'utf8').split('\n');
  const from = lines.indexOf(FIRST_LINE);
  const opened = lines.indexOf(CLASS_LINE, from);
  expect(from).toBeGreaterThanOrEqual(0);
  expect(opened).toBeGreaterThan(from);
  let depth = 0;
  for (let at = opened; at < lines.length; at += 1) {
    const brackets = lines[at]?.match(/[{}]/g) ?? [];
    for (const bracket of brackets) depth += bracket === '{' ? 1 : -1;
    if (depth === 0) return lines.slice(from, at + 1).join('\n');
  }
  throw new Error('the class does not end');
}

/** What somebody would write around the class to use all of it. */
const PROGRAM = `
import { PilotAgentNode } from './pilot-agent.mjs';

const peer = process.argv[2];
const agent = new PilotAgentNode();
await agent.establishLink(peer);
console.log('REPLY ' + (await agent.transmitRequest(peer, 'what is the weather like?')));
await agent.listenForInbound((data) => console.log('CALLBACK ' + data));
`;

test('the agent of the source document runs unchanged', { timeout: 60_000 }, async () => {
  await Sandbox.run(async (sandbox) => {
    const { code } = await transform(listing(), { loader: 'ts', format: 'esm' });
    writeFileSync(path.join(sandbox.folder, 'pilot-agent.mjs'), code);
    const program = path.join(sandbox.folder, 'program.mjs');
    writeFileSync(program, PROGRAM);

    const relay = await sandbox.relay().start();
    const peer = sandbox.node('peer');
    const agent = sandbox.node('agent');
    agent.env['PILOT_RELAY'] = relay.url;
    await peer.start('--relay', relay.url, '--auto-approve');
    const peerId = await peer.nodeId();
    const serving = peer.background('serve', '--', 'sed', 's/^/you asked: /');

    const running = sandbox.processes.start(process.execPath, [program, peerId], {
      env: agent.env,
      keepInputOpen: true,
    });
    const [, agentId = ''] = await running.line(/^Node initialized: (pilot1\w{59})$/);
    agent.adoptDaemon();
    await running.line(new RegExp(`^Secure link established with ${peerId}$`));
    await running.line(/^REPLY you asked: what is the weather like\?$/);
    expect(await agent.nodeId()).toBe(agentId);
    await serving.stop();

    const inbox = agent.background('inbox', '--follow');
    inbox.child.stdout.pipe(running.child.stdin);
    await peer.pilotctl('send-message', agentId, '--data', 'a storm is coming');
    await running.line(/^CALLBACK a storm is coming$/);
    await peer.pilotctl('send-message', agentId, '--data', 'and passes');
    await running.line(/^CALLBACK and passes$/);

    await inbox.stop();
    running.child.stdin.end();
    expect(await running.finished).toMatchObject({ code: 0, stderr: '' });
  });
});
