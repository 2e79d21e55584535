//! Foreign exchange in the day: standing quotes of two providers, instructions that banks agreed on
//! between themselves, payments that arrive in another currency, and a triangle of three banks that
//! settles as a whole.

use channel::CommandBody;
use sdk::{Order, OrderBuilder, ParticipantId, QuoteBuilder, link_orders};

use super::{Actor, DAY, POOL, START_MS, Step, Writer, minute};
use crate::demo::banks::Cast;
use crate::demo::random::Random;
use crate::failure::Failure;

/// Quotes stand, and an instruction may wait, until then: 16:00 and 13:20.
const QUOTED_UNTIL: u64 = 600;
const WAITS_UNTIL: u64 = 440;

/// What a provider quotes: pair, whether it buys the base currency, size, rate.
type Ladder = (&'static str, &'static [(bool, &'static str, &'static str)]);

const QUOTES: [&[Ladder]; 2] = [
    &[
        ("EUR/USD", &[(true, "1500000.00", "1.0825"), (false, "1000000.00", "1.0829")]),
        ("GBP/USD", &[(true, "800000.00", "1.2704"), (false, "800000.00", "1.2710")]),
    ],
    &[
        ("EUR/USD", &[(true, "900000.00", "1.0823"), (false, "2000000.00", "1.0831")]),
        ("EUR/GBP", &[(true, "700000.00", "0.8522"), (false, "900000.00", "0.8530")]),
    ],
];

/// Instructions on both sides: who sells what to whom for what.
const AGREED: [(&str, &str, &str, &str); 5] = [
    ("ALBKGB2L", "80000.00 GBP", "HUDSUS33", "101656.00 USD"),
    ("RHNBDEFF", "120000.00 EUR", "LAKEUS44", "129912.00 USD"),
    ("SEQBFRPP", "65000.00 EUR", "MERLSGSG", "70369.00 USD"),
    ("HELVCHZZ", "40000.00 CHF", "ALBKGB2L", "42418.00 EUR"),
    ("BALTSESS", "30000.00 USD", "RHNBDEFF", "27702.00 EUR"),
];

/// An instruction whose other side never comes.
const ALONE: (&str, &str, &str, &str) = ("MAPLCATT", "450000.00 USD", "ALBKGB2L", "354050.00 GBP");

/// Payments in another currency than they arrive in: from, amount, to, currency, the least rate. The
/// second is more than the best quote alone takes.
const ACROSS: [(&str, &str, &str, &str, &str); 4] = [
    ("MAPLCATT", "24000.00 USD", "ALBKGB2L", "GBP", "0.7800"),
    ("HUDSUS33", "1750000.00 USD", "RHNBDEFF", "EUR", "0.9200"),
    ("ALBKGB2L", "310000.00 GBP", "SEQBFRPP", "EUR", "1.1650"),
    ("AMSTNL2A", "275000.00 EUR", "MERLSGSG", "USD", "1.0800"),
];

/// Each pays the next, in three currencies.
const TRIANGLE: [(&str, &str, &str); 3] = [
    ("SEQBFRPP", "550000.00 GBP", "ALBKGB2L"),
    ("ALBKGB2L", "698500.00 USD", "AMSTNL2A"),
    ("AMSTNL2A", "645000.00 EUR", "SEQBFRPP"),
];

impl Writer {
    /// Accounts of the providers, and what they bring.
    pub(super) fn providers_open(&mut self, cast: &Cast) -> Result<(), Failure> {
        for provider in &cast.providers {
            let participant = cast.number(&provider.bic)?;
            for money in provider.money() {
                let (amount, credit_line) = (money?, 0);
                let currency = amount.currency();
                let body = CommandBody::OpenAccount { participant, currency, credit_line };
                self.command("alice", body);
                self.fund_with(&provider.bic, participant, amount);
            }
        }
        Ok(())
    }

    /// Quotes first, then what is matched with them, and what banks match among themselves.
    pub(super) fn exchange(&mut self, random: &mut Random, cast: &Cast) -> Result<(), Failure> {
        for (provider, ladders) in cast.providers.iter().zip(QUOTES) {
            for (pair, quotes) in ladders {
                let mut builder = QuoteBuilder::new(pair, minute(QUOTED_UNTIL));
                for (buys, size, rate) in *quotes {
                    builder = if *buys { builder.bid(size, rate) } else { builder.ask(size, rate) };
                }
                self.command(&provider.bic, builder.build()?);
            }
        }
        let mut orders = Vec::new();
        for (seller, sold, buyer, bought) in AGREED {
            orders.push((seller, self.order(cast, (seller, sold, buyer))?.buys(bought).build()?));
            orders.push((buyer, self.order(cast, (buyer, bought, seller))?.buys(sold).build()?));
        }
        let (seller, sold, buyer, bought) = ALONE;
        let alone = self.order(cast, (seller, sold, buyer))?.buys(bought);
        orders.push((seller, alone.not_after_ms(minute(WAITS_UNTIL)).build()?));
        for (from, amount, to, currency, least) in ACROSS {
            let order = self.order(cast, (from, amount, to))?.converts_to(currency, least);
            orders.push((from, order.build()?));
        }
        orders.extend(self.triangle(cast)?);
        random.shuffle(&mut orders);
        self.hand_in(orders);
        Ok(())
    }

    fn triangle(&mut self, cast: &Cast) -> Result<Vec<(&'static str, Order)>, Failure> {
        let made = TRIANGLE.map(|leg| self.order(cast, leg).map(OrderBuilder::build));
        let made = made.into_iter().map(|made| Ok(made??)).collect::<Result<_, Failure>>()?;
        Ok(TRIANGLE.into_iter().map(|(payer, ..)| payer).zip(link_orders(made)?).collect())
    }

    /// An order between banks, made now: who pays, what, whom.
    pub(super) fn order(
        &mut self,
        cast: &Cast,
        (payer, amount, payee): (&str, &str, &str),
    ) -> Result<OrderBuilder, Failure> {
        let (payer, payee): (ParticipantId, _) = (cast.number(payer)?, cast.number(payee)?);
        self.made += 1;
        let uetr = sdk::Uetr(self.unique(b"causeway demo uetr", self.made));
        Ok(OrderBuilder::new(POOL, payer)
            .receiver(payee)
            .amount(amount)
            .kind(sdk::MessageKind::InstitutionTransfer)
            .class(0)
            .value_date(DAY)
            .uetr(uetr)
            .created_at_ms(self.now_ms.max(START_MS)))
    }

    /// Each order by its sender, one after the other.
    pub(super) fn hand_in(&mut self, orders: Vec<(&str, Order)>) {
        let step = |(by, order): (&str, Order)| Step::Orders {
            by: Actor(by.to_owned()),
            orders: vec![order],
        };
        self.steps.extend(orders.into_iter().map(step));
    }
}
