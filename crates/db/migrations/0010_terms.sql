-- What organisations were told of the end of their committee's term (62); each is said once.
CREATE TABLE term_notice (
  org_id {int} NOT NULL REFERENCES org (id),
  elected_on {text} NOT NULL,
  kind {text} NOT NULL CHECK (kind IN ('soon','over','put_off_soon','put_off_over')),
  at {int} NOT NULL,
  PRIMARY KEY (org_id, elected_on, kind)
) {clustered};
-- Until when the superior has put the next election off; ended by the election.
ALTER TABLE org ADD COLUMN term_until {text} CHECK (LENGTH(term_until) = 10);
CREATE INDEX org_term_until ON org (term_until, id) WHERE term_until IS NOT NULL;
CREATE INDEX org_elected ON org (elected_on, id) WHERE elected_on IS NOT NULL;
