//! What this participant believes: roots, identities, policies.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use sdk::sealed::{AnyStatement, DisclosurePolicy, PolicyRule, RuleReader, Vault};
use serde_json::{Value, json};

use super::policy_file::{role_name, suite_name, view_name};
use super::statement_file;
use crate::commands::show;
use crate::context::{Context, Session};
use crate::failure::Failure;
use crate::output::{Row, Shown, hex};

#[derive(Debug, Subcommand)]
pub(crate) enum Trust {
    /// Show whom this participant knows, as the roots of its trust file have signed it.
    Show,
    /// Fetch the directory, check it, and keep what is new. Nothing older is believed afterwards.
    Accept,
    /// Hand in an identity that a root has signed (`causeway root sign-identity`).
    Publish {
        /// The signed statements.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Policy {
    /// Show the disclosure policies that this participant believes.
    Show,
    /// Hand in a policy that a root has signed (`causeway root sign-policy`).
    Publish {
        /// The signed statement.
        file: PathBuf,
    },
}

impl Trust {
    pub(crate) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let session = context.session()?;
        match self {
            Self::Show => Ok(Shown::Many(rows(&session.vault()?))),
            Self::Accept => Ok(Shown::Many(rows(&session.synced_vault().await?.0))),
            Self::Publish { files } => {
                let statements = files.iter().map(|file| read(file, "identity"));
                publish(&session, statements.collect::<Result<Vec<_>, _>>()?).await
            }
        }
    }
}

impl Policy {
    pub(crate) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let session = context.session()?;
        match self {
            Self::Show => {
                let (vault, now_ms) = session.synced_vault().await?;
                let in_effect = vault.store.policy_at(now_ms).map(|it| it.statement.version);
                let policies = vault.store.policies().map(|policy| &policy.statement);
                let policies = policies.map(|it| object(it, in_effect == Some(it.version)));
                let policies: Vec<Value> = policies.collect();
                let text = serde_json::to_string_pretty(&policies);
                let text = text.map_err(|error| Failure::fault(error.to_string()))?;
                Ok(Shown::Report { json: policies.into(), text: text + "\n" })
            }
            Self::Publish { file } => publish(&session, vec![read(&file, "policy")?]).await,
        }
    }
}

fn read(path: &Path, wanted: &str) -> Result<AnyStatement, Failure> {
    let statement = statement_file::read(path)?;
    if statement.label() == format!("ppc/1 {wanted}") {
        return Ok(statement);
    }
    Err(Failure::usage(format!("{}: is no signed {wanted}", path.display())))
}

async fn publish(session: &Session, statements: Vec<AnyStatement>) -> Result<Shown, Failure> {
    let position = session.client.publish_all(&statements).await?;
    let row = |statement: &AnyStatement| -> Row {
        vec![("statement", statement.label().into()), ("position", position.into())]
    };
    Ok(Shown::Many(statements.iter().map(row).collect()))
}

fn rows(vault: &Vault) -> Vec<Row> {
    let identities = vault.store.identities().map(|signed| {
        let it = &signed.statement;
        vec![
            ("id", it.participant.id.0.into()),
            ("name", it.participant.name.as_str().into()),
            ("role", it.participant.role.as_str().into()),
            ("country", String::from_utf8_lossy(&it.participant.country).into_owned().into()),
            ("serial", it.serial.into()),
            ("valid_to", show::instant(it.valid_to_ms).into()),
            ("revoked", it.revoked.into()),
            ("key", hex(&it.participant.key).into()),
            ("root", hex(&signed.signer).into()),
        ]
    });
    identities.collect()
}

fn object(policy: &DisclosurePolicy, in_effect: bool) -> Value {
    json!({
        "version": policy.version,
        "effective_at": show::instant(policy.effective_at_ms),
        "in_effect": in_effect,
        "suite": suite_name(policy.suite),
        "rules": policy.rules.iter().map(rule).collect::<Vec<_>>(),
    })
}

fn rule(rule: &PolicyRule) -> Value {
    let country = |code: Option<[u8; 2]>| code.map(|it| String::from_utf8_lossy(&it).into_owned());
    json!({
        "currency": rule.currency.map(|currency| currency.as_str().to_owned()),
        "sender_country": country(rule.sender_country),
        "receiver_country": country(rule.receiver_country),
        "amount_min": rule.minor_min.to_string(),
        "amount_max": rule.minor_max.to_string(),
        "screening": rule.screening,
        "confirmation": rule.confirmation,
        "readers": rule.readers.iter().map(reader).collect::<Vec<_>>(),
    })
}

fn reader(reader: &RuleReader) -> Value {
    json!({
        "role": role_name(reader.role),
        "participant": reader.participant.map(|id| id.0),
        "views": reader.views.views().map(view_name).collect::<Vec<_>>(),
    })
}
