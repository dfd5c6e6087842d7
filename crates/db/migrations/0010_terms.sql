-- What organisations were told of the end of their committee's term (62); each is said once.
CREATE TABLE term_notice (
  org_id {int} NOT NULL REFERENCES org (id),
  elected_on {text} NOT NULL,
  kind {text} NOT NULL CHECK (kind IN ('soon','over')),
  at {int} NOT NULL,
  PRIMARY KEY (org_id, elected_on, kind)
) {clustered};
CREATE INDEX org_elected ON org (elected_on, id) WHERE elected_on IS NOT NULL;
