/**
 * A FILE frame of the data exchange, by which original clients send what is small: length of the name 2, name, content.
 * The content goes to the disk as it comes.
 */
import { randomUUID } from 'node:crypto';

import { toHex } from '../../base/bytes.ts';
import { WireError } from '../../base/wire-error.ts';
import type { ExactReader } from '../../client/exact-reader.ts';
import { decodeName, safeName } from './file-name.ts';
import type { FileReceiverDeps } from './file-receiver.ts';
import { type FileRefusal, refusalOf } from './file-refusal.ts';
import type { ReceivedFolder } from './received-folder.ts';

export interface WholeFile {
  readonly folder: ReceivedFolder;
  readonly peer: string;
  readonly reader: ExactReader;
  /** Of the frame after its head. */
  readonly length: number;
  readonly files: Pick<FileReceiverDeps, 'received'>;
}

/** The text that answers it: `ACK FILE n bytes`, or why it was not saved. The whole frame is read then. WireError. */
export async function receiveWholeFile(file: WholeFile): Promise<string> {
  const { reader } = file;
  const name = await readName(reader, file.length);
  const size = file.length - 2 - name.length;
  let left = size;
  const content = async function* (): AsyncGenerator<Buffer, void, undefined> {
    for await (const piece of reader.pieces(size)) {
      left -= piece.length;
      yield piece;
    }
  };
  let refusal: FileRefusal | undefined;
  try {
    await save(file, name, { size, content: content() });
  } catch (error) {
    if (error instanceof WireError) throw error;
    refusal = refusalOf(error);
  }
  await reader.skip(left);
  return refusal === undefined
    ? `ACK FILE ${size} bytes`
    : `ERR FILE save failed: ${refusal.message}`;
}

async function readName(reader: ExactReader, length: number): Promise<Buffer> {
  const head = length < 2 ? undefined : await reader.exactly(2);
  const nameLength = head?.readUInt16BE() ?? Infinity;
  if (nameLength > length - 2) throw new WireError('a FILE frame without its name');
  return (await reader.exactly(nameLength)) ?? Buffer.alloc(0);
}

async function save(
  { folder, peer, files }: WholeFile,
  nameBytes: Buffer,
  { size, content }: { readonly size: number; readonly content: AsyncIterable<Buffer> },
): Promise<void> {
  const name = safeName(decodeName(nameBytes));
  const arriving = await folder.begin(peer, randomUUID(), size);
  try {
    for await (const piece of content) await arriving.part.append(piece);
    await arriving.part.sync();
    const sha256 = toHex(arriving.part.digest());
    const path = await arriving.place({ folder: [], name });
    files.received({ peer, path, bytes: size, sha256 });
  } finally {
    await arriving.end('remove');
  }
}
