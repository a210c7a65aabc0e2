/**
 * WebAssembly as values: instructions are lists of bytes that functions join, and `wasmModule` wraps them as a module over one imported
 * memory. As much of the format as the kernels of this package need: 32-bit addresses, doubles, and vectors of two doubles.
 *
 * Format: WebAssembly Core Specification 2.0, chapter 5 (binary format); sections 5.4.6 to 5.4.8 number the instructions.
 */
export type Code = readonly number[];

type ValueType = 'i32' | 'f64' | 'v128';

const TYPE_CODE: { readonly [T in ValueType]: number } = { i32: 0x7f, f64: 0x7c, v128: 0x7b };

/** Nothing is left on the stack by a block. */
const EMPTY = 0x40;

function unsigned(value: number): Code {
  const out: number[] = [];
  let rest = value;
  while (rest >= 128) { out.push((rest % 128) | 128); rest = Math.floor(rest / 128); }
  return [...out, rest];
}

function signed(value: number): Code {
  const out: number[] = [];
  let rest = value;
  // The sixth bit of the last byte is the sign.
  while (rest < -64 || rest > 63) { out.push((rest & 127) | 128); rest >>= 7; }
  return [...out, rest & 127];
}

function counted(items: readonly Code[]): Code {
  return [...unsigned(items.length), ...items.flat()];
}

function sized(bytes: Code): Code {
  return [...unsigned(bytes.length), ...bytes];
}

const text = (name: string): Code => sized(Array.from(name, (letter) => letter.charCodeAt(0)));
const binary = (code: Code) => (a: Code, b: Code): Code => [...a, ...b, ...code];
const load = (code: Code, align: number) => (address: Code, offset = 0): Code => [...address, ...code, align, ...unsigned(offset)];
const store = (code: Code, align: number) => (address: Code, value: Code, offset = 0): Code => [...address, ...value, ...code, align, ...unsigned(offset)];
const vector = (code: number): Code => [0xfd, ...unsigned(code)];

export const i32 = {
  constant: (value: number): Code => [0x41, ...signed(value)],
  add: binary([0x6a]), subtract: binary([0x6b]), multiply: binary([0x6c]),
  /** Unsigned; 1 or 0. */
  less: binary([0x49]), equal: binary([0x46]),
} as const;

export const f64 = {
  constant: (value: number): Code => [0x44, ...new Uint8Array(new Float64Array([value]).buffer)],
  load: load([0x2b], 3), store: store([0x39], 3),
  add: binary([0xa0]), subtract: binary([0xa1]), multiply: binary([0xa2]), divide: binary([0xa3]), greater: binary([0x64]),
  root: (a: Code): Code => [...a, 0x9f],
} as const;

/** Two doubles at a time. */
export const f64x2 = {
  load: load(vector(0x00), 4), store: store(vector(0x0b), 4),
  /** One double, twice. */
  loadTwice: load(vector(0x0a), 3),
  add: binary(vector(0xf0)), subtract: binary(vector(0xf1)), multiply: binary(vector(0xf2)),
  twice: (a: Code): Code => [...a, ...vector(0x14)],
  lane: (a: Code, lane: 0 | 1): Code => [...a, ...vector(0x21), lane],
} as const;

export interface Local {
  readonly get: Code;
  readonly set: (value: Code) => Code;
}

export function when(condition: Code, then: readonly Code[]): Code {
  return [...condition, 0x04, EMPTY, ...then.flat(), 0x0b];
}

export function give(value: Code): Code {
  return [...value, 0x0f];
}

/** Runs the body while the condition, which is asked first, holds. */
export function during(condition: Code, body: readonly Code[]): Code {
  return [0x02, EMPTY, 0x03, EMPTY, ...condition, 0x45, 0x0d, 1, ...body.flat(), 0x0c, 0, 0x0b, 0x0b];
}

/** Locals of a function, parameters first. */
export interface Frame {
  readonly parameters: readonly Local[];
  local(type: ValueType): Local;
}

export interface WasmFunction {
  readonly name: string;
  /** All of them i32. */
  readonly parameters: number;
  /** Statements; the last leaves an i32, the result. */
  readonly body: (frame: Frame) => readonly Code[];
}

function functionCode({ parameters, body }: WasmFunction): Code {
  const types: ValueType[] = [];
  const place = (index: number): Local => ({ get: [0x20, ...unsigned(index)], set: (value) => [...value, 0x21, ...unsigned(index)] });
  const statements = body({ parameters: Array.from({ length: parameters }, (_, i) => place(i)), local: (type) => place(parameters + types.push(type) - 1) });
  return sized([...counted(types.map((type) => [1, TYPE_CODE[type]])), ...statements.flat(), 0x0b]);
}

/** A module that imports `host.memory` and exports the functions. */
export function wasmModule(functions: readonly WasmFunction[]): Uint8Array<ArrayBuffer> {
  const i32s = (count: number): Code => counted(Array.from({ length: count }, () => [TYPE_CODE.i32]));
  const section = (id: number, items: readonly Code[]): Code => [id, ...sized(counted(items))];
  return Uint8Array.from([
    0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
    ...section(1, functions.map(({ parameters }) => [0x60, ...i32s(parameters), ...i32s(1)])),
    ...section(2, [[...text('host'), ...text('memory'), 2, 0, 1]]),
    ...section(3, functions.map((_, i) => unsigned(i))),
    ...section(7, functions.map(({ name }, i) => [...text(name), 0, ...unsigned(i)])),
    ...section(10, functions.map(functionCode)),
  ]);
}
