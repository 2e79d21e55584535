//! `head.001`: the business application header.

use super::Type::{self, Choice, Sequence};
use super::party::{AGENT, PARTY};
use super::{BOOLEAN, DATE_TIME, TEXT_4, TEXT_35, TEXT_350, TEXT_2048, any, one, opt};
use crate::Leaf;

pub(super) static ROOT: Type = Sequence(&[
    opt("CharSet", &TEXT_35),
    one("Fr", &ADDRESSEE),
    one("To", &ADDRESSEE),
    one("BizMsgIdr", &TEXT_35),
    one("MsgDefIdr", &TEXT_35),
    opt("BizSvc", &TEXT_35),
    opt("MktPrctc", &MARKET_PRACTICE),
    one("CreDt", &DATE_TIME),
    opt("BizPrcgDt", &DATE_TIME),
    opt("CpyDplct", &COPY),
    opt("PssblDplct", &BOOLEAN),
    opt("Prty", &TEXT_4),
    any("Rltd", &RELATED),
]);

static RELATED: Type = Sequence(&[
    opt("CharSet", &TEXT_35),
    one("Fr", &ADDRESSEE),
    one("To", &ADDRESSEE),
    one("BizMsgIdr", &TEXT_35),
    one("MsgDefIdr", &TEXT_35),
    opt("BizSvc", &TEXT_35),
    opt("MktPrctc", &MARKET_PRACTICE).only(super::Edition::E2024),
    one("CreDt", &DATE_TIME),
    opt("BizPrcgDt", &DATE_TIME).only(super::Edition::E2024),
    opt("CpyDplct", &COPY),
    opt("PssblDplct", &BOOLEAN),
    opt("Prty", &TEXT_4),
]);

static ADDRESSEE: Type = Choice(&[one("OrgId", &PARTY), one("FIId", &AGENT)]);

static MARKET_PRACTICE: Type = Sequence(&[one("Regy", &TEXT_350), one("Id", &TEXT_2048)]);

static COPY: Type = Type::Leaf(Leaf::Code(&["CODU", "COPY", "DUPL"]));
