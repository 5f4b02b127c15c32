import { writeFileSync } from 'node:fs';
import path from 'node:path';

import { describe, expect, test } from 'vitest';

import { PilotError } from '../../src/base/pilot-error.ts';
import { encodeNodeId } from '../../src/identity/node-id.ts';
import { AllowListAccess, openAccess, readTokens, TokenAccess } from '../../src/relay/access.ts';
import { tokenProof } from '../../src/relay/login.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { logIn, newIdentity, next, refusal, startRelay } from './support/relay-fixture.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

const key = new Uint8Array(32);
const statement = new Uint8Array(96).fill(1);
const proofOf = (token: string): Uint8Array => tokenProof(token, statement);

test('open lets everybody in', () => {
  openAccess.reload();
  expect(openAccess.check({ key, statement, proof: undefined })).toBe('ok');
});

describe('token', () => {
  test('any of the tokens opens, nothing else does', () => {
    const access = new TokenAccess(() => ['one', 'two']);
    const check = (proof: Uint8Array | undefined): string =>
      access.check({ key, statement, proof });
    expect(check(proofOf('one'))).toBe('ok');
    expect(check(proofOf('two'))).toBe('ok');
    expect(check(proofOf('three'))).toBe('auth_required');
    expect(check(undefined)).toBe('auth_required');
    expect(check(tokenProof('one', new Uint8Array(96)))).toBe('auth_required');
  });

  test('a file gives tokens, one a line, and again on reload', () => {
    const file = path.join(temporaryDirectory(), 'tokens');
    writeFileSync(file, '# for the team\none\n\n  two  # old\n');
    const access = new TokenAccess(() => readTokens(file));
    writeFileSync(file, 'three\n');
    expect(access.check({ key, statement, proof: proofOf('two') })).toBe('ok');
    access.reload();
    expect(access.check({ key, statement, proof: proofOf('two') })).toBe('auth_required');
    expect(access.check({ key, statement, proof: proofOf('three') })).toBe('ok');
    writeFileSync(file, '# nothing\n');
    expect(() => {
      access.reload();
    }).toThrow(PilotError);
    expect(access.check({ key, statement, proof: proofOf('three') })).toBe('ok');
  });

  test('a node with the token logs in, one without is told what it needs', async () => {
    const relay = await startRelay({ access: new TokenAccess(() => ['open sesame']) });
    await logIn(relay, { settings: { token: 'open sesame' } });
    expect(await refusal(relay, { settings: { token: 'open barley' } })).toBe('auth_required');
    expect(await refusal(relay)).toBe('auth_required');
  });
});

describe('allow list', () => {
  test('those on it log in; others after the file has them and was read again', async () => {
    const [alice, bob] = [newIdentity(), newIdentity()];
    const file = path.join(temporaryDirectory(), 'allowed');
    writeFileSync(file, `${alice.nodeId} # alice\n`);
    const access = new AllowListAccess(file);
    const relay = await startRelay({ access });
    await logIn(relay, { identity: alice });
    expect(await refusal(relay, { identity: bob })).toBe('not_allowed');
    writeFileSync(file, `${alice.nodeId}\n${bob.nodeId}\n`);
    access.reload();
    await logIn(relay, { identity: bob });
  });

  test('a rotated key is still the same node', async () => {
    const alice = newIdentity();
    const file = path.join(temporaryDirectory(), 'allowed');
    writeFileSync(file, encodeNodeId(alice.firstKey));
    const relay = await startRelay({ access: new AllowListAccess(file) });
    const rotated = alice.rotate(seededRandom(3), Date.now());
    const { client } = await logIn(relay, { identity: rotated });
    const stopped = next(client, 'offline');
    await client.stop();
    expect((await stopped).code).toBe('stopped');
  });

  test('a line that is no Node ID is an error with its place', () => {
    const file = path.join(temporaryDirectory(), 'allowed');
    writeFileSync(file, '\npilot1abc\n');
    expect(() => new AllowListAccess(file)).toThrow(`${file}:2`);
  });

  test('a file that is not there is an error with its path', () => {
    expect(() => new AllowListAccess('/nowhere/allowed')).toThrow('/nowhere/allowed');
  });
});
