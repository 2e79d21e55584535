//! The language of the `.ledger` tables.
//!
//! ```text
//! open NAME CURRENCY line AMOUNT|unlimited            => ok | REJECT
//! limit NAME line AMOUNT|unlimited                    => ok | REJECT
//! close NAME                                          => ok | REJECT
//! post T1 A -> B 15.00 USD                            => ok | REJECT
//! pend T1 A -> B 15.00 USD until MS                   => ok | REJECT
//! settle T2 of T1 A -> B 15.00 USD                    => ok | REJECT
//! void T2 of T1 A -> B 15.00 USD                      => ok | REJECT
//! batch … transfers without results … end             => ok NAMES TOUCHED | INDEX: REJECT
//! expire MS                                           => TRANSFERS
//! balance NAME                                        => BALANCE reserved R announced A free F
//! total CURRENCY                                      => POSTED reserved R
//! ```
//! After each line the invariants are checked, the kept root is compared with the recomputed one,
//! and a refusal must have left every byte of the books as it was.

use std::collections::{BTreeMap, BTreeSet};

use ledger::{AccountId, Currency, DebitLimit, Kind, Ledger, Reject, Transfer, TransferId};

/// Runs a table; the rejects that it saw.
pub(crate) fn run(table: &str) -> BTreeSet<Reject> {
    let mut script =
        Script { ledger: Ledger::new(), names: BTreeMap::new(), seen: BTreeSet::new() };
    let mut batch: Option<Vec<Transfer>> = None;
    for (number, line) in table.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        let (request, expected) = line.split_once("=>").unwrap_or((line, ""));
        let words: Vec<&str> = request.split_whitespace().collect();
        let result = match (words.as_slice(), &mut batch) {
            ([], _) => continue,
            (["batch"], _) => {
                batch = Some(Vec::new());
                continue;
            }
            (["end"], open) => script.batch(&open.take().expect("a batch before its end")),
            (transfer, Some(open)) => {
                open.push(script.transfer(transfer));
                continue;
            }
            (request, None) => script.request(request),
        };
        assert_eq!(result, expected.trim(), "line {}: {line}", number + 1);
        script.check();
    }
    assert!(batch.is_none(), "a batch has no end");
    script.seen
}

struct Script {
    ledger: Ledger,
    names: BTreeMap<String, AccountId>,
    seen: BTreeSet<Reject>,
}

impl Script {
    fn request(&mut self, words: &[&str]) -> String {
        match words {
            ["open", name, code, limit @ ..] => {
                let currency = currency(code);
                let limit = parse_limit(limit, currency);
                self.change(|ledger| ledger.open_account(currency, limit))
                    .map(|id| _ = self.names.insert((*name).to_owned(), id))
                    .map_or_else(code_of, |()| "ok".to_owned())
            }
            ["limit", name, limit @ ..] => {
                let id = self.id(name);
                let currency =
                    self.ledger.account(id).map_or(currency("USD"), |account| account.currency());
                let limit = parse_limit(limit, currency);
                self.change(|ledger| ledger.set_limit(id, limit)).map_or_else(code_of, ok)
            }
            ["close", name] => {
                let id = self.id(name);
                self.change(|ledger| ledger.close_account(id)).map_or_else(code_of, ok)
            }
            ["expire", now] => {
                let voided = self.ledger.expire(now.parse().expect("an instant"));
                let names: Vec<String> = voided.iter().map(|id| format!("T{}", id.0)).collect();
                names.join(" ")
            }
            ["balance", name] => self.balance(name),
            ["total", code] => self.total(code),
            transfer => {
                let transfer = self.transfer(transfer);
                let applied = self.change(|ledger| {
                    ledger.apply_batch(&[transfer]).map_err(|refused| refused.reject)
                });
                applied.map_or_else(code_of, |_| "ok".to_owned())
            }
        }
    }

    fn batch(&mut self, transfers: &[Transfer]) -> String {
        let mut index = 0;
        let applied = self.change(|ledger| {
            ledger.apply_batch(transfers).map_err(|refused| {
                index = refused.index;
                refused.reject
            })
        });
        match applied {
            Ok(applied) => {
                let name_of = |id| self.names.iter().find(|(_, named)| **named == id);
                let touched = applied.touched.into_iter().filter_map(name_of);
                touched.fold("ok".to_owned(), |text, (name, _)| text + " " + name)
            }
            Err(reject) => format!("{index}: {}", reject.code()),
        }
    }

    fn balance(&self, name: &str) -> String {
        let account = self.ledger.account(self.id(name)).expect("an account");
        let text = |minor| decimal(minor, account.currency());
        let free = match account.limit() {
            DebitLimit::Unlimited => "unlimited".to_owned(),
            DebitLimit::AtMost(_) => text(account.available()),
        };
        format!(
            "{} reserved {} announced {} free {free}",
            text(account.balance()),
            text(account.debits_pending().cast_signed()),
            text(account.credits_pending().cast_signed()),
        )
    }

    fn total(&self, code: &str) -> String {
        let total = self.ledger.total(currency(code));
        assert_eq!(total.debits_posted, total.credits_posted);
        assert_eq!(total.debits_pending, total.credits_pending);
        let text = |minor: u128| decimal(minor.cast_signed(), currency(code));
        format!("{} reserved {}", text(total.debits_posted), text(total.debits_pending))
    }

    /// Runs a change; a refused one must change nothing.
    fn change<T>(&mut self, f: impl FnOnce(&mut Ledger) -> Result<T, Reject>) -> Result<T, Reject> {
        let before = self.ledger.encode();
        let result = f(&mut self.ledger);
        if let Err(reject) = &result {
            self.seen.insert(*reject);
            assert_eq!(self.ledger.encode(), before, "{reject:?} changed the books");
        }
        result
    }

    fn transfer(&self, words: &[&str]) -> Transfer {
        let (verb, id, rest) = match words {
            [verb, id, rest @ ..] => (*verb, transfer_id(id), rest),
            _ => panic!("not understood: {words:?}"),
        };
        let (kind, rest) = match (verb, rest) {
            ("post", rest) => (Kind::Post, rest),
            ("pend", [rest @ .., "until", at]) => {
                (Kind::Pend { expires_at: at.parse().expect("an instant") }, rest)
            }
            ("settle", ["of", pending, rest @ ..]) => {
                (Kind::PostPending { pending: transfer_id(pending) }, rest)
            }
            ("void", ["of", pending, rest @ ..]) => {
                (Kind::VoidPending { pending: transfer_id(pending) }, rest)
            }
            _ => panic!("not understood: {words:?}"),
        };
        let [debit, "->", credit, amount, code] = rest else {
            panic!("not understood: {words:?}");
        };
        let amount = parse_decimal(amount, currency(code));
        Transfer { id, debit: self.id(debit), credit: self.id(credit), amount, kind }
    }

    /// An account by name; a number that no account has for an unknown name.
    fn id(&self, name: &str) -> AccountId {
        self.names.get(name).copied().unwrap_or(AccountId(u32::MAX))
    }

    fn check(&mut self) {
        assert_eq!(self.ledger.check(), Ok(()));
        assert_eq!(self.ledger.state_root(), self.ledger.recompute_root());
    }
}

fn ok(_: ()) -> String {
    "ok".to_owned()
}

fn code_of(reject: Reject) -> String {
    reject.code().to_owned()
}

fn currency(code: &str) -> Currency {
    Currency::parse(code).expect("a currency")
}

fn transfer_id(name: &str) -> TransferId {
    TransferId(name.trim_start_matches('T').parse().expect("a transfer"))
}

fn parse_limit(words: &[&str], currency: Currency) -> DebitLimit {
    match words {
        ["unlimited"] => DebitLimit::Unlimited,
        ["line", amount] => DebitLimit::AtMost(parse_decimal(amount, currency)),
        _ => panic!("not a limit: {words:?}"),
    }
}

/// Reads minor units without the range check of an amount, so that it can be broken.
fn parse_decimal(text: &str, currency: Currency) -> u64 {
    let fraction = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    assert_eq!(fraction, usize::from(currency.digits()), "digits of {text}");
    text.replace('.', "").parse().expect("a number")
}

fn decimal(minor: i128, currency: Currency) -> String {
    let digits = usize::from(currency.digits());
    let text = format!("{:0width$}", minor.unsigned_abs(), width = digits + 1);
    let (whole, fraction) = text.split_at(text.len() - digits);
    let sign = if minor < 0 { "-" } else { "" };
    if digits == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}
