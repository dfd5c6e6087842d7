-- 业务 (domain C7, C8, D4, D5): one row an application, of whatever kind; a further kind of approval is
-- more rows of the machine (app, business/machine.rs), not another table.
CREATE TABLE business (
  id {id},
  no {text} NOT NULL UNIQUE,                       -- ZJ20260615-000123
  kind {text} NOT NULL CHECK (kind IN ('transfer','relocation')),
  variant {text} NOT NULL CHECK (variant IN ('V1','V2','V3','V4','R')),
  person_id {int} REFERENCES person (id),          -- whom it is about, or
  org_id {int} REFERENCES org (id),                -- which organisation
  -- Where a relocation's organisation stands while it is open: one on the way up and down (53).
  open_path {text} UNIQUE REFERENCES org (path) ON UPDATE CASCADE,
  started_by {int} NOT NULL REFERENCES person (id),
  started_org {int} NOT NULL REFERENCES org (id),
  from_org {int} NOT NULL REFERENCES org (id),
  to_org {int} NOT NULL REFERENCES org (id),
  reason {text} NOT NULL,
  fields_ct {blob},                                -- what the reason asks (addresses, contacts), JSON, ciphertext
  remark {text} NOT NULL DEFAULT '',
  state {text} NOT NULL CHECK (state IN ('pending_source','pending_target','pending_alloc','pending_old','pending_new','done','rejected','withdrawn','expired')),
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
  CHECK ((kind = 'relocation') = (variant = 'R')),
  CHECK ((kind = 'transfer') = (person_id IS NOT NULL)),
  CHECK ((kind = 'relocation') = (org_id IS NOT NULL)),
  CHECK ((state IN ('done','rejected','withdrawn','expired')) = (ended_at IS NOT NULL)),
  CHECK ((ended_at IS NULL) = (waits_for IS NOT NULL)),
  CHECK (kind <> 'transfer' OR (state = 'done') = (branch_id IS NOT NULL)),
  CHECK (kind <> 'relocation' OR (ended_at IS NULL) = (open_path IS NOT NULL)),
  CHECK (kind <> 'relocation' OR (from_org <> to_org AND org_id <> from_org AND org_id <> to_org)),
  CHECK (kind <> 'relocation' OR ended_at IS NOT NULL OR waits_for = CASE WHEN state = 'pending_old' THEN from_org ELSE to_org END)
) {strict};
CREATE UNIQUE INDEX transfer_open ON business (person_id) WHERE kind = 'transfer' AND ended_at IS NULL;
CREATE INDEX business_waiting ON business (waits_for, COALESCE(deadline, 0), id) WHERE ended_at IS NULL;
CREATE INDEX business_due ON business (deadline, id) WHERE ended_at IS NULL;
CREATE INDEX business_remind ON business (remind_at, id) WHERE ended_at IS NULL;
CREATE INDEX business_from ON business (from_org, id);
CREATE INDEX business_to ON business (to_org, id);
CREATE INDEX business_to_open ON business (to_org, id) WHERE ended_at IS NULL;
CREATE INDEX business_from_open ON business (from_org, id) WHERE ended_at IS NULL;
CREATE INDEX business_started ON business (started_org, created_at, id);
CREATE INDEX business_starter ON business (started_by);
CREATE INDEX business_wish ON business (wish_id) WHERE wish_id IS NOT NULL;
CREATE INDEX business_branch ON business (branch_id, id) WHERE branch_id IS NOT NULL;
CREATE INDEX business_person ON business (person_id, id) WHERE person_id IS NOT NULL;
CREATE INDEX business_org ON business (org_id, id) WHERE org_id IS NOT NULL;
CREATE INDEX relocation_from ON business (from_org, id) WHERE kind = 'relocation';
CREATE INDEX relocation_to ON business (to_org, id) WHERE kind = 'relocation';

-- Every step that was taken, by whom, with which words.
CREATE TABLE business_step (
  business_id {int} NOT NULL REFERENCES business (id),
  no {int} NOT NULL,
  at {int} NOT NULL,
  verb {text} NOT NULL,                            -- submit, approve, allocate, return, withdraw, expire, cancel, undo, urge, pass
  actor {text} NOT NULL,
  actor_id {int},
  org_id {int},
  state {text} NOT NULL,                           -- the state it led to
  note {text} NOT NULL DEFAULT '',
  PRIMARY KEY (business_id, no)
) {clustered};
-- 已办: what an organisation decided, the newest first.
CREATE INDEX business_step_decided ON business_step (org_id, at, business_id) WHERE verb IN ('approve','allocate','return');
