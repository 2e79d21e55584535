//! The command that sets quotes: a whole ladder in the place of the one before.
//!
//! Quotes come far more often than other commands, so they are not remembered like those. Of each
//! provider and pair the latest set is known by its instant of issue: the same again gets the same
//! answer, an earlier one is superseded. A set that is rejected leaves no trace.

use channel::{Command, CommandBody, ParticipantId, Quote};
use ledger::{Currency, Hash};

use super::ladder::{Ladder, LadderId, Standing, StandingQuote};
use crate::intake::ensure;
use crate::outcome::Outcome;
use crate::pool::Pool;
use crate::record::Place;
use crate::reject::Reject;
use crate::requests::{ISSUED_AHEAD_MS, STALE_AFTER_MS};

/// Quotes of one provider that stand at once, at most.
pub const PROVIDER_QUOTES_MAX: usize = 4_096;
/// Quotes that stand at once in a pool, at most.
pub const STANDING_QUOTES_MAX: usize = 1 << 18;
/// Pairs that providers have quoted lately, counted for each provider, at most.
pub const LADDERS_MAX: usize = 1 << 16;

impl Pool {
    /// Takes a command that sets quotes; whether it did or is known to have done so.
    pub(crate) fn take_quotes(&mut self, command: &Command, digest: Hash, outcome: &mut Outcome) {
        let CommandBody::SetQuotes { base, quote, quotes } = &command.body else {
            unreachable!("only quotes come here");
        };
        let done = self.set_quotes(command, digest, (*base, *quote), quotes, outcome);
        match done {
            Ok(replayed) => outcome.replayed = replayed,
            Err(reject) => outcome.reject = Some(reject),
        }
    }

    fn set_quotes(
        &mut self,
        command: &Command,
        digest: Hash,
        (base, quote): (Currency, Currency),
        quotes: &[Quote],
        outcome: &Outcome,
    ) -> Result<bool, Reject> {
        let provider = self.directory.index(command.maker).ok_or(Reject::UnknownParticipant)?;
        let index = |code: Currency| {
            self.directory.currency_index(code.to_bytes()).ok_or(Reject::CurrencyNotInPool)
        };
        let id = LadderId { provider, base: index(base)?, quote: index(quote)? };
        for currency in [id.base, id.quote] {
            self.directory.account_at(provider, currency).ok_or(Reject::UnknownAccount)?;
        }
        if let Some(known) = self.fx.book.ladder(id)
            && command.issued_at_ms <= known.issued_at_ms
        {
            let same = known.request == command.request_id && known.digest == digest;
            return if same { Ok(true) } else { Err(Reject::QuotesSuperseded) };
        }
        let digits = (base.digits(), quote.digits());
        let standing = (0..).zip(quotes).map(|(index, quote)| Standing::new(index, *quote, digits));
        let standing = standing.collect::<Option<Vec<_>>>().ok_or(Reject::Overflow)?;
        let standing: Vec<Standing> =
            standing.into_iter().filter(|it| it.quote.not_after_ms >= self.now_ms).collect();
        self.forget_ladders(provider);
        ensure(self.quotes_fit(id, standing.len()), Reject::CapacityFull)?;
        // After this point it must succeed.
        let place = Place::new(outcome.position, 0);
        let (request, issued_at_ms) = (command.request_id, command.issued_at_ms);
        let sides: Vec<_> = standing.iter().map(|it| id.pair(it.quote.side)).collect();
        let ladder = Ladder { request, digest, issued_at_ms, place, quotes: standing };
        self.fx.book.replace(id, ladder);
        for pair in sides {
            self.fx.orders.scans.insert(pair, None);
            if self.rules.cross_at_midpoint {
                // The midpoint has moved for both sides.
                self.fx.orders.scans.insert(pair.opposite(), None);
            }
        }
        self.batch.open(self.now_ms);
        Ok(false)
    }

    /// Whether there is room for so many quotes in the place of a ladder.
    fn quotes_fit(&self, id: LadderId, count: usize) -> bool {
        let book = &self.fx.book;
        let before = book.ladder(id).map_or(0, |ladder| ladder.quotes.len());
        let own: usize = book.of_provider(id.provider).map(|(_, it)| it.quotes.len()).sum();
        let ladders = book.len() + usize::from(book.ladder(id).is_none());
        own - before + count <= PROVIDER_QUOTES_MAX
            && book.quotes() - before + count <= STANDING_QUOTES_MAX
            && ladders <= LADDERS_MAX
    }

    /// Forgets the empty ladders of a provider whose commands nobody can give again.
    fn forget_ladders(&mut self, provider: u32) {
        let kept_ms = STALE_AFTER_MS + ISSUED_AHEAD_MS;
        let stale = self.fx.book.of_provider(provider).filter(|(_, ladder)| {
            ladder.quotes.is_empty() && ladder.issued_at_ms + kept_ms < self.now_ms
        });
        let stale: Vec<LadderId> = stale.map(|(id, _)| *id).collect();
        stale.into_iter().for_each(|id| self.fx.book.forget(id));
    }

    /// The quotes that stand, by provider and pair, in the order in which they were given.
    pub fn quotes(&self) -> impl Iterator<Item = StandingQuote> {
        self.fx.book.ladders().flat_map(|(id, ladder)| {
            ladder.quotes.iter().map(|standing| StandingQuote {
                provider: self.provider(*id),
                base: self.directory.currency(id.base).currency,
                quote: self.directory.currency(id.quote).currency,
                given: standing.quote,
                place: ladder.place,
                index: standing.index,
                size: standing.size,
                taken: standing.taken,
            })
        })
    }

    pub(crate) fn provider(&self, id: LadderId) -> ParticipantId {
        self.directory.at(id.provider).participant.id
    }
}
