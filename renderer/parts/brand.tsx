/** The mark: an iris that holds the last thing seen, in a few cells. */
const CELLS = [
  [0, 0, 0.25], [1, 0, 0.55], [2, 0, 0.3], [0, 1, 0.6], [1, 1, 1], [2, 1, 0.8], [0, 2, 0.35], [1, 2, 0.75], [2, 2, 0.45],
] as const;

export function Mark({ size = 24 }: { readonly size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <path d="M2 16C6.2 9.2 10.8 6 16 6s9.8 3.2 14 10c-4.2 6.8-8.8 10-14 10S6.2 22.8 2 16Z" fill="none" stroke="currentColor" strokeWidth="2" strokeLinejoin="round" />
      <circle cx="16" cy="16" r="7.2" fill="none" stroke="var(--accent)" strokeWidth="1.6" />
      {CELLS.map(([x, y, opacity]) => (
        <rect key={`${x}${y}`} x={12.1 + x * 2.7} y={12.1 + y * 2.7} width="2.3" height="2.3" rx="0.5" fill="var(--accent)" opacity={opacity} />
      ))}
    </svg>
  );
}
