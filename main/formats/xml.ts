/**
 * The part of XML 1.0 that data files use: elements, attributes, text, CDATA, comments, the declaration and a DOCTYPE
 * without an internal subset; the five named entities and character references. UTF-8 only.
 *
 * Refused by name: entity definitions (so nothing can expand), other processing instructions, unknown entities, nesting
 * deeper than 64, more than one root.
 */
import { ByteReader } from './byte-reader.ts';
import { decodeUtf8 } from './utf8.ts';

export interface XmlElement {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly XmlElement[];
  /** Own text as raw bytes, pieces between children joined; entities are not expanded (`xmlText` does). */
  readonly raw: Uint8Array;
  /** Byte offset of the element. */
  readonly offset: number;
}

interface Open {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: XmlElement[];
  readonly pieces: Uint8Array[];
  readonly offset: number;
}

const MAX_DEPTH = 64;
const MAX_TAG_BYTES = 65536;
/** A GIFTI file of 1000 arrays with metadata has some ten thousand. */
const MAX_ELEMENTS = 50_000;
const LESS = 0x3c;
const NAMED: ReadonlyMap<string, string> = new Map([['lt', '<'], ['gt', '>'], ['amp', '&'], ['quot', '"'], ['apos', '\'']]);
const NAME = '[A-Za-z_:][\\w:.-]*';
const START_TAG = new RegExp(`^(${NAME})((?:\\s+${NAME}\\s*=\\s*(?:"[^"<]*"|'[^'<]*'))*)\\s*(/?)$`);
const END_TAG = new RegExp(`^/(${NAME})\\s*$`);

function expand(text: string, reader: ByteReader, offset: number): string {
  return text.replace(/&([^;&]{0,10};?)/g, (whole, inside: string) => {
    const name = inside.endsWith(';') ? inside.slice(0, -1) : '';
    const named = NAMED.get(name);
    if (named !== undefined) return named;
    const code = /^#x[0-9a-fA-F]{1,6}$/.test(name) ? parseInt(name.slice(2), 16) : /^#\d{1,7}$/.test(name) ? Number(name.slice(1)) : NaN;
    if (!(code > 0 && code <= 0x10ffff)) throw reader.error('a named or numbered character', whole, undefined, offset);
    return String.fromCodePoint(code);
  });
}

/** Text of an element with entities expanded. */
export function xmlText(element: XmlElement, file: string): string {
  return expand(decodeUtf8(element.raw, file, element.offset), new ByteReader(element.raw, file, true), element.offset);
}

/** The root element of a document. One pass; memory is bounded by the file's own size. Throws `FormatError`. */
export function readXml(bytes: Uint8Array, name: string): XmlElement {
  const reader = new ByteReader(bytes, name, true);
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const stack: Open[] = [];
  let root: XmlElement | undefined;
  let elements = 0;
  const until = (end: string, from: number, what: string): number => {
    const at = buffer.indexOf(end, from, 'latin1');
    if (at < 0) throw reader.error(`${end} after ${what}`, 'the end of the file', 'The file is damaged or was cut off.');
    return at;
  };
  const addText = (piece: Uint8Array): void => {
    const top = stack.at(-1);
    if (top !== undefined) { if (piece.length > 0) top.pieces.push(piece); return; }
    const text = Buffer.from(piece).toString('latin1').replace(/^\xef\xbb\xbf/, '');
    if (text.trim() !== '') throw reader.error('nothing but white space outside the root element', JSON.stringify(text.trim().slice(0, 40)));
  };
  const close = (open: Open): void => {
    const element: XmlElement = {
      name: open.name, attributes: open.attributes, children: open.children, offset: open.offset,
      raw: open.pieces.length === 1 ? open.pieces[0] ?? new Uint8Array() : Buffer.concat(open.pieces),
    };
    const parent = stack.at(-1);
    if (parent !== undefined) parent.children.push(element);
    else root = element;
  };
  while (reader.left > 0) {
    const found = bytes.indexOf(LESS, reader.offset);
    const at = found < 0 ? bytes.length : found;
    addText(bytes.subarray(reader.offset, at));
    reader.offset = at;
    if (found < 0) break;
    if (buffer.toString('latin1', at, at + 4) === '<!--') {
      reader.offset = until('-->', at + 4, 'a comment') + 3;
    } else if (buffer.toString('latin1', at, at + 9) === '<![CDATA[') {
      const end = until(']]>', at + 9, 'CDATA');
      // Kept as if it had been written with entities, so that text is expanded in one place.
      addText(Buffer.from(buffer.toString('latin1', at + 9, end).replaceAll('&', '&amp;').replaceAll('<', '&lt;'), 'latin1'));
      reader.offset = end + 3;
    } else if (buffer.toString('latin1', at, at + 9) === '<!DOCTYPE') {
      const end = until('>', at, 'DOCTYPE');
      if (root !== undefined || stack.length > 0 || buffer.subarray(at, end).includes('[')) throw reader.error('a DOCTYPE without definitions, before the root', 'another');
      reader.offset = end + 1;
    } else if (buffer.toString('latin1', at, at + 5) === '<?xml') {
      const end = until('?>', at, 'the XML declaration');
      const encoding = /encoding\s*=\s*["']([^"']*)["']/.exec(buffer.toString('latin1', at, end))?.[1];
      if (encoding !== undefined && !/^(utf-8|us-ascii)$/i.test(encoding)) throw reader.error('UTF-8', encoding);
      reader.offset = end + 2;
    } else {
      const end = until('>', at, 'a tag');
      if (end - at > MAX_TAG_BYTES) throw reader.error(`tags of at most ${MAX_TAG_BYTES} bytes`, 'a longer one');
      const text = decodeUtf8(bytes.subarray(at + 1, end), name, at);
      const ending = END_TAG.exec(text);
      if (ending !== null) {
        const open = stack.pop();
        if (open === undefined || open.name !== ending[1]) throw reader.error(`</${open?.name ?? 'nothing'}>`, `<${text.slice(0, 40)}>`);
        close(open);
      } else {
        if (root !== undefined) throw reader.error('one root element', 'two');
        if (stack.length >= MAX_DEPTH) throw reader.error(`nesting of at most ${MAX_DEPTH}`, 'more');
        if (++elements > MAX_ELEMENTS) throw reader.error(`at most ${MAX_ELEMENTS} elements`, 'more');
        const { open, empty } = startTag(text, reader);
        if (empty) close(open);
        else stack.push(open);
      }
      reader.offset = end + 1;
    }
  }
  if (root === undefined) throw reader.error(stack.length > 0 ? `</${stack.at(-1)?.name ?? ''}>` : 'an XML element', 'the end of the file', 'The file is damaged or was cut off.');
  return root;
}

function startTag(text: string, reader: ByteReader): { readonly open: Open; readonly empty: boolean } {
  const match = START_TAG.exec(text);
  if (match === null) throw reader.error('an XML tag', `<${text.slice(0, 60)}>`);
  const attributes = new Map<string, string>();
  for (const [, key = '', double, single] of (match[2] ?? '').matchAll(/([^\s=]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g)) {
    if (attributes.has(key)) throw reader.error(`attribute ${key} once`, 'twice');
    attributes.set(key, expand(double ?? single ?? '', reader, reader.offset));
  }
  return { open: { name: match[1] ?? '', attributes, children: [], pieces: [], offset: reader.offset }, empty: match[3] === '/' };
}
