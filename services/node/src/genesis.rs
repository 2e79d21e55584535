//! `genesis.toml`: how a pool begins, written by people, turned into the first record's bytes.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};
use bus::{Log, Position};
use bytes::Bytes;
use channel::{
    ClosePolicy, Genesis, NettingMode, Participant, ParticipantId, PublicKey, ROOTS_MAX, Role,
    RuleBook,
};
use clearing::{Pool, pack_genesis};
use ledger::Currency;
use serde::Deserialize;
use settler::Clock;

/// A genesis and, if the file says so, the logged time at which the pool begins.
#[derive(Debug)]
pub(crate) struct GenesisFile {
    pub(crate) genesis: Genesis,
    pub(crate) time_ms: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    pool: u32,
    time_ms: Option<u64>,
    /// Public keys in hex of who may sign identities and disclosure policies.
    #[serde(default)]
    roots: Vec<String>,
    rules: Rules,
    participants: Vec<Person>,
}

/// The fields of [`RuleBook`]; missing ones take the standard's.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    version: Option<u32>,
    currencies: Vec<String>,
    cycle_ms: Option<u32>,
    seal_ms: Option<u32>,
    netting: Option<String>,
    proposal_timeout_ms: Option<u32>,
    dedupe_horizon_ms: Option<u64>,
    dedupe_entries_max: Option<u32>,
    queue_max: Option<u32>,
    clock_jump_max_ms: Option<u64>,
    warehouse_days_max: Option<u16>,
    close: Option<String>,
    unmatched_ms: Option<u32>,
    match_ms: Option<u32>,
    rewrap_within_ms: Option<u32>,
    two_person: Option<Vec<u16>>,
    class_weights: Option<[u32; 4]>,
    currency_weights: Option<Vec<u32>>,
    ageing_cycles: Option<u32>,
    solver_steps: Option<u32>,
    cross_at_midpoint: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Person {
    id: u32,
    role: String,
    name: String,
    country: String,
    key: String,
}

/// Reads a genesis; `operator_key` is the public key of the node's receipts and decisions.
///
/// # Errors
/// The file cannot be read or a field does not fit; the message names it.
pub(crate) fn read(path: &Path, operator_key: [u8; 32]) -> Result<GenesisFile> {
    let shown = || format!("genesis {}", path.display());
    let text = std::fs::read_to_string(path).with_context(shown)?;
    parse(&text, operator_key).with_context(shown)
}

/// Begins an empty log; the position of its first record is 0, and nobody else may have begun it.
///
/// # Errors
/// It cannot be logged, or another process was first.
pub(crate) fn begin(log: &dyn Log, begin: GenesisFile) -> Result<Position> {
    let GenesisFile { genesis, time_ms } = begin;
    let time_ms = time_ms.unwrap_or_else(|| Clock::System.now_ms());
    let record = Bytes::from(pack_genesis(time_ms, &genesis));
    let logged = log.append(record).context("cannot log the genesis")?;
    logged.wait().context("cannot log the genesis")
}

fn parse(text: &str, operator_key: [u8; 32]) -> Result<GenesisFile> {
    let file: File = toml::from_str(text).map_err(|error| anyhow!("{error}"))?;
    let participants = file.participants.into_iter().map(participant);
    let participants = participants.collect::<Result<Vec<_>>>()?;
    let rules = rules(file.rules)?;
    ensure_distinct(&participants)?;
    let roots = roots(&file.roots)?;
    let genesis = Genesis { pool: file.pool, rules, operator_key, roots, participants };
    // Once it is logged it stays: what the pool would refuse then must be refused now.
    let record = pack_genesis(file.time_ms.unwrap_or(0), &genesis);
    Pool::new(0).apply(0, &record).context("no pool can begin like this")?;
    Ok(GenesisFile { genesis, time_ms: file.time_ms })
}

/// Ids and names are of one participant each.
fn ensure_distinct(participants: &[Participant]) -> Result<()> {
    let (mut ids, mut names) = (BTreeSet::new(), BTreeSet::new());
    for Participant { id, name, .. } in participants {
        ensure!(ids.insert(*id), "participants: {name}: id {} is taken", id.0);
        ensure!(names.insert(name), "participants: name `{name}` is taken (id {})", id.0);
    }
    Ok(())
}

/// The roots, ascending as the pool wants them.
fn roots(keys: &[String]) -> Result<Vec<[u8; 32]>> {
    let root = |key: &String| hex(key).context("roots: must be 64 hex digits each");
    let mut roots = keys.iter().map(root).collect::<Result<Vec<_>>>()?;
    roots.sort_unstable();
    ensure!(roots.len() <= ROOTS_MAX, "roots: at most {ROOTS_MAX}");
    ensure!(roots.windows(2).all(|pair| pair[0] != pair[1]), "roots: must each be there once");
    for root in &roots {
        PublicKey::new(root).context("roots: must be Ed25519 public keys")?;
    }
    Ok(roots)
}

fn rules(file: Rules) -> Result<RuleBook> {
    let currencies = file.currencies.iter().map(|code| {
        Currency::parse(code).map_err(|error| anyhow!("currencies: `{code}`: {error}"))
    });
    let standard = RuleBook::standard(currencies.collect::<Result<_>>()?);
    let rules = RuleBook {
        version: file.version.unwrap_or(standard.version),
        cycle_ms: file.cycle_ms.unwrap_or(standard.cycle_ms),
        seal_ms: file.seal_ms.unwrap_or(standard.seal_ms),
        netting: match file.netting.as_deref() {
            None => standard.netting,
            Some("strict_fifo") => NettingMode::StrictFifo,
            Some("fifo_floor") => NettingMode::FifoFloor,
            Some(other) => bail!("netting: must be strict_fifo or fifo_floor, not `{other}`"),
        },
        proposal_timeout_ms: file.proposal_timeout_ms.unwrap_or(standard.proposal_timeout_ms),
        dedupe_horizon_ms: file.dedupe_horizon_ms.unwrap_or(standard.dedupe_horizon_ms),
        dedupe_entries_max: file.dedupe_entries_max.unwrap_or(standard.dedupe_entries_max),
        queue_max: file.queue_max.unwrap_or(standard.queue_max),
        clock_jump_max_ms: file.clock_jump_max_ms.unwrap_or(standard.clock_jump_max_ms),
        warehouse_days_max: file.warehouse_days_max.unwrap_or(standard.warehouse_days_max),
        close: match file.close.as_deref() {
            None => standard.close,
            Some("reject") => ClosePolicy::Reject,
            Some("roll") => ClosePolicy::Roll,
            Some(other) => bail!("close: must be reject or roll, not `{other}`"),
        },
        unmatched_ms: file.unmatched_ms.unwrap_or(standard.unmatched_ms),
        match_ms: file.match_ms.unwrap_or(standard.match_ms),
        rewrap_within_ms: file.rewrap_within_ms.unwrap_or(standard.rewrap_within_ms),
        two_person: file.two_person.unwrap_or(standard.two_person),
        class_weights: file.class_weights.unwrap_or(standard.class_weights),
        currency_weights: file.currency_weights.unwrap_or(standard.currency_weights),
        ageing_cycles: file.ageing_cycles.unwrap_or(standard.ageing_cycles),
        solver_steps: file.solver_steps.unwrap_or(standard.solver_steps),
        cross_at_midpoint: file.cross_at_midpoint.unwrap_or(standard.cross_at_midpoint),
        currencies: standard.currencies,
    };
    rules.check()?;
    Ok(rules)
}

fn participant(person: Person) -> Result<Participant> {
    let name = person.name;
    let role = Role::ALL.into_iter().find(|role| role.as_str() == person.role);
    let role = role.with_context(|| format!("{name}: role `{}` is unknown", person.role))?;
    let country = person.country.as_bytes().try_into();
    let country = country.with_context(|| format!("{name}: country must be two letters"))?;
    let key = hex(&person.key).with_context(|| format!("{name}: key must be 64 hex digits"))?;
    Ok(Participant { id: ParticipantId(person.id), role, name, country, key })
}

fn hex(text: &str) -> Option<[u8; 32]> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let bytes: Option<Vec<u8>> = pairs
        .iter()
        .map(|[high, low]| u8::try_from(digit(*high)? * 16 + digit(*low)?).ok())
        .collect();
    rest.is_empty().then_some(bytes?.try_into().ok()?)
}

#[cfg(test)]
mod tests {
    use channel::{LocalSigner, Signer as _};
    use zeroize::Zeroizing;

    use super::*;

    const SMALL: &str = r#"
pool = 1
[rules]
currencies = ["EUR", "USD"]
close = "roll"
[[participants]]
id = 1
role = "operator"
name = "alice"
country = "GB"
key = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1E1F"
"#;

    fn refusal(text: &str) -> String {
        format!("{:#}", parse(text, [0; 32]).unwrap_err())
    }

    #[test]
    fn missing_rules_take_the_standard() {
        let read = parse(SMALL, [7; 32]).unwrap();
        let rules = &read.genesis.rules;
        let mut standard = RuleBook::standard(rules.currencies.clone());
        standard.close = ClosePolicy::Roll;
        assert_eq!(*rules, standard);
        assert_eq!(read.time_ms, None);
        assert_eq!(read.genesis.participants[0].key[31], 0x1f);
        assert_eq!(read.genesis.operator_key, [7; 32]);
    }

    #[test]
    fn roots_are_keys_each_once() {
        let signer = |seed| LocalSigner::from_seed(&Zeroizing::new([seed; 32])).public_key();
        let mut keys: Vec<[u8; 32]> = (1..4).map(signer).collect();
        let shown = |key: &[u8; 32]| key.iter().map(|byte| format!("{byte:02x}")).collect();
        let with =
            |keys: &[String]| SMALL.replace("pool = 1", &format!("pool = 1\nroots = {keys:?}"));
        let mut texts: Vec<String> = keys.iter().map(shown).collect();
        keys.sort_unstable();
        assert_eq!(parse(&with(&texts), [0; 32]).unwrap().genesis.roots, keys);
        texts.push(texts[0].clone());
        assert_eq!(refusal(&with(&texts)), "roots: must each be there once");
        assert_eq!(refusal(&with(&["00".to_owned()])), "roots: must be 64 hex digits each");
        assert!(refusal(&with(&["02".repeat(32)])).starts_with("roots: must be Ed25519"));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        assert!(refusal(&SMALL.replace("pool", "pol")).contains("pol"));
        assert!(refusal(&SMALL.replace("\"roll\"", "\"role\"")).starts_with("close: must be"));
        assert!(refusal(&SMALL.replace("operator", "king")).contains("role `king`"));
        assert!(refusal(&SMALL.replace("1E1F", "1E1")).contains("64 hex digits"));
        assert!(refusal(&SMALL.replace("USD", "US")).contains("currencies: `US`"));
        assert!(refusal(&SMALL.replace("operator", "regulator")).contains("participants"));
        assert!(refusal(&SMALL.replace("close", "cycle_ms = 1\nclose")).contains("cycle_ms"));
    }

    /// So many more participants, from a number on.
    fn banks(first: u32, count: u32) -> String {
        let bank = |id| {
            let key = "0".repeat(64);
            format!(
                "[[participants]]\nid = {id}\nrole = \"bank\"\nname = \"BANKGB{id:05}\"\n\
                 country = \"GB\"\nkey = \"{key}\"\n"
            )
        };
        (first..first + count).map(bank).collect()
    }

    #[test]
    fn what_the_pool_would_refuse_is_refused_before_it_is_logged() {
        let whole = format!("{SMALL}{}", banks(2, 2));
        assert_eq!(parse(&whole, [0; 32]).unwrap().genesis.participants.len(), 3);
        let same_id = whole.replace("id = 3", "id = 2");
        assert_eq!(refusal(&same_id), "participants: BANKGB00003: id 2 is taken");
        let same_name = whole.replace("\"BANKGB00003\"", "\"alice\"");
        assert_eq!(refusal(&same_name), "participants: name `alice` is taken (id 3)");
        let late = SMALL.replace("pool = 1", "pool = 1\ntime_ms = 253402300800000");
        assert!(refusal(&late).ends_with("time: value out of range"), "{}", refusal(&late));
        let many = format!("{SMALL}{}", banks(2, clearing::PARTICIPANTS_MAX as u32));
        assert!(refusal(&many).contains("participants: value out of range"), "{}", refusal(&many));
    }
}
