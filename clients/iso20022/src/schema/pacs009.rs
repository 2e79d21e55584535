//! `pacs.009`: credit transfer between financial institutions, plain, as cover and as advice.

use super::Edition::{E2019, E2024};
use super::Type::{self, Choice, Sequence};
use super::pacs008::{
    FOR_CREDITOR_AGENT, FOR_NEXT_AGENT, GROUP_HEADER, PAYMENT_ID, PAYMENT_TYPE,
    SETTLEMENT_PRIORITY, SETTLEMENT_TIME_REQUEST, SETTLEMENT_TIMES,
};
use super::party::{ACCOUNT, AGENT, PARTY};
use super::remittance::{REMITTANCE, UNSTRUCTURED};
use super::tax::TAX;
use super::{
    AMOUNT, ANY_AMOUNT, CODED_4, CREDIT_OR_DEBIT, DATE, TEXT_35, TEXT_140, any, one, opt, transfers,
};

pub(super) static ROOT: Type = Sequence(&[one("FICdtTrf", &MESSAGE)]);

static MESSAGE: Type =
    Sequence(&[one("GrpHdr", &GROUP_HEADER), transfers("CdtTrfTxInf", &TRANSFER)]);

static TRANSFER: Type = Sequence(&[
    one("PmtId", &PAYMENT_ID),
    opt("PmtTpInf", &PAYMENT_TYPE),
    one("IntrBkSttlmAmt", &AMOUNT),
    opt("IntrBkSttlmDt", &DATE),
    opt("SttlmPrty", &SETTLEMENT_PRIORITY),
    opt("SttlmTmIndctn", &SETTLEMENT_TIMES),
    opt("SttlmTmReq", &SETTLEMENT_TIME_REQUEST),
    opt("PrvsInstgAgt1", &AGENT),
    opt("PrvsInstgAgt1Acct", &ACCOUNT),
    opt("PrvsInstgAgt2", &AGENT),
    opt("PrvsInstgAgt2Acct", &ACCOUNT),
    opt("PrvsInstgAgt3", &AGENT),
    opt("PrvsInstgAgt3Acct", &ACCOUNT),
    opt("InstgAgt", &AGENT),
    opt("InstdAgt", &AGENT),
    opt("IntrmyAgt1", &AGENT),
    opt("IntrmyAgt1Acct", &ACCOUNT),
    opt("IntrmyAgt2", &AGENT),
    opt("IntrmyAgt2Acct", &ACCOUNT),
    opt("IntrmyAgt3", &AGENT),
    opt("IntrmyAgt3Acct", &ACCOUNT),
    opt("UltmtDbtr", &AGENT),
    one("Dbtr", &AGENT),
    opt("DbtrAcct", &ACCOUNT),
    opt("DbtrAgt", &AGENT),
    opt("DbtrAgtAcct", &ACCOUNT),
    opt("CdtrAgt", &AGENT),
    opt("CdtrAgtAcct", &ACCOUNT),
    one("Cdtr", &AGENT),
    opt("CdtrAcct", &ACCOUNT),
    opt("UltmtCdtr", &AGENT),
    any("InstrForCdtrAgt", &FROM_INSTITUTION).only(E2019),
    any("InstrForCdtrAgt", &FOR_CREDITOR_AGENT).only(E2024),
    any("InstrForNxtAgt", &FOR_NEXT_AGENT),
    opt("Purp", &CODED_4),
    opt("RmtInf", &UNSTRUCTURED),
    any("UndrlygAllcn", &ALLOCATION).only(E2024),
    opt("UndrlygCstmrCdtTrf", &UNDERLYING),
]);

static FROM_INSTITUTION: Type = Sequence(&[
    opt("Cd", &Type::Leaf(crate::Leaf::Code(&["PHOB", "TELB"]))),
    opt("InstrInf", &TEXT_140),
]);

static ALLOCATION: Type = Sequence(&[
    one("Amt", &ANY_AMOUNT),
    one("CdtDbtInd", &CREDIT_OR_DEBIT),
    one("Acct", &ACCOUNT),
    one("Purp", &CODED_4),
    one("Ref", &TEXT_35),
    any("RltdRefs", &RELATED_REFERENCE),
]);

static RELATED_REFERENCE: Type = Choice(&[
    one("SctiesSttlmTxId", &TEXT_35),
    one("IntraPosMvmntId", &TEXT_35),
    one("IntraBalMvmntId", &TEXT_35),
    one("AcctSvcrTxId", &TEXT_35),
    one("MktInfrstrctrTxId", &TEXT_35),
    one("CtrPtyMktInfrstrctrTxId", &TEXT_35),
    one("PoolId", &TEXT_35),
    one("CmonId", &TEXT_35),
    one("TradId", &super::text(52)),
    one("OthrTxId", &TEXT_35),
]);

/// The customer transfer that a cover payment pays for.
static UNDERLYING: Type = Sequence(&[
    opt("UltmtDbtr", &PARTY),
    opt("InitgPty", &PARTY),
    one("Dbtr", &PARTY),
    opt("DbtrAcct", &ACCOUNT),
    one("DbtrAgt", &AGENT),
    opt("DbtrAgtAcct", &ACCOUNT),
    opt("PrvsInstgAgt1", &AGENT),
    opt("PrvsInstgAgt1Acct", &ACCOUNT),
    opt("PrvsInstgAgt2", &AGENT),
    opt("PrvsInstgAgt2Acct", &ACCOUNT),
    opt("PrvsInstgAgt3", &AGENT),
    opt("PrvsInstgAgt3Acct", &ACCOUNT),
    opt("IntrmyAgt1", &AGENT),
    opt("IntrmyAgt1Acct", &ACCOUNT),
    opt("IntrmyAgt2", &AGENT),
    opt("IntrmyAgt2Acct", &ACCOUNT),
    opt("IntrmyAgt3", &AGENT),
    opt("IntrmyAgt3Acct", &ACCOUNT),
    one("CdtrAgt", &AGENT),
    opt("CdtrAgtAcct", &ACCOUNT),
    one("Cdtr", &PARTY),
    opt("CdtrAcct", &ACCOUNT),
    opt("UltmtCdtr", &PARTY),
    any("InstrForCdtrAgt", &FOR_CREDITOR_AGENT),
    any("InstrForNxtAgt", &FOR_NEXT_AGENT),
    opt("Tax", &TAX),
    opt("RmtInf", &REMITTANCE),
    opt("InstdAmt", &AMOUNT),
]);
