//! `camt.054`: debit and credit notification, as far as booked payments need it.
//!
//! Left out: interest, cards, securities, cheques, deposits, availability, charges and exchange
//! details, totals per transaction code, answers to queries. Amounts are of currencies that settle.

use super::Type::{self, Sequence};
use super::pacs002::DATE_OR_TIME;
use super::party::{ACCOUNT, AGENT, OWNED_ACCOUNT, PARTY, PARTY_OR_AGENT};
use super::remittance::REMITTANCE;
use super::{
    AMOUNT, ANY_AMOUNT, BOOLEAN, CODED_4, CREDIT_OR_DEBIT, DATE, DATE_TIME, DECIMAL, DIGITS_5,
    DIGITS_15, NUMBER, TEXT_4, TEXT_35, TEXT_500, UUID_4, any, one, opt, some,
};
use crate::Leaf;

pub(super) static ROOT: Type = Sequence(&[one("BkToCstmrDbtCdtNtfctn", &MESSAGE)]);

static MESSAGE: Type = Sequence(&[one("GrpHdr", &GROUP_HEADER), some("Ntfctn", &NOTIFICATION)]);

static GROUP_HEADER: Type = Sequence(&[
    one("MsgId", &TEXT_35),
    one("CreDtTm", &DATE_TIME),
    opt("MsgRcpt", &PARTY),
    opt("MsgPgntn", &PAGE),
    opt("AddtlInf", &TEXT_500),
]);

static PAGE: Type = Sequence(&[one("PgNb", &DIGITS_5), one("LastPgInd", &BOOLEAN)]);

static NOTIFICATION: Type = Sequence(&[
    one("Id", &TEXT_35),
    opt("NtfctnPgntn", &PAGE),
    opt("ElctrncSeqNb", &NUMBER),
    opt("LglSeqNb", &NUMBER),
    opt("CreDtTm", &DATE_TIME),
    opt("FrToDt", &Sequence(&[one("FrDtTm", &DATE_TIME), one("ToDtTm", &DATE_TIME)])),
    opt("CpyDplctInd", &Type::Leaf(Leaf::Code(&["CODU", "COPY", "DUPL"]))),
    one("Acct", &OWNED_ACCOUNT),
    opt("RltdAcct", &ACCOUNT),
    opt("TxsSummry", &SUMMARY),
    any("Ntry", &ENTRY),
    opt("AddtlNtfctnInf", &TEXT_500),
]);

static SUMMARY: Type = Sequence(&[
    opt("TtlNtries", &TOTAL_AND_NET),
    opt("TtlCdtNtries", &TOTAL),
    opt("TtlDbtNtries", &TOTAL),
]);

static TOTAL: Type = Sequence(&[opt("NbOfNtries", &DIGITS_15), opt("Sum", &DECIMAL)]);

static TOTAL_AND_NET: Type = Sequence(&[
    opt("NbOfNtries", &DIGITS_15),
    opt("Sum", &DECIMAL),
    opt("TtlNetNtry", &Sequence(&[one("Amt", &DECIMAL), one("CdtDbtInd", &CREDIT_OR_DEBIT)])),
]);

static ENTRY: Type = Sequence(&[
    opt("NtryRef", &TEXT_35),
    one("Amt", &AMOUNT),
    one("CdtDbtInd", &CREDIT_OR_DEBIT),
    opt("RvslInd", &BOOLEAN),
    one("Sts", &CODED_4),
    opt("BookgDt", &DATE_OR_TIME),
    opt("ValDt", &DATE_OR_TIME),
    opt("AcctSvcrRef", &TEXT_35),
    one("BkTxCd", &TRANSACTION_CODE),
    any("NtryDtls", &ENTRY_DETAILS),
    opt("AddtlNtryInf", &TEXT_500),
]);

static TRANSACTION_CODE: Type = Sequence(&[
    opt("Domn", &Sequence(&[one("Cd", &TEXT_4), one("Fmly", &TRANSACTION_FAMILY)])),
    opt("Prtry", &Sequence(&[one("Cd", &TEXT_35), opt("Issr", &TEXT_35)])),
]);

static TRANSACTION_FAMILY: Type = Sequence(&[one("Cd", &TEXT_4), one("SubFmlyCd", &TEXT_4)]);

static ENTRY_DETAILS: Type = Sequence(&[opt("Btch", &BATCH), any("TxDtls", &PAYMENT)]);

static BATCH: Type = Sequence(&[
    opt("MsgId", &TEXT_35),
    opt("PmtInfId", &TEXT_35),
    opt("NbOfTxs", &DIGITS_15),
    opt("TtlAmt", &ANY_AMOUNT),
    opt("CdtDbtInd", &CREDIT_OR_DEBIT),
]);

static PAYMENT: Type = Sequence(&[
    opt("Refs", &REFERENCES),
    opt("Amt", &AMOUNT),
    opt("CdtDbtInd", &CREDIT_OR_DEBIT),
    opt("BkTxCd", &TRANSACTION_CODE),
    opt("RltdPties", &PARTIES),
    opt("RltdAgts", &AGENTS),
    opt("Purp", &CODED_4),
    opt("RmtInf", &REMITTANCE),
    opt("RltdDts", &DATES),
    opt("AddtlTxInf", &TEXT_500),
]);

static REFERENCES: Type = Sequence(&[
    opt("MsgId", &TEXT_35),
    opt("AcctSvcrRef", &TEXT_35),
    opt("PmtInfId", &TEXT_35),
    opt("InstrId", &TEXT_35),
    opt("EndToEndId", &TEXT_35),
    opt("UETR", &UUID_4),
    opt("TxId", &TEXT_35),
    opt("MndtId", &TEXT_35),
    opt("ClrSysRef", &TEXT_35),
]);

static PARTIES: Type = Sequence(&[
    opt("InitgPty", &PARTY_OR_AGENT),
    opt("Dbtr", &PARTY_OR_AGENT),
    opt("DbtrAcct", &ACCOUNT),
    opt("UltmtDbtr", &PARTY_OR_AGENT),
    opt("Cdtr", &PARTY_OR_AGENT),
    opt("CdtrAcct", &ACCOUNT),
    opt("UltmtCdtr", &PARTY_OR_AGENT),
]);

static AGENTS: Type = Sequence(&[
    opt("InstgAgt", &AGENT),
    opt("InstdAgt", &AGENT),
    opt("DbtrAgt", &AGENT),
    opt("CdtrAgt", &AGENT),
    opt("IntrmyAgt1", &AGENT),
    opt("IntrmyAgt2", &AGENT),
    opt("IntrmyAgt3", &AGENT),
]);

static DATES: Type = Sequence(&[
    opt("AccptncDtTm", &DATE_TIME),
    opt("IntrBkSttlmDt", &DATE),
    opt("TxDtTm", &DATE_TIME),
]);
