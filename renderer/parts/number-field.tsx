/** A number of a form. What cannot be read as one gives way, when the field is left, to the value that counts: a field never shows another number than the one that is run. */
import { NumberInput } from '@mantine/core';
import type { NumberInputProps } from '@mantine/core';
import { useState } from 'react';
import { readNumber, within } from './read-number.ts';

interface NumberFieldProps extends Omit<NumberInputProps, 'value' | 'defaultValue' | 'onChange' | 'onBlur' | 'onPaste' | 'min' | 'max'> {
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly onChange: (value: number) => void;
}

export function NumberField({ value, min, max, onChange, ...rest }: NumberFieldProps) {
  // Text that is not a number yet: empty, a lone sign, zeros before it, more digits than a number holds.
  const [typed, setTyped] = useState<string | null>(null);
  const take = (next: unknown): void => {
    if (typeof next === 'number') { setTyped(null); onChange(next); }
    else setTyped(String(next));
  };
  const leave = (): void => {
    if (typed === null) return;
    const read = readNumber(typed);
    setTyped(null);
    if (read !== null) onChange(within(read, min, max));
  };
  const paste = (event: React.ClipboardEvent<HTMLInputElement>): void => {
    // Typed commas are decimal separators already; pasted ones would be dropped, and 0,05 would become 5.
    const text = event.clipboardData.getData('text'), read = text.includes(',') ? readNumber(text) : null;
    if (read === null) return;
    event.preventDefault();
    take(within(read, min, max));
  };
  return <NumberInput {...rest} min={min} max={max} value={typed ?? value} onChange={take} onBlur={leave} onPaste={paste} />;
}
