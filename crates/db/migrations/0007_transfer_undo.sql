-- How a transfer stood before its last decision, for the minutes in which that may be taken back
-- (B.6). Ids and times only, no personal data.
CREATE TABLE transfer_undo (
  transfer_id {int} NOT NULL PRIMARY KEY REFERENCES business (id),
  version {int} NOT NULL,                          -- the transfer's after the decision
  by_person {int} NOT NULL REFERENCES person (id),
  by_org {int} NOT NULL REFERENCES org (id),
  until {int} NOT NULL,
  state {text} NOT NULL CHECK (state IN ('pending_source','pending_target','pending_alloc')),
  deadline {int},
  moved {text}                                     -- JSON: branch, posts and seat before; NULL when nobody moved
) {strict};
CREATE INDEX transfer_undo_until ON transfer_undo (until);
CREATE INDEX transfer_undo_by ON transfer_undo (by_person, until);
CREATE INDEX transfer_undo_org ON transfer_undo (by_org);
