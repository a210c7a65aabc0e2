import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { random } from '../../../common/random.ts';
import { captionsOf } from '../../../main/demo/caption.ts';
import { sampleScene } from '../../../main/demo/scene.ts';

const PACK = join(import.meta.dirname, '../../../resources/models/demo');

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(join(PACK, file), 'utf8'));
}

function entries(value: unknown): [string, unknown][] {
  return typeof value === 'object' && value !== null ? Object.entries(value) : [];
}

describe('the shipped demo pack', () => {
  const pack = new Map(entries(readJson('pack.json')));

  it('has the bytes that pack.json names', () => {
    const sums = entries(pack.get('sha256'));
    expect(sums.length).toBeGreaterThan(10);
    for (const [file, sum] of sums) expect(createHash('sha256').update(readFileSync(join(PACK, file))).digest('hex'), file).toBe(sum);
  });

  it('knows every word of the demo captions as one token, and every caption fits its context', () => {
    const vocabulary = new Map(entries(readJson('tokenizer/vocab.json')));
    for (let i = 0; i < 2000; i++) {
      for (const caption of captionsOf(sampleScene(random(i)), random(i).fork('captions'))) {
        const words = caption.split(' ');
        expect(words.length + 2, caption).toBeLessThanOrEqual(Number(pack.get('contextLength')));
        for (const word of words) expect(vocabulary.has(`${word}</w>`), word).toBe(true);
      }
    }
  });
});
