-- The tree of organisations (domain C1, C2) and the counters that hang on it (decision 11).
CREATE TABLE org (
  id {id},
  code {text} NOT NULL UNIQUE,             -- 组织码, nine digits, the last one a check digit
  parent_id {int} REFERENCES org (id),
  path {text} NOT NULL UNIQUE,             -- three base-36 characters a level (store.md 6)
  depth {int} NOT NULL CHECK (depth BETWEEN 1 AND 12),
  sort_no {int} NOT NULL,
  next_child {int} NOT NULL DEFAULT 0,     -- number of the next child; never reused
  short_name {text} NOT NULL CHECK (short_name <> ''),
  {fold name_key short_name},              -- as names of siblings are compared
  full_name {text} NOT NULL CHECK (full_name <> ''),
  name_py {text} NOT NULL,                 -- pinyin initials of short_name
  category {text} NOT NULL CHECK (category IN ('LEAD','COMMITTEE','WORK','GENERAL','BRANCH','GRADUATE','HOLDING')),
  industry {text},                         -- key of a leaf of rules/industries; NULL for leading organs
  province {text} NOT NULL,                -- two digits, decides regional rules
  special_kind {text} NOT NULL DEFAULT 'NONE' CHECK (special_kind IN ('NONE','HOLDING','GRADUATE','RECEIVING','ABROAD_STUDY','DELAYED_GRADUATION','SCHOOL_MOBILE','TEMPORARY')),
  graduates {text} CHECK (LENGTH(graduates) = 7),                     -- 预计毕业时间, YYYY-MM
  no_graduation {text} CHECK (no_graduation IN ('teachers','mixed')), -- why there is none: 教师支部, 混合支部
  graduated_at {int},                      -- when it was turned into a 毕业生团组织
  status {text} NOT NULL DEFAULT 'ACTIVE' CHECK (status IN ('DRAFT','ACTIVE','MIGRATING','DELETED')),
  phone {text},
  email {text},
  admin_posts {int}, admin_filled {int}, staff_posts {int}, staff_filled {int},
  school_code {text} UNIQUE,
  is_township {bool},
  founded_on {text},
  elected_on {text},
  address {text},
  category_changed {bool} NOT NULL DEFAULT FALSE,
  version {int} NOT NULL DEFAULT 1,
  created_at {int} NOT NULL,
  updated_at {int} NOT NULL,
  UNIQUE (id, category),
  CHECK (graduates IS NULL OR no_graduation IS NULL),
  CONSTRAINT org_graduates_as_branch CHECK (category IN ('BRANCH','GRADUATE') OR (graduates IS NULL AND no_graduation IS NULL)),
  CHECK ((category = 'GRADUATE') = (graduated_at IS NOT NULL)),
  CHECK (category <> 'GRADUATE' OR graduates IS NOT NULL),
  CHECK ((parent_id IS NULL) = (depth = 1)),
  CHECK (LENGTH(path) = 3 * depth)
) {strict};
-- Look-alike names below one superior are the same name.
CREATE UNIQUE INDEX org_sibling ON org (parent_id, name_key) WHERE status <> 'DELETED';
CREATE INDEX org_children ON org (parent_id, sort_no, id);
-- Lately closed: what was on its way to them is returned.
CREATE INDEX org_gone ON org (updated_at) WHERE status = 'DELETED';
-- Marks of graduation (118-123): each list of a subtree, and what is due for conversion.
CREATE INDEX org_unmarked ON org (path) WHERE category = 'BRANCH' AND graduates IS NULL AND no_graduation IS NULL AND status <> 'DELETED';
CREATE INDEX org_marked ON org (path) WHERE category = 'BRANCH' AND graduates IS NOT NULL AND status <> 'DELETED';
CREATE INDEX org_exempt ON org (path) WHERE category = 'BRANCH' AND no_graduation IS NOT NULL AND status <> 'DELETED';
CREATE INDEX org_graduated ON org (path) WHERE category = 'GRADUATE' AND status <> 'DELETED';
CREATE INDEX org_graduating ON org (province, graduates, path) WHERE category = 'BRANCH' AND graduates IS NOT NULL AND status <> 'DELETED';
CREATE INDEX org_special ON org (path) WHERE special_kind <> 'NONE' AND status <> 'DELETED';
-- Organisations of schools (55): the topmost of each is a school.
CREATE INDEX org_school ON org (path) WHERE industry >= 'school_' AND industry < 'school~' AND status <> 'DELETED';

-- Search by any fragment: pairs of neighbouring characters of the names and of the pinyin
-- initials, nearest the root first (docs/decisions).
CREATE TABLE org_gram (
  gram {text} NOT NULL,
  depth {int} NOT NULL,
  path {text} NOT NULL,
  PRIMARY KEY (gram, depth, path)
) {clustered};

-- What a change adds to the counters of its organisation; folded upwards within seconds.
CREATE TABLE delta (
  id {id},
  -- A copied path follows its organisation wherever it moves, and none can be written that is no more.
  org_path {text} NOT NULL REFERENCES org (path) ON UPDATE CASCADE,
  orgs {int} NOT NULL DEFAULT 0,
  branches {int} NOT NULL DEFAULT 0,
  members {int} NOT NULL DEFAULT 0,
  members_done {int} NOT NULL DEFAULT 0,
  cadres {int} NOT NULL DEFAULT 0,
  cadres_done {int} NOT NULL DEFAULT 0,
  at {int} NOT NULL
) {strict};
CREATE INDEX delta_org ON delta (org_path);

-- Live counters: 'self' of the organisation alone, 'direct' of its direct children, 'subtree' of
-- itself and everything below, 'sector1' to 'sector8' of what in the subtree is of one sector.
CREATE TABLE tally (
  org_path {text} NOT NULL,
  scope {text} NOT NULL CHECK (scope IN ('self','direct','subtree','sector1','sector2','sector3','sector4','sector5','sector6','sector7','sector8')),
  sector {text},                           -- of 'self': the sector that its figures were added to
  orgs {int} NOT NULL DEFAULT 0,
  branches {int} NOT NULL DEFAULT 0,
  branches_done {int} NOT NULL DEFAULT 0,
  bodies_done {int} NOT NULL DEFAULT 0,    -- non-branches whose cadres are complete (153, 154)
  members {int} NOT NULL DEFAULT 0 CONSTRAINT tally_not_below_zero CHECK (members >= 0),
  members_done {int} NOT NULL DEFAULT 0,
  cadres {int} NOT NULL DEFAULT 0,
  cadres_done {int} NOT NULL DEFAULT 0,
  changed_at {int} NOT NULL,
  PRIMARY KEY (org_path, scope)
) {clustered};
CREATE INDEX tally_changed ON tally (changed_at);

-- The figures on the hour; an hour without a change has no row.
CREATE TABLE tally_hour (
  org_path {text} NOT NULL,
  scope {text} NOT NULL,
  hour {int} NOT NULL,                     -- milliseconds of the full hour
  orgs {int} NOT NULL, branches {int} NOT NULL, branches_done {int} NOT NULL, bodies_done {int} NOT NULL,
  members {int} NOT NULL, members_done {int} NOT NULL, cadres {int} NOT NULL, cadres_done {int} NOT NULL,
  PRIMARY KEY (org_path, scope, hour)
) {clustered};
