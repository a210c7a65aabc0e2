/** A run that its user paused is one that was cancelled to go on later: what was 'cancelled' before was not paused. */
export const PAUSED = `ALTER TABLE run ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;`;
