//! `pacs.002`: payment status report.
//!
//! Left out: the copy of the original transfer (`OrgnlTxRef`), answers to queries.

use super::Edition::E2024;
use super::Type::{self, Choice, Sequence};
use super::pacs008::CHARGES;
use super::party::{AGENT, PARTY};
use super::{
    CODED_4, DATE, DATE_TIME, DECIMAL, DIGITS_15, TEXT_4, TEXT_35, TEXT_105, UUID_4, any, one, opt,
};

pub(super) static ROOT: Type = Sequence(&[one("FIToFIPmtStsRpt", &MESSAGE)]);

static MESSAGE: Type = Sequence(&[
    one("GrpHdr", &GROUP_HEADER),
    any("OrgnlGrpInfAndSts", &GROUP_STATUS),
    any("TxInfAndSts", &TRANSFER_STATUS),
]);

static GROUP_HEADER: Type = Sequence(&[
    one("MsgId", &TEXT_35),
    one("CreDtTm", &DATE_TIME),
    opt("InstgAgt", &AGENT),
    opt("InstdAgt", &AGENT),
]);

static GROUP_STATUS: Type = Sequence(&[
    one("OrgnlMsgId", &TEXT_35),
    one("OrgnlMsgNmId", &TEXT_35),
    opt("OrgnlCreDtTm", &DATE_TIME),
    opt("OrgnlNbOfTxs", &DIGITS_15),
    opt("OrgnlCtrlSum", &DECIMAL),
    opt("GrpSts", &TEXT_4),
    any("StsRsnInf", &REASON),
    any("NbOfTxsPerSts", &COUNT_OF_STATUS),
]);

static COUNT_OF_STATUS: Type = Sequence(&[
    one("DtldNbOfTxs", &DIGITS_15),
    one("DtldSts", &TEXT_4),
    opt("DtldCtrlSum", &DECIMAL),
]);

static TRANSFER_STATUS: Type = Sequence(&[
    opt("StsId", &TEXT_35),
    opt("OrgnlGrpInf", &ORIGINAL_GROUP),
    opt("OrgnlInstrId", &TEXT_35),
    opt("OrgnlEndToEndId", &TEXT_35),
    opt("OrgnlTxId", &TEXT_35),
    opt("OrgnlUETR", &UUID_4),
    opt("TxSts", &TEXT_4),
    any("StsRsnInf", &REASON),
    any("ChrgsInf", &CHARGES),
    opt("AccptncDtTm", &DATE_TIME),
    opt("PrcgDt", &DATE_OR_TIME).only(E2024),
    opt("FctvIntrBkSttlmDt", &DATE_OR_TIME),
    opt("AcctSvcrRef", &TEXT_35),
    opt("ClrSysRef", &TEXT_35),
    opt("InstgAgt", &AGENT),
    opt("InstdAgt", &AGENT),
]);

static ORIGINAL_GROUP: Type = Sequence(&[
    one("OrgnlMsgId", &TEXT_35),
    one("OrgnlMsgNmId", &TEXT_35),
    opt("OrgnlCreDtTm", &DATE_TIME),
]);

static REASON: Type =
    Sequence(&[opt("Orgtr", &PARTY), opt("Rsn", &CODED_4), any("AddtlInf", &TEXT_105)]);

/// A date, or a date and time.
pub(super) static DATE_OR_TIME: Type = Choice(&[one("Dt", &DATE), one("DtTm", &DATE_TIME)]);
