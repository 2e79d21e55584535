//! Taxes, as remittance information and transfers carry them.

use super::Edition::{E2019, E2024};
use super::Type::{self, Sequence};
use super::{ANY_AMOUNT, DATE, NUMBER, RATE, TEXT_35, TEXT_140, any, one, opt};
use crate::Leaf;

/// The tax of a transfer.
pub(super) static TAX: Type = Sequence(&[
    opt("Cdtr", &CREDITOR),
    opt("Dbtr", &DEBTOR),
    opt("UltmtDbtr", &DEBTOR).only(E2024),
    opt("AdmstnZone", &TEXT_35),
    opt("RefNb", &TEXT_140),
    opt("Mtd", &TEXT_35),
    opt("TtlTaxblBaseAmt", &ANY_AMOUNT),
    opt("TtlTaxAmt", &ANY_AMOUNT),
    opt("Dt", &DATE),
    opt("SeqNb", &NUMBER),
    any("Rcrd", &RECORD),
]);

/// The tax of a document in the remittance information.
pub(super) static REMITTED_TAX: Type = Sequence(&[
    opt("Cdtr", &CREDITOR),
    opt("Dbtr", &DEBTOR),
    opt("UltmtDbtr", &DEBTOR),
    opt("AdmstnZone", &TEXT_35),
    opt("RefNb", &TEXT_140),
    opt("Mtd", &TEXT_35),
    opt("TtlTaxblBaseAmt", &ANY_AMOUNT),
    opt("TtlTaxAmt", &ANY_AMOUNT),
    opt("Dt", &DATE),
    opt("SeqNb", &NUMBER),
    any("Rcrd", &RECORD),
]);

static CREDITOR: Type =
    Sequence(&[opt("TaxId", &TEXT_35), opt("RegnId", &TEXT_35), opt("TaxTp", &TEXT_35)]);

static DEBTOR: Type = Sequence(&[
    opt("TaxId", &TEXT_35),
    opt("RegnId", &TEXT_35),
    opt("TaxTp", &TEXT_35),
    opt("Authstn", &AUTHORISATION),
]);

static AUTHORISATION: Type = Sequence(&[opt("Titl", &TEXT_35), opt("Nm", &TEXT_140)]);

static RECORD: Type = Sequence(&[
    opt("Tp", &TEXT_35),
    opt("Ctgy", &TEXT_35),
    opt("CtgyDtls", &TEXT_35),
    opt("DbtrSts", &TEXT_35),
    opt("CertId", &TEXT_35),
    opt("FrmsCd", &TEXT_35),
    opt("Prd", &PERIOD),
    opt("TaxAmt", &AMOUNT),
    opt("AddtlInf", &TEXT_140),
]);

static AMOUNT: Type = Sequence(&[
    opt("Rate", &RATE),
    opt("TaxblBaseAmt", &ANY_AMOUNT),
    opt("TtlAmt", &ANY_AMOUNT),
    any("Dtls", &AMOUNT_DETAILS),
]);

static AMOUNT_DETAILS: Type = Sequence(&[opt("Prd", &PERIOD), one("Amt", &ANY_AMOUNT)]);

static PERIOD: Type = Sequence(&[
    opt("Yr", &DATE).only(E2019),
    opt("Yr", &YEAR).only(E2024),
    opt("Tp", &PERIOD_TYPE),
    opt("FrToDt", &DATES),
]);

static YEAR: Type = Type::Leaf(Leaf::Digits(4));

static PERIOD_TYPE: Type = Type::Leaf(Leaf::Code(&[
    "MM01", "MM02", "MM03", "MM04", "MM05", "MM06", "MM07", "MM08", "MM09", "MM10", "MM11", "MM12",
    "QTR1", "QTR2", "QTR3", "QTR4", "HLF1", "HLF2",
]));

static DATES: Type = Sequence(&[one("FrDt", &DATE), one("ToDt", &DATE)]);
