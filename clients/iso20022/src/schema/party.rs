//! Who: addresses, parties, agents, and their accounts.

use super::Edition::{E2019, E2024};
use super::Type::{self, Choice, Sequence};
use super::{
    BIC, CODED_4, CODED_5, COUNTRY, CURRENCY, DATE, LEI, TEXT_4, TEXT_16, TEXT_34, TEXT_35,
    TEXT_70, TEXT_128, TEXT_140, TEXT_256, TEXT_2048, any, one, opt, up_to,
};
use crate::Leaf;

static ADDRESS_TYPE: Type = Choice(&[
    one("Cd", &Type::Leaf(Leaf::Code(&["ADDR", "PBOX", "HOME", "BIZZ", "MLTO", "DLVY"]))),
    one("Prtry", &GENERIC_ID_30),
]);

static GENERIC_ID_30: Type = Sequence(&[
    one("Id", &Type::Leaf(Leaf::Alphanumeric(4))),
    one("Issr", &TEXT_35),
    opt("SchmeNm", &TEXT_35),
]);

/// Postal address.
pub(super) static ADDRESS: Type = Sequence(&[
    opt("AdrTp", &ADDRESS_TYPE),
    opt("CareOf", &TEXT_140).only(E2024),
    opt("Dept", &TEXT_70),
    opt("SubDept", &TEXT_70),
    opt("StrtNm", &TEXT_70).only(E2019),
    opt("StrtNm", &TEXT_140).only(E2024),
    opt("BldgNb", &TEXT_16),
    opt("BldgNm", &TEXT_35).only(E2019),
    opt("BldgNm", &TEXT_140).only(E2024),
    opt("Flr", &TEXT_70),
    opt("UnitNb", &TEXT_16).only(E2024),
    opt("PstBx", &TEXT_16),
    opt("Room", &TEXT_70),
    opt("PstCd", &TEXT_16),
    opt("TwnNm", &TEXT_35).only(E2019),
    opt("TwnNm", &TEXT_140).only(E2024),
    opt("TwnLctnNm", &TEXT_35).only(E2019),
    opt("TwnLctnNm", &TEXT_140).only(E2024),
    opt("DstrctNm", &TEXT_35).only(E2019),
    opt("DstrctNm", &TEXT_140).only(E2024),
    opt("CtrySubDvsn", &TEXT_35),
    opt("Ctry", &COUNTRY),
    up_to(7, "AdrLine", &TEXT_70),
]);

/// A customer, or any party that is no financial institution.
pub(super) static PARTY: Type = Sequence(&[
    opt("Nm", &TEXT_140),
    opt("PstlAdr", &ADDRESS),
    opt("Id", &PARTY_ID),
    opt("CtryOfRes", &COUNTRY),
    opt("CtctDtls", &CONTACT),
]);

static PARTY_ID: Type = Choice(&[one("OrgId", &ORGANISATION_ID), one("PrvtId", &PERSON_ID)]);

static ORGANISATION_ID: Type =
    Sequence(&[opt("AnyBIC", &BIC), opt("LEI", &LEI), any("Othr", &PARTY_OTHER_ID)]);

static PERSON_ID: Type = Sequence(&[opt("DtAndPlcOfBirth", &BIRTH), any("Othr", &PARTY_OTHER_ID)]);

static PARTY_OTHER_ID: Type = Sequence(&[
    one("Id", &TEXT_35).only(E2019),
    one("Id", &TEXT_256).only(E2024),
    opt("SchmeNm", &CODED_4),
    opt("Issr", &TEXT_35),
]);

static BIRTH: Type = Sequence(&[
    one("BirthDt", &DATE),
    opt("PrvcOfBirth", &TEXT_35),
    one("CityOfBirth", &TEXT_35),
    one("CtryOfBirth", &COUNTRY),
]);

static CONTACT: Type = Sequence(&[
    opt("NmPrfx", &Type::Leaf(Leaf::Code(&["DOCT", "MADM", "MISS", "MIST", "MIKS"]))),
    opt("Nm", &TEXT_140),
    opt("PhneNb", &PHONE),
    opt("MobNb", &PHONE),
    opt("FaxNb", &PHONE),
    opt("URLAdr", &TEXT_2048).only(E2024),
    opt("EmailAdr", &TEXT_2048).only(E2019),
    opt("EmailAdr", &TEXT_256).only(E2024),
    opt("EmailPurp", &TEXT_35),
    opt("JobTitl", &TEXT_35),
    opt("Rspnsblty", &TEXT_35),
    opt("Dept", &TEXT_70),
    any("Othr", &OTHER_CONTACT),
    opt("PrefrdMtd", &CONTACT_METHOD_2019).only(E2019),
    opt("PrefrdMtd", &CONTACT_METHOD_2024).only(E2024),
]);

static PHONE: Type = Type::Leaf(Leaf::Phone);

static OTHER_CONTACT: Type = Sequence(&[one("ChanlTp", &TEXT_4), opt("Id", &TEXT_128)]);

static CONTACT_METHOD_2019: Type =
    Type::Leaf(Leaf::Code(&["LETT", "MAIL", "PHON", "FAXX", "CELL"]));
static CONTACT_METHOD_2024: Type =
    Type::Leaf(Leaf::Code(&["LETT", "MAIL", "PHON", "FAXX", "CELL", "ONLI"]));

/// A financial institution, with its branch.
pub(super) static AGENT: Type =
    Sequence(&[one("FinInstnId", &INSTITUTION), opt("BrnchId", &BRANCH)]);

static INSTITUTION: Type = Sequence(&[
    opt("BICFI", &BIC),
    opt("ClrSysMmbId", &CLEARING_MEMBER),
    opt("LEI", &LEI),
    opt("Nm", &TEXT_140),
    opt("PstlAdr", &ADDRESS),
    opt("Othr", &INSTITUTION_OTHER_ID),
]);

static CLEARING_MEMBER: Type = Sequence(&[opt("ClrSysId", &CODED_5), one("MmbId", &TEXT_35)]);

static INSTITUTION_OTHER_ID: Type =
    Sequence(&[one("Id", &TEXT_35), opt("SchmeNm", &CODED_4), opt("Issr", &TEXT_35)]);

static BRANCH: Type = Sequence(&[
    opt("Id", &TEXT_35),
    opt("LEI", &LEI),
    opt("Nm", &TEXT_140),
    opt("PstlAdr", &ADDRESS),
]);

/// A party or an agent, as status reports and notifications have it.
pub(super) static PARTY_OR_AGENT: Type = Choice(&[one("Pty", &PARTY), one("Agt", &AGENT)]);

/// A cash account.
pub(super) static ACCOUNT: Type = Sequence(&[
    one("Id", &ACCOUNT_ID).only(E2019),
    opt("Id", &ACCOUNT_ID).only(E2024),
    opt("Tp", &CODED_4),
    opt("Ccy", &CURRENCY),
    opt("Nm", &TEXT_70),
    opt("Prxy", &PROXY),
]);

/// A cash account with its owner and its servicer.
pub(super) static OWNED_ACCOUNT: Type = Sequence(&[
    one("Id", &ACCOUNT_ID).only(E2019),
    opt("Id", &ACCOUNT_ID).only(E2024),
    opt("Tp", &CODED_4),
    opt("Ccy", &CURRENCY),
    opt("Nm", &TEXT_70),
    opt("Prxy", &PROXY),
    opt("Ownr", &PARTY),
    opt("Svcr", &AGENT),
]);

static ACCOUNT_ID: Type =
    Choice(&[one("IBAN", &Type::Leaf(Leaf::Iban)), one("Othr", &ACCOUNT_OTHER_ID)]);

static ACCOUNT_OTHER_ID: Type =
    Sequence(&[one("Id", &TEXT_34), opt("SchmeNm", &CODED_4), opt("Issr", &TEXT_35)]);

static PROXY: Type = Sequence(&[opt("Tp", &CODED_4), one("Id", &TEXT_2048)]);
