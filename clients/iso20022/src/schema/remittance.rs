//! What a payment is for: remittance information and where more of it is to be found.

use super::Edition::{E2019, E2024};
use super::Type::{self, Choice, Sequence};
use super::party::{ADDRESS, PARTY};
use super::tax::REMITTED_TAX;
use super::{
    ANY_AMOUNT, BOOLEAN, CODED_4, CREDIT_OR_DEBIT, DATE, TEXT_4, TEXT_35, TEXT_140, TEXT_2048, any,
    one, opt, some, up_to,
};
use crate::Leaf;

/// Remittance information, in free text and structured.
pub(super) static REMITTANCE: Type = Sequence(&[any("Ustrd", &TEXT_140), any("Strd", &STRUCTURED)]);

/// Remittance information between institutions: free text only.
pub(super) static UNSTRUCTURED: Type = Sequence(&[any("Ustrd", &TEXT_140)]);

static STRUCTURED: Type = Sequence(&[
    any("RfrdDocInf", &DOCUMENT),
    opt("RfrdDocAmt", &AMOUNTS_2019).only(E2019),
    opt("RfrdDocAmt", &AMOUNTS_2024).only(E2024),
    opt("CdtrRefInf", &CREDITOR_REFERENCE),
    opt("Invcr", &PARTY),
    opt("Invcee", &PARTY),
    opt("TaxRmt", &REMITTED_TAX),
    opt("GrnshmtRmt", &GARNISHMENT),
    up_to(3, "AddtlRmtInf", &TEXT_140),
]);

static DOCUMENT: Type = Sequence(&[
    opt("Tp", &DOCUMENT_TYPE_2019).only(E2019),
    opt("Tp", &CODED_TYPE).only(E2024),
    opt("Nb", &TEXT_35),
    opt("RltdDt", &DATE).only(E2019),
    opt("RltdDt", &TYPED_DATE).only(E2024),
    any("LineDtls", &LINE),
]);

static DOCUMENT_TYPE_2019: Type =
    Sequence(&[one("CdOrPrtry", &DOCUMENT_CODE_2019), opt("Issr", &TEXT_35)]);

static DOCUMENT_CODE_2019: Type = Choice(&[
    one(
        "Cd",
        &Type::Leaf(Leaf::Code(&[
            "MSIN", "CNFA", "DNFA", "CINV", "CREN", "DEBN", "HIRI", "SBIN", "CMCN", "SOAC", "DISP",
            "BOLD", "VCHR", "AROI", "TSUT", "PUOR",
        ])),
    ),
    one("Prtry", &TEXT_35),
]);

/// A type by a code of an external list or of the sender's own, with who issued it.
static CODED_TYPE: Type = Sequence(&[one("CdOrPrtry", &CODED_4), opt("Issr", &TEXT_35)]);

static TYPED_DATE: Type = Sequence(&[one("Tp", &CODED_4), one("Dt", &DATE)]);

static LINE: Type = Sequence(&[
    some("Id", &LINE_ID),
    opt("Desc", &TEXT_2048),
    opt("Amt", &AMOUNTS_2019).only(E2019),
    opt("Amt", &AMOUNTS_2024).only(E2024),
]);

static LINE_ID: Type =
    Sequence(&[opt("Tp", &CODED_TYPE), opt("Nb", &TEXT_35), opt("RltdDt", &DATE)]);

static AMOUNTS_2019: Type = Sequence(&[
    opt("DuePyblAmt", &ANY_AMOUNT),
    any("DscntApldAmt", &TYPED_AMOUNT_2019),
    opt("CdtNoteAmt", &ANY_AMOUNT),
    any("TaxAmt", &TYPED_AMOUNT_2019),
    any("AdjstmntAmtAndRsn", &ADJUSTMENT),
    opt("RmtdAmt", &ANY_AMOUNT),
]);

static AMOUNTS_2024: Type =
    Sequence(&[any("RmtAmtAndTp", &TYPED_AMOUNT_2024), any("AdjstmntAmtAndRsn", &ADJUSTMENT)]);

static TYPED_AMOUNT_2019: Type = Sequence(&[opt("Tp", &CODED_4), one("Amt", &ANY_AMOUNT)]);
static TYPED_AMOUNT_2024: Type = Sequence(&[one("Tp", &CODED_4), one("Amt", &ANY_AMOUNT)]);

static ADJUSTMENT: Type = Sequence(&[
    one("Amt", &ANY_AMOUNT),
    opt("CdtDbtInd", &CREDIT_OR_DEBIT),
    opt("Rsn", &TEXT_4),
    opt("AddtlInf", &TEXT_140),
]);

static CREDITOR_REFERENCE: Type = Sequence(&[
    opt("Tp", &REFERENCE_TYPE_2019).only(E2019),
    opt("Tp", &CODED_TYPE).only(E2024),
    opt("Ref", &TEXT_35),
]);

static REFERENCE_TYPE_2019: Type =
    Sequence(&[one("CdOrPrtry", &REFERENCE_CODE_2019), opt("Issr", &TEXT_35)]);

static REFERENCE_CODE_2019: Type = Choice(&[
    one("Cd", &Type::Leaf(Leaf::Code(&["RADM", "RPIN", "FXDR", "DISP", "PUOR", "SCOR"]))),
    one("Prtry", &TEXT_35),
]);

static GARNISHMENT: Type = Sequence(&[
    one("Tp", &CODED_TYPE),
    opt("Grnshee", &PARTY),
    opt("GrnshmtAdmstr", &PARTY),
    opt("RefNb", &TEXT_140),
    opt("Dt", &DATE),
    opt("RmtdAmt", &ANY_AMOUNT),
    opt("FmlyMdclInsrncInd", &BOOLEAN),
    opt("MplyeeTermntnInd", &BOOLEAN),
]);

/// Where remittance information is sent apart from the payment.
pub(super) static REMITTANCE_LOCATION: Type =
    Sequence(&[opt("RmtId", &TEXT_35), any("RmtLctnDtls", &LOCATION)]);

static LOCATION: Type = Sequence(&[
    one("Mtd", &Type::Leaf(Leaf::Code(&["FAXI", "EDIC", "URID", "EMAL", "POST", "SMSM"]))),
    opt("ElctrncAdr", &TEXT_2048),
    opt("PstlAdr", &NAME_AND_ADDRESS),
]);

static NAME_AND_ADDRESS: Type = Sequence(&[one("Nm", &TEXT_140), one("Adr", &ADDRESS)]);
