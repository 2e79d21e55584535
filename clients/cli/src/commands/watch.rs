//! Following payments as they change.

use bytes::Bytes;
use clap::Args;

use super::status::payment_row;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Format, Shown, hex};

/// Follow everything that happens to the bank's payments.
///
/// Every row carries a token; `--from` takes the watch up again behind it.
#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// The token of the last row that was dealt with.
    #[arg(long, value_name = "TOKEN", value_parser = parse_token)]
    from: Option<Token>,
    /// End when everything that has happened so far was shown.
    #[arg(long)]
    once: bool,
}

/// A resume token, hexadecimal on the command line.
#[derive(Debug, Clone)]
pub(crate) struct Token(pub(super) Bytes);

pub(crate) fn parse_token(text: &str) -> Result<Token, String> {
    let problem = || "must be a token that watch has shown".to_owned();
    let digits = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !text.len().is_multiple_of(2) || !digits {
        return Err(problem());
    }
    let byte = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..text.len()).step_by(2).map(byte).collect();
    bytes.map(|bytes| Token(bytes.into())).ok_or_else(problem)
}

impl WatchArgs {
    pub(crate) async fn run(self, context: &Context) -> Result<Shown, Failure> {
        let client = context.session()?.client;
        let last = client.pool_info().await?.batch;
        let token = self.from.map(|token| token.0).unwrap_or_default();
        let mut watch = client.watch(token, false);
        let mut rows = Vec::new();
        loop {
            let message = watch.next().await?;
            let token = hex(&message.resume_token);
            for payment in &message.payments {
                let mut row = payment_row(payment);
                if context.output.format != Format::Text {
                    row.push(("resume_token", token.as_str().into()));
                }
                if self.once {
                    rows.push(row);
                } else {
                    context.output.row(&row)?;
                }
            }
            if self.once && message.batch >= last {
                return Ok(Shown::Many(rows));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_hexadecimal() {
        assert_eq!(parse_token("00ff").unwrap().0.as_ref(), [0, 255]);
        for text in ["0", "0g", "ä", "+1"] {
            assert!(parse_token(text).is_err(), "{text}");
        }
    }
}
