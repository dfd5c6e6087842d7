-- What a conversion did (row 123), added up for each organisation that has to know: the direct superior
-- and the school. A row waits here until the last branch of the province has turned, then it becomes
-- one message.
CREATE TABLE graduation_notice (
  org_id {int} NOT NULL PRIMARY KEY REFERENCES org (id),
  province {text} NOT NULL,
  branches {int} NOT NULL CHECK (branches > 0),
  members {int} NOT NULL,
  names {text} NOT NULL                            -- the first of the branches
) {strict};
CREATE INDEX graduation_notice_of ON graduation_notice (province, org_id);
