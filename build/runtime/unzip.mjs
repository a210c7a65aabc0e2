// Reads a zip archive (stored and deflated entries, no zip64) without a dependency.
// Source: PKWARE APPNOTE 6.3.10, sections 4.3.7 (local header), 4.3.12 (central directory), 4.3.16 (end record).
import { chmod, mkdir, open, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { inflateRaw } from 'node:zlib';

const inflate = promisify(inflateRaw);
const END_RECORD = 0x06054b50;
const CENTRAL_HEADER = 0x02014b50;
const END_RECORD_BYTES = 22;
const LOCAL_HEADER_BYTES = 30;
const LONGEST_COMMENT = 65535;

/**
 * Extracts `archive` into `folder`. `rename(name)` gives the place of an entry inside `folder`, or null to leave it out.
 * Throws on a damaged archive and on an entry that would land outside `folder`.
 */
export async function unzip(archive, folder, rename = (name) => name) {
  const handle = await open(archive);
  try {
    const read = async (position, length) => {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(length), 0, length, position);
      if (bytesRead !== length) throw new Error(`${archive}: ends before byte ${position + length}`);
      return buffer;
    };
    for (const entry of await entries(read, (await handle.stat()).size, archive)) {
      const place = entry.name.endsWith('/') ? null : rename(entry.name);
      if (place === null) continue;
      const target = path.join(folder, place);
      if (!target.startsWith(folder + path.sep)) throw new Error(`${archive}: entry ${entry.name} leaves the folder`);
      const local = await read(entry.offset, LOCAL_HEADER_BYTES);
      const data = await read(entry.offset + LOCAL_HEADER_BYTES + local.readUInt16LE(26) + local.readUInt16LE(28), entry.packedBytes);
      await mkdir(path.dirname(target), { recursive: true });
      await writeFile(target, entry.method === 0 ? data : await inflate(data));
      await chmod(target, entry.mode || 0o644);
    }
  } finally {
    await handle.close();
  }
}

async function entries(read, size, archive) {
  const tail = await read(Math.max(0, size - END_RECORD_BYTES - LONGEST_COMMENT), Math.min(size, END_RECORD_BYTES + LONGEST_COMMENT));
  let end = tail.length - END_RECORD_BYTES;
  while (end >= 0 && tail.readUInt32LE(end) !== END_RECORD) end--;
  if (end < 0) throw new Error(`${archive}: not a zip archive`);
  const directory = await read(tail.readUInt32LE(end + 16), tail.readUInt32LE(end + 12));
  const list = [];
  for (let at = 0; at < directory.length; ) {
    if (directory.readUInt32LE(at) !== CENTRAL_HEADER) throw new Error(`${archive}: damaged directory at byte ${at}`);
    const nameBytes = directory.readUInt16LE(at + 28);
    list.push({
      name: directory.toString('utf8', at + 46, at + 46 + nameBytes),
      method: directory.readUInt16LE(at + 10),
      packedBytes: directory.readUInt32LE(at + 20),
      mode: (directory.readUInt32LE(at + 38) >>> 16) & 0o777,
      offset: directory.readUInt32LE(at + 42),
    });
    at += 46 + nameBytes + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  return list;
}
