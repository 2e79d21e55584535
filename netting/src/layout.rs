//! Which items move a row, by amount: built once, searched by everything that follows.

use crate::problem::Problem;

/// One item seen from a row it moves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leg {
    /// Minor units, above zero.
    pub(crate) amount: i64,
    pub(crate) item: u32,
}

/// Per row the items that take from it, then those that bring to it, each with the largest first.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    start: Vec<u32>,
    legs: Vec<Leg>,
}

pub(crate) const OUT: usize = 0;
pub(crate) const IN: usize = 1;

impl Layout {
    pub(crate) fn new(problem: &Problem) -> Self {
        let lists = 2 * problem.free.len();
        let mut start = vec![0_u32; lists + 1];
        for entry in &problem.entries {
            start[2 * entry.row as usize + usize::from(entry.delta > 0) + 1] += 1;
        }
        for list in 0..lists {
            start[list + 1] += start[list];
        }
        let mut fill = start.clone();
        let none = Leg { amount: 0, item: 0 };
        let mut legs = vec![none; start[lists] as usize];
        for item in 0..problem.items() {
            for entry in problem.entries(item) {
                let slot = &mut fill[2 * entry.row as usize + usize::from(entry.delta > 0)];
                let amount = entry.delta.abs();
                legs[*slot as usize] = Leg { amount, item: u32::try_from(item).unwrap_or(0) };
                *slot += 1;
            }
        }
        for list in 0..lists {
            legs[start[list] as usize..start[list + 1] as usize]
                .sort_unstable_by(|a, b| b.amount.cmp(&a.amount).then(a.item.cmp(&b.item)));
        }
        Self { start, legs }
    }

    /// Keeps the legs of the items that are `alive`.
    pub(crate) fn keep(&mut self, alive: &[bool]) {
        let (mut kept, mut from) = (0, 0);
        for end in &mut self.start[1..] {
            for at in from..*end as usize {
                let leg = self.legs[at];
                self.legs[kept] = leg;
                kept += usize::from(alive[leg.item as usize]);
            }
            from = *end as usize;
            *end = u32::try_from(kept).unwrap_or(u32::MAX);
        }
        self.legs.truncate(kept);
    }

    /// The legs on one side ([`OUT`] or [`IN`]) of a row.
    pub(crate) fn side(&self, row: usize, side: usize) -> &[Leg] {
        let list = 2 * row + side;
        &self.legs[self.start[list] as usize..self.start[list + 1] as usize]
    }
}
