//! KEM keys: made by their owner, kept by their owner.

use clap::{Args, Subcommand};
use sdk::sealed::{AnyStatement, KEEP_MS, KeyId, OwnKey, Suite, Vault, system_random};

use super::policy_file::{parse_suite, suite_name};
use super::statement_file::bytes_of;
use crate::commands::show;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Row, Shown, hex};

const HOUR_MS: u64 = 3_600_000;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Make(MakeArgs),
    Rotate(RotateArgs),
    Revoke(RevokeArgs),
    /// List the keys of this participant.
    List,
}

/// Make a key to which others seal, and publish its public half.
#[derive(Debug, Args)]
pub(crate) struct MakeArgs {
    /// The suite, x25519 or x-wing; that of the disclosure policy unless it is said.
    #[arg(long, value_parser = parse_suite)]
    suite: Option<Suite>,
    /// For how long others may seal to it, in hours; at most 168.
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u64).range(1..=168))]
    hours: u64,
}

/// Make the next key before the present one ends, and delete secrets that nothing can need any
/// more. To be run again and again, such as every hour.
#[derive(Debug, Args)]
pub(crate) struct RotateArgs {
    /// For how long others may seal to a key, in hours; at most 168.
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u64).range(1..=168))]
    hours: u64,
    /// How long before the end of a key the next one is made, in hours.
    #[arg(long, default_value_t = 6)]
    ahead_hours: u64,
}

/// Revoke a key: nobody seals to it any more. What was sealed to it before can still be opened.
#[derive(Debug, Args)]
pub(crate) struct RevokeArgs {
    /// The key's id, 16 hexadecimal digits.
    #[arg(value_parser = parse_id)]
    id: KeyId,
}

fn parse_id(text: &str) -> Result<KeyId, String> {
    let bytes = bytes_of(text).and_then(|bytes| bytes.try_into().ok());
    bytes.map(KeyId).ok_or_else(|| "must be 16 hexadecimal digits".to_owned())
}

impl Command {
    pub(crate) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let session = context.session()?;
        let mut vault = session.vault()?;
        let now_ms = session.now_ms().await?;
        let signer = session.client.statement_signer()?;
        let published: Vec<AnyStatement> = match self {
            Self::List => Vec::new(),
            Self::Make(args) => {
                vault.sync(&session.client, now_ms).await?;
                let times = (now_ms, args.hours * HOUR_MS);
                let newest = suites(&vault).last().copied().unwrap_or(Suite::X25519Aes256Gcm);
                let suite = args.suite.unwrap_or(newest);
                let made = vault.keys.make(suite, times, signer, &mut *system_random())?;
                vec![made.into()]
            }
            Self::Rotate(args) => {
                vault.sync(&session.client, now_ms).await?;
                // Of an identity that was replaced: the pool has dropped what it had signed.
                vault.keys.sign_again(now_ms, signer)?;
                let times = (args.hours * HOUR_MS, args.ahead_hours * HOUR_MS);
                let mut own = Vec::new();
                for suite in suites(&vault) {
                    let random = &mut *system_random();
                    // Once more if an earlier run made it and was cut off: publishing is repeatable.
                    own.push(match vault.keys.rotate(suite, now_ms, times, signer, random)? {
                        Some(next) => next.into(),
                        None => vault.keys.current(suite, now_ms)?.signed.into(),
                    });
                }
                vault.keys.sweep(now_ms, KEEP_MS)?;
                own
            }
            Self::Revoke(args) => vec![vault.keys.revoke(args.id, now_ms, signer)?.into()],
        };
        if !published.is_empty() {
            session.client.publish_all(&published).await?;
            vault.sync(&session.client, now_ms).await?;
        }
        let keys = vault.keys.keys()?;
        Ok(Shown::Many(keys.iter().map(|key| row(key, now_ms)).collect()))
    }
}

/// The suites of the policy in effect and of the one to follow, by version: for each there must be
/// a key to seal to.
fn suites(vault: &Vault) -> Vec<Suite> {
    let mut suites: Vec<Suite> = vault.store.policies().map(|it| it.statement.suite).collect();
    if suites.is_empty() {
        suites.push(Suite::X25519Aes256Gcm);
    }
    suites.dedup();
    suites
}

fn row(key: &OwnKey, now_ms: u64) -> Row {
    let statement = &key.signed.statement;
    let state = match (&key.revoked, statement.valid_at(now_ms)) {
        (Some(_), _) => "revoked",
        (None, true) => "valid",
        (None, false) => "over",
    };
    vec![
        ("key", hex(&key.id().0).into()),
        ("suite", suite_name(key.suite()).into()),
        ("state", state.into()),
        ("valid_from", show::instant(statement.valid_from_ms).into()),
        ("valid_to", show::instant(statement.valid_to_ms).into()),
    ]
}
