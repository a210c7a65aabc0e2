/**
 * PNG files from a canvas, with the physical size and a few words of provenance in their own chunks.
 *
 * Source: PNG specification (W3C 2003), 11.3.5.3 pHYs and 11.3.4.3 tEXt; CRC-32 of 5.5.
 */
const SIGNATURE_AND_HEADER = 8 + 25;

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

function chunk(type: string, body: Uint8Array): Uint8Array {
  const out = new Uint8Array(body.length + 12);
  const view = new DataView(out.buffer);
  view.setUint32(0, body.length);
  for (let i = 0; i < 4; i++) out[4 + i] = type.charCodeAt(i);
  out.set(body, 8);
  view.setUint32(8 + body.length, crc32(out.subarray(4, 8 + body.length)));
  return out;
}

/** Adds pixels per inch and Latin-1 notes after the header chunk. */
export function annotatePng(png: Uint8Array, dpi: number, notes: Readonly<Record<string, string>>): Uint8Array {
  const physical = new Uint8Array(9);
  const view = new DataView(physical.buffer);
  const perMetre = Math.round(dpi / 0.0254);
  view.setUint32(0, perMetre);
  view.setUint32(4, perMetre);
  physical[8] = 1;
  const texts = Object.entries(notes).map(([key, value]) =>
    chunk('tEXt', Uint8Array.from(`${key}\0${value}`, (letter) => (letter.charCodeAt(0) < 256 ? letter.charCodeAt(0) : 63))));
  const parts = [png.subarray(0, SIGNATURE_AND_HEADER), chunk('pHYs', physical), ...texts, png.subarray(SIGNATURE_AND_HEADER)];
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) { out.set(part, at); at += part.length; }
  return out;
}

/** The canvas as an annotated PNG. */
export async function pngOf(canvas: HTMLCanvasElement, dpi: number, notes: Readonly<Record<string, string>>): Promise<Uint8Array> {
  const blob = await new Promise<Blob | null>((resolve) => { canvas.toBlob(resolve, 'image/png'); });
  if (blob === null) throw new Error(`a picture of ${canvas.width} x ${canvas.height} pixels is too large for this computer; choose a smaller one`);
  return annotatePng(new Uint8Array(await blob.arrayBuffer()), dpi, notes);
}
