//! Ages: for how long queued payments have waited, in steps of cycles.
//!
//! Payments are numbered as they join their queues, so an age is a comparison: at every step the
//! number reached at the cut before becomes a mark, and a payment is as many steps old as there are
//! marks above its number. Within a lane nobody is older than who stands before.

use channel::{AGES, DecodeError, Reader, Writer};

const MARKS: usize = AGES as usize - 1;

/// The marks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ages {
    /// Payments that had joined a queue at the last cut.
    at_cut: u64,
    /// The same at the cuts before the last steps, the latest first.
    marks: [u64; MARKS],
}

impl Ages {
    /// A cut is made: of the cycle of this number, when so many payments have joined. Every
    /// `ageing_cycles` cycles (0 = never) those that the cut before found grow older.
    pub(crate) fn cut(&mut self, cycle: u64, joined: u64, ageing_cycles: u32) {
        let before = std::mem::replace(&mut self.at_cut, joined);
        if ageing_cycles > 0 && cycle.is_multiple_of(u64::from(ageing_cycles)) {
            self.marks.rotate_right(1);
            self.marks[0] = before;
        }
    }

    /// The age of the payment that joined with this number, 0 to [`AGES`] − 1.
    pub(crate) fn of(&self, order: u64) -> u8 {
        self.marks.iter().filter(|mark| order < **mark).count() as u8
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.u64(self.at_cut);
        self.marks.iter().for_each(|mark| _ = writer.u64(*mark));
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut ages = Self { at_cut: reader.u64("joined at cut")?, marks: [0; MARKS] };
        for mark in &mut ages.marks {
            *mark = reader.u64("age mark")?;
        }
        Ok(ages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payment_ages_by_the_cuts_that_left_it() {
        let mut ages = Ages::default();
        // Ten payments join before each cut; every second cycle is a step.
        for cycle in 1..=6 {
            ages.cut(cycle, cycle * 10, 2);
        }
        // Steps at 2, 4 and 6 made old what the cuts 1, 3 and 5 had found.
        assert_eq!(
            [0, 9, 10, 29, 30, 49, 50, 59].map(|order| ages.of(order)),
            [3, 3, 2, 2, 1, 1, 0, 0]
        );
        ages.cut(7, 70, 0);
        ages.cut(8, 80, 0);
        assert_eq!((ages.of(0), ages.of(50)), (3, 0), "nothing ages");
    }
}
