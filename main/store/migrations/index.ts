/** Migrations in order; the position (from 1) is the schema version. Append only. */
import { INITIAL } from './0001-initial.ts';
import { PAUSED } from './0002-paused.ts';

export const MIGRATIONS: readonly string[] = [INITIAL, PAUSED];
