/**
 * Seeded random numbers, identical on every machine and in every process.
 *
 * Generator: xoshiro128** (Blackman and Vigna 2018), state seeded by splitmix32. Normal deviates by Box-Muller,
 * both deviates of a pair used, so that a stream is a pure function of its seed.
 */
export interface Random {
  /** Uniform in [0, 1), 32 bits of resolution. */
  uniform(): number;
  /** Uniform in [low, high). */
  between(low: number, high: number): number;
  /** Integer in [0, below). */
  integer(below: number): number;
  /** Standard normal. */
  normal(): number;
  /** One of the items, equally likely. */
  pick<T>(items: readonly T[]): T;
  /** A new, independent stream named by a number or text; does not advance this one. */
  fork(name: number | string): Random;
}

/** 32-bit FNV-1a hash of a text, to turn names into seeds. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash ^= text.charCodeAt(i);
    hash = Math.imul(hash, 0x01000193);
  }
  return hash >>> 0;
}

function splitmix32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let z = state ^ (state >>> 16);
    z = Math.imul(z, 0x21f0aaad);
    z ^= z >>> 15;
    z = Math.imul(z, 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
}

/** A stream from an integer seed. */
export function random(seed: number): Random {
  const next = splitmix32(seed);
  let a = next(), b = next(), c = next(), d = next();
  let spare: number | undefined;
  const bits = (): number => {
    const product = Math.imul(b, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9);
    const t = b << 9;
    c ^= a; d ^= b; b ^= c; a ^= d; c ^= t;
    d = (d << 11) | (d >>> 21);
    return result >>> 0;
  };
  const uniform = (): number => bits() / 4294967296;
  const self: Random = {
    uniform,
    between: (low, high) => low + (high - low) * uniform(),
    integer: (below) => Math.floor(uniform() * below),
    normal: () => {
      if (spare !== undefined) { const value = spare; spare = undefined; return value; }
      const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
      const angle = 2 * Math.PI * uniform();
      spare = radius * Math.sin(angle);
      return radius * Math.cos(angle);
    },
    pick: (items) => {
      const item = items[Math.floor(uniform() * items.length)];
      if (item === undefined) throw new RangeError('pick from an empty list');
      return item;
    },
    fork: (name) => random((seed ^ hashText(`${seed}/${name}`)) >>> 0),
  };
  return self;
}

/** Fills an array with standard normal deviates. */
export function fillNormal(out: Float32Array, source: Random): Float32Array {
  for (let i = 0; i < out.length; i++) out[i] = source.normal();
  return out;
}

/** A permutation of 0 .. length-1 (Fisher-Yates). */
export function permutation(length: number, source: Random): Int32Array {
  const order = Int32Array.from({ length }, (_, i) => i);
  for (let i = length - 1; i > 0; i--) {
    const j = source.integer(i + 1);
    const held = order[i] ?? 0;
    order[i] = order[j] ?? 0;
    order[j] = held;
  }
  return order;
}
