//! The full recount: walks organisations, members, cadres and counters in path order, which is
//! pre-order, and adds up on a stack as deep as the tree; memory does not grow with the nation.
//!
//! Right while changes go on: a noted change and what it counts are committed together, so in one
//! snapshot "counters + changes noted there" must equal the base tables. That is what a check
//! compares ([`Difference::is_wrong`]). A repair sets the counters to the base tables and drops
//! exactly the noted changes that its snapshot saw; later ones stay for the fold. Folds stand
//! still meanwhile, because the repair holds the turn.

use super::{
    Figures, Sector, Span,
    fold::grouped,
    judged, parent,
    sector::{Effect, Kind},
    sql,
};
use crate::{Cx, Error, House, Result, Who, act};
use std::collections::{BTreeMap, VecDeque};

/// One counter beside what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub path: String,
    pub span: Span,
    /// The counter as stored.
    pub stored: Figures,
    /// What noted changes will still add.
    pub pending: Figures,
    /// What the base tables say.
    pub counted: Figures,
    /// Of an organisation's own counter: the sector that its figures belong to.
    pub sector: Option<Sector>,
    /// Whether they were added to another sector, and no noted change will mend it.
    astray: bool,
}
impl Difference {
    /// Whether the counter is wrong even when every noted change has been added.
    pub fn is_wrong(&self) -> bool {
        self.astray || self.stored + self.pending != self.counted
    }
}

/// A recount in progress.
pub struct Walk {
    orgs: Source,
    members: Source,
    unready: Source,
    cadres: Source,
    tally: Source,
    noted: BTreeMap<String, Figures>,
    ids: Vec<i64>,
    stack: Vec<Frame>,
    ended: bool,
}

impl Walk {
    /// Begins; `cx` must be a stable view ([`House::snapshot`]) and stay the same for the walk.
    pub async fn begin(cx: &mut Cx) -> Result<Self> {
        let mut walk = Self {
            orgs: Source::new(Which::Orgs),
            members: Source::new(Which::Members),
            unready: Source::new(Which::Unready),
            cadres: Source::new(Which::Cadres),
            tally: Source::new(Which::Tally),
            noted: BTreeMap::new(),
            ids: Vec::new(),
            stack: Vec::new(),
            ended: false,
        };
        loop {
            let after = walk.ids.last().copied().unwrap_or(i64::MIN);
            let rows = sql::waiting_after(cx, after, PIECE).await?;
            if rows.is_empty() {
                return Ok(walk);
            }
            walk.ids.extend(rows.iter().map(|r| r.id));
            for (path, figures) in grouped(rows) {
                *walk.noted.entry(path).or_default() += figures;
            }
        }
    }

    /// Counters of the next few thousand organisations that differ from the base tables, with or
    /// without noted changes; `None` at the end.
    pub async fn next(&mut self, cx: &mut Cx) -> Result<Option<Vec<Difference>>> {
        if self.ended {
            return Ok(None);
        }
        let mut found = Vec::new();
        for _ in 0..PIECE {
            let Some(path) = self.next_path(cx).await? else {
                self.close_down_to("", &mut found);
                self.ended = true;
                break;
            };
            self.open_up_to(&path, &mut found);
            self.look_at(cx, &path).await?;
        }
        Ok(Some(found))
    }

    /// The smallest path that any source has.
    async fn next_path(&mut self, cx: &mut Cx) -> Result<Option<String>> {
        let mut least = self.noted.keys().next().cloned();
        for source in [
            &mut self.orgs,
            &mut self.members,
            &mut self.unready,
            &mut self.cadres,
            &mut self.tally,
        ] {
            let head = source.head(cx).await?.map(|p| p.path.clone());
            least = match (least, head) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
        }
        Ok(least)
    }

    /// Ends the organisations that do not lie above `path` and begins those that do.
    fn open_up_to(&mut self, path: &str, found: &mut Vec<Difference>) {
        self.close_down_to(path, found);
        let begun = self.stack.len();
        for level in begun + 1..=path.len().div_ceil(3) {
            let above = path.get(..level * 3).unwrap_or(path);
            self.stack.push(Frame::new(above));
        }
    }

    fn close_down_to(&mut self, path: &str, found: &mut Vec<Difference>) {
        while self.stack.last().is_some_and(|top| !path.starts_with(&top.path)) {
            let Some(frame) = self.stack.pop() else { return };
            if let Some(above) = self.stack.last_mut() {
                let below = Span::all().filter(|s| matches!(s, Span::Sector(_) | Span::Subtree));
                for at in below.map(Span::index) {
                    above.counted[at] += frame.counted[at];
                    above.pending[at] += frame.pending[at];
                }
                if parent(&frame.path) == Some(above.path.as_str()) {
                    let (own, direct) = (Span::Own.index(), Span::Direct.index());
                    above.counted[direct] += frame.counted[own];
                    above.pending[direct] += frame.pending[own];
                }
            }
            frame.differences(found);
        }
    }

    /// Takes everything that stands at `path`.
    async fn look_at(&mut self, cx: &mut Cx, path: &str) -> Result<()> {
        let mut base = Figures::default();
        let mut kind = Kind::default();
        if let Some(org) = self.orgs.take(cx, path).await? {
            kind = org.kind;
            base += org.figures;
        }
        for source in [&mut self.members, &mut self.unready, &mut self.cadres] {
            if let Some(piece) = source.take(cx, path).await? {
                base += piece.figures;
            }
        }
        let mut stored = [Figures::default(); Span::COUNT];
        let mut was = None;
        while let Some(counter) = self.tally.take(cx, path).await? {
            stored[counter.span.index()] = counter.figures;
            was = was.or(counter.kind.sector);
        }
        let noted = self.noted.remove(path);
        let Some(frame) = self.stack.last_mut() else { return Ok(()) };
        let own = judged(base, kind);
        frame.stored = stored;
        frame.sector = kind.sector;
        frame.counted[Span::Own.index()] += own;
        for span in [Some(Span::Subtree), kind.sector.map(Span::Sector)].into_iter().flatten() {
            frame.counted[span.index()] += own;
        }
        let before = stored[Span::Own.index()];
        frame.astray = noted.is_none() && !before.is_zero() && was != kind.sector;
        if let Some(noted) = noted {
            let effect = Effect::of(before, was, noted, kind);
            for span in [Span::Own, Span::Subtree] {
                frame.pending[span.index()] += effect.all;
            }
            for (sector, figures) in effect.sectors {
                frame.pending[Span::Sector(sector).index()] += figures;
            }
        }
        Ok(())
    }
}

/// An organisation whose subtree is being walked; arrays in the order of [`Span::all`].
struct Frame {
    path: String,
    sector: Option<Sector>,
    astray: bool,
    stored: [Figures; Span::COUNT],
    pending: [Figures; Span::COUNT],
    counted: [Figures; Span::COUNT],
}
impl Frame {
    fn new(path: &str) -> Self {
        let zero = [Figures::default(); Span::COUNT];
        Self {
            path: path.to_owned(),
            sector: None,
            astray: false,
            stored: zero,
            pending: zero,
            counted: zero,
        }
    }
    fn differences(self, found: &mut Vec<Difference>) {
        for (at, span) in Span::all().enumerate() {
            let (stored, pending, counted) = (self.stored[at], self.pending[at], self.counted[at]);
            let (sector, astray) =
                if span == Span::Own { (self.sector, self.astray) } else { (None, false) };
            if astray || stored != counted || !pending.is_zero() {
                let path = self.path.clone();
                found.push(Difference { path, span, stored, pending, counted, sector, astray });
            }
        }
    }
}

const PIECE: i64 = 5000;

#[derive(Clone, Copy)]
enum Which {
    Orgs,
    Members,
    Unready,
    Cadres,
    Tally,
}

/// What one table says of one path.
pub(super) struct Piece {
    pub(super) path: String,
    pub(super) figures: Figures,
    pub(super) kind: Kind,
    pub(super) span: Span,
}

/// One table read in path order, a piece at a time.
struct Source {
    which: Which,
    buffer: VecDeque<Piece>,
    last: (String, Span),
    ended: bool,
}
impl Source {
    fn new(which: Which) -> Self {
        Self { which, buffer: VecDeque::new(), last: (String::new(), Span::Direct), ended: false }
    }
    async fn head(&mut self, cx: &mut Cx) -> Result<Option<&Piece>> {
        if self.buffer.is_empty() && !self.ended {
            let (after, span) = (&self.last.0, self.last.1);
            let pieces = match self.which {
                Which::Orgs => sql::count_orgs(cx, after, PIECE).await?,
                Which::Members => sql::count_members(cx, after, PIECE).await?,
                Which::Unready => sql::count_unready(cx, after, PIECE).await?,
                Which::Cadres => sql::count_cadres(cx, after, PIECE).await?,
                Which::Tally => sql::counters_after(cx, (after, span), PIECE).await?,
            };
            self.ended = pieces.is_empty();
            if let Some(last) = pieces.last() {
                self.last = (last.path.clone(), last.span);
            }
            self.buffer = pieces.into();
        }
        Ok(self.buffer.front())
    }
    async fn take(&mut self, cx: &mut Cx, path: &str) -> Result<Option<Piece>> {
        let here = self.head(cx).await?.is_some_and(|p| p.path == path);
        Ok(if here { self.buffer.pop_front() } else { None })
    }
}

/// Repairs every counter from the base tables and returns how many were changed. For first
/// filling, for repair after `fsck` found I11 broken, and for the benchmark.
pub async fn recount(house: &House) -> Result<u64> {
    act!(house, Who::System("recount"), |cx| {
        // The view below is younger than this transaction, and what it saw must be dropped here.
        sql::see_newest(cx).await?;
        sql::take_turn(cx).await?;
        // A view of its own: what it shows stays the same while others go on changing.
        let mut view = house.snapshot(Who::System("recount")).await?;
        let mut walk = Walk::begin(&mut view).await?;
        let mut changed = 0;
        while let Some(found) = walk.next(&mut view).await? {
            let wrong: Vec<&Difference> =
                found.iter().filter(|d| d.astray || d.stored != d.counted).collect();
            sql::put(cx, &wrong).await?;
            changed += u64::try_from(wrong.len()).unwrap_or(0);
        }
        let dropped = sql::forget(cx, &walk.ids).await?;
        // Fewer would mean that a change stays noted although it has been counted.
        if dropped == walk.ids.len() as u64 { Ok(changed) } else { Err(Error::Retry) }
    })
}
