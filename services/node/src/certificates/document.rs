//! The data of one cycle as JSON. Amounts, values, prices and places are strings: they do not fit
//! the numbers of every reader. Rows are written as they are made.

use channel::{NettingMode, Writer};
use clearing::{Candidate, Certificate, CutAccount, Directory, Evidence, LimitRow, SealedBatch};
use ledger::AccountId;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Value, json};

/// What the format is called.
const FORMAT: &str = "causeway cut/1";

/// A cycle that settled, in the batch that has its certificate.
pub(super) struct Document<'a> {
    pub(super) directory: &'a Directory,
    pub(super) batch: &'a SealedBatch,
    pub(super) evidence: &'a Evidence,
}

/// Rows, each made when it is written.
struct Rows<I>(I);

impl<I> Serialize for Rows<I>
where
    I: Iterator<Item = Value> + Clone,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.clone())
    }
}

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Evidence { candidates, settled, prices, certificate, mode } = self.evidence;
        let mode = match mode {
            NettingMode::StrictFifo => "strict_fifo",
            NettingMode::FifoFloor => "fifo_floor",
        };
        let rows = |numbers: &[u64]| numbers.iter().map(u64::to_string).collect::<Vec<_>>();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("format", FORMAT)?;
        map.serialize_entry("pool", &self.batch.pool)?;
        map.serialize_entry("cycle", &certificate.cycle)?;
        map.serialize_entry("netting", mode)?;
        map.serialize_entry("class_weights", &candidates.weights.class)?;
        map.serialize_entry("currencies", &self.currencies())?;
        let accounts = candidates.accounts.iter().map(|account| self.account(account));
        map.serialize_entry("accounts", &Rows(accounts))?;
        map.serialize_entry("limits", &Rows(candidates.limits.iter().map(limit)))?;
        map.serialize_entry("broken_groups", &candidates.broken_groups)?;
        let payments = candidates.payments.iter().map(|payment| self.payment(payment));
        map.serialize_entry("candidates", &Rows(payments))?;
        let places = settled.iter().map(|place| Value::String(place.0.to_string()));
        map.serialize_entry("settled", &Rows(places))?;
        let prices = json!({ "accounts": rows(&prices.accounts), "limits": rows(&prices.limits) });
        map.serialize_entry("prices", &prices)?;
        map.serialize_entry("certificate", &stated(certificate))?;
        map.serialize_entry("batch", &sealed(self.batch))?;
        map.end()
    }
}

impl Document<'_> {
    fn currencies(&self) -> Value {
        let weights = &self.evidence.candidates.weights.currency;
        let known = self.directory.currencies().iter().zip(weights);
        known
            .map(|(known, weight)| json!({ "code": known.currency.to_string(), "weight": weight }))
            .collect()
    }

    fn code(&self, currency: u8) -> Option<String> {
        let known = self.directory.currencies().get(usize::from(currency))?;
        Some(known.currency.to_string())
    }

    /// The mirror of a currency is nobody's and pays nobody.
    fn account(&self, account: &CutAccount) -> Value {
        let owner = account.member.and_then(|member| self.directory.members().get(member as usize));
        json!({
            "participant": owner.map(|owner| owner.participant.id.0),
            "currency": self.code(account.currency),
            "liquidity": if owner.is_some() { account.liquidity } else { 0 }.to_string(),
        })
    }

    fn payment(&self, payment: &Candidate) -> Value {
        let AccountId(debit) = payment.debit;
        let account = self.evidence.candidates.accounts.get(debit as usize);
        json!({
            "place": payment.place.0.to_string(),
            "debit": debit,
            "credit": payment.credit.0,
            "currency": account.and_then(|account| self.code(account.currency)),
            "amount": payment.minor.to_string(),
            "class": payment.class,
            "age": payment.age,
            "group": payment.group,
            "floor": payment.floor,
        })
    }
}

fn limit(limit: &LimitRow) -> Value {
    json!({ "debit": limit.debit.0, "credit": limit.credit.0, "room": limit.room.to_string() })
}

fn stated(certificate: &Certificate) -> Value {
    json!({
        "basis": certificate.basis as u8,
        "candidates": certificate.candidates,
        "settled": certificate.settled,
        "value": certificate.value.to_string(),
        "fifo_value": certificate.fifo_value.to_string(),
        "bound": certificate.bound.to_string(),
        "gap": certificate.gap().to_string(),
        "value_by_class": certificate.value_by_class.map(|value| value.to_string()),
        "solver": certificate.solver,
        "steps": certificate.steps.to_string(),
        "prices_hash": hex(&certificate.prices_hash),
    })
}

/// With its header and the certificates of all its cycles: what its hash is computed from.
fn sealed(batch: &SealedBatch) -> Value {
    let bytes = |certificate: &Certificate| {
        let mut writer = Writer::new();
        certificate.write(&mut writer);
        hex(&writer.into_bytes())
    };
    json!({
        "number": batch.number,
        "hash": hex(&batch.hash),
        "header": hex(&batch.header().encode()),
        "certificates": batch.certificates.iter().map(bytes).collect::<Vec<_>>(),
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
