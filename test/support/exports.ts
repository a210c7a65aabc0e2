/** Unmodified exports of tiny Stable Diffusion v1 and CLIP networks of random weights, by the real exporters (`test/golden/runtime/make.py`). */
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';

/** Optimum's, with a configuration beside every network; and diffusers' conversion script in half precision, with hardly any. */
export const EXPORTS = ['optimum', 'diffusers-half'] as const;

/** Files of a plain tar archive. */
function* untar(bytes: Uint8Array): Generator<readonly [string, Uint8Array]> {
  const text = (from: number, length: number): string => Buffer.from(bytes.subarray(from, from + length)).toString('latin1').split('\0')[0] ?? '';
  for (let at = 0; at + 512 <= bytes.length && text(at, 100) !== '';) {
    const size = Number.parseInt(text(at + 124, 12), 8);
    yield [text(at, 100), bytes.subarray(at + 512, at + 512 + size)];
    at += 512 + Math.ceil(size / 512) * 512;
  }
}

/** Writes the export as a model folder. */
export async function unpackExport(name: (typeof EXPORTS)[number], folder: string): Promise<void> {
  for (const [file, bytes] of untar(gunzipSync(readFileSync(new URL(`../golden/runtime/${name}.tar.gz`, import.meta.url))))) {
    await mkdir(path.dirname(path.join(folder, file)), { recursive: true });
    await writeFile(path.join(folder, file), bytes);
  }
}
