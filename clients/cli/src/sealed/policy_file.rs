//! Identities and disclosure policies as people write them, before a root signs them.

use sdk::sealed::{
    DisclosurePolicy, Identity, PolicyRule, RuleReader, SlotRole, Suite, View, ViewMask,
};
use sdk::{Currency, Participant, ParticipantId, Role};
use serde::Deserialize;

use super::statement_file::bytes_of;
use crate::failure::Failure;

/// A policy's file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyFile {
    pool: u32,
    version: u32,
    effective_at: String,
    #[serde(default)]
    suite: Option<String>,
    rules: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    currency: Option<String>,
    sender_country: Option<String>,
    receiver_country: Option<String>,
    /// Minor units.
    #[serde(default = "one")]
    amount_min: u64,
    amount_max: Option<u64>,
    #[serde(default)]
    screening: bool,
    #[serde(default)]
    confirmation: bool,
    readers: Vec<Reader>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reader {
    role: String,
    participant: Option<u32>,
    views: Vec<String>,
}

/// An identity's file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct IdentityFile {
    pool: u32,
    serial: u32,
    id: u32,
    role: String,
    name: String,
    country: String,
    key: String,
    valid_from: String,
    valid_to: String,
    #[serde(default)]
    revoked: bool,
}

fn one() -> u64 {
    1
}

const VIEWS: [(&str, View); 5] = [
    ("parties", View::Parties),
    ("originator", View::Originator),
    ("beneficiary", View::Beneficiary),
    ("purpose", View::Purpose),
    ("remittance", View::Remittance),
];

const ROLES: [(&str, SlotRole); 6] = [
    ("receiver", SlotRole::Receiver),
    ("sender_regulator", SlotRole::SenderRegulator),
    ("receiver_regulator", SlotRole::ReceiverRegulator),
    ("currency_issuer", SlotRole::CurrencyIssuer),
    ("screener", SlotRole::Screener),
    ("sender", SlotRole::Sender),
];

const SUITES: [(&str, Suite); 2] =
    [("x25519", Suite::X25519Aes256Gcm), ("x-wing", Suite::XWingAes256Gcm)];

fn named<T: Copy>(table: &[(&str, T)], text: &str, field: &str) -> Result<T, Failure> {
    let found = table.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
    found.ok_or_else(|| {
        let names: Vec<&str> = table.iter().map(|(name, _)| *name).collect();
        Failure::usage(format!("{field}: `{text}` is none of {}", names.join(", ")))
    })
}

/// A view's name.
pub(super) fn parse_view(text: &str) -> Result<View, String> {
    named(&VIEWS, text, "view").map_err(|failure| failure.message)
}

/// A suite's name.
pub(crate) fn parse_suite(text: &str) -> Result<Suite, String> {
    named(&SUITES, text, "suite").map_err(|failure| failure.message)
}

pub(crate) fn suite_name(suite: Suite) -> &'static str {
    SUITES.iter().find(|(_, it)| *it == suite).map_or("", |(name, _)| name)
}

pub(crate) fn view_name(view: View) -> &'static str {
    VIEWS.iter().find(|(_, it)| *it == view).map_or("", |(name, _)| name)
}

pub(super) fn role_name(role: SlotRole) -> &'static str {
    ROLES.iter().find(|(_, it)| *it == role).map_or("", |(name, _)| name)
}

fn country(text: &str, field: &str) -> Result<[u8; 2], Failure> {
    let country: Option<[u8; 2]> = text.as_bytes().try_into().ok();
    let country = country.filter(|country| country.iter().all(u8::is_ascii_uppercase));
    country.ok_or_else(|| Failure::usage(format!("{field}: must be two capital letters")))
}

fn instant_ms(text: &str, field: &str) -> Result<u64, Failure> {
    let instant: Option<jiff::Timestamp> = text.parse().ok();
    let at_ms = instant.and_then(|instant| u64::try_from(instant.as_millisecond()).ok());
    at_ms.ok_or_else(|| {
        Failure::usage(format!("{field}: must be an instant such as 2026-03-02T06:00:00Z"))
    })
}

/// A policy of its file.
pub(crate) fn policy(text: &str) -> Result<DisclosurePolicy, Failure> {
    let file: PolicyFile =
        toml::from_str(text).map_err(|error| Failure::usage(error.message().to_owned()))?;
    Ok(DisclosurePolicy {
        pool: file.pool,
        version: file.version,
        effective_at_ms: instant_ms(&file.effective_at, "effective_at")?,
        suite: named(&SUITES, file.suite.as_deref().unwrap_or("x25519"), "suite")?,
        rules: file.rules.iter().map(rule).collect::<Result<_, _>>()?,
    })
}

fn rule(rule: &Rule) -> Result<PolicyRule, Failure> {
    let currency = rule.currency.as_deref().map(|code| {
        Currency::parse(code).map_err(|error| Failure::usage(format!("currency: {error}")))
    });
    let of = |text: &Option<String>, field| text.as_deref().map(|it| country(it, field));
    Ok(PolicyRule {
        currency: currency.transpose()?,
        sender_country: of(&rule.sender_country, "sender_country").transpose()?,
        receiver_country: of(&rule.receiver_country, "receiver_country").transpose()?,
        minor_min: rule.amount_min,
        minor_max: rule.amount_max.unwrap_or(u64::MAX),
        screening: rule.screening,
        confirmation: rule.confirmation,
        readers: rule.readers.iter().map(reader).collect::<Result<_, _>>()?,
    })
}

fn reader(reader: &Reader) -> Result<RuleReader, Failure> {
    let views = reader.views.iter().map(|view| named(&VIEWS, view, "views"));
    Ok(RuleReader {
        role: named(&ROLES, &reader.role, "role")?,
        participant: reader.participant.map(ParticipantId),
        views: ViewMask::of(&views.collect::<Result<Vec<_>, _>>()?),
    })
}

/// An identity of its file.
pub(super) fn identity(text: &str) -> Result<Identity, Failure> {
    let file: IdentityFile =
        toml::from_str(text).map_err(|error| Failure::usage(error.message().to_owned()))?;
    let key = bytes_of(&file.key).and_then(|bytes| bytes.try_into().ok());
    let role = Role::ALL.into_iter().find(|role| role.as_str() == file.role);
    let participant = Participant {
        id: ParticipantId(file.id),
        role: role.ok_or_else(|| Failure::usage("role: is none of a pool's roles"))?,
        name: file.name,
        country: country(&file.country, "country")?,
        key: key.ok_or_else(|| Failure::usage("key: must be 64 hexadecimal digits"))?,
    };
    Ok(Identity {
        pool: file.pool,
        serial: file.serial,
        participant,
        valid_from_ms: instant_ms(&file.valid_from, "valid_from")?,
        valid_to_ms: instant_ms(&file.valid_to, "valid_to")?,
        revoked: file.revoked,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = r#"
        pool = 1
        version = 2
        effective_at = "2026-03-02T06:00:00Z"
        [[rules]]
        currency = "EUR"
        receiver_country = "DE"
        amount_min = 100
        screening = true
        readers = [
            { role = "receiver", views = ["parties", "remittance"] },
            { role = "screener", participant = 5, views = ["parties"] },
        ]
    "#;

    #[test]
    fn a_policy_is_read() {
        let policy = policy(POLICY).unwrap();
        assert_eq!((policy.version, policy.effective_at_ms), (2, 1_772_431_200_000));
        assert_eq!(policy.suite, Suite::X25519Aes256Gcm);
        let strong = POLICY.replace("version = 2", "version = 2\nsuite = \"x-wing\"");
        assert_eq!(super::policy(&strong).unwrap().suite, Suite::XWingAes256Gcm);
        let rule = &policy.rules[0];
        assert_eq!((rule.minor_min, rule.minor_max), (100, u64::MAX));
        assert!(rule.screening && !rule.confirmation);
        assert_eq!(rule.readers[0].views, ViewMask::of(&[View::Parties, View::Remittance]));
        assert_eq!(rule.readers[1].participant, Some(ParticipantId(5)));
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let problem =
            |from: &str, to: &str| super::policy(&POLICY.replace(from, to)).unwrap_err().message;
        assert!(problem("\"screener\"", "\"screen\"").starts_with("role: `screen` is none of"));
        assert!(problem("\"parties\"]", "\"party\"]").starts_with("views: "));
        assert!(problem("\"DE\"", "\"de\"").starts_with("receiver_country: "));
        assert!(problem("version = 2", "version = 2\nsuite = \"\"").starts_with("suite: "));
        assert!(problem("T06:00:00Z", "").starts_with("effective_at: "));
        assert!(problem("amount_min", "amount_mini").contains("unknown field"));
    }
}
