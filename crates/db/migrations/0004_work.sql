-- The audit book, jobs, messages, files: what every room uses.
CREATE TABLE event (
  id {id},
  at {int} NOT NULL,
  actor_id {int},                          -- person; NULL for the system and for nobody
  actor {text} NOT NULL,                   -- name at the time, or the job's name
  acting_org {int},
  kind {text} NOT NULL,                    -- transfer.approved, member.added, …
  object {text} NOT NULL,                  -- transfer, member, org, …
  object_id {int} NOT NULL,
  org_path {text} NOT NULL,
  person_id {int},                         -- whom it concerns
  detail {text} NOT NULL,                  -- JSON; personal data only masked
  request_id {text} NOT NULL,
  mac {blob} NOT NULL                      -- keyed: a row that we did not write does not verify
) {strict};
CREATE INDEX event_org ON event (org_path, id);
CREATE INDEX event_acting ON event (acting_org, id) WHERE acting_org IS NOT NULL;
CREATE INDEX event_person ON event (person_id, id) WHERE person_id IS NOT NULL;
CREATE INDEX event_object ON event (object, object_id, id);

-- Events not yet in the chain; written with the event, taken by the sealer.
CREATE TABLE event_unsealed (
  event_id {int} NOT NULL PRIMARY KEY
) {strict};
CREATE TABLE seal (
  seq {id},
  event_id {int} NOT NULL UNIQUE,
  hash {blob} NOT NULL                     -- keyed hash over the previous one and the event
) {strict};

CREATE TABLE job (
  id {id},
  kind {text} NOT NULL,
  payload {text} NOT NULL,
  unique_key {text},                       -- at most one waiting or running job of a key
  class {text} NOT NULL DEFAULT 'normal' CHECK (class IN ('urgent','normal','long')),  -- which workers take it
  -- failed: set aside after its last attempt, for the operators; dropped: by one of them.
  state {text} NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting','running','done','failed','dropped')),
  run_at {int} NOT NULL,
  attempts {int} NOT NULL DEFAULT 0,
  owner {text},                            -- the claim, a word made anew for each
  node {text},                             -- the program that claimed it; the same after a restart
  lease_until {int} NOT NULL DEFAULT 0,
  org_id {int},
  person_id {int},                         -- who asked for it
  done {int} NOT NULL DEFAULT 0,
  total {int} NOT NULL DEFAULT 0,
  result {text} NOT NULL DEFAULT '{}',
  error {text},
  created_at {int} NOT NULL,
  ended_at {int}
) {strict};
CREATE INDEX job_waiting ON job (class, run_at, id) WHERE state = 'waiting';
CREATE INDEX job_running ON job (lease_until, id) WHERE state = 'running';
CREATE INDEX job_node ON job (node) WHERE state = 'running';
CREATE INDEX job_failed ON job (ended_at, id) WHERE state = 'failed';
CREATE UNIQUE INDEX job_one ON job (unique_key) WHERE state IN ('waiting','running');
CREATE INDEX job_org ON job (org_id, id) WHERE org_id IS NOT NULL;

-- Who does the clockwork's turn, and when each was last done.
CREATE TABLE lease (
  name {text} NOT NULL PRIMARY KEY,
  owner {text} NOT NULL,
  until {int} NOT NULL,
  ran_at {int} NOT NULL
) {clustered};

-- Messages in the program, to an organisation's administrators or to one person.
CREATE TABLE message (
  id {id},
  to_org {int} REFERENCES org (id),
  to_person {int} REFERENCES person (id),
  kind {text} NOT NULL,
  title {text} NOT NULL,
  body {text} NOT NULL,
  href {text} NOT NULL,
  created_at {int} NOT NULL,
  read_at {int},
  CHECK ((to_org IS NULL) <> (to_person IS NULL))
) {strict};
CREATE INDEX message_org ON message (to_org, id) WHERE to_org IS NOT NULL;
CREATE INDEX message_org_new ON message (to_org, id) WHERE to_org IS NOT NULL AND read_at IS NULL;
CREATE INDEX message_person_new ON message (to_person, id) WHERE to_person IS NOT NULL AND read_at IS NULL;
CREATE INDEX message_old ON message (created_at);
CREATE INDEX message_person ON message (to_person, id) WHERE to_person IS NOT NULL;

-- What leaves the program by other channels (decision 8).
CREATE TABLE outbox (
  id {id},
  message_id {int} NOT NULL,
  channel {text} NOT NULL CHECK (channel IN ('smtp','webhook')),
  recipient_ct {blob},
  subject {text} NOT NULL,
  body {text} NOT NULL,
  state {text} NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting','sent','failed')),
  attempts {int} NOT NULL DEFAULT 0,
  next_at {int} NOT NULL,
  created_at {int} NOT NULL
) {strict};
CREATE INDEX outbox_waiting ON outbox (channel, next_at, id) WHERE state = 'waiting';
CREATE INDEX outbox_failed ON outbox (channel, id) WHERE state = 'failed';
CREATE INDEX outbox_old ON outbox (created_at) WHERE state <> 'waiting';

-- The ways out that some program of this installation serves, and how each is. Letters are written
-- for every one of them, also by a program that does not know its address itself.
CREATE TABLE channel (
  name {text} NOT NULL PRIMARY KEY CHECK (name IN ('smtp','webhook')),
  served_at {int} NOT NULL,                -- when a program last said that it serves it
  failures {int} NOT NULL DEFAULT 0,       -- in a row, by the channel's own fault
  until {int} NOT NULL DEFAULT 0,          -- nothing is sent before; then one letter tries
  error {text},                            -- what the last failure said
  changed_at {int} NOT NULL
) {clustered};

-- Files made by jobs, in pieces of a megabyte; shared by all program nodes.
CREATE TABLE file (
  id {id},
  job_id {int} NOT NULL,
  org_id {int} NOT NULL,
  person_id {int} NOT NULL,
  name {text} NOT NULL,
  mime {text} NOT NULL,
  size {int} NOT NULL,
  created_at {int} NOT NULL,
  expires_at {int} NOT NULL
) {strict};
CREATE INDEX file_expires ON file (expires_at);
CREATE TABLE file_piece (
  file_id {int} NOT NULL REFERENCES file (id),
  no {int} NOT NULL,
  bytes {blob} NOT NULL,
  PRIMARY KEY (file_id, no)
) {strict};

-- What the database must remember of itself: which keys it was written with, policies changed.
CREATE TABLE setting (
  name {text} NOT NULL PRIMARY KEY,
  value {text} NOT NULL
) {clustered};

-- Running programs with the newest ring of keys that each has, so that no ring is put in use before
-- everybody has it.
CREATE TABLE key_node (
  node {text} NOT NULL PRIMARY KEY,
  newest {int} NOT NULL,
  seen_at {int} NOT NULL
) {clustered};
