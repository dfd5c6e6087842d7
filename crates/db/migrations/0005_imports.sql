-- An import: one uploaded table, its rows as staged with their problems, and what became of them.
CREATE TABLE import (
  id {id},
  org_id {int} NOT NULL REFERENCES org (id),       -- where the people go
  org_path {text} NOT NULL REFERENCES org (path) ON UPDATE CASCADE,
  acting_org {int} NOT NULL REFERENCES org (id),
  person_id {int} NOT NULL,                        -- who imports
  kind {text} NOT NULL CHECK (kind IN ('members','cadres','orgs')),
  file_name {text} NOT NULL,
  digest {blob},                                   -- keyed hash of the uploaded bytes
  beside {int} NOT NULL DEFAULT 0,                 -- the open draft of the same file beside which it was uploaded on purpose
  template {text} NOT NULL,                        -- recognised template: members, cadres, orgs or other
  state {text} NOT NULL CHECK (state IN ('mapping','review','running','done','undone')),
  header {text} NOT NULL,                          -- JSON: the file's own column titles
  mapping {text} NOT NULL,                         -- JSON: our column for each of the file's
  notes {text} NOT NULL DEFAULT '{}',              -- JSON: what was tidied automatically
  job_id {int},
  rows {int} NOT NULL,
  ready {int} NOT NULL DEFAULT 0,
  to_fix {int} NOT NULL DEFAULT 0,
  warned {int} NOT NULL DEFAULT 0,                 -- of the ready ones
  skipped {int} NOT NULL DEFAULT 0,                -- with those that became a transfer
  imported {int} NOT NULL DEFAULT 0,
  failed {int} NOT NULL DEFAULT 0,
  version {int} NOT NULL DEFAULT 1,
  created_at {int} NOT NULL,
  updated_at {int} NOT NULL,
  ended_at {int}
) {strict};
CREATE INDEX import_org ON import (acting_org, id);
CREATE INDEX import_path ON import (org_path);
CREATE INDEX import_old ON import (updated_at);
CREATE INDEX import_digest ON import (org_id, digest, id) WHERE digest IS NOT NULL;
-- One open draft of a file, however often the button was pressed.
CREATE UNIQUE INDEX import_one_draft ON import (org_id, kind, digest, beside) WHERE state IN ('mapping','review','running');

CREATE TABLE import_row (
  import_id {int} NOT NULL REFERENCES import (id),
  row_no {int} NOT NULL,                           -- as numbered in the sheet
  state {text} NOT NULL CHECK (state IN ('ready','warned','to_fix','skipped','handed','imported','failed','undone','kept')),
  cells_ct {blob} NOT NULL,                        -- the cells as typed, ciphertext
  problems {text} NOT NULL DEFAULT '[]',           -- JSON; no personal data
  id_bi {blob},                                    -- finds a person who stands twice in the file
  seat {text},                                     -- the limited post (书记) that the row claims
  person_id {int},
  take {bool} NOT NULL DEFAULT FALSE,              -- contact values of the row replace those of a person who is known
  version {int} NOT NULL DEFAULT 1,
  PRIMARY KEY (import_id, row_no)
) {clustered};
CREATE INDEX import_row_state ON import_row (import_id, state, row_no);
CREATE INDEX import_row_id ON import_row (import_id, id_bi, row_no) WHERE id_bi IS NOT NULL;
CREATE INDEX import_row_seat ON import_row (import_id, row_no) WHERE seat IS NOT NULL;
