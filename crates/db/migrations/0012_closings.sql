-- 撤销 (D6, rows 48-52): what was closed, by whom, where its people went, and until when the superior
-- can bring it back.
CREATE TABLE closing (
  id {id},
  org_id {int} NOT NULL REFERENCES org (id),
  parent_id {int} NOT NULL REFERENCES org (id),
  holding_id {int} REFERENCES org (id),            -- where its people went; NULL when there were none
  closed_by {int} REFERENCES person (id),
  closer {text} NOT NULL,                          -- her name at the time
  people {int} NOT NULL,
  lost {text} NOT NULL,                            -- JSON: what a restore can't bring back; names only
  state {text} NOT NULL DEFAULT 'open' CHECK (state IN ('open','restored','final')),
  closed_at {int} NOT NULL,
  until {int} NOT NULL,                            -- the end of the last day on which it can be restored
  ended_at {int},
  CHECK ((state = 'open') = (ended_at IS NULL)),
  CONSTRAINT closing_holds_its_people CHECK ((people > 0) = (holding_id IS NOT NULL))
) {strict};
CREATE UNIQUE INDEX closing_open ON closing (org_id) WHERE state = 'open';
CREATE INDEX closing_org ON closing (org_id, id);
CREATE INDEX closing_parent ON closing (parent_id, id) WHERE state = 'open';
CREATE INDEX closing_final ON closing (parent_id, id) WHERE state = 'final';
CREATE INDEX closing_due ON closing (until, id) WHERE state = 'open';
CREATE INDEX closing_holding ON closing (holding_id) WHERE holding_id IS NOT NULL;
CREATE INDEX closing_by ON closing (closed_by) WHERE closed_by IS NOT NULL;

-- Who was in it, since when and with which mark of graduation (a move ends marks); forgotten when the
-- closing is final.
CREATE TABLE closing_person (
  closing_id {int} NOT NULL REFERENCES closing (id),
  person_id {int} NOT NULL,
  entered_at {int} NOT NULL,
  graduation {text},
  graduation_until {text},
  graduation_at {int},
  PRIMARY KEY (closing_id, person_id)
) {clustered};
CREATE INDEX closing_person_of ON closing_person (person_id);

-- One holding branch a superior (row 52), and when she is next asked to empty it.
CREATE UNIQUE INDEX org_one_holding ON org (parent_id) WHERE category = 'HOLDING' AND status <> 'DELETED';
CREATE TABLE holding (
  org_id {int} NOT NULL PRIMARY KEY REFERENCES org (id),
  remind_at {int} NOT NULL
) {strict};
CREATE INDEX holding_due ON holding (remind_at, org_id);

-- Open imports into an organisation end with it.
CREATE INDEX import_into ON import (org_id, id) WHERE state IN ('mapping','review','running');

-- 组织体检 (rows 60, 61): what is wrong with an organisation, as bits; kept by the clockwork within
-- seconds of what changes it. One index for each, so that a county's list never walks the nation.
ALTER TABLE org ADD COLUMN ill {int} NOT NULL DEFAULT 0;
CREATE INDEX org_ill_empty ON org (path) WHERE (ill & 1) > 0;
CREATE INDEX org_ill_few ON org (path) WHERE (ill & 2) > 0;
CREATE INDEX org_ill_many ON org (path) WHERE (ill & 4) > 0;
CREATE INDEX org_ill_phone ON org (path) WHERE (ill & 8) > 0;
CREATE INDEX org_ill_admin ON org (path) WHERE (ill & 16) > 0;
CREATE INDEX org_ill_term ON org (path) WHERE (ill & 32) > 0;
CREATE INDEX org_ill_holding ON org (path) WHERE (ill & 64) > 0;
CREATE INDEX org_ill_branch ON org (path) WHERE (ill & 128) > 0;
CREATE INDEX org_ill_general ON org (path) WHERE (ill & 256) > 0;
CREATE INDEX org_ill_committee ON org (path) WHERE (ill & 512) > 0;
CREATE INDEX org_ill_unplaced ON org (path) WHERE (ill & 1024) > 0;
