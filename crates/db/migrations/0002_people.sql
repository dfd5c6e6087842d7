-- Person ≠ account ≠ member ≠ cadre ≠ administrator (security d-11): one table each.
CREATE TABLE person (
  id {id},
  code {text} NOT NULL UNIQUE,             -- opaque public code
  name {text} NOT NULL CHECK (name <> ''),
  name_py {text} NOT NULL,
  id_ct {blob} NOT NULL,                   -- 身份证号码, ciphertext
  id_bi {blob} NOT NULL,                   -- its keyed blind index
  id_bi_ver {int} NOT NULL,
  sex {text} NOT NULL CHECK (sex IN ('male','female')),
  birth_ym {text} NOT NULL,                -- YYYY-MM; the day stays in the ciphertext
  mobile_ct {blob},
  mobile_bi {blob},
  contact_ct {blob},                       -- e-mail, QQ, address, emergency contact … as one ciphertext
  ethnic {text},
  political {text},
  education {text},
  check_state {text} NOT NULL DEFAULT 'unchecked' CHECK (check_state IN ('unchecked','passed','failed','offline')),
  missing {text} NOT NULL DEFAULT '',      -- what 未完善 lacks: column keys, comma-separated
  complete {bool} NOT NULL,
  version {int} NOT NULL DEFAULT 1,
  created_at {int} NOT NULL,
  updated_at {int} NOT NULL,
  UNIQUE (id_bi, id_bi_ver),
  CHECK (complete = (missing = ''))
) {strict};
CREATE INDEX person_mobile ON person (mobile_bi) WHERE mobile_bi IS NOT NULL;
CREATE INDEX person_key_version ON person (id_bi_ver);

-- 团员: exactly one branch a person (I1); name and path stand here for search by subtree.
CREATE TABLE member (
  person_id {int} NOT NULL PRIMARY KEY REFERENCES person (id),
  org_id {int} NOT NULL,
  org_category {text} NOT NULL CONSTRAINT member_in_branch CHECK (org_category IN ('BRANCH','GRADUATE','HOLDING')),
  org_path {text} NOT NULL REFERENCES org (path) ON UPDATE CASCADE,
  name {text} NOT NULL,
  name_py {text} NOT NULL,
  joined {text} NOT NULL,                  -- 入团年月, YYYY-MM
  dev_number {text} UNIQUE,                -- 发展团员编号
  status {text} NOT NULL DEFAULT 'active' CHECK (status IN ('active','moving')),
  complete {bool} NOT NULL,
  check_state {text} NOT NULL DEFAULT 'unchecked',
  import_id {int},
  entered_at {int} NOT NULL,               -- came to this branch
  graduation {text} CHECK (graduation IN ('graduate','delayed','teacher','mobile')), -- 毕业生, 延迟毕业, 教师, 毕业学生流动团员
  graduation_until {text} CHECK (LENGTH(graduation_until) = 7), -- 延迟毕业 until, YYYY-MM
  graduation_at {int},                     -- marked so since
  version {int} NOT NULL DEFAULT 1,
  CHECK ((graduation IS NULL) = (graduation_at IS NULL)),
  CHECK ((COALESCE(graduation, '') = 'delayed') = (graduation_until IS NOT NULL)),
  FOREIGN KEY (org_id, org_category) REFERENCES org (id, category) ON UPDATE CASCADE
) {strict};
CREATE INDEX member_by_org ON member (org_path, name_py, person_id);
-- Names are found without their dots and blanks, as they are typed (decision 33).
CREATE INDEX member_by_name ON member (REPLACE(REPLACE(name, '·', ''), ' ', ''), org_path, person_id);
CREATE INDEX member_by_pinyin ON member (name_py, org_path, person_id);
CREATE INDEX member_incomplete ON member (org_path, name_py, person_id) WHERE NOT complete;
CREATE INDEX member_unpassed ON member (org_path, name_py, person_id) WHERE check_state = 'failed';
CREATE INDEX member_moving ON member (org_path, name_py, person_id) WHERE status = 'moving';
-- A branch that changes its category takes its members along.
CREATE INDEX member_by_branch ON member (org_id);
CREATE INDEX member_marked ON member (org_path, name_py, person_id) WHERE graduation IS NOT NULL;
CREATE INDEX member_delayed ON member (org_path, name_py, person_id) WHERE graduation = 'delayed';
CREATE INDEX member_teacher ON member (org_path, name_py, person_id) WHERE graduation = 'teacher';
CREATE INDEX member_mobile ON member (org_path, name_py, person_id) WHERE graduation = 'mobile';
CREATE INDEX member_import ON member (import_id, person_id) WHERE import_id IS NOT NULL;

-- 团干部: a post in an organisation; ended posts stay as history.
CREATE TABLE cadre (
  id {id},
  person_id {int} NOT NULL REFERENCES person (id),
  org_id {int} NOT NULL REFERENCES org (id),
  org_path {text} NOT NULL REFERENCES org (path) ON UPDATE CASCADE,
  name {text} NOT NULL,
  name_py {text} NOT NULL,
  post {text} NOT NULL,
  since {text},                            -- 任现职年月, YYYY-MM
  nature {text} CHECK (nature IN ('专职','兼职','挂职')),
  in_party_committee {bool},
  complete {bool} NOT NULL,
  import_id {int},
  started_at {int} NOT NULL,
  ended_at {int},
  end_reason {text},
  version {int} NOT NULL DEFAULT 1
) {strict};
CREATE UNIQUE INDEX cadre_one_post ON cadre (person_id, org_id) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX cadre_one_secretary ON cadre (org_id) WHERE post = '书记' AND ended_at IS NULL;
CREATE INDEX cadre_living ON cadre (org_id) WHERE ended_at IS NULL;
CREATE INDEX cadre_person ON cadre (person_id, id);
CREATE INDEX cadre_path ON cadre (org_path);
CREATE INDEX cadre_by_org ON cadre (org_path, name_py, id) WHERE ended_at IS NULL;
CREATE INDEX cadre_by_name ON cadre (REPLACE(REPLACE(name, '·', ''), ' ', ''), org_path, id) WHERE ended_at IS NULL;
CREATE INDEX cadre_by_pinyin ON cadre (name_py, org_path, id) WHERE ended_at IS NULL;

-- 管理员: numbered seats, so that a fourth can't be sat on whatever happens at once (I4).
CREATE TABLE admin_seat (
  org_id {int} NOT NULL,
  org_category {text} NOT NULL,
  slot {int} NOT NULL CONSTRAINT admin_seat_slots CHECK (slot BETWEEN 1 AND 3 AND (org_category <> 'LEAD' OR slot <= 2) AND org_category <> 'HOLDING'),
  cadre_id {int} NOT NULL UNIQUE REFERENCES cadre (id),
  person_id {int} NOT NULL REFERENCES person (id),
  granted_at {int} NOT NULL,
  confirmed_at {int} NOT NULL DEFAULT 0,   -- when the superior last said that it is still right (a-24)
  remind_at {int} NOT NULL DEFAULT 0,      -- when the superior is asked to say so again; 0: to be noted
  used_at {int} NOT NULL DEFAULT 0,        -- when it was given back after resting
  idle_at {int} NOT NULL DEFAULT 0,        -- when its use is looked at (security 24)
  warned_at {int},                         -- when its holder was told that it will rest
  suspended_at {int},                      -- since when it rests: it gives no right
  PRIMARY KEY (org_id, slot),
  UNIQUE (org_id, person_id),
  FOREIGN KEY (org_id, org_category) REFERENCES org (id, category) ON UPDATE CASCADE
) {clustered};
CREATE INDEX admin_seat_person ON admin_seat (person_id);
CREATE INDEX admin_seat_remind ON admin_seat (remind_at, org_id);
CREATE INDEX admin_seat_idle ON admin_seat (idle_at, org_id, slot) WHERE suspended_at IS NULL;

-- 观察员 (decision 9).
CREATE TABLE observer (
  org_id {int} NOT NULL REFERENCES org (id),
  person_id {int} NOT NULL REFERENCES person (id),
  expires_at {int} NOT NULL,
  granted_at {int} NOT NULL,
  PRIMARY KEY (person_id, org_id)
) {clustered};
CREATE INDEX observer_org ON observer (org_id, person_id);

-- System operators; they act at the root organisation.
CREATE TABLE operator (
  person_id {int} NOT NULL PRIMARY KEY REFERENCES person (id),
  granted_at {int} NOT NULL
) {strict};
