/** First schema. Never edited once released; a change is a new migration. */
export const INITIAL = `
CREATE TABLE run (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, recipe TEXT NOT NULL, recipe_hash TEXT NOT NULL,
  data_path TEXT NOT NULL, data_label TEXT NOT NULL, synthetic INTEGER NOT NULL, subject TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed', 'cancelled')),
  created TEXT NOT NULL, started TEXT, finished TEXT, summary TEXT, error TEXT
) STRICT;
CREATE TABLE step (
  run TEXT NOT NULL REFERENCES run(id) ON DELETE CASCADE, position INTEGER NOT NULL, key TEXT NOT NULL, kind TEXT NOT NULL, label TEXT NOT NULL,
  title TEXT NOT NULL, inputs TEXT NOT NULL, weight REAL NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed', 'reused')), seconds REAL,
  PRIMARY KEY (run, key)
) STRICT;
CREATE TABLE artefact (
  key TEXT PRIMARY KEY, kind TEXT NOT NULL, path TEXT NOT NULL, bytes INTEGER NOT NULL, created TEXT NOT NULL
) STRICT;
CREATE TABLE image (
  run TEXT NOT NULL REFERENCES run(id) ON DELETE CASCADE, image_id INTEGER NOT NULL, truth TEXT NOT NULL, reconstruction TEXT NOT NULL,
  PRIMARY KEY (run, image_id)
) STRICT;
CREATE TABLE metric (
  run TEXT NOT NULL REFERENCES run(id) ON DELETE CASCADE, name TEXT NOT NULL, image_id INTEGER NOT NULL DEFAULT -1,
  space TEXT NOT NULL DEFAULT '', region TEXT NOT NULL DEFAULT '', value REAL NOT NULL, baseline REAL,
  PRIMARY KEY (run, name, image_id, space, region)
) STRICT;
CREATE TABLE setting (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE INDEX run_created ON run (created);
`;
