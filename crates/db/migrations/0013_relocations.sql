-- The tree's own record of moves, and acts of operators that need two people.
-- Every move of a subtree. The figures on the hour follow in pieces, in this order; events keep the
-- path of their time, and this says where it leads today.
CREATE TABLE path_move (
  id {id},
  from_path {text} NOT NULL,
  to_path {text} NOT NULL,
  at {int} NOT NULL,
  done {bool} NOT NULL DEFAULT FALSE               -- the figures on the hour have followed
) {strict};
CREATE INDEX path_move_open ON path_move (id) WHERE NOT done;
CREATE INDEX path_move_from ON path_move (from_path, id);

-- Acts of operators: one proposes, another one decides (security d-27).
CREATE TABLE proposal (
  id {id},
  no {text} NOT NULL UNIQUE,                       -- YW20260615-000123
  kind {text} NOT NULL,
  payload {text} NOT NULL,                         -- JSON: the act
  title {text} NOT NULL,                           -- what it does, in a sentence
  org_id {int} REFERENCES org (id),                -- the organisation concerned
  reason {text} NOT NULL,
  state {text} NOT NULL CHECK (state IN ('open','done','refused','withdrawn','expired')),
  proposed_by {int} NOT NULL REFERENCES person (id),
  proposed_at {int} NOT NULL,
  expires_at {int} NOT NULL,
  decided_by {int} REFERENCES person (id),
  decided_at {int},
  note {text} NOT NULL DEFAULT '',
  version {int} NOT NULL DEFAULT 1,
  CHECK ((state = 'open') = (decided_at IS NULL)),
  CHECK ((state IN ('done','refused')) = (decided_by IS NOT NULL)),
  CONSTRAINT proposal_two_people CHECK (decided_by IS NULL OR decided_by <> proposed_by)
) {strict};
CREATE INDEX proposal_open ON proposal (expires_at, id) WHERE decided_at IS NULL;
CREATE INDEX proposal_org ON proposal (org_id, id) WHERE org_id IS NOT NULL;
CREATE INDEX proposal_by ON proposal (proposed_by);
CREATE INDEX proposal_decided ON proposal (decided_by) WHERE decided_by IS NOT NULL;

-- Figures of the rules that were changed without a release; the newest row of a key whose first day
-- has come counts.
CREATE TABLE rule_change (
  id {id},
  name {text} NOT NULL,                            -- codes.registration_days, step.target.days, …
  value {text} NOT NULL,
  valid_from {text} NOT NULL,                      -- YYYY-MM-DD
  valid_until {text},                              -- last day; NULL: until another change
  proposal_id {int} NOT NULL REFERENCES proposal (id)
) {strict};
CREATE INDEX rule_change_name ON rule_change (name, valid_from, id);
CREATE INDEX rule_change_proposal ON rule_change (proposal_id);
