import { ResourceUpdatedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { beforeEach, describe, expect, test } from 'vitest';

import { PilotError } from '../../../src/base/pilot-error.ts';
import type { FakeDaemon } from '../../client/fake-daemon.ts';
import { incoming } from '../../client/fake-nodes.ts';
import { helpfulSession, type InMemorySession } from './in-memory.ts';

let daemon: FakeDaemon;
let session: InMemorySession;

beforeEach(async () => {
  ({ daemon, session } = await helpfulSession());
});

describe('the inbox as a resource', () => {
  test('is listed with its messages, without their words', async () => {
    const { resources } = await session.client.listResources();
    expect(resources).toMatchObject([
      { uri: 'pilot://inbox', mimeType: 'text/plain' },
      { uri: 'pilot://inbox/1', name: 'message 1', size: 5 },
    ]);
    expect(JSON.stringify(resources)).not.toMatch(/"hi"|bob/);
    const { resourceTemplates } = await session.client.listResourceTemplates();
    expect(resourceTemplates).toMatchObject([{ uriTemplate: 'pilot://inbox/{id}{?offset}' }]);
  });

  test('is read as the tools show it, and stays unread', async () => {
    const list = await session.client.readResource({ uri: 'pilot://inbox' });
    expect(list.contents[0]).toMatchObject({
      text: expect.stringMatching(
        /^3 messages, 1 shown\n\nmessage 1 from pilot1.*\n\| hi\nend/s,
      ) as string,
    });
    const one = await session.client.readResource({ uri: 'pilot://inbox/7?offset=2' });
    expect(one.contents[0]).toMatchObject({
      text: expect.stringContaining('\n| llo\nend') as string,
    });
    expect(daemon.callsTo('readInbox')[0]?.query.get('peek')).toBe('true');
  });

  test.each([
    ...['pilot://inbox/', 'pilot://outbox', 'file:///etc/passwd', 'pilot://inbox/../info'],
    ...['pilot://inbox/1?offset=-1', 'pilot://inbox/1?offset=x', 'pilot://inbox/%2e%2e', ''],
  ])('%j is none', async (uri) => {
    await expect(session.client.readResource({ uri })).rejects.toMatchObject({ code: -32_002 });
    await expect(session.client.subscribeResource({ uri })).rejects.toMatchObject({
      code: -32_002,
    });
    expect(daemon.calls).toEqual([]);
  });

  test('a message that is gone is not found', async () => {
    daemon.handlers.readInbox = () => {
      throw new PilotError('not_found', 'no message 1');
    };
    const reading = session.client.readResource({ uri: 'pilot://inbox/1' });
    await expect(reading).rejects.toMatchObject({ code: -32_002 });
  });

  test('without a daemon it is listed all the same, and reading says why not', async () => {
    await daemon.die();
    const { resources } = await session.client.listResources();
    expect(resources.map(({ uri }) => uri)).toEqual(['pilot://inbox']);
    await expect(session.client.readResource({ uri: 'pilot://inbox' })).rejects.toMatchObject({
      ...{ code: -32_603, data: { code: 'not_running' } },
    });
  });

  test('who subscribes is told of messages, until they unsubscribe', async () => {
    const updated: string[] = [];
    session.client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => {
      updated.push(params.uri);
    });
    await session.client.subscribeResource({ uri: 'pilot://inbox' });
    expect(daemon.subscriberCount).toBe(1);
    daemon.emit('message.received', incoming('1', { data: 'x' }));
    await expect.poll(() => updated).toEqual(['pilot://inbox']);
    await session.client.unsubscribeResource({ uri: 'pilot://inbox' });
    await expect.poll(() => daemon.subscriberCount).toBe(0);
  });

  test('a client that is gone leaves no subscription', async () => {
    await session.client.subscribeResource({ uri: 'pilot://inbox' });
    await session.client.close();
    await session.server.ended;
    await expect.poll(() => daemon.subscriberCount).toBe(0);
    expect(session.clock.pendingTimers).toBe(0);
  });
});
