//! From ISO 20022 messages to orders, and from names to participants.

use channel::MessageKind;
use iso20022::{Bic, Kind, Message, Profile, Routing};
use jiff::Timestamp;
use sdk::sealed::TrustStore;
use sdk::{Client, Order, OrderBuilder, ParticipantId, Uetr, ValueDate, v1};

use crate::context::Context;
use crate::failure::{Failure, Kind as Failed};

/// Who takes part, to look up names.
pub(crate) struct Directory(Vec<v1::Participant>);

impl Directory {
    pub(crate) async fn load(client: &Client) -> Result<Self, Failure> {
        Ok(Self(client.participants().await?))
    }

    /// The participant of a name, a BIC or a number.
    pub(crate) async fn find(context: &Context, text: &str) -> Result<ParticipantId, Failure> {
        if let Ok(number) = text.parse() {
            return Ok(ParticipantId(number));
        }
        let directory = Self::load(&context.session()?.client).await?;
        let named = directory.0.iter().find(|known| known.name == text);
        let named = named.map(|known| ParticipantId(known.id));
        named.or_else(|| directory.of_bic(Bic::parse(text)?)).ok_or_else(|| {
            Failure::rejected("UNKNOWN_PARTICIPANT", format!("no participant {text}"))
        })
    }

    /// A participant's name; its number if it is not known.
    pub(crate) fn name_of(&self, id: ParticipantId) -> String {
        let known = self.0.iter().find(|known| known.id == id.0);
        known.map_or_else(|| id.0.to_string(), |known| known.name.clone())
    }

    /// The bank that a payment goes to. Who seals asks whom it believes: the node could name a bank
    /// of its own in another's place, and everything would be sealed for that one.
    pub(crate) fn receiver(
        &self,
        bic: Bic,
        trusted: Option<&TrustStore>,
    ) -> Result<ParticipantId, Failure> {
        let served = self.of_bic(bic).ok_or_else(|| {
            Failure::rejected("UNKNOWN_RECEIVER", format!("{bic} does not take part"))
        })?;
        let Some(trusted) = trusted else { return Ok(served) };
        let vouched = trusted.named(|name| Bic::parse(name) == Some(bic));
        if vouched == Some(served) {
            return Ok(served);
        }
        let problem = match vouched {
            None => format!("no root vouches for {bic}"),
            Some(ParticipantId(id)) => format!(
                "{bic} is participant {id}, as a root has signed it; the node says {}",
                served.0
            ),
        };
        Err(Failure::new(Failed::VerificationFailed, problem))
    }

    /// The bank of a BIC; `ABCDXX2A` and `ABCDXX2AXXX` are the same.
    pub(crate) fn of_bic(&self, bic: Bic) -> Option<ParticipantId> {
        let known = self.0.iter().find(|known| Bic::parse(&known.name) == Some(bic))?;
        Some(ParticipantId(known.id))
    }
}

/// The messages of a file, one or several one after the other: each but the first begins with its
/// XML declaration on a new line.
pub(crate) fn messages_of(bytes: &[u8]) -> Vec<&[u8]> {
    const DECLARATION: &[u8] = b"\n<?xml ";
    let mut messages = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(DECLARATION.len()).position(|window| window == DECLARATION) {
        let (message, tail) = rest.split_at(at + 1);
        messages.push(message);
        rest = tail;
    }
    messages.push(rest);
    messages.retain(|message| !message.trim_ascii().is_empty());
    messages
}

/// A message that orders payments, read.
pub(crate) fn read(bytes: &[u8], profile: Profile) -> Result<Message, Failure> {
    Message::read(bytes, profile).map_err(|error| Failure {
        field: Some(error.path().to_owned()),
        ..Failure::usage(error.to_string())
    })
}

/// The orders of a message.
///
/// They are dated by the message's own creation time, so the same file makes the same bytes and
/// may be handed in again.
pub(crate) fn orders_of(
    message: &Message,
    new: impl Fn() -> OrderBuilder,
    receiver: impl Fn(Bic) -> Result<ParticipantId, Failure>,
) -> Result<Vec<Order>, Failure> {
    let routings = message.routings().map_err(|error| Failure::usage(error.to_string()))?;
    if routings.is_empty() {
        let what = message.identifier();
        return Err(Failure::usage(format!("{what} orders no payment")));
    }
    let created_at_ms = created_at_ms(message)?;
    let order = |routing: &Routing<'_>| -> Result<Order, Failure> {
        if !routing.moves_money {
            return Err(Failure::usage(
                "announces a payment that is settled elsewhere (advice, cover method or copy); \
                 handing it in would pay twice",
            ));
        }
        let day = ValueDate::new(routing.settlement_date.to_yyyymmdd())
            .ok_or_else(|| Failure::usage("settlement date must be between 2000 and 2199"))?;
        let mut builder = new()
            .receiver(receiver(routing.instructed_agent)?)
            .money(routing.amount)
            .value_day(day)
            .uetr(Uetr(routing.uetr.to_bytes()))
            .kind(kind(routing.kind)?)
            .created_at_ms(created_at_ms)
            .payload(routing.payload.to_vec());
        if routing.urgent {
            builder = builder.urgent().class(0);
        }
        Ok(builder.build()?)
    };
    routings.iter().map(order).collect()
}

fn kind(kind: Kind) -> Result<MessageKind, Failure> {
    match kind {
        Kind::CustomerTransfer => Ok(MessageKind::CustomerTransfer),
        Kind::InstitutionTransfer => Ok(MessageKind::InstitutionTransfer),
        Kind::Cover => Ok(MessageKind::Cover),
        Kind::Advice => Err(Failure::usage("an advice moves no money")),
    }
}

/// When the message says it was made; UTC if it names no offset.
pub(crate) fn created_at_ms(message: &Message) -> Result<u64, Failure> {
    let iso20022::Body::CreditTransfer(body) = message.body() else {
        return Err(Failure::usage(format!("{} orders no payment", message.identifier())));
    };
    let instant: Result<Timestamp, _> = body.created_at.parse();
    let instant = instant.or_else(|_| format!("{}Z", body.created_at).parse());
    let at_ms = instant.ok().and_then(|instant| u64::try_from(instant.as_millisecond()).ok());
    at_ms.ok_or_else(|| Failure::usage("creation time of the message is not usable"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_split_at_declarations() {
        let split = |text: &'static str| -> Vec<&str> {
            let parts = messages_of(text.as_bytes()).into_iter();
            parts.map(|part| std::str::from_utf8(part).unwrap()).collect()
        };
        assert_eq!(split("<a/>"), ["<a/>"]);
        assert_eq!(split("<?xml ?><a/>\n"), ["<?xml ?><a/>\n"]);
        assert_eq!(split("<?xml ?><a/>\n<?xml ?><b/>"), ["<?xml ?><a/>\n", "<?xml ?><b/>"]);
        assert_eq!(split(" \n<?xml ?><a/>"), ["<?xml ?><a/>"]);
        assert!(split("\n").is_empty());
    }
}
