//! Which settler of a pool is the active one: a function of what all of them read in one order.
//!
//! The active settler of a term is the one whose claim to it comes first. Whoever hears nothing
//! from it for the time-out claims the next term. Since all read the same claims in the same order,
//! all that have read equally far agree. One that has read less may think that it still is: two at
//! once cost records that change nothing, never more.

use std::time::{Duration, Instant};

use super::message::{Body, Message};

/// Signs of life within one time-out.
const BEATS: u32 = 4;

/// What one settler knows about who is active.
#[derive(Debug)]
pub(crate) struct Ownership {
    me: u64,
    takeover: Duration,
    /// The newest term that somebody has, and who.
    term: u64,
    owner: Option<u64>,
    /// When its owner was heard last.
    heard: Instant,
    /// When this settler said something last.
    said: Option<Instant>,
}

impl Ownership {
    /// Nothing is known yet.
    pub(crate) fn new(me: u64, takeover: Duration, now: Instant) -> Self {
        Self { me, takeover, term: 0, owner: None, heard: now, said: None }
    }

    /// The newest term that somebody has.
    pub(crate) fn term(&self) -> u64 {
        self.term
    }

    /// The active settler.
    pub(crate) fn owner(&self) -> Option<u64> {
        self.owner
    }

    /// Whether this settler is the active one.
    pub(crate) fn leads(&self) -> bool {
        self.owner == Some(self.me)
    }

    /// Takes note of the next message.
    pub(crate) fn hear(&mut self, message: &Message, now: Instant) {
        let Message { settler, term, body, .. } = *message;
        if term > self.term && body != Body::Resign {
            // Whoever acts in a term was the first to claim it.
            (self.term, self.owner, self.heard) = (term, Some(settler), now);
        } else if term == self.term && self.owner == Some(settler) {
            self.heard = now;
            if body == Body::Resign {
                self.owner = None;
            }
        }
    }

    /// What this settler has to say now, if anything: that it lives, or that it takes over.
    pub(crate) fn say(&mut self, now: Instant) -> Option<Body> {
        let silent = self.said.is_none_or(|said| now - said >= self.takeover / BEATS);
        if self.leads() {
            return silent.then(|| self.spoke(Body::Beat, now));
        }
        let gone = self.owner.is_none() || now - self.heard >= self.takeover;
        (gone && silent).then(|| self.spoke(Body::Claim, now))
    }

    /// The term in which to say it.
    pub(crate) fn term_of(&self, body: &Body) -> u64 {
        if *body == Body::Claim { self.term + 1 } else { self.term }
    }

    /// Something else was said, which is a sign of life as well.
    pub(crate) fn spoke(&mut self, body: Body, now: Instant) -> Body {
        self.said = Some(now);
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TAKEOVER: Duration = Duration::from_secs(4);

    fn message(settler: u64, term: u64, body: Body) -> Message {
        Message { pool: 1, settler, term, body }
    }

    #[test]
    fn the_first_claim_of_a_term_has_it() {
        let now = Instant::now();
        let mut mine = Ownership::new(1, TAKEOVER, now);
        assert_eq!(mine.say(now), Some(Body::Claim));
        assert_eq!(mine.say(now), None, "once is enough for a while");
        mine.hear(&message(2, 1, Body::Claim), now);
        mine.hear(&message(1, 1, Body::Claim), now);
        assert!(!mine.leads());
        assert_eq!(mine.owner(), Some(2));
    }

    #[test]
    fn silence_is_taken_over_and_whoever_was_silent_steps_back() {
        let start = Instant::now();
        let mut first = Ownership::new(1, TAKEOVER, start);
        let mut second = Ownership::new(2, TAKEOVER, start);
        let claim = message(1, 1, Body::Claim);
        first.hear(&claim, start);
        second.hear(&claim, start);
        assert!(first.leads());
        let beat = start + TAKEOVER / 2;
        assert_eq!(first.say(beat), Some(Body::Beat));
        second.hear(&message(1, 1, Body::Beat), beat);
        assert_eq!(second.say(beat + TAKEOVER / 2), None);
        assert_eq!(second.say(beat + TAKEOVER), Some(Body::Claim));
        let claim = message(2, second.term_of(&Body::Claim), Body::Claim);
        // Frozen in between, the first one goes on as if nothing were; then it reads.
        assert!(first.leads());
        for settler in [&mut first, &mut second] {
            settler.hear(&claim, beat + TAKEOVER);
            settler.hear(&message(1, 1, Body::Beat), beat + TAKEOVER);
            assert_eq!((settler.owner(), settler.term()), (Some(2), 2));
        }
    }

    #[test]
    fn after_a_resignation_nobody_waits() {
        let now = Instant::now();
        let mut standby = Ownership::new(2, TAKEOVER, now);
        standby.hear(&message(1, 7, Body::Beat), now);
        assert_eq!(standby.say(now), None);
        standby.hear(&message(1, 7, Body::Resign), now);
        assert_eq!(standby.say(now), Some(Body::Claim));
        assert_eq!(standby.term_of(&Body::Claim), 8);
    }

    proptest! {
        /// Whatever is said, in whatever order: all who have read the same agree, and at most one
        /// of them leads.
        #[test]
        fn all_who_have_read_the_same_agree(
            said in prop::collection::vec((0_u64..4, 0_u64..6, 0_u8..3), 0..60),
        ) {
            let now = Instant::now();
            let mut all: Vec<_> = (0..4).map(|me| Ownership::new(me, TAKEOVER, now)).collect();
            for (settler, term, kind) in said {
                let body = [Body::Claim, Body::Beat, Body::Resign][usize::from(kind)];
                all.iter_mut().for_each(|it| it.hear(&message(settler, term, body), now));
            }
            prop_assert!(all.iter().all(|it| it.owner() == all[0].owner()));
            prop_assert!(all.iter().filter(|it| it.leads()).count() <= 1);
        }
    }
}
