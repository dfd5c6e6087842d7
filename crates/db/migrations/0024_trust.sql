-- Keyed marks of the rows that carry authority (docs/decisions/0028): a row that was changed, added
-- or taken away by other hands than the program's has no mark that fits.
CREATE TABLE row_mark (
  kind {text} NOT NULL,                    -- the table
  id {int} NOT NULL,                       -- its key: the number, or a digest of what is no number
  no {int} NOT NULL,                       -- the second number of a key of two
  mac {blob} NOT NULL,
  PRIMARY KEY (kind, id, no)
) {clustered};

-- Exports of whole numbers that need the word of a second person (security a-10).
CREATE TABLE export_request (
  id {id},
  no {text} NOT NULL UNIQUE,                       -- 导出编号, as it stands in the file
  org_id {int} NOT NULL REFERENCES org (id),       -- for which it was asked
  payload {text} NOT NULL,                         -- JSON: what is exported
  people {int} NOT NULL,
  reason {text} NOT NULL,
  state {text} NOT NULL DEFAULT 'open' CHECK (state IN ('open','agreed','refused','withdrawn')),
  asked_by {int} NOT NULL REFERENCES person (id),
  asked_at {int} NOT NULL,
  expires_at {int} NOT NULL,
  decided_by {int} REFERENCES person (id),
  decided_at {int},
  job_id {int},                                    -- that makes the file
  CHECK ((state = 'open') = (decided_by IS NULL)),
  CHECK ((state = 'withdrawn') = (decided_by IS NOT NULL AND decided_by = asked_by))
) {strict};
CREATE INDEX export_request_org ON export_request (org_id, id);
