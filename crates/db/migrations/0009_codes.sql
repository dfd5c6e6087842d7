-- 管理员注册码 (domain C5, D1; decision 7): of a code only a keyed hash is kept here. The plain codes
-- of one issue lie sealed in a file of their maker until they run out (docs/decisions/0013).
CREATE TABLE reg_code (
  id {id},
  org_id {int} NOT NULL REFERENCES org (id),       -- whose administrator it makes
  issuer_org {int} NOT NULL REFERENCES org (id),   -- the direct superior at the time
  issued_by {int} NOT NULL REFERENCES person (id),
  sheet_id {int} NOT NULL,                         -- the file with the plain codes; may be gone
  hash {blob} NOT NULL UNIQUE,
  state {text} NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting','used','expired','revoked')),
  issued_at {int} NOT NULL,
  expires_at {int} NOT NULL,
  reminded_at {int},                               -- the superior was told that it ends soon
  used_by {int} REFERENCES person (id),
  cadre_id {int} REFERENCES cadre (id),            -- the post that came with it
  ended_at {int},
  CHECK ((state = 'waiting') = (ended_at IS NULL)),
  CHECK ((state = 'used') = (used_by IS NOT NULL)),
  CHECK ((state = 'used') = (cadre_id IS NOT NULL))
) {strict};
-- One code of an organisation waits at a time (I7).
CREATE UNIQUE INDEX reg_code_one ON reg_code (org_id) WHERE state = 'waiting';
CREATE INDEX reg_code_org ON reg_code (org_id, id);
CREATE INDEX reg_code_used_by ON reg_code (used_by) WHERE used_by IS NOT NULL;
CREATE INDEX reg_code_remind ON reg_code (expires_at, id) WHERE state = 'waiting' AND reminded_at IS NULL;
