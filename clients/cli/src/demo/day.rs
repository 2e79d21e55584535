//! The script of the day: what happens, in order. Each step becomes one record of the log, behind
//! the genesis; behind a step that closes a cycle there may be one more, the solver's proposal.

mod exchange;
pub(super) mod gridlock;

use std::collections::BTreeMap;

use channel::{CommandBody, sha256};
use iso20022::{Bic, Body, Edition, Header, Message, Profile};
use ledger::{Amount, Currency};
use sdk::sealed::AnyStatement;
use sdk::{Order, OrderBuilder, ParticipantId, RequestId, ValueDate};

use super::banks::{Bank, Cast};
use super::random::Random;
use crate::commands::{orders_of, read};
use crate::dev::FIRST_BANK;
use crate::failure::Failure;

/// Logged time of the genesis: 2026-03-02T06:00:00Z, a Monday.
pub(super) const START_MS: u64 = 1_772_431_200_000;
const DAY: &str = "2026-03-02";
const MINUTE_MS: u64 = 60_000;
const POOL: u32 = 1;
/// When the banks hand in what they have, minutes after the start: 08:00, 10:00 … 16:00.
const SESSIONS: [u64; 5] = [120, 240, 360, 480, 600];
/// Behind which of them foreign exchange comes, and behind which the gridlock.
const EXCHANGE_AFTER: u64 = 240;
const GRIDLOCK_AFTER: u64 = 360;
/// Between handing in and the cycle that follows, minutes.
const CYCLE_AFTER: u64 = 10;
/// The last cycle, and the end of the script: 18:00 and 18:10.
const LAST_CYCLE: u64 = 720;
const END: u64 = 730;
/// Stands for a bank that does not take part: nobody has this number.
const STRANGER: ParticipantId = ParticipantId(9_999);

/// Who does a step.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Actor(pub(super) String);

/// One step: one record.
#[derive(Debug)]
pub(super) enum Step {
    /// The clock moves; a cycle may be closed.
    Clock { time_ms: u64, close_cycle: bool },
    /// A signed command.
    Command { by: Actor, request_id: RequestId, issued_at_ms: u64, body: CommandBody },
    /// Orders of one bank.
    Orders { by: Actor, orders: Vec<Order> },
    /// Statements about keys, or about sealed orders.
    Statements { by: Actor, statements: Vec<AnyStatement> },
}

impl Step {
    /// Whether it closes a cycle, so that the solver may add a record of its own behind it.
    pub(super) fn cuts(&self) -> bool {
        matches!(self, Self::Clock { close_cycle: true, .. })
    }
}

/// A payment before it is handed in.
struct Payment {
    bank: usize,
    order: Order,
}

/// The script of a seed.
pub(super) fn script(seed: u64, cast: &Cast) -> Result<Vec<Step>, Failure> {
    let mut random = Random::new(seed);
    let banks = &cast.banks;
    let payments = payments(&mut random, banks)?;
    let mut writer = Writer { seed, now_ms: START_MS, made: 0, steps: Vec::new() };
    writer.morning(cast, &payments)?;
    let mut from_ms = 0;
    for minutes in SESSIONS {
        let until_ms = minute(minutes);
        writer.clock(minutes, false);
        writer.session(&mut random, banks, &payments, from_ms..until_ms);
        writer.clock(minutes + CYCLE_AFTER, true);
        from_ms = until_ms;
        if minutes == EXCHANGE_AFTER {
            writer.clock(minutes + 2 * CYCLE_AFTER, false);
            writer.exchange(&mut random, cast)?;
            writer.clock(minutes + 3 * CYCLE_AFTER, true);
        }
        if minutes == GRIDLOCK_AFTER {
            writer.clock(minutes + 2 * CYCLE_AFTER, false);
            writer.gridlock(&mut random, cast)?;
            writer.clock(minutes + 3 * CYCLE_AFTER, true);
        }
    }
    writer.clock(LAST_CYCLE, true);
    writer.clock(END, false);
    Ok(writer.steps)
}

/// The currencies of the day, in alphabetical order.
pub(super) fn currencies(cast: &Cast) -> Result<Vec<Currency>, Failure> {
    let mut currencies: Vec<Currency> = cast.banks.iter().flat_map(Bank::currencies).collect();
    currencies.push(currency(gridlock::CURRENCY)?);
    currencies.sort_unstable();
    currencies.dedup();
    Ok(currencies)
}

fn currency(code: &str) -> Result<Currency, Failure> {
    Currency::parse(code).map_err(|error| Failure::fault(format!("{code}: {error}")))
}

/// Logged time so many minutes after the start.
fn minute(minutes: u64) -> u64 {
    START_MS + minutes * MINUTE_MS
}

/// The orders of the day: most of the messages the project ships, their amounts varied.
fn payments(random: &mut Random, banks: &[Bank]) -> Result<Vec<Payment>, Failure> {
    let numbers: BTreeMap<Bic, ParticipantId> = (FIRST_BANK..)
        .zip(banks)
        .filter_map(|(id, bank)| Some((Bic::parse(&bank.bic)?, ParticipantId(id))))
        .collect();
    let receiver = |bic: Bic| Ok(numbers.get(&bic).copied().unwrap_or(STRANGER));
    let mut payments = Vec::new();
    for (at, (id, bank)) in (FIRST_BANK..).zip(banks).enumerate() {
        for bytes in bank.messages() {
            let (kept, permille) = (random.percent(95), 900 + random.below(200));
            if !kept {
                continue;
            }
            let message = vary(&read(bytes, Profile::Cbpr)?, permille)?;
            let new = || OrderBuilder::new(POOL, ParticipantId(id));
            let orders = orders_of(&message, new, receiver)?;
            payments.extend(orders.into_iter().map(|order| Payment { bank: at, order }));
        }
    }
    Ok(payments)
}

/// The same message with another amount.
fn vary(message: &Message, permille: u64) -> Result<Message, Failure> {
    let mut body = message.body().clone();
    let header = message.header().cloned();
    let fault = |problem: String| Failure::fault(format!("the day's files: {problem}"));
    if let Body::CreditTransfer(transfer) = &mut body {
        for transfer in &mut transfer.transfers {
            let amount = transfer.amount;
            let minor = u128::from(amount.minor()) * u128::from(permille) / 1_000;
            let minor = u64::try_from(minor.max(1)).map_err(|error| fault(error.to_string()))?;
            transfer.amount =
                Amount::new(minor, amount.currency()).map_err(|error| fault(error.to_string()))?;
            if let Some(underlying) = &mut transfer.underlying {
                underlying.instructed_amount = Some(transfer.amount);
            }
        }
    }
    let header: Option<Header> = header;
    Message::compose(&body, Edition::E2019, header.as_ref())
        .map_err(|error| fault(error.to_string()))
}

struct Writer {
    seed: u64,
    now_ms: u64,
    /// How many orders were made beside those of the shipped messages.
    made: u64,
    steps: Vec<Step>,
}

impl Writer {
    fn clock(&mut self, minutes: u64, close_cycle: bool) {
        self.now_ms = START_MS + minutes * MINUTE_MS;
        self.steps.push(Step::Clock { time_ms: self.now_ms, close_cycle });
    }

    fn command(&mut self, by: &str, body: CommandBody) {
        let id = self.unique(b"causeway demo request", self.steps.len() as u64);
        self.steps.push(Step::Command {
            by: Actor(by.to_owned()),
            request_id: RequestId(id),
            issued_at_ms: self.now_ms,
            body,
        });
    }

    /// A number in the form of a random UUID, always the same for the same seed and `number`.
    fn unique(&self, label: &[u8], number: u64) -> [u8; 16] {
        let seed = self.seed.to_be_bytes();
        let digest = sha256(&[label, &seed, &number.to_be_bytes()].concat());
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        id[6] = id[6] & 0x0f | 0x40;
        id[8] = id[8] & 0x3f | 0x80;
        id
    }

    /// Accounts, days, limits, and what the banks bring.
    fn morning(&mut self, cast: &Cast, payments: &[Payment]) -> Result<(), Failure> {
        let banks = &cast.banks;
        for (participant, bank) in numbered(banks) {
            for currency in bank.currencies() {
                let body = CommandBody::OpenAccount { participant, currency, credit_line: 0 };
                self.command("alice", body);
            }
        }
        let date = sdk::parse_date(DAY).ok_or_else(|| Failure::fault("the day is no day"))?;
        for currency in currencies(cast)? {
            self.open_day(currency, date);
        }
        for (at, (participant, bank)) in numbered(banks).enumerate() {
            for currency in bank.currencies() {
                self.fund(at, participant, bank, currency, payments);
            }
        }
        self.providers_open(cast)?;
        self.ring_opens(cast)?;
        self.limits(cast)
    }

    /// Tokyo and Zurich close before the others: their last orders are too late.
    fn open_day(&mut self, currency: Currency, date: ValueDate) {
        let (cut_off, close) = match currency.as_str() {
            "JPY" => (200, 400),
            "CHF" => (540, 700),
            _ => (690, 960),
        };
        let (cut_off_at_ms, closes_at_ms) =
            (START_MS + cut_off * MINUTE_MS, START_MS + close * MINUTE_MS);
        self.command("alice", CommandBody::OpenDay { currency, date, cut_off_at_ms, closes_at_ms });
    }

    fn fund(
        &mut self,
        at: usize,
        participant: ParticipantId,
        bank: &Bank,
        currency: Currency,
        payments: &[Payment],
    ) {
        let own = payments.iter().filter(|payment| payment.bank == at).map(|p| p.order.fields());
        let out: u128 = own
            .filter(|fields| fields.currency_bytes() == currency.to_bytes())
            .map(|fields| u128::from(fields.minor()))
            .sum();
        let minor = u64::try_from(out * u128::from(bank.liquidity) / 1_000).unwrap_or(u64::MAX);
        let Ok(amount) = Amount::new(minor - minor % 100, currency) else { return };
        if amount.minor() == 0 {
            return;
        }
        self.fund_with(&bank.bic, participant, amount);
    }

    /// Credits a pay-in.
    fn fund_with(&mut self, bic: &str, participant: ParticipantId, amount: Amount) {
        let mut pay_in = [0; 16];
        let reference = format!("pay-in {bic} {}", amount.currency());
        pay_in.copy_from_slice(&sha256(reference.as_bytes())[..16]);
        self.command("agent", CommandBody::Fund { participant, amount, pay_in });
    }

    /// One bank trusts another only so far, and one is capped by the operator.
    fn limits(&mut self, cast: &Cast) -> Result<(), Failure> {
        let limit = |text: &str| {
            Amount::parse_text(text).map_err(|error| Failure::fault(error.to_string()))
        };
        let amount = limit("3000000.00 EUR")?;
        let body = CommandBody::SetBilateralLimit {
            counterparty: cast.number("BALTSESS")?,
            currency: amount.currency(),
            limit: Some(amount.minor()),
        };
        self.command("RHNBDEFF", body);
        let amount = limit("8000000.00 USD")?;
        let body = CommandBody::SetDebitCap {
            participant: cast.number("LAKEUS44")?,
            currency: amount.currency(),
            cap: Some(amount.minor()),
        };
        self.command("alice", body);
        Ok(())
    }

    /// What the banks have made since the last session, in an order of its own: each bank's urgent
    /// orders one by one, the others as one batch.
    fn session(
        &mut self,
        random: &mut Random,
        banks: &[Bank],
        payments: &[Payment],
        window: std::ops::Range<u64>,
    ) {
        let mut steps = Vec::new();
        for (at, bank) in banks.iter().enumerate() {
            let by = Actor(bank.bic.clone());
            let own = payments.iter().filter(|payment| {
                payment.bank == at && window.contains(&payment.order.fields().created_at_ms())
            });
            let (urgent, mut normal): (Vec<Order>, Vec<Order>) =
                own.map(|payment| payment.order.clone()).partition(|o| o.fields().urgent());
            random.shuffle(&mut normal);
            if !normal.is_empty() {
                steps.push(Step::Orders { by: by.clone(), orders: normal });
            }
            let alone = urgent.into_iter().map(|order| vec![order]);
            steps.extend(alone.map(|orders| Step::Orders { by: by.clone(), orders }));
        }
        random.shuffle(&mut steps);
        self.steps.extend(steps);
    }
}

fn numbered(banks: &[Bank]) -> impl Iterator<Item = (ParticipantId, &Bank)> {
    (FIRST_BANK..).map(ParticipantId).zip(banks)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::banks::cast;
    use super::*;
    use crate::commands::created_at_ms;

    fn digest(seed: u64) -> [u8; 32] {
        let steps = script(seed, &cast().unwrap()).unwrap();
        sha256(format!("{steps:?}").as_bytes())
    }

    #[test]
    fn a_seed_is_a_day() {
        assert_eq!(digest(7), digest(7));
        assert_ne!(digest(7), digest(8));
    }

    #[test]
    fn several_hundred_payments_of_every_kind_are_handed_in_once() {
        let cast = cast().unwrap();
        let made = payments(&mut Random::new(7), &cast.banks).unwrap();
        let steps = script(7, &cast).unwrap();
        let orders: Vec<&Order> = steps
            .iter()
            .filter_map(|step| match step {
                Step::Orders { orders, .. } => Some(orders),
                _ => None,
            })
            .flatten()
            .collect();
        // Beside the shipped ones: foreign exchange, and the ring with what blocks it.
        assert_eq!(orders.len(), made.len() + 10 + 1 + 4 + 3 + 24 + 1);
        assert!(orders.len() > 250, "{}", orders.len());
        let references: BTreeSet<_> = orders.iter().map(|order| order.uetr()).collect();
        assert_eq!(references.len(), orders.len());
        for kind in 1..=5 {
            assert!(orders.iter().any(|order| order.fields().kind_number() == kind), "{kind}");
        }
        assert!(orders.iter().any(|order| order.fields().urgent()));
        assert!(orders.iter().any(|order| order.fields().receiver() == STRANGER));
    }

    #[test]
    fn creation_times_lie_before_the_last_session() {
        for bank in cast().unwrap().banks {
            for bytes in bank.messages() {
                let message = read(bytes, Profile::Cbpr).unwrap();
                let at_ms = created_at_ms(&message).unwrap();
                assert!((START_MS..START_MS + SESSIONS[4] * MINUTE_MS).contains(&at_ms));
            }
        }
    }
}
