-- People for whom a rule of age does not count (row 133, decision 31): put in by one operator, with the
-- statement attached, and in force when a second one has agreed.
CREATE TABLE exception (
  id {id},
  no {text} NOT NULL,                              -- of the proposal by which it was asked for
  kind {text} NOT NULL,                            -- a row of age.toml
  org_id {int} NOT NULL REFERENCES org (id),       -- into which she may be entered
  name {text} NOT NULL,
  id_ct {blob} NOT NULL,                           -- her ID number
  file_id {int} NOT NULL,                          -- the statement, sealed
  file_mime {text} NOT NULL,
  asked_at {int} NOT NULL,
  granted_at {int},
  expires_at {int},                                -- the last moment at which she may be entered under it
  ended_at {int},                                  -- not granted, or taken back
  person_id {int},                                 -- who came in under it
  used_at {int},
  CHECK ((granted_at IS NULL) = (expires_at IS NULL)),
  CHECK ((person_id IS NULL) = (used_at IS NULL)),
  CHECK (used_at IS NULL OR granted_at IS NOT NULL)
) {strict};
CREATE INDEX exception_org ON exception (org_id, id);
CREATE INDEX exception_person ON exception (person_id, id);
