-- 组织关系转接 (domain C7, D4).
CREATE TABLE transfer (
  id {id},
  no {text} NOT NULL UNIQUE,                       -- ZJ20260615-000123
  person_id {int} NOT NULL REFERENCES person (id),
  variant {text} NOT NULL CHECK (variant IN ('V1','V2','V3','V4')),
  starter {text} NOT NULL CHECK (starter IN ('member','source','target','batch','external')),
  started_by {int} NOT NULL REFERENCES person (id),
  started_org {int} NOT NULL REFERENCES org (id),
  from_org {int} NOT NULL REFERENCES org (id),
  from_path {text} NOT NULL,
  to_org {int} NOT NULL REFERENCES org (id),
  to_path {text} NOT NULL,
  reason {text} NOT NULL,
  fields_ct {blob},                                -- what the reason asks (addresses, contacts), JSON, ciphertext
  remark {text} NOT NULL DEFAULT '',
  state {text} NOT NULL CHECK (state IN ('pending_source','pending_target','pending_alloc','done','rejected','withdrawn','expired')),
  waits_for {int} REFERENCES org (id),             -- in whose hands it is; NULL when ended
  deadline {int},                                  -- of the present step; NULL when none runs
  wish_id {int} REFERENCES org (id),               -- the branch that was meant when it began; suggested at the allocation
  branch_id {int} REFERENCES org (id),             -- where the person came in the end
  return_reason {text},
  return_note {text},
  remind_at {int},                                 -- the next reminder of the clockwork
  urged_at {int},                                  -- 催办 by the starter, at most once in 24 hours
  version {int} NOT NULL DEFAULT 1,
  created_at {int} NOT NULL,
  ended_at {int},
  CHECK ((state IN ('done','rejected','withdrawn','expired')) = (ended_at IS NOT NULL)),
  CHECK ((ended_at IS NULL) = (waits_for IS NOT NULL)),
  CHECK ((state = 'done') = (branch_id IS NOT NULL))
) {strict};
CREATE UNIQUE INDEX transfer_open ON transfer (person_id) WHERE ended_at IS NULL;
CREATE INDEX transfer_waiting ON transfer (waits_for, deadline, id) WHERE ended_at IS NULL;
CREATE INDEX transfer_due ON transfer (deadline, id) WHERE ended_at IS NULL;
CREATE INDEX transfer_remind ON transfer (remind_at, id) WHERE ended_at IS NULL;
CREATE INDEX transfer_from ON transfer (from_org, id);
CREATE INDEX transfer_to ON transfer (to_org, id);
CREATE INDEX transfer_to_open ON transfer (to_org, id) WHERE ended_at IS NULL;
CREATE INDEX transfer_from_open ON transfer (from_org, id) WHERE ended_at IS NULL;
CREATE INDEX transfer_started ON transfer (started_org, id);
CREATE INDEX transfer_starter ON transfer (started_by);
CREATE INDEX transfer_branch ON transfer (branch_id, id) WHERE branch_id IS NOT NULL;
CREATE INDEX transfer_person ON transfer (person_id, id);

-- Every step that was taken, by whom, with which words.
CREATE TABLE transfer_step (
  transfer_id {int} NOT NULL REFERENCES transfer (id),
  no {int} NOT NULL,
  at {int} NOT NULL,
  verb {text} NOT NULL,                            -- submit, approve, allocate, return, withdraw, expire, cancel, undo, urge, pass
  actor {text} NOT NULL,
  actor_id {int},
  org_id {int},
  state {text} NOT NULL,                           -- the state it led to
  note {text} NOT NULL DEFAULT '',
  PRIMARY KEY (transfer_id, no)
) {clustered};
