/**
 * A message as agents of the original pilotctl read it (pilotctl interface 2.9):
 *
 *     inbox/TEXT-20260228-134501.250-000000.json
 *           │    │               │   └ further ones of the same millisecond
 *           │    └ when it came, UTC
 *           └ type, in capitals
 */
import { open, readFile, rename } from 'node:fs/promises';
import path from 'node:path';

import type { IncomingMessage } from '../../client/api.ts';

/** The file's name for the `index`-th message of its millisecond. */
export function inboxFileName({ type, received_at }: IncomingMessage, index: number): string {
  const [day = '', time = ''] = received_at.replace('Z', '').split('T');
  const stamp = `${day.replaceAll('-', '')}-${time.replaceAll(':', '')}`;
  return `${type.toUpperCase()}-${stamp}-${String(index).padStart(6, '0')}.json`;
}

export function inboxFileText(message: IncomingMessage): string {
  const { data = '', encoding = 'utf8' } = message;
  const isText = encoding === 'utf8';
  return JSON.stringify({
    type: message.type.toUpperCase(),
    from: message.from.address,
    data: isText ? data : Buffer.from(data, 'base64').toString('utf8'),
    ...(!isText && { data_b64: data }),
    data_encoding: encoding,
    bytes: message.bytes,
    received_at: message.received_at,
    message_id: plainId(message.id),
    ...(message.reply_to !== '' && { reply_to: plainId(message.reply_to) }),
  });
}

/** As original clients write ids, who compare them as text: 32 hex digits. */
export function plainId(uuid: string): string {
  return uuid.replaceAll('-', '');
}

/** Whose file it is; undefined: there is none, or none of ours. */
export async function messageIdIn(file: string): Promise<string | undefined> {
  try {
    const { message_id: id } = JSON.parse(await readFile(file, 'utf8')) as { message_id?: unknown };
    return typeof id === 'string' ? id : '';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : '';
  }
}

/** There whole or not at all, also after a power cut; nobody who lists the folder sees it half. */
export async function putFile(file: string, text: string): Promise<void> {
  const temporary = path.join(path.dirname(file), `.${path.basename(file)}.tmp`);
  const handle = await open(temporary, 'w', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
}
