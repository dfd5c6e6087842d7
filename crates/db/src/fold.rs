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

/// The same as an expression of SQLite.
pub(crate) fn lite(column: &str) -> String {
    pairs().into_iter().fold(column.to_owned(), |inner, (from, to)| {
        let to = to.map_or(String::new(), String::from);
        format!("replace({inner},'{}','{}')", quoted(from), to.replace('\'', "''"))
    })
}

/// The same as an expression of PostgreSQL: what has no counterpart at the end is dropped.
pub(crate) fn pg(column: &str) -> String {
    let (kept, dropped): (Vec<_>, Vec<_>) = pairs().into_iter().partition(|(_, to)| to.is_some());
    let (mut from, mut to) = (String::new(), String::new());
    for (a, b) in &kept {
        let _ = write!(from, "{}", quoted(*a));
        let _ = write!(to, "{}", quoted(b.unwrap_or_default()));
    }
    for (a, _) in &dropped {
        let _ = write!(from, "{}", quoted(*a));
    }
    format!("translate({column}, '{from}', '{to}')")
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
