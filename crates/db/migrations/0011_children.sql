-- Creating many organisations at once (row 37): where each staged row will stand in the tree, and
-- what was made of it. Rows of an import of kind 'orgs' alone.
CREATE TABLE import_place (
  import_id {int} NOT NULL REFERENCES import (id),
  row_no {int} NOT NULL,
  ord {int} NOT NULL,                              -- its place in the preview, depth first
  level {int} NOT NULL,                            -- 1: directly below the organisation
  parent_row {int},                                -- the row of the file that it stands below
  parent_org {int},                                -- or the organisation that is there already
  org_id {int} REFERENCES org (id),                -- what was made
  PRIMARY KEY (import_id, row_no)
) {clustered};
CREATE INDEX import_place_ord ON import_place (import_id, ord);
CREATE INDEX import_place_level ON import_place (import_id, level, row_no);

-- A sister by her name: asked by every creation, renaming and preview.
CREATE INDEX org_sister ON org (parent_id, short_name);
