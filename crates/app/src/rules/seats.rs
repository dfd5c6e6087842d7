//! Posts of which an organisation has only so many (C5: one 书记). The single form, the import row
//! and the commit ask the same judge; who sits there now is asked of the database beforehand.

use super::tree::{Category, PostRow};
use super::{Column, Problem, Rules};

/// The code of the finding that the post is held by somebody already.
pub const TAKEN: &str = "secretary_taken";
/// The code of the finding that several rows of one file claim the post.
pub const CONTESTED: &str = "secretary_twice_in_file";

/// The limited posts of one organisation and who sits there.
#[derive(Debug, Clone)]
pub struct Seats<'a> {
    rules: &'a Rules,
    category: Category,
    /// Code of the post and name of whoever holds it.
    held: Vec<(String, String)>,
}

/// Another row of the same file that claims the same post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rival {
    /// As numbered in the sheet.
    pub row: i64,
    /// As typed.
    pub name: String,
}

/// The posts of a category of which there are only so many, by their stored names.
pub fn limited(category: Category, rules: &Rules) -> impl Iterator<Item = &PostRow> {
    rules.tree.posts_of(category).filter(|row| row.max.is_some())
}

impl<'a> Seats<'a> {
    /// The seats of an organisation; `held`: stored name of the post and name of its holder.
    pub fn of(
        category: Category,
        held: impl IntoIterator<Item = (String, String)>,
        rules: &'a Rules,
    ) -> Self {
        let code = |post: &str| limited(category, rules).find(|r| r.name == post);
        let held =
            held.into_iter().filter_map(|(post, who)| Some((code(&post)?.code.clone(), who)));
        Self { rules, category, held: held.collect() }
    }

    /// Whether one more may have the post with this code, when the rows `rivals` claim it too.
    pub fn judge(&self, code: &str, rivals: &[Rival]) -> Option<Problem> {
        let row = limited(self.category, self.rules).find(|row| row.code == code)?;
        let most = row.max.map_or(usize::MAX, |max| usize::try_from(max).unwrap_or(usize::MAX));
        let holders: Vec<&str> = self
            .held
            .iter()
            .filter(|(held, _)| held == code)
            .map(|(_, who)| who.as_str())
            .collect();
        let post = &row.name;
        if holders.len() >= most {
            let message = format!(
                "本组织已有{post}{},{post}只能有 {most} 位。换了{post}请到“换届”办理;填错的请改成其他职务,没有职务的,“团内职务”留空、“是否团干部”填“否”。",
                holders.join("、")
            );
            return Some(Problem::fix(Column::Post, TAKEN, message));
        }
        if holders.len() + rivals.len() < most {
            return None;
        }
        let named: Vec<String> =
            rivals.iter().take(3).map(|r| format!("第 {} 行{}", r.row, r.name)).collect();
        let more = if rivals.len() > 3 { "等" } else { "" };
        let message = format!(
            "{}{more}也填了“{post}”,{post}只能有 {most} 位。请看是哪一行填错了,只改那一行:改成其他职务,没有职务的,“团内职务”留空、“是否团干部”填“否”。",
            named.join("、")
        );
        Some(Problem::fix(Column::Post, CONTESTED, message))
    }

    /// Somebody takes the post from now on.
    pub fn sit(&mut self, code: &str, who: &str) {
        if limited(self.category, self.rules).any(|row| row.code == code) {
            self.held.push((code.to_owned(), who.to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seats(held: &[(&str, &str)]) -> Seats<'static> {
        let held = held.iter().map(|(post, who)| ((*post).to_owned(), (*who).to_owned()));
        Seats::of(Category::Branch, held.collect::<Vec<_>>(), Rules::builtin())
    }
    fn rival(row: i64) -> Rival {
        Rival { row, name: "王芳".into() }
    }

    #[test]
    fn a_free_post_is_given_and_then_taken() {
        let mut seats = seats(&[("副书记", "李娜")]);
        assert_eq!(seats.judge("secretary", &[]), None);
        seats.sit("secretary", "张伟");
        let problem = seats.judge("secretary", &[]).expect("taken");
        assert_eq!((problem.column, problem.code), (Column::Post, TAKEN));
        assert!(problem.message.contains("书记张伟"), "{}", problem.message);
        assert_eq!(seats.judge("deputy", &[rival(3)]), None);
    }

    #[test]
    fn two_rows_that_claim_it_are_told_of_each_other() {
        let problem = seats(&[]).judge("secretary", &[rival(3)]).expect("contested");
        assert_eq!(problem.code, CONTESTED);
        assert!(problem.message.contains("第 3 行王芳"), "{}", problem.message);
        let many: Vec<Rival> = (3..9).map(rival).collect();
        let said = seats(&[]).judge("secretary", &many).expect("contested").message;
        assert!(said.contains("第 5 行") && !said.contains("第 6 行") && said.contains('等'));
    }
}
