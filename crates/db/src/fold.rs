//! How names are folded before they are compared: look-alike signs are one. The same table makes the
//! generated column in the database and the key that the program asks for.

use std::{collections::HashMap, fmt::Write, sync::LazyLock};

/// Signs that mean the same in a name: the second is what stays. A traditional character is its
/// simplified one, brackets and dashes are of one kind.
const ALIKE: &str = "團团黨党學学級级總总員员會会業业電电機机經经計计軟软國国貿贸語语藝艺術术醫医藥药護护師师範范數数統统網网絡络資资環环農农財财務务稅税銀银險险區区縣县鄉乡鎮镇隊队處处門门車车間间廠厂運运輸输華华東东馬马漢汉應应設设備备動动態态體体傳传書书記记聯联聲声樂乐劇剧氣气測测繪绘檢检驗验臨临歷历實实職职萬万億亿長长強强張张陳陈劉刘灣湾島岛龍龙鳳凤齊齐綜综導导產产廣广興兴義义眾众報报創创發发開开關关聞闻無无線线點点號号樓楼園园場场館馆鐵铁鋼钢礦矿橋桥際际陽阳陰阴陝陕遼辽寧宁蘇苏慶庆貴贵雲云濟济贛赣滬沪藍蓝紅红綠绿銳锐衛卫幹干";
const OPENING: &str = "（【〔［｛〖「『《〈[{";
const CLOSING: &str = "）】〕］｝〗」』》〉]}";
const DASHES: &str = "－—–‐‑‒―";
/// Blanks and signs that nobody sees.
const DROPPED: &str =
    " \t\u{a0}\u{3000}\u{200b}\u{200c}\u{200d}\u{200e}\u{200f}\u{2060}\u{feff}\u{ad}";

/// Every sign that changes, and what it becomes.
fn pairs() -> Vec<(char, Option<char>)> {
    let mut pairs: Vec<(char, Option<char>)> = Vec::new();
    let alike: Vec<char> = ALIKE.chars().collect();
    pairs.extend(alike.chunks_exact(2).map(|pair| (pair[0], Some(pair[1]))));
    pairs.extend(OPENING.chars().map(|c| (c, Some('('))));
    pairs.extend(CLOSING.chars().map(|c| (c, Some(')'))));
    pairs.extend(DASHES.chars().map(|c| (c, Some('-'))));
    pairs.extend(DROPPED.chars().map(|c| (c, None)));
    pairs.extend(('A'..='Z').map(|c| (c, Some(c.to_ascii_lowercase()))));
    for wide in '\u{ff01}'..='\u{ff5e}' {
        if pairs.iter().all(|(c, _)| *c != wide) {
            let half = char::from_u32(wide as u32 - 0xfee0).map(|c| c.to_ascii_lowercase());
            pairs.push((wide, half));
        }
    }
    pairs
}

/// The folded name: equal for names that look alike.
pub fn fold(name: &str) -> String {
    static TABLE: LazyLock<HashMap<char, Option<char>>> =
        LazyLock::new(|| pairs().into_iter().collect());
    name.chars().filter_map(|c| TABLE.get(&c).copied().unwrap_or(Some(c))).collect()
}

/// So many calls stand in one expression of SQLite: older parsers take no more inside one another.
const NESTED: usize = 20;

/// The column `name` as the folded `column`, for SQLite, which replaces one sign a call: over columns
/// that are not stored.
pub(crate) fn lite(name: &str, column: &str) -> String {
    let pairs = pairs();
    let steps = pairs.chunks(NESTED).count();
    let mut said = String::new();
    let mut inner = column.to_owned();
    for (n, piece) in pairs.chunks(NESTED).enumerate() {
        let replaced = piece.iter().fold(inner, |inner, (from, to)| {
            let to = to.map_or(String::new(), quoted);
            format!("replace({inner},'{}','{to}')", quoted(*from))
        });
        let last = n + 1 == steps;
        inner = if last { name.to_owned() } else { format!("{name}_{}", n + 1) };
        let kept = if last { "STORED" } else { "VIRTUAL, " };
        let _ = write!(said, "{inner} TEXT GENERATED ALWAYS AS ({replaced}) {kept}");
    }
    said
}

/// The same for PostgreSQL: what has no counterpart at the end is dropped.
pub(crate) fn pg(name: &str, column: &str) -> String {
    let (kept, dropped): (Vec<_>, Vec<_>) = pairs().into_iter().partition(|(_, to)| to.is_some());
    let (mut from, mut to) = (String::new(), String::new());
    for (a, b) in &kept {
        let _ = write!(from, "{}", quoted(*a));
        let _ = write!(to, "{}", quoted(b.unwrap_or_default()));
    }
    for (a, _) in &dropped {
        let _ = write!(from, "{}", quoted(*a));
    }
    let made = format!("translate({column}, '{from}', '{to}')");
    format!("{name} TEXT COLLATE \"C\" GENERATED ALWAYS AS ({made}) STORED")
}

fn quoted(sign: char) -> String {
    if sign == '\'' { "''".to_owned() } else { sign.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_alike_are_one_and_others_are_not() {
        let one = [
            "（2032）级一班团支部",
            "(2032)级一班团支部",
            "【２０３２】級一班 團支部",
            "[2032]级\u{200b}一班团支部",
        ];
        for name in one {
            assert_eq!(fold(name), "(2032)级一班团支部");
        }
        assert_ne!(fold("2032级一班团支部"), fold("2032级二班团支部"));
        assert_eq!(fold("ＡBc公司"), "abc公司");
    }

    #[test]
    fn folding_twice_changes_nothing_more() {
        let all: String = pairs().into_iter().map(|(c, _)| c).collect();
        assert_eq!(fold(&fold(&all)), fold(&all));
    }
}
