/** The printable character that stands for each byte in a byte-level vocabulary, so that it is readable text (Radford et al. 2019, `bytes_to_unicode`). */
export function byteLetters(): readonly string[] {
  const printable = (byte: number): boolean => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let spare = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : spare++));
}

/** What a token carries that ends a word. */
export const END_OF_WORD = '</w>';
