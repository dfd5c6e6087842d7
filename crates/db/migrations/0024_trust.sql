-- Keyed marks of the rows that carry authority (docs/decisions/0024): a row that was changed, added
-- or taken away by other hands than the program's has no mark that fits.
CREATE TABLE row_mark (
  kind {text} NOT NULL,                    -- the table
  id {int} NOT NULL,                       -- its key: the number, or a digest of what is no number
  no {int} NOT NULL,                       -- the second number of a key of two
  mac {blob} NOT NULL,
  PRIMARY KEY (kind, id, no)
) {clustered};
