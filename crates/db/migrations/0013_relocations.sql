-- 组织迁移 (domain C8, D5), the tree's own record of moves, and acts of operators that need two people.
CREATE TABLE relocation (
  id {id},
  no {text} NOT NULL UNIQUE,                       -- QY20260615-000123
  org_id {int} NOT NULL REFERENCES org (id),
  -- Where it stands while the relocation is open: one on the way up and down (53).
  open_path {text} UNIQUE REFERENCES org (path) ON UPDATE CASCADE,
  old_parent {int} NOT NULL REFERENCES org (id),
  new_parent {int} NOT NULL REFERENCES org (id),
  started_by {int} NOT NULL REFERENCES person (id),
  reason {text} NOT NULL,
  state {text} NOT NULL CHECK (state IN ('pending_old','pending_new','done','rejected','withdrawn','expired')),
  waits_for {int} REFERENCES org (id),             -- in whose hands it is; NULL when ended
  deadline {int},
  return_note {text},
  remind_at {int},
  version {int} NOT NULL DEFAULT 1,
  created_at {int} NOT NULL,
  ended_at {int},
  CHECK (old_parent <> new_parent AND org_id <> old_parent AND org_id <> new_parent),
  CHECK ((state IN ('done','rejected','withdrawn','expired')) = (ended_at IS NOT NULL)),
  CHECK ((ended_at IS NULL) = (waits_for IS NOT NULL)),
  CHECK ((ended_at IS NULL) = (open_path IS NOT NULL)),
  CHECK (ended_at IS NOT NULL OR waits_for = CASE WHEN state = 'pending_old' THEN old_parent ELSE new_parent END)
) {strict};
CREATE INDEX relocation_waiting ON relocation (waits_for, deadline, id) WHERE ended_at IS NULL;
CREATE INDEX relocation_due ON relocation (deadline, id) WHERE ended_at IS NULL;
CREATE INDEX relocation_remind ON relocation (remind_at, id) WHERE ended_at IS NULL;
CREATE INDEX relocation_org ON relocation (org_id, id);
CREATE INDEX relocation_old ON relocation (old_parent, id);
CREATE INDEX relocation_new ON relocation (new_parent, id);

CREATE TABLE relocation_step (
  relocation_id {int} NOT NULL REFERENCES relocation (id),
  no {int} NOT NULL,
  at {int} NOT NULL,
  verb {text} NOT NULL,                            -- submit, approve, return, withdraw, expire, cancel
  actor {text} NOT NULL,
  actor_id {int},
  org_id {int},
  state {text} NOT NULL,                           -- the state it led to
  note {text} NOT NULL DEFAULT '',
  PRIMARY KEY (relocation_id, no)
) {clustered};

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
  CHECK (decided_by IS NULL OR decided_by <> proposed_by)
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
