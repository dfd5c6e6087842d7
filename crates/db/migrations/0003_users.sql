-- Accounts, sign-ins, tokens, and what guards them. A person without an account row is unclaimed:
-- no hash of a guessable password is ever stored (decision 5).
CREATE TABLE account (
  person_id {int} NOT NULL PRIMARY KEY REFERENCES person (id),
  password_hash {text} NOT NULL,
  created_at {int} NOT NULL,
  changed_at {int} NOT NULL,
  signed_in_at {int} NOT NULL DEFAULT 0,   -- the last time; sessions are forgotten
  version {int} NOT NULL DEFAULT 1
) {strict};

CREATE TABLE session (
  id {id},
  token_hash {blob} NOT NULL UNIQUE,
  person_id {int} NOT NULL REFERENCES account (person_id),
  created_at {int} NOT NULL,
  seen_at {int} NOT NULL,
  expires_at {int} NOT NULL,
  ended_at {int},
  address {text} NOT NULL,
  device {text} NOT NULL
) {strict};
CREATE INDEX session_person ON session (person_id, id);
CREATE INDEX session_expires ON session (expires_at);

-- Personal tokens for programs (decision 14).
CREATE TABLE token (
  id {id},
  token_hash {blob} NOT NULL UNIQUE,
  person_id {int} NOT NULL REFERENCES account (person_id),
  label {text} NOT NULL,
  scope {text} NOT NULL DEFAULT 'read' CHECK (scope IN ('read','write')),
  org_id {int} REFERENCES org (id),        -- the one organisation that it is good for; NULL: all of hers
  created_at {int} NOT NULL,
  expires_at {int} NOT NULL,
  used_at {int},                           -- the last time, within ten minutes
  ended_at {int}
) {strict};
CREATE INDEX token_person ON token (person_id, id);
CREATE INDEX token_living ON token (expires_at, id) WHERE ended_at IS NULL;
CREATE INDEX token_org ON token (org_id) WHERE org_id IS NOT NULL;

-- Counted attempts by key (account, address, whole site); shared by all program nodes.
CREATE TABLE attempt (
  key {text} NOT NULL PRIMARY KEY,
  failures {int} NOT NULL,
  window_start {int} NOT NULL,
  blocked_until {int} NOT NULL DEFAULT 0
) {clustered};
CREATE INDEX attempt_old ON attempt (window_start);

CREATE TABLE captcha (
  id {text} NOT NULL PRIMARY KEY,
  answer {blob} NOT NULL,                  -- a keyed hash
  spoken {blob} NOT NULL,                  -- the characters, sealed: they can be heard
  expires_at {int} NOT NULL
) {clustered};
CREATE INDEX captcha_old ON captcha (expires_at);

-- One-time tickets: activation after the initial password, first administrator, short-lived
-- search results by ID number. Only a hash is stored.
CREATE TABLE ticket (
  hash {blob} NOT NULL PRIMARY KEY,
  purpose {text} NOT NULL,
  person_id {int},
  payload {text} NOT NULL,
  expires_at {int} NOT NULL,
  used_at {int}
) {clustered};
CREATE INDEX ticket_expires ON ticket (expires_at);

-- One form, one effect: the answer to a form that was already carried out.
CREATE TABLE idem (
  actor {text} NOT NULL,
  key {text} NOT NULL,
  answer {text} NOT NULL,
  created_at {int} NOT NULL,
  PRIMARY KEY (actor, key)
) {clustered};
CREATE INDEX idem_created ON idem (created_at);
