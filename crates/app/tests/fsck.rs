//! The checker checked: a whole data set has no violation, and every planted corruption is found.
//! A checker that never fired proves nothing.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, wherever it stands")]

use app::{
    OrgRef, Who, act,
    clock::{DAY, HOUR, SeededChance},
    fsck,
    keys::Place,
    people::PersonId,
    stats,
    testkit::{self, Lab, Tree},
};

/// A laboratory with something of everything, and the ids that corruptions need.
struct Whole {
    lab: Lab,
    tree: Tree,
    members: Vec<PersonId>,
    secretary: PersonId,
    cadre: i64,
    /// A finished transfer, a waiting one.
    done: i64,
    open: i64,
}

async fn whole() -> Whole {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let mut members = Vec::new();
    for name in ["张伟", "王芳", "李娜", "刘洋"] {
        members.push(lab.member(&tree.branch, name).await);
    }
    lab.admin(&tree.committee, "赵敏").await;
    let secretary = lab.person("钱进").await;
    let cadre = lab.cadre(&tree.committee, secretary, "书记").await;
    let (done, open) = (lab.house.new_id(), lab.house.new_id());
    lab.scratch.vandalise(&business(&lab, &tree, &members, (done, open))).await.unwrap();
    for id in [done, open] {
        act!(lab.house, Who::System("test"), |cx| {
            for kind in ["transfer.submitted", "transfer.approved"] {
                cx.note(app::events::Event::new(kind, "transfer", id)).await?;
            }
            Ok(())
        })
        .unwrap();
    }
    stats::settle(&lab.house).await.unwrap();
    app::events::seal(&lab.house, 2).await.unwrap();
    // What was planted is taken for the program's own.
    app::marks::remake(&lab.house).await.unwrap();
    Whole { lab, tree, members, secretary, cadre, done, open }
}

/// Rows of the later rooms, well-formed: transfers, sessions, an import, a file, jobs.
fn business(lab: &Lab, tree: &Tree, members: &[PersonId], (done, open): (i64, i64)) -> String {
    let (now, a, b) = (testkit::START, members[0], members[1]);
    let sealed = |no: i64| {
        let place = Place { column: "import_row.cells_ct", row: 77_i64.rotate_left(20) ^ no };
        let bytes = lab.house.keys().seal(place, "[]", &SeededChance::new(9));
        let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        blob(lab, &hex)
    };
    let (from, to) = (&tree.sister, &tree.branch);
    let (here, there) = (&tree.branch, &tree.other_branch);
    let start = |id: i64, no: &str, who: PersonId, from: &OrgRef, to: &OrgRef| {
        format!(
            "INSERT INTO business (id, no, kind, person_id, variant, started_by, started_org, from_org, to_org, reason, state, waits_for, deadline, created_at) VALUES ({id}, '{no}', 'transfer', {who}, 'V2', {who}, {}, {}, {}, 'other', 'pending_target', {}, {}, {});
            INSERT INTO business_step (business_id, no, at, verb, actor, state) VALUES ({id}, 1, {}, 'submit', 'x', 'pending_target');",
            from.id, from.id, to.id, to.id, now + 9 * DAY, now - DAY, now - DAY
        )
    };
    [
        start(done, "ZJ20260614-000001", a, from, to),
        format!("UPDATE business SET state = 'done', waits_for = NULL, deadline = NULL, branch_id = {}, ended_at = {now} WHERE id = {done};", to.id),
        format!("INSERT INTO business_step (business_id, no, at, verb, actor, state) VALUES ({done}, 2, {now}, 'approve', 'x', 'done');"),
        start(open, "ZJ20260614-000002", b, here, there),
        format!("UPDATE member SET status = 'moving' WHERE person_id = {b};"),
        format!("INSERT INTO account (person_id, password_hash, created_at, changed_at) VALUES ({a}, 'x', {now}, {now});"),
        format!("INSERT INTO session (id, token_hash, person_id, created_at, seen_at, expires_at, address, device) VALUES (51, {}, {a}, {now}, {now}, {}, '', '');", blob(lab, "01"), now + HOUR),
        format!("INSERT INTO token (id, token_hash, person_id, label, created_at, expires_at) VALUES (52, {}, {a}, 'x', {now}, {});", blob(lab, "02"), now + DAY),
        format!("INSERT INTO idem (actor, key, answer, created_at) VALUES ('p1', 'k1', 'ok', {now});"),
        format!("INSERT INTO job (id, kind, payload, state, run_at, attempts, created_at, ended_at) VALUES (61, 'export', '{{}}', 'done', {now}, 1, {now}, {now}), (62, 'rekey', '{{}}', 'waiting', {now}, 0, {now}, NULL);"),
        format!("INSERT INTO file (id, job_id, org_id, person_id, name, mime, size, created_at, expires_at) VALUES (71, 61, {}, {a}, 'x', 'x', 2, {now}, {});", here.id, now + DAY),
        format!("INSERT INTO file_piece (file_id, no, bytes) VALUES (71, 0, {});", blob(lab, "0102")),
        format!("INSERT INTO import (id, org_id, org_path, acting_org, person_id, kind, file_name, template, state, header, mapping, rows, imported, failed, created_at, updated_at, ended_at) VALUES (77, {}, '{}', {}, {a}, 'members', 'x', 'members', 'done', '[]', '[]', 2, 1, 1, {now}, {now}, {now});", here.id, here.path, here.id),
        format!("INSERT INTO cadre (id, person_id, org_id, org_path, name, name_py, post, complete, started_at, ended_at, end_reason) VALUES (81, {a}, {0}, '{1}', '张伟', 'zw', '副书记', TRUE, {now}, {now}, '换届');", tree.general.id, tree.general.path),
        format!("INSERT INTO reg_code (id, org_id, issuer_org, issued_by, sheet_id, hash, state, issued_at, expires_at, used_by, cadre_id, ended_at) VALUES (91, {0}, {1}, {a}, 71, {2}, 'used', {now}, {4}, {a}, 81, {now}), (92, {0}, {1}, {a}, 71, {3}, 'waiting', {now}, {4}, NULL, NULL, NULL);", tree.general.id, tree.committee.id, blob(lab, "91"), blob(lab, "92"), now + DAY),
        format!("INSERT INTO import_row (import_id, row_no, state, cells_ct) VALUES (77, 2, 'imported', {}), (77, 3, 'failed', {});", sealed(2), sealed(3)),
    ]
    .join("\n")
}

fn blob(lab: &Lab, hex: &str) -> String {
    match lab.house.db().engine() {
        db::Engine::Sqlite => format!("x'{hex}'"),
        db::Engine::Postgres => format!("'\\x{hex}'::bytea"),
    }
}

#[tokio::test]
async fn a_whole_data_set_has_no_violation() {
    let whole = whole().await;
    let report = fsck::run(&whole.lab.house, true).await.unwrap();
    assert!(report.is_clean(), "{:#?}", report.findings);
    assert_eq!(report.exit_code(), 0);
    assert!(report.looked_at > 30);
}

#[tokio::test]
async fn a_demonstration_of_a_school_has_no_violation() {
    let lab = testkit::fresh().await;
    let plan = app::demo::Plan::of(app::demo::Scale::School);
    app::demo::make(&lab.house, &plan).await.unwrap();
    let report = fsck::run(&lab.house, true).await.unwrap();
    assert!(
        report.is_clean(),
        "{:?}\n{:#?}",
        report.violations,
        &report.findings[..5.min(report.findings.len())]
    );
}

/// The statements that plant a corruption.
type Corruption = fn(&Whole) -> String;

/// Plants one corruption after the other, each on a whole data set of its own, and expects each to
/// be found under the invariant's name.
async fn finds(invariant: &str, corruptions: &[(&str, Corruption)]) {
    assert!(corruptions.len() >= 2, "two corruptions at least for {invariant}");
    for (what, corruption) in corruptions {
        let whole = whole().await;
        let mut statements = corruption(&whole);
        // What a database's own guards would refuse is planted where a guard has been lost.
        if whole.lab.house.db().engine() == db::Engine::Postgres {
            statements = format!("{UNGUARD}\n{statements}");
        }
        whole.lab.scratch.vandalise(&statements).await.unwrap_or_else(|e| panic!("{what}: {e}"));
        let report = fsck::run(&whole.lab.house, true).await.unwrap();
        assert!(
            report.findings.iter().any(|f| f.invariant == invariant),
            "{invariant}: {what} was not found, only {:#?}",
            report.findings
        );
        assert_eq!(report.exit_code(), 1);
        for finding in &report.findings {
            assert!(!finding.to_string().contains("张伟"), "a finding names a person: {finding}");
        }
    }
}

/// PostgreSQL checks CHECKs and its unique constraints whoever writes: they are taken away first.
/// (SQLite ignores CHECKs on request; its unique constraints can't be dropped, indexes can.)
const UNGUARD: &str = "DO $$ DECLARE c record; BEGIN
    FOR c IN SELECT conname, conrelid::regclass AS t FROM pg_constraint WHERE contype IN ('c') AND connamespace = 'public'::regnamespace LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.t, c.conname);
    END LOOP; END $$;";

#[tokio::test]
async fn i1_a_member_outside_of_a_branch() {
    finds("I1", &[
        ("in a committee", |w| {
            format!("UPDATE member SET org_id = {}, org_category = 'COMMITTEE' WHERE person_id = {}", w.tree.committee.id, w.members[0])
        }),
        ("in a branch that ended", |w| {
            format!("UPDATE org SET status = 'DELETED' WHERE id = {}", w.tree.branch.id)
        }),
        ("in no organisation", |w| {
            format!("UPDATE member SET org_id = 5 WHERE person_id = {}", w.members[0])
        }),
        ("without a person", |w| format!("DELETE FROM person WHERE id = {}", w.members[2])),
    ])
    .await;
}

#[tokio::test]
async fn i2_a_person_who_stands_twice_or_under_another_index() {
    finds(
        "I2",
        &[
            ("another index", |w| {
                format!(
                    "UPDATE person SET id_bi = {} WHERE id = {}",
                    blob(&w.lab, "00112233445566778899aabbccddeeff"),
                    w.members[0]
                )
            }),
            ("an index of another key", |w| {
                format!("UPDATE person SET id_bi_ver = 9 WHERE id = {}", w.members[0])
            }),
            ("a mobile index without a number", |w| {
                format!("UPDATE person SET mobile_ct = NULL WHERE id = {}", w.members[0])
            }),
            ("an ID number that isn't one", |w| {
                let place = Place { column: "person.id_ct", row: w.members[0].0 };
                let sealed = w.lab.house.keys().seal(place, "12345", &SeededChance::new(3));
                let hex: String = sealed.iter().map(|b| format!("{b:02x}")).collect();
                format!(
                    "UPDATE person SET id_ct = {} WHERE id = {}",
                    blob(&w.lab, &hex),
                    w.members[0]
                )
            }),
        ],
    )
    .await;
}

#[tokio::test]
async fn i3_two_open_transfers_of_one_person() {
    finds("I3", &[
        ("a second one", |w| {
            format!(
                "DROP INDEX transfer_open; INSERT INTO business (id, no, kind, person_id, variant, started_by, started_org, from_org, to_org, reason, state, waits_for, deadline, created_at) SELECT 8001, 'ZJ-8001', kind, person_id, variant, started_by, started_org, from_org, to_org, reason, state, waits_for, deadline, created_at FROM business WHERE id = {}",
                w.open
            )
        }),
        ("one given to another person", |w| {
            format!("DROP INDEX transfer_open; UPDATE business SET ended_at = NULL, person_id = {} WHERE id = {}", w.members[1], w.done)
        }),
    ])
    .await;
}

#[tokio::test]
async fn i4_more_seats_than_there_are() {
    finds("I4", &[
        ("a fourth", |w| format!("UPDATE admin_seat SET slot = 4 WHERE org_id = {}", w.tree.committee.id)),
        ("a third of a leading organ", |w| {
            format!("UPDATE org SET category = 'LEAD' WHERE id = {0}; UPDATE admin_seat SET org_category = 'LEAD', slot = 3 WHERE org_id = {0}", w.tree.committee.id)
        }),
        ("the cap of another category", |w| {
            format!("UPDATE admin_seat SET org_category = 'GENERAL' WHERE org_id = {}", w.tree.committee.id)
        }),
    ])
    .await;
}

#[tokio::test]
async fn i5_an_administrator_who_is_no_cadre_there() {
    finds(
        "I5",
        &[
            ("an ended post", |_| {
                "UPDATE cadre SET ended_at = 1 WHERE id IN (SELECT cadre_id FROM admin_seat)".into()
            }),
            ("a post elsewhere", |w| {
                format!(
                    "UPDATE cadre SET org_id = {} WHERE id IN (SELECT cadre_id FROM admin_seat)",
                    w.tree.county.id
                )
            }),
            ("another person's post", |w| format!("UPDATE admin_seat SET cadre_id = {}", w.cadre)),
        ],
    )
    .await;
}

#[tokio::test]
async fn i7_a_code_that_made_two_or_none() {
    finds("I7", &[
        ("used by somebody without an account", |w| {
            format!("UPDATE reg_code SET used_by = {} WHERE id = 91", w.members[1])
        }),
        ("used for another person's post", |w| {
            format!("UPDATE reg_code SET cadre_id = {} WHERE id = 91", w.cadre)
        }),
        ("used for no post", |_| "UPDATE reg_code SET cadre_id = NULL WHERE id = 91".into()),
        ("used after its end", |_| {
            "UPDATE reg_code SET ended_at = expires_at WHERE id = 91".into()
        }),
        ("two that wait", |_| {
            "DROP INDEX reg_code_one; UPDATE reg_code SET state = 'waiting', used_by = NULL, cadre_id = NULL, ended_at = NULL WHERE id = 91".into()
        }),
        ("run out before its end", |_| {
            "UPDATE reg_code SET state = 'expired', ended_at = issued_at WHERE id = 92".into()
        }),
    ])
    .await;
}

#[tokio::test]
async fn marks_of_graduation_where_none_may_be() {
    finds("graduation", &[
        ("a month and a reason", |w| {
            format!("UPDATE org SET graduates = '2026-06', no_graduation = 'mixed' WHERE id = {}", w.tree.branch.id)
        }),
        ("a mark on a committee", |w| {
            format!("UPDATE org SET graduates = '2026-06' WHERE id = {}", w.tree.committee.id)
        }),
        ("a graduate organisation without conversion", |w| {
            format!("UPDATE org SET category = 'GRADUATE' WHERE id = {}", w.tree.branch.id)
        }),
        ("turned before its day", |w| {
            format!("UPDATE org SET category = 'GRADUATE', graduates = '2026-06', graduated_at = {} WHERE id = {}", testkit::START, w.tree.branch.id)
        }),
        ("a graduate in an ordinary branch", |w| {
            format!("UPDATE member SET graduation = 'graduate', graduation_at = 1 WHERE person_id = {}", w.members[0])
        }),
        ("a date without 延迟毕业", |w| {
            format!("UPDATE org SET no_graduation = 'mixed' WHERE id = {}; UPDATE member SET graduation = 'teacher', graduation_at = 1, graduation_until = '2027-06' WHERE person_id = {}", w.tree.branch.id, w.members[0])
        }),
    ])
    .await;
}

#[tokio::test]
async fn i8_a_tree_that_is_none() {
    finds("I8", &[
        ("a circle", |w| {
            format!("UPDATE org SET parent_id = {} WHERE id = {}; UPDATE org SET parent_id = {} WHERE id = {}", w.tree.general.id, w.tree.committee.id, w.tree.committee.id, w.tree.general.id)
        }),
        ("another parent than the path says", |w| {
            format!("UPDATE org SET parent_id = {} WHERE id = {}", w.tree.far_committee.id, w.tree.branch.id)
        }),
        ("a wrong depth", |w| format!("UPDATE org SET depth = 3 WHERE id = {}", w.tree.branch.id)),
        ("two roots", |w| format!("UPDATE org SET parent_id = NULL WHERE id = {}", w.tree.province.id)),
        ("a committee under a branch", |w| {
            format!("UPDATE org SET category = 'BRANCH' WHERE id = {}", w.tree.general.id)
        }),
        ("a wrong code", |w| format!("UPDATE org SET code = '123456789' WHERE id = {}", w.tree.branch.id)),
        ("a number given twice", |w| format!("UPDATE org SET next_child = 0 WHERE id = {}", w.tree.general.id)),
    ])
    .await;
}

#[tokio::test]
async fn i9_what_lives_below_something_deleted() {
    finds(
        "I9",
        &[
            ("a branch", |w| {
                format!("UPDATE org SET status = 'DELETED' WHERE id = {}", w.tree.general.id)
            }),
            ("a cadre", |w| {
                format!("UPDATE org SET status = 'DELETED' WHERE id = {}", w.tree.committee.id)
            }),
            ("an open transfer", |w| {
                format!("UPDATE org SET status = 'DELETED' WHERE id = {}", w.tree.other_branch.id)
            }),
            ("a seat", |w| {
                format!(
                    "UPDATE org SET status = 'DELETED' WHERE id = {0}; INSERT INTO admin_seat (org_id, org_category, slot, cadre_id, person_id, granted_at) VALUES ({0}, 'BRANCH', 1, {1}, {2}, 0)",
                    w.tree.far_branch.id, w.cadre, w.secretary
                )
            }),
            ("an observer", |w| {
                format!(
                    "UPDATE org SET status = 'DELETED' WHERE id = {0}; INSERT INTO observer (org_id, person_id, expires_at, granted_at) VALUES ({0}, {1}, 1, 0)",
                    w.tree.far_branch.id, w.secretary
                )
            }),
            ("an import that goes on", |w| {
                format!(
                    "UPDATE org SET status = 'DELETED' WHERE id = {0}; UPDATE import SET org_id = {0}, state = 'review' WHERE id = 77",
                    w.tree.far_branch.id
                )
            }),
            ("an administrator of a holding branch", |w| {
                format!(
                    "UPDATE org SET category = 'HOLDING' WHERE id = {0}; INSERT INTO admin_seat (org_id, org_category, slot, cadre_id, person_id, granted_at) VALUES ({0}, 'HOLDING', 1, {1}, {2}, 0)",
                    w.tree.far_branch.id, w.cadre, w.secretary
                )
            }),
        ],
    )
    .await;
}

#[tokio::test]
async fn i20_a_closing_that_does_not_fit_its_organisation() {
    finds(
        "I20",
        &[
            ("of one that lives", |w| {
                format!(
                    "INSERT INTO closing (id, org_id, parent_id, closer, people, lost, closed_at, until) VALUES (81, {}, {}, 'x', 0, '{{}}', 1, 2)",
                    w.tree.far_branch.id, w.tree.far_committee.id
                )
            }),
            ("people remembered of one that is final", |w| {
                format!(
                    "UPDATE org SET status = 'DELETED' WHERE id = {0}; INSERT INTO closing (id, org_id, parent_id, closer, people, lost, state, closed_at, until, ended_at) VALUES (82, {0}, {1}, 'x', 0, '{{}}', 'final', 1, 2, 3); INSERT INTO closing_person (closing_id, person_id, entered_at) VALUES (82, {2}, 1)",
                    w.tree.far_branch.id, w.tree.far_committee.id, w.secretary
                )
            }),
        ],
    )
    .await;
}

#[tokio::test]
async fn i11_counters_that_count_otherwise() {
    finds("I11", &[
        ("one more", |w| {
            format!("UPDATE tally SET members = members + 1 WHERE org_path = '{}' AND scope = 'subtree'", w.tree.city.path)
        }),
        ("a lost row", |w| format!("DELETE FROM tally WHERE org_path = '{}' AND scope = 'direct'", w.tree.county.path)),
        ("a change that never was", |w| {
            format!("INSERT INTO delta (id, org_path, members, at) VALUES (1, '{}', 1, 1)", w.tree.branch.path)
        }),
        ("a member past the counters", |w| format!("DELETE FROM member WHERE person_id = {}", w.members[3])),
    ])
    .await;
}

#[tokio::test]
async fn i13_whoever_began_a_transfer_has_approved_it() {
    finds("I13", &[
        ("her own approval", |w| {
            format!("UPDATE business_step SET actor_id = (SELECT started_by FROM business WHERE id = {0}) WHERE business_id = {0} AND no = 2", w.done)
        }),
        ("a beginning moved to the approver", |w| {
            format!("UPDATE business_step SET actor_id = {1} WHERE business_id = {0} AND no = 2; UPDATE business SET started_by = {1} WHERE id = {0}", w.done, w.members[3])
        }),
    ])
    .await;
}

#[tokio::test]
async fn i12_a_transfer_whose_steps_lead_elsewhere() {
    finds("I12", &[
        ("a state without its step", |w| {
            format!("UPDATE business SET state = 'rejected', ended_at = 1, waits_for = NULL WHERE id = {}", w.open)
        }),
        ("a lost step", |w| format!("DELETE FROM business_step WHERE business_id = {} AND no = 1", w.done)),
        ("a step that isn't one", |w| format!("UPDATE business_step SET verb = 'return' WHERE business_id = {} AND no = 2", w.done)),
        ("past its deadline", |w| format!("UPDATE business SET deadline = {} WHERE id = {}", testkit::START - DAY, w.open)),
        ("an effect too early", |w| {
            format!("UPDATE member SET org_id = {}, org_path = '{}' WHERE person_id = {}", w.tree.other_branch.id, w.tree.other_branch.path, w.members[1])
        }),
        ("no effect", |w| {
            format!("UPDATE member SET org_id = {}, org_path = '{}' WHERE person_id = {}", w.tree.sister.id, w.tree.sister.path, w.members[0])
        }),
        ("a way back that leads nowhere", |w| {
            format!("INSERT INTO transfer_undo (transfer_id, version, by_person, by_org, until, state) SELECT id, version, started_by, to_org, ended_at + 1, 'pending_target' FROM business WHERE id = {}", w.done)
        }),
        ("moving for nothing", |w| format!("UPDATE member SET status = 'moving' WHERE person_id = {}", w.members[0])),
    ])
    .await;
}

#[tokio::test]
async fn i14_a_step_without_its_audit_row() {
    finds("I14", &[
        ("one lost", |w| {
            format!("DELETE FROM event WHERE id = (SELECT MAX(id) FROM event WHERE object_id = {})", w.done)
        }),
        ("a step by other hands", |w| {
            format!("INSERT INTO business_step (business_id, no, at, verb, actor, state) VALUES ({0}, 2, 1, 'approve', 'x', 'pending_alloc'), ({0}, 3, 1, 'return', 'x', 'rejected'); UPDATE business SET state = 'rejected', ended_at = 1, waits_for = NULL WHERE id = {0}", w.open)
        }),
    ])
    .await;
}

#[tokio::test]
async fn i15_a_book_that_was_written_in() {
    finds("I15", &[
        ("edited", |w| format!("UPDATE event SET detail = '{{}}' WHERE object_id = {}", w.done)),
        ("removed", |_| "DELETE FROM event WHERE id = (SELECT event_id FROM seal WHERE seq = 1)".into()),
        ("inserted", |w| {
            format!("INSERT INTO event (id, at, actor, kind, object, object_id, org_path, detail, request_id, mac) VALUES (9, 1, 'x', 'x', 'x', 1, '', '{{}}', '', {})", blob(&w.lab, "00"))
        }),
    ])
    .await;
}

#[tokio::test]
async fn i16_a_ciphertext_that_does_not_open() {
    finds("I16", &[
        ("two people's numbers swapped", |w| {
            let (a, b) = (w.members[0], w.members[1]);
            format!("UPDATE person SET id_ct = (SELECT q.id_ct FROM person q WHERE q.id = {b}) WHERE id = {a}")
        }),
        ("a damaged mobile number", |w| {
            format!("UPDATE person SET mobile_ct = {} WHERE id = {}", blob(&w.lab, "0101000100"), w.members[0])
        }),
        ("plain text in its place", |w| {
            format!("UPDATE person SET contact_ct = {} WHERE id = {}", blob(&w.lab, "7b7d"), w.members[0])
        }),
        ("a transfer's particulars", |w| {
            format!(
                "UPDATE business SET fields_ct = {} WHERE id = {}",
                blob(&w.lab, "0101000100"),
                w.open
            )
        }),
        ("two cells swapped", |_| {
            "UPDATE import_row SET cells_ct = (SELECT r.cells_ct FROM import_row r WHERE r.row_no = 3) WHERE row_no = 2".into()
        }),
    ])
    .await;
}

#[tokio::test]
async fn copies_that_say_something_else() {
    finds(
        "copies",
        &[
            ("a member's name", |w| {
                format!("UPDATE member SET name = '别人' WHERE person_id = {}", w.members[0])
            }),
            ("a member's initials", |w| {
                format!("UPDATE member SET name_py = 'zz' WHERE person_id = {}", w.members[0])
            }),
            ("a member's path", |w| {
                format!(
                    "UPDATE member SET org_path = '{}' WHERE person_id = {}",
                    w.tree.sister.path, w.members[0]
                )
            }),
            ("a member's check", |w| {
                format!(
                    "UPDATE member SET check_state = 'failed' WHERE person_id = {}",
                    w.members[0]
                )
            }),
            ("a cadre's name", |w| {
                format!("UPDATE cadre SET name = '别人' WHERE id = {}", w.cadre)
            }),
            ("a cadre's path", |w| {
                format!(
                    "UPDATE cadre SET org_path = '{}' WHERE id = {}",
                    w.tree.county.path, w.cadre
                )
            }),
            ("a person's month of birth", |w| {
                format!("UPDATE person SET birth_ym = '1999-01' WHERE id = {}", w.secretary)
            }),
        ],
    )
    .await;
}

#[tokio::test]
async fn completeness_that_is_none() {
    finds(
        "complete",
        &[
            ("a lost value", |w| {
                format!("UPDATE person SET ethnic = NULL WHERE id = {}", w.members[0])
            }),
            ("a lack that is none", |w| {
                format!(
                    "UPDATE person SET missing = 'mobile', complete = FALSE WHERE id = {}",
                    w.members[0]
                )
            }),
            ("a member otherwise than the person", |w| {
                format!("UPDATE member SET complete = FALSE WHERE person_id = {}", w.members[0])
            }),
            ("a cadre otherwise than the person", |w| {
                format!("UPDATE cadre SET complete = FALSE WHERE id = {}", w.cadre)
            }),
            ("complete with something missing", |w| {
                format!("UPDATE person SET missing = 'mobile' WHERE id = {}", w.members[0])
            }),
        ],
    )
    .await;
}

#[tokio::test]
async fn i17_sessions_that_belong_to_nobody_or_never_end() {
    finds(
        "I17",
        &[
            ("without an account", |_| "DELETE FROM account".into()),
            ("for a year", |_| {
                format!("UPDATE session SET expires_at = created_at + {}", 365 * DAY)
            }),
            ("seen after its end", |_| "UPDATE session SET seen_at = expires_at + 1".into()),
        ],
    )
    .await;
}

#[tokio::test]
async fn i18_a_form_without_an_answer() {
    finds(
        "I18",
        &[
            ("an empty one", |_| "UPDATE idem SET answer = ''".into()),
            ("another empty one", |_| {
                "INSERT INTO idem (actor, key, answer, created_at) VALUES ('p2', 'k', '', 1)".into()
            }),
        ],
    )
    .await;
}

#[tokio::test]
async fn i19_an_import_whose_rows_do_not_add_up() {
    finds("I19", &[
        ("a lost row", |_| "DELETE FROM import_row WHERE row_no = 3".into()),
        ("another result", |_| "UPDATE import_row SET state = 'skipped' WHERE row_no = 3".into()),
        ("a counter", |_| "UPDATE import SET imported = 2".into()),
        ("a row without a result", |_| "UPDATE import_row SET state = 'to_fix' WHERE row_no = 3; UPDATE import SET failed = 0, to_fix = 1".into()),
    ])
    .await;
}

#[tokio::test]
async fn i21_numbers_and_ages_against_the_rules() {
    finds("I21", &[
        ("too young at admission", |w| format!("UPDATE member SET joined = '2010-01' WHERE person_id = {}", w.members[0])),
        ("a number of another year", |w| {
            format!("UPDATE member SET joined = '2019-09', dev_number = '201834000001' WHERE person_id = {}", w.members[0])
        }),
        ("a number too short", |w| {
            format!("UPDATE member SET joined = '2019-09', dev_number = '2019' WHERE person_id = {}", w.members[0])
        }),
    ])
    .await;
}

#[tokio::test]
async fn i23_files_that_are_not_whole() {
    finds(
        "I23",
        &[
            ("a lost piece", |_| "DELETE FROM file_piece".into()),
            ("an orphan piece", |_| "DELETE FROM file".into()),
            ("no job", |_| "DELETE FROM job WHERE id = 61".into()),
        ],
    )
    .await;
}

#[tokio::test]
async fn jobs_in_no_proper_state() {
    finds("jobs", &[
        ("done without an end", |_| "UPDATE job SET ended_at = NULL WHERE id = 61".into()),
        ("running without an owner", |_| "UPDATE job SET state = 'running' WHERE id = 62".into()),
        ("further than all", |_| "UPDATE job SET done = 9, total = 3 WHERE id = 61".into()),
        ("two of a key", |_| {
            "DROP INDEX job_one; UPDATE job SET unique_key = 'k' WHERE id = 62; INSERT INTO job (id, kind, payload, unique_key, run_at, created_at) VALUES (63, 'rekey', '{}', 'k', 1, 1)".into()
        }),
    ])
    .await;
}

#[tokio::test]
async fn a_search_index_that_lost_or_kept_something() {
    finds(
        "search",
        &[
            ("lost", |w| format!("DELETE FROM org_gram WHERE path = '{}'", w.tree.branch.path)),
            ("kept", |w| {
                format!(
                    "INSERT INTO org_gram (gram, depth, path) VALUES ('旧名', 7, '{}')",
                    w.tree.branch.path
                )
            }),
            ("renamed", |w| {
                format!(
                    "UPDATE org SET short_name = '新名字团支部' WHERE id = {}",
                    w.tree.branch.id
                )
            }),
        ],
    )
    .await;
}

#[tokio::test]
async fn i6_a_right_that_somebody_took_from_herself_and_the_last_one_of_an_organisation() {
    let w = whole().await;
    let org = &w.tree.committee;
    let me = w.lab.acting(w.secretary, "钱进", org, app::Role::Group);
    for (about, left, faults) in [(w.members[0], 1, 0), (w.secretary, 1, 1), (w.members[1], 0, 2)] {
        act!(w.lab.house, me.clone(), |cx| {
            let event = app::events::Event::new("admin.revoked", "org", org.id.0);
            let detail = serde_json::json!({ "left": left });
            cx.note(event.about(about).at(&org.path).detail(detail)).await
        })
        .unwrap();
        let report = fsck::run(&w.lab.house, false).await.unwrap();
        assert_eq!(report.violations.get("I6").copied().unwrap_or(0), faults, "{report:#?}");
    }
}

#[tokio::test]
async fn posts_held_twice_and_two_secretaries() {
    finds("posts", &[
        ("two posts of one person", |w| {
            format!("DROP INDEX cadre_one_post; INSERT INTO cadre (id, person_id, org_id, org_path, name, name_py, post, complete, started_at) SELECT 99, person_id, org_id, org_path, name, name_py, '委员', complete, started_at FROM cadre WHERE id = {}", w.cadre)
        }),
        ("two of whom each is the first", |_| {
            "DROP INDEX cadre_one_secretary; UPDATE cadre SET post = '书记'".into()
        }),
    ])
    .await;
}

#[tokio::test]
async fn observers_for_longer_than_anybody_may_look() {
    finds("observer", &[
        ("ten years", |w| {
            format!("INSERT INTO observer (org_id, person_id, expires_at, granted_at) VALUES ({}, {}, {}, 0)", w.tree.committee.id, w.secretary, 3650 * DAY)
        }),
        ("two days too many", |w| {
            format!("INSERT INTO observer (org_id, person_id, expires_at, granted_at) VALUES ({}, {}, {}, 0)", w.tree.branch.id, w.secretary, 368 * DAY)
        }),
    ])
    .await;
}

/// People who came in by an import of the command line and nobody who was planted: the book tells
/// of everybody. One of them was taken back.
async fn told_by_the_book() -> (Lab, Tree, [i64; 2]) {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let head = "姓名\t身份证号\t民族\t政治面貌\t学历\t入团年月\t发展团员编号\t手机号码";
    let mut imports = Vec::new();
    for name in ["赵伟", "钱敏"] {
        let id = lab.next_id_number();
        let text = format!("{head}\n{name}\t{id}\t汉\t共青团员\t本科\t2016-05\t\t13812346021");
        let read =
            app::imports::read(&lab.house, app::imports::Source::Pasted(text)).await.unwrap();
        let import = act!(lab.house, Who::System("import"), |cx| {
            app::imports::stage(cx, &tree.branch, &read).await
        });
        let import = import.unwrap().id;
        app::imports::commit::run_here(&lab.house, import).await.unwrap();
        imports.push(import);
    }
    let people = {
        let mut tx = lab.house.db().read().await.unwrap();
        let all: Vec<(i64,)> =
            tx.all(db::sql!("SELECT id FROM person ORDER BY id"), &[]).await.unwrap();
        [all[0].0, all[1].0]
    };
    act!(lab.house, Who::System("import"), |cx| app::imports::undo::undo(cx, imports[1]).await)
        .unwrap();
    stats::settle(&lab.house).await.unwrap();
    app::events::seal(&lab.house, 50).await.unwrap();
    (lab, tree, people)
}

#[tokio::test]
async fn i24_nobody_comes_from_nowhere_and_nobody_is_gone_without_a_word() {
    let (lab, ..) = told_by_the_book().await;
    lab.is_whole().await;
    let copy = "INSERT INTO person (id, code, name, name_py, id_ct, id_bi, id_bi_ver, sex, birth_ym, missing, complete, created_at, updated_at) SELECT";
    let rest = "name, name_py, id_ct, {bi}, id_bi_ver, sex, birth_ym, missing, complete, created_at, updated_at FROM person LIMIT 1";
    let one = rest.replace("{bi}", &blob(&lab, "77"));
    let (_, _, [stays, went]) = told_by_the_book().await;
    for (what, statement, expected) in [
        ("from nowhere", format!("{copy} 9, 'P9', {one}"), "an event by which she came in"),
        ("taken back, and there", format!("{copy} {went}, 'P8', {one}"), "gone"),
        ("gone", format!("DELETE FROM member; DELETE FROM person WHERE id = {stays}"), "there, or"),
    ] {
        let (lab, _, people) = told_by_the_book().await;
        let statement = statement
            .replace(&stays.to_string(), &people[0].to_string())
            .replace(&went.to_string(), &people[1].to_string());
        lab.scratch.vandalise(&statement).await.unwrap_or_else(|e| panic!("{what}: {e}"));
        let report = fsck::run(&lab.house, true).await.unwrap();
        let found = report.findings.iter().find(|f| f.invariant == "I24");
        let found = found.unwrap_or_else(|| panic!("{what} was not found: {:#?}", report.findings));
        assert!(found.expected.starts_with(expected), "{what}: {found}");
    }
}

/// A list of organisations: a college made, its class refused.
const LIST: &str = "INSERT INTO import (id, org_id, org_path, acting_org, person_id, kind, file_name, template, state, header, mapping, rows, imported, to_fix, created_at, updated_at) SELECT 78, id, path, id, 0, 'orgs', 'x', 'orgs', 'review', '[]', '[]', 2, 1, 1, 1, 1 FROM org WHERE id = {org};
    INSERT INTO import_row (import_id, row_no, state, cells_ct) VALUES (78, 2, 'imported', {none}), (78, 3, 'to_fix', {none});
    INSERT INTO import_place (import_id, row_no, ord, level, parent_row, parent_org, org_id) VALUES (78, 2, 1, 1, NULL, {org}, {made}), (78, 3, 2, 2, 2, NULL, NULL);";

fn list(w: &Whole) -> String {
    LIST.replace("{org}", &w.tree.committee.id.to_string())
        .replace("{made}", &w.tree.general.id.to_string())
        .replace("{none}", &blob(&w.lab, ""))
}

#[tokio::test]
async fn i19_rows_of_a_list_of_organisations_stand_in_one_tree() {
    let sound = whole().await;
    sound.lab.scratch.vandalise(&list(&sound)).await.unwrap();
    let report = fsck::run(&sound.lab.house, true).await.unwrap();
    assert!(report.is_clean(), "{:#?}", report.findings);
    finds(
        "I19",
        &[
            ("no place", |w| list(w) + "DELETE FROM import_place WHERE row_no = 3"),
            ("a place without a row", |w| {
                list(w) + "INSERT INTO import_place (import_id, row_no, ord, level) VALUES (78, 9, 3, 1)"
            }),
            ("its superior's row is not there", |w| {
                list(w) + "UPDATE import_place SET parent_row = 7 WHERE row_no = 3"
            }),
            ("a wrong level", |w| list(w) + "UPDATE import_place SET level = 3 WHERE row_no = 3"),
            ("two superiors", |w| {
                list(w) + "UPDATE import_place SET parent_row = 3 WHERE row_no = 2"
            }),
            ("the same turn", |w| list(w) + "UPDATE import_place SET ord = 1"),
            ("imported, and nothing made", |w| {
                list(w) + "UPDATE import_place SET org_id = NULL WHERE row_no = 2"
            }),
            ("refused, and something made", |w| {
                list(w) + &format!("UPDATE import_place SET org_id = {} WHERE row_no = 3", w.tree.branch.id)
            }),
            ("a list of people in a tree", |w| {
                list(w) + "INSERT INTO import_place (import_id, row_no, ord, level) VALUES (77, 2, 1, 1)"
            }),
        ],
    )
    .await;
}

/// Changes by other hands: which table a finding must name, and the statement.
type ByHand = (&'static str, &'static str, String);

/// What somebody with access to the database may do by hand without breaking another invariant, or
/// while breaking one: each must be named by its table.
fn by_hand(w: &Whole) -> Vec<ByHand> {
    let (now, [a, b, c, d]) = (testkit::START, [0, 1, 2, 3].map(|n| w.members[n]));
    let tree = &w.tree;
    vec![
        ("a seat granted", "admin_seat", format!("INSERT INTO admin_seat (org_id, org_category, slot, cadre_id, person_id, granted_at) VALUES ({}, 'GENERAL', 3, 81, {a}, {now})", tree.general.id)),
        ("a suspension taken away", "admin_seat", "UPDATE admin_seat SET suspended_at = NULL WHERE suspended_at IS NOT NULL".into()),
        ("a seat taken away", "admin_seat", format!("DELETE FROM admin_seat WHERE person_id = {}", w.secretary)),
        ("a post raised", "cadre", format!("UPDATE cadre SET post = '副书记' WHERE id = {}", w.cadre)),
        ("an ended post revived", "cadre", "UPDATE cadre SET ended_at = NULL WHERE id = 81".into()),
        ("an operator made", "operator", format!("INSERT INTO operator (person_id, granted_at) VALUES ({b}, {now})")),
        ("an operator taken away", "operator", "DELETE FROM operator WHERE granted_at = 5".into()),
        ("an observer whose end was moved", "observer", format!("UPDATE observer SET expires_at = expires_at + {DAY}")),
        ("an observer added", "observer", format!("INSERT INTO observer (org_id, person_id, expires_at, granted_at) VALUES ({}, {c}, {}, {now})", tree.county.id, now + DAY)),
        ("a password taken from another account", "account", format!("UPDATE account SET password_hash = (SELECT password_hash FROM account WHERE person_id = {b}) WHERE person_id = {a}")),
        ("an account added", "account", format!("INSERT INTO account (person_id, password_hash, created_at, changed_at) VALUES ({c}, 'x', {now}, {now})")),
        ("a session given to somebody else", "session", format!("UPDATE session SET person_id = {b} WHERE id = 51")),
        ("an ended session revived", "session", "UPDATE session SET ended_at = NULL WHERE id = 53".into()),
        ("a token prolonged", "token", format!("UPDATE token SET expires_at = expires_at + {DAY} WHERE id = 52")),
        ("a token that may write", "token", "UPDATE token SET scope = 'write' WHERE id = 52".into()),
        ("an ended token revived", "token", "UPDATE token SET ended_at = NULL WHERE id = 54".into()),
        ("a spent ticket made good", "ticket", "UPDATE ticket SET used_at = NULL".into()),
        ("a ticket deleted", "ticket", "DELETE FROM ticket".into()),
        ("a code for another organisation", "reg_code", format!("UPDATE reg_code SET org_id = {} WHERE id = 92", tree.branch.id)),
        ("a used code made good", "reg_code", "UPDATE reg_code SET state = 'waiting', used_by = NULL, cadre_id = NULL, ended_at = NULL WHERE id = 91".into()),
        ("a deadline moved", "business", format!("UPDATE business SET deadline = deadline + {DAY} WHERE id = {}", w.open)),
        ("an approval that was none", "business", format!("UPDATE business SET state = 'rejected' WHERE id = {}", w.done)),
        ("a step added", "business_step", format!("INSERT INTO business_step (business_id, no, at, verb, actor, state) VALUES ({}, 2, {now}, 'approve', 'x', 'done')", w.open)),
        ("a step by somebody else", "business_step", format!("UPDATE business_step SET actor_id = {c} WHERE business_id = {} AND no = 1", w.done)),
        ("a member in another branch", "member", format!("UPDATE member SET org_id = {}, org_path = '{}' WHERE person_id = {c}", tree.direct.id, tree.direct.path)),
        ("a member's number", "member", format!("UPDATE member SET dev_number = '202634000001' WHERE person_id = {c}")),
        ("a member taken out", "member", format!("DELETE FROM member WHERE person_id = {d}")),
        ("a branch hung elsewhere", "org", format!("UPDATE org SET parent_id = {}, path = '{}zzz', depth = {} WHERE id = {}", tree.county.id, tree.county.path, tree.county.depth() + 1, tree.sister.id)),
        ("an organisation of another kind", "org", format!("UPDATE org SET category = 'WORK' WHERE id = {}", tree.committee.id)),
        ("a closed organisation", "org", format!("UPDATE org SET status = 'DELETED' WHERE id = {}", tree.other_branch.id)),
        ("a proposal decided", "proposal", format!("UPDATE proposal SET state = 'done', decided_by = {c}, decided_at = {now} WHERE id = 95")),
        ("a proposal with another act", "proposal", "UPDATE proposal SET payload = '{\"x\":1}' WHERE id = 95".into()),
        ("a figure of the rules", "rule_change", "UPDATE rule_change SET value = '90' WHERE id = 96".into()),
        ("a number range", "rule_change", "INSERT INTO rule_change (id, name, value, valid_from, proposal_id) VALUES (97, 'dev_number.range', '[]', '2026-01-01', 95)".into()),
        ("a setting", "setting", "UPDATE setting SET value = 'x' WHERE name = 'planted'".into()),
        ("a closing that can be taken back for longer", "closing", format!("UPDATE closing SET until = until + {DAY} WHERE id = 98")),
    ]
}

#[tokio::test]
async fn what_other_hands_changed_in_rows_of_authority_is_named() {
    let w = whole().await;
    let (now, [a, b]) = (testkit::START, [w.members[0], w.members[1]]);
    w.lab.admin(&w.tree.general, "孙莉").await;
    w.lab.operator(&w.tree.centre, "周杰").await;
    w.lab.observer(&w.tree.city, "陈静").await;
    let more = [
        format!(
            "INSERT INTO admin_seat (org_id, org_category, slot, cadre_id, person_id, granted_at, suspended_at) SELECT id, category, 2, {}, {}, {now}, {now} FROM org WHERE id = {}",
            w.cadre, w.secretary, w.tree.committee.id
        ),
        "UPDATE operator SET granted_at = 5".into(),
        format!(
            "INSERT INTO account (person_id, password_hash, created_at, changed_at) VALUES ({b}, 'y', {now}, {now})"
        ),
        format!(
            "INSERT INTO session (id, token_hash, person_id, created_at, seen_at, expires_at, ended_at, address, device) VALUES (53, {}, {a}, {now}, {now}, {}, {now}, '', '')",
            blob(&w.lab, "03"),
            now + HOUR
        ),
        format!(
            "INSERT INTO token (id, token_hash, person_id, label, created_at, expires_at, ended_at) VALUES (54, {}, {a}, 'y', {now}, {}, {now})",
            blob(&w.lab, "04"),
            now + DAY
        ),
        format!(
            "INSERT INTO ticket (hash, purpose, person_id, payload, expires_at, used_at) VALUES ({}, 'reset', {a}, '', {}, {now})",
            blob(&w.lab, "05"),
            now + DAY
        ),
        format!(
            "INSERT INTO proposal (id, no, kind, payload, title, reason, state, proposed_by, proposed_at, expires_at) VALUES (95, 'YW1', 'rule', '{{}}', 'x', 'x', 'open', {a}, {now}, {})",
            now + DAY
        ),
        "INSERT INTO rule_change (id, name, value, valid_from, proposal_id) VALUES (96, 'codes.registration_days', '20', '2026-01-01', 95)".into(),
        "INSERT INTO setting (name, value) VALUES ('planted', '1')".into(),
        format!(
            "INSERT INTO closing (id, org_id, parent_id, closer, people, lost, closed_at, until) VALUES (98, {}, {}, 'x', 0, '[]', {now}, {})",
            w.tree.far_committee.id,
            w.tree.centre.id,
            now + DAY
        ),
    ];
    w.lab.scratch.vandalise(&more.join(";\n")).await.unwrap();
    app::marks::remake(&w.lab.house).await.unwrap();
    let changes = by_hand(&w);
    assert!(changes.len() >= 20);
    let mut known = Vec::new();
    for (what, table, statement) in changes {
        let mut text = statement.clone();
        if w.lab.house.db().engine() == db::Engine::Postgres {
            text = format!("{UNGUARD}\n{text}");
        }
        w.lab.scratch.vandalise(&text).await.unwrap_or_else(|e| panic!("{what}: {e}"));
        let report = fsck::run(&w.lab.house, true).await.unwrap();
        let marks: Vec<fsck::Finding> =
            report.findings.into_iter().filter(|f| f.invariant == "marks").collect();
        let new: Vec<&fsck::Finding> = marks.iter().filter(|f| !known.contains(*f)).collect();
        assert!(
            new.iter().any(|f| f.key.split(' ').next() == Some(table)),
            "{what} was not found: {new:#?}"
        );
        // Each is looked for alone: what was changed is taken for right again.
        app::marks::remake(&w.lab.house).await.unwrap();
        known = Vec::new();
    }
}

#[tokio::test]
async fn the_marks_are_read_by_a_deep_run_alone() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let person = lab.member(&tree.branch, "张伟").await;
    app::marks::remake(&lab.house).await.unwrap();
    lab.is_whole().await;
    let text = format!("UPDATE member SET joined = '2001-01' WHERE person_id = {person}");
    lab.scratch.vandalise(&text).await.unwrap();
    let quick = fsck::run(&lab.house, false).await.unwrap();
    assert!(!quick.violations.contains_key("marks"));
    assert_eq!(fsck::run(&lab.house, true).await.unwrap().violations.get("marks"), Some(&1));
}
