//! A gridlock: six banks in a ring, each waiting for the next one's money. No payment is covered by
//! itself, and one bank's queue is headed by a payment that nothing of the day can cover, so in
//! order nothing moves at all. Together all others do, with little money.

use channel::CommandBody;
use ledger::{Amount, Currency};

use super::{Writer, currency};
use crate::demo::banks::Cast;
use crate::demo::random::Random;
use crate::failure::Failure;

/// The currency in which nothing else is paid.
pub(in crate::demo) const CURRENCY: &str = "SEK";
/// Who pays whom: each the next, the last the first.
const RING: [&str; 6] = ["BALTSESS", "ALBKGB2L", "RHNBDEFF", "AMSTNL2A", "HUDSUS33", "SEQBFRPP"];
/// What each brings, and by how much at most the payments of two neighbours differ: whole units.
const MONEY: u64 = 500_000;
const SPREAD: u64 = 400_000;
/// About what each pays, and how it is split into payments, in hundredths. Each part is more than
/// the payer brings.
const PAYS: u64 = 40_000_000;
const PARTS: [u64; 4] = [31, 27, 23, 19];
/// The payment at the head of a queue that is not covered even when all the others have settled.
const HEAD: (&str, &str, &str) = ("RHNBDEFF", "55000000.00 SEK", "HUDSUS33");

impl Writer {
    /// Accounts, a day and the little money for it.
    pub(super) fn ring_opens(&mut self, cast: &Cast) -> Result<(), Failure> {
        let currency = currency(CURRENCY)?;
        for bank in RING {
            let participant = cast.number(bank)?;
            self.command(
                "alice",
                CommandBody::OpenAccount { participant, currency, credit_line: 0 },
            );
            self.fund_with(bank, participant, whole(MONEY, currency)?);
        }
        Ok(())
    }

    /// The payments of the ring, in an order of their own behind the one that blocks.
    pub(super) fn gridlock(&mut self, random: &mut Random, cast: &Cast) -> Result<(), Failure> {
        let blocking = self.order(cast, HEAD)?.class(1).build()?;
        let mut orders = Vec::new();
        for (payer, payee) in RING.into_iter().zip(RING.into_iter().cycle().skip(1)) {
            let pays = PAYS + random.below(SPREAD);
            for part in PARTS {
                let amount = format!("{}.00 {CURRENCY}", pays * part / 100);
                let order = self.order(cast, (payer, &amount, payee))?.class(1);
                orders.push((payer, order.build()?));
            }
        }
        random.shuffle(&mut orders);
        self.hand_in(vec![(HEAD.0, blocking)]);
        self.hand_in(orders);
        Ok(())
    }
}

/// An amount in whole units of its currency.
fn whole(units: u64, currency: Currency) -> Result<Amount, Failure> {
    Amount::parse(&units.to_string(), currency)
        .map_err(|error| Failure::fault(format!("{units} {currency}: {error}")))
}
