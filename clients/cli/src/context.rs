//! What every command shares: where results go, and whom it acts as.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use sdk::{Client, ClientBuilder, Clock, Profile, RequestId, SigningToken};

use crate::failure::Failure;
use crate::output::{Cell, Format, Output, Row, Shown};
use crate::request;

/// Options of every command.
#[derive(Debug, Args)]
pub(crate) struct Globals {
    /// As whom to act: a participant's name in the development folder, or a profile.toml.
    #[arg(long, global = true, env = "CAUSEWAY_PROFILE", help_heading = "Connection")]
    profile: Option<String>,
    /// The development folder whose participants `--profile` may name.
    #[arg(
        long,
        global = true,
        env = "CAUSEWAY_DIR",
        default_value = "dev",
        help_heading = "Connection"
    )]
    dir: PathBuf,
    /// Another node than the profile's: https://host:port.
    #[arg(long, global = true, env = "CAUSEWAY_ADDRESS", help_heading = "Connection")]
    address: Option<String>,
    /// How long a call may take, retries included, in seconds.
    #[arg(long, global = true, env = "CAUSEWAY_DEADLINE", value_name = "SECONDS",
        default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600),
        help_heading = "Connection")]
    deadline: u64,
    /// How results are written.
    #[arg(
        long,
        global = true,
        env = "CAUSEWAY_OUTPUT",
        value_enum,
        default_value = "text",
        help_heading = "Output"
    )]
    output: Format,
    /// The same as `--output json`.
    #[arg(long, global = true, conflicts_with = "output", help_heading = "Output")]
    json: bool,
}

/// What every command is given.
pub(crate) struct Context {
    pub(crate) output: Output,
    pub(crate) deadline: Duration,
    profile: Option<String>,
    dir: PathBuf,
    address: Option<String>,
}

/// A connection, and who is at this end of it.
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) profile: Profile,
}

/// Where a setting's value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    Flag,
    Environment,
    Profile,
    Default,
}

impl Origin {
    fn as_str(self) -> &'static str {
        match self {
            Self::Flag => "flag",
            Self::Environment => "environment",
            Self::Profile => "profile",
            Self::Default => "default",
        }
    }
}

impl Context {
    pub(crate) fn new(globals: Globals) -> Self {
        let format = if globals.json { Format::Json } else { globals.output };
        Self {
            output: Output { format },
            deadline: Duration::from_secs(globals.deadline),
            profile: globals.profile,
            dir: globals.dir,
            address: globals.address,
        }
    }

    /// The profile's file: the named participant's of the development folder, or the named path.
    pub(crate) fn profile_path(&self) -> Result<PathBuf, Failure> {
        let missing = "no profile: give --profile NAME or set CAUSEWAY_PROFILE";
        self.path_of(self.profile.as_deref().ok_or_else(|| Failure::usage(missing))?)
    }

    fn path_of(&self, name: &str) -> Result<PathBuf, Failure> {
        let path = Path::new(name);
        if path.is_dir() && name.contains('/') {
            return Ok(path.join("profile.toml"));
        }
        if name.contains('/') || name.ends_with(".toml") {
            return Ok(path.to_owned());
        }
        let own = self.dir.join("participants").join(name).join("profile.toml");
        if own.exists() {
            return Ok(own);
        }
        Err(Failure::usage(format!("no profile `{name}`: {} is not there", own.display())))
    }

    /// Connects as the profile says; the connection is made with the first call.
    pub(crate) fn session(&self) -> Result<Session, Failure> {
        self.connect(&self.profile_path()?)
    }

    /// The same as another profile says: a second person.
    pub(crate) fn session_of(&self, name: &str) -> Result<Session, Failure> {
        self.connect(&self.path_of(name)?)
    }

    fn connect(&self, profile: &Path) -> Result<Session, Failure> {
        let profile = Profile::load(profile)?;
        let mut builder = ClientBuilder::from_profile(&profile)?.deadline(self.deadline);
        if let Some(address) = &self.address {
            builder = builder.address(address);
        }
        Ok(Session { client: builder.connect_lazy()?, profile })
    }

    /// Every setting with its value; where each came from, if asked.
    pub(crate) fn show(&self, origin: bool) -> Result<Shown, Failure> {
        let path = self.profile_path()?;
        let profile = Profile::load(&path)?;
        let of_profile = || Origin::Profile;
        let given = |flag: &str, variable: &str| given(flag, variable);
        let address = match &self.address {
            Some(address) => (address.clone(), given("--address", "CAUSEWAY_ADDRESS")),
            None => (profile.address.clone(), of_profile()),
        };
        let text = |path: &Path| path.display().to_string();
        let token = |it: &SigningToken| format!("{} on {}", it.key, it.token);
        let format = self.output.format.to_possible_value();
        let settings = [
            ("profile", text(&path), given("--profile", "CAUSEWAY_PROFILE")),
            ("dir", text(&self.dir), given("--dir", "CAUSEWAY_DIR")),
            ("address", address.0, address.1),
            (
                "deadline",
                format!("{}s", self.deadline.as_secs()),
                given("--deadline", "CAUSEWAY_DEADLINE"),
            ),
            (
                "output",
                format.map_or_else(String::new, |value| value.get_name().to_owned()),
                given("--output", "CAUSEWAY_OUTPUT"),
            ),
            ("pool", profile.pool.to_string(), of_profile()),
            ("participant", profile.participant.to_string(), of_profile()),
            ("name", profile.name.clone(), of_profile()),
            ("role", profile.role.clone(), of_profile()),
            ("ca", text(&profile.ca), of_profile()),
            ("certificate", text(&profile.certificate), of_profile()),
            ("key", text(&profile.key), of_profile()),
            (
                "signing_key",
                profile.signing_key.as_deref().map(text).unwrap_or_default(),
                of_profile(),
            ),
            (
                "signing_token",
                profile.signing_token.as_ref().map(token).unwrap_or_default(),
                of_profile(),
            ),
            ("operator_key", profile.operator_key.clone().unwrap_or_default(), of_profile()),
        ];
        let row = |(name, value, from): (&str, String, Origin)| -> Row {
            let mut row: Row = vec![("setting", name.into()), ("value", Cell::Text(value))];
            if origin {
                row.push(("origin", from.as_str().into()));
            }
            row
        };
        Ok(Shown::Many(settings.into_iter().map(row).collect()))
    }
}

/// Where an option's value came from: the command line goes before the environment.
fn given(flag: &str, variable: &str) -> Origin {
    let joined = format!("{flag}=");
    let mut arguments = std::env::args();
    if arguments.any(|argument| argument == flag || argument.starts_with(&joined)) {
        Origin::Flag
    } else if std::env::var_os(variable).is_some() {
        Origin::Environment
    } else {
        Origin::Default
    }
}

impl Session {
    /// The time by which orders and commands are dated.
    pub(crate) async fn now_ms(&self) -> Result<u64, Failure> {
        match self.profile.clock {
            Clock::System => Ok(sdk::now_ms()),
            Clock::Pool => Ok(self.client.pool_info().await?.time_ms),
        }
    }

    /// The request id of a command and the instant at which it was given: the one that was asked
    /// for, or a new one.
    pub(crate) async fn request(
        &self,
        asked: Option<RequestId>,
    ) -> Result<(RequestId, u64), Failure> {
        if let Some((id, at_ms)) = asked.and_then(|id| Some((id, request::instant_ms(id)?))) {
            return Ok((id, at_ms));
        }
        let now_ms = self.now_ms().await?;
        Ok((request::new(now_ms)?, now_ms))
    }
}
