//! Handing in what a development pool needs before it can seal: identities, everybody's keys, the
//! policy.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use sdk::sealed::{AnyStatement, system_random};

use super::scheme::{FOLDER, IDENTITIES, POLICY};
use crate::context::{Context, Session};
use crate::failure::{Failure, at};
use crate::output::{Row, Shown, hex};
use crate::sealed::statement_file;

const DAY_MS: u64 = 86_400_000;

/// Hand in what was made with `dev init --sealed`: every identity, a new key of everybody who
/// reads, the disclosure policy. In earnest each owner does its part.
///
/// Again it makes no new keys as long as the old ones are valid.
#[derive(Debug, Args)]
pub(crate) struct PublishArgs {
    /// The folder.
    dir: PathBuf,
}

impl PublishArgs {
    pub(super) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let mut sessions = Vec::new();
        let people = self.dir.join("participants");
        for entry in fs::read_dir(&people).map_err(at(&people))? {
            let path = entry.map_err(at(&people))?.path().join("profile.toml");
            sessions.push(context.session_of(&path.display().to_string())?);
        }
        sessions.sort_by_key(|session| session.profile.participant);
        let rows = publish(&self.dir, &sessions).await?;
        Ok(Shown::Many(rows))
    }
}

/// Hands everything in.
async fn publish(dir: &Path, sessions: &[Session]) -> Result<Vec<Row>, Failure> {
    let operator = sessions.iter().find(|session| session.profile.role == "operator");
    let operator = operator.ok_or_else(|| Failure::usage("the folder has no operator"))?;
    let (identities, policy) = signed_by_roots(dir)?;
    operator.client.publish_all(&identities).await?;
    let mut rows = Vec::new();
    let suite = match &policy {
        AnyStatement::Policy(signed) => signed.statement.suite,
        _ => return Err(Failure::usage("the folder's policy is another statement")),
    };
    let readers = ["bank", "regulator", "screener", "provider"];
    for session in sessions.iter().filter(|it| readers.contains(&it.profile.role.as_str())) {
        let vault = session.vault()?;
        let now_ms = session.now_ms().await?;
        let signer = session.client.statement_signer()?;
        vault.keys.rotate(suite, now_ms, (DAY_MS, DAY_MS / 4), signer, &mut *system_random())?;
        let key = vault.keys.current(suite, now_ms)?;
        session.client.publish_all(&[AnyStatement::from(key.signed.clone())]).await?;
        let name = session.profile.name.as_str();
        rows.push(vec![("name", name.into()), ("key", hex(&key.id().0).into())]);
    }
    operator.client.publish_all(&[policy]).await?;
    // From here on everybody can read it.
    operator.client.directory_statements().await?;
    Ok(rows)
}

/// The identities and the policy that the root of a folder has signed.
pub(crate) fn signed_by_roots(dir: &Path) -> Result<(Vec<AnyStatement>, AnyStatement), Failure> {
    let own = dir.join(FOLDER);
    let paths = files(&own.join(IDENTITIES))?;
    let identities = paths.iter().map(|path| statement_file::read(path));
    let identities = identities.collect::<Result<_, _>>()?;
    Ok((identities, statement_file::read(&own.join(POLICY))?))
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(at(folder))? {
        paths.push(entry.map_err(at(folder))?.path());
    }
    paths.sort();
    Ok(paths)
}
