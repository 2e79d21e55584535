//! `pacs.008`: customer credit transfer; and what it shares with `pacs.009`.

use super::Edition::{E2019, E2024};
use super::Type::{self, Choice, Sequence};
use super::party::{ACCOUNT, AGENT, PARTY};
use super::remittance::{REMITTANCE, REMITTANCE_LOCATION};
use super::tax::TAX;
use super::{
    AMOUNT, ANY_AMOUNT, BOOLEAN, CODED_3, CODED_4, CODED_35, COUNTRY, DATE, DATE_TIME, DECIMAL,
    DIGITS_15, RATE, TEXT_4, TEXT_10, TEXT_35, TEXT_70, TEXT_140, TIME, UUID_4, any, one, opt,
    transfers, up_to,
};
use crate::Leaf;

pub(super) static ROOT: Type = Sequence(&[one("FIToFICstmrCdtTrf", &MESSAGE)]);

static MESSAGE: Type =
    Sequence(&[one("GrpHdr", &GROUP_HEADER), transfers("CdtTrfTxInf", &TRANSFER)]);

pub(super) static GROUP_HEADER: Type = Sequence(&[
    one("MsgId", &TEXT_35),
    one("CreDtTm", &DATE_TIME),
    opt("BtchBookg", &BOOLEAN),
    one("NbOfTxs", &DIGITS_15),
    opt("CtrlSum", &DECIMAL),
    opt("TtlIntrBkSttlmAmt", &AMOUNT),
    opt("IntrBkSttlmDt", &DATE),
    one("SttlmInf", &SETTLEMENT),
    opt("PmtTpInf", &PAYMENT_TYPE),
    opt("InstgAgt", &AGENT),
    opt("InstdAgt", &AGENT),
]);

static SETTLEMENT: Type = Sequence(&[
    one("SttlmMtd", &Type::Leaf(Leaf::Code(&["INDA", "INGA", "COVE", "CLRG"]))),
    opt("SttlmAcct", &ACCOUNT),
    opt("ClrSys", &CODED_3),
    opt("InstgRmbrsmntAgt", &AGENT),
    opt("InstgRmbrsmntAgtAcct", &ACCOUNT),
    opt("InstdRmbrsmntAgt", &AGENT),
    opt("InstdRmbrsmntAgtAcct", &ACCOUNT),
    opt("ThrdRmbrsmntAgt", &AGENT),
    opt("ThrdRmbrsmntAgtAcct", &ACCOUNT),
]);

pub(super) static PAYMENT_TYPE: Type = Sequence(&[
    opt("InstrPrty", &Type::Leaf(Leaf::Code(&["HIGH", "NORM"]))),
    opt("ClrChanl", &Type::Leaf(Leaf::Code(&["RTGS", "RTNS", "MPNS", "BOOK"]))),
    any("SvcLvl", &CODED_4),
    opt("LclInstrm", &CODED_35),
    opt("CtgyPurp", &CODED_4),
]);

static TRANSFER: Type = Sequence(&[
    one("PmtId", &PAYMENT_ID),
    opt("PmtTpInf", &PAYMENT_TYPE),
    one("IntrBkSttlmAmt", &AMOUNT),
    opt("IntrBkSttlmDt", &DATE),
    opt("SttlmPrty", &SETTLEMENT_PRIORITY),
    opt("SttlmTmIndctn", &SETTLEMENT_TIMES),
    opt("SttlmTmReq", &SETTLEMENT_TIME_REQUEST),
    opt("AccptncDtTm", &DATE_TIME),
    opt("PoolgAdjstmntDt", &DATE),
    opt("InstdAmt", &AMOUNT),
    opt("XchgRate", &RATE),
    one("ChrgBr", &CHARGE_BEARER),
    any("ChrgsInf", &CHARGES),
    opt("MndtRltdInf", &MANDATE).only(E2024),
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
    opt("UltmtDbtr", &PARTY),
    opt("InitgPty", &PARTY),
    one("Dbtr", &PARTY),
    opt("DbtrAcct", &ACCOUNT),
    one("DbtrAgt", &AGENT),
    opt("DbtrAgtAcct", &ACCOUNT),
    one("CdtrAgt", &AGENT),
    opt("CdtrAgtAcct", &ACCOUNT),
    one("Cdtr", &PARTY),
    opt("CdtrAcct", &ACCOUNT),
    opt("UltmtCdtr", &PARTY),
    any("InstrForCdtrAgt", &FOR_CREDITOR_AGENT),
    any("InstrForNxtAgt", &FOR_NEXT_AGENT),
    opt("Purp", &CODED_4),
    up_to(10, "RgltryRptg", &REGULATORY_REPORTING),
    opt("Tax", &TAX),
    up_to(10, "RltdRmtInf", &REMITTANCE_LOCATION),
    opt("RmtInf", &REMITTANCE),
]);

pub(super) static PAYMENT_ID: Type = Sequence(&[
    opt("InstrId", &TEXT_35),
    one("EndToEndId", &TEXT_35),
    opt("TxId", &TEXT_35),
    opt("UETR", &UUID_4),
    opt("ClrSysRef", &TEXT_35),
]);

pub(super) static SETTLEMENT_PRIORITY: Type = Type::Leaf(Leaf::Code(&["URGT", "HIGH", "NORM"]));

pub(super) static SETTLEMENT_TIMES: Type =
    Sequence(&[opt("DbtDtTm", &DATE_TIME), opt("CdtDtTm", &DATE_TIME)]);

pub(super) static SETTLEMENT_TIME_REQUEST: Type = Sequence(&[
    opt("CLSTm", &TIME),
    opt("TillTm", &TIME),
    opt("FrTm", &TIME),
    opt("RjctTm", &TIME),
]);

static CHARGE_BEARER: Type = Type::Leaf(Leaf::Code(&["DEBT", "CRED", "SHAR", "SLEV"]));

pub(super) static CHARGES: Type =
    Sequence(&[one("Amt", &AMOUNT), one("Agt", &AGENT), opt("Tp", &CHARGE_TYPE).only(E2024)]);

static CHARGE_TYPE: Type = Choice(&[one("Cd", &TEXT_4), one("Prtry", &ID_AND_ISSUER)]);

static ID_AND_ISSUER: Type = Sequence(&[one("Id", &TEXT_35), opt("Issr", &TEXT_35)]);

static MANDATE: Type = Sequence(&[
    opt("MndtId", &TEXT_35),
    opt("Tp", &MANDATE_TYPE),
    opt("DtOfSgntr", &DATE),
    opt("DtOfVrfctn", &DATE_TIME),
    opt("FrstPmtDt", &DATE),
    opt("FnlPmtDt", &DATE),
    opt("Frqcy", &FREQUENCY),
    opt("Rsn", &MANDATE_REASON),
]);

static MANDATE_TYPE: Type = Sequence(&[
    opt("SvcLvl", &CODED_4),
    opt("LclInstrm", &CODED_35),
    opt("CtgyPurp", &CODED_4),
    opt("Clssfctn", &MANDATE_CLASS),
]);

static MANDATE_CLASS: Type = Choice(&[
    one("Cd", &Type::Leaf(Leaf::Code(&["FIXE", "USGB", "VARI"]))),
    one("Prtry", &TEXT_35),
]);

static MANDATE_REASON: Type = Choice(&[one("Cd", &TEXT_4), one("Prtry", &TEXT_70)]);

static FREQUENCY: Type = Choice(&[
    one("Tp", &FREQUENCY_CODE),
    one("Prd", &Sequence(&[one("Tp", &FREQUENCY_CODE), one("CntPerPrd", &DECIMAL)])),
    one(
        "PtInTm",
        &Sequence(&[one("Tp", &FREQUENCY_CODE), one("PtInTm", &Type::Leaf(Leaf::Digits(2)))]),
    ),
]);

static FREQUENCY_CODE: Type = Type::Leaf(Leaf::Code(&[
    "YEAR", "MNTH", "QURT", "MIAN", "WEEK", "DAIL", "ADHO", "INDA", "FRTN",
]));

pub(super) static FOR_CREDITOR_AGENT: Type = Sequence(&[
    opt("Cd", &Type::Leaf(Leaf::Code(&["CHQB", "HOLD", "PHOB", "TELB"]))).only(E2019),
    opt("Cd", &TEXT_4).only(E2024),
    opt("InstrInf", &TEXT_140),
]);

pub(super) static FOR_NEXT_AGENT: Type =
    Sequence(&[opt("Cd", &Type::Leaf(Leaf::Code(&["PHOA", "TELA"]))), opt("InstrInf", &TEXT_140)]);

static REGULATORY_REPORTING: Type = Sequence(&[
    opt("DbtCdtRptgInd", &Type::Leaf(Leaf::Code(&["CRED", "DEBT", "BOTH"]))),
    opt("Authrty", &Sequence(&[opt("Nm", &TEXT_140), opt("Ctry", &COUNTRY)])),
    any("Dtls", &REGULATORY_DETAILS),
]);

static REGULATORY_DETAILS: Type = Sequence(&[
    opt("Tp", &TEXT_35),
    opt("Dt", &DATE),
    opt("Ctry", &COUNTRY),
    opt("Cd", &TEXT_10),
    opt("Amt", &ANY_AMOUNT),
    any("Inf", &TEXT_35),
]);
