//! One payment of a reference. Its sender and its kind tell it from others: a payment and its cover
//! have one reference, and anybody who knows it may use it.

use channel::{HeaderView, ParticipantId};
use clap::Args;
use iso20022::Bic;
use sdk::sealed::TrustStore;
use sdk::{Client, Uetr, v1};

use super::is_sealed;
use crate::commands::{KindArg, kind_word, parse_uetr};
use crate::failure::Failure;

/// Which payment is meant.
#[derive(Debug, Args)]
pub(crate) struct WhichArgs {
    /// The payment's reference.
    #[arg(value_parser = parse_uetr)]
    pub(super) uetr: Uetr,
    /// Its sender (a name, a BIC or a number), if several payments have the reference.
    #[arg(long, value_name = "PARTICIPANT")]
    sender: Option<String>,
    /// The kind of its message, if several payments have the reference.
    #[arg(long, value_enum)]
    kind: Option<KindArg>,
}

impl WhichArgs {
    /// The sealed payment that is meant, among those that the caller may read.
    pub(super) async fn payment(
        &self,
        client: &Client,
        store: &TrustStore,
    ) -> Result<v1::Payment, Failure> {
        self.only(store, self.served(client).await?, |payment| &payment.header)
    }

    /// The sealed payments of the reference, as far as the caller may read them.
    pub(super) async fn served(&self, client: &Client) -> Result<Vec<v1::Payment>, Failure> {
        match client.get(self.uetr, 0).await {
            Ok(found) => Ok(found.payments.into_iter().filter(is_sealed).collect()),
            Err(error) if error.reason() == Some("NOT_FOUND") => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    /// The one that is meant, by the headers.
    pub(super) fn only<T>(
        &self,
        store: &TrustStore,
        mut found: Vec<T>,
        header: impl Fn(&T) -> &[u8],
    ) -> Result<T, Failure> {
        found.retain(|it| HeaderView::check(header(it)).is_ok_and(|it| self.means(store, it)));
        if found.len() > 1 {
            let names = found.iter().filter_map(|it| HeaderView::check(header(it)).ok());
            let names: Vec<String> = names.map(|it| named(store, it)).collect();
            return Err(Failure::usage(format!(
                "{}: several payments have this reference; name one of them: {}",
                self.uetr,
                names.join(", or ")
            )));
        }
        let missing = || Failure::not_found(format!("no sealed payment {} to read", self.uetr));
        found.pop().ok_or_else(missing)
    }

    fn means(&self, store: &TrustStore, header: HeaderView<'_>) -> bool {
        let sender = self.sender.as_deref();
        let kind = self.kind.map(KindArg::kind);
        header.uetr() == self.uetr
            && sender.is_none_or(|text| is(store, header.sender(), text))
            && kind.is_none_or(|kind| header.kind() == Some(kind))
    }
}

/// Whether a participant goes by this name, as a root has signed it, or number.
fn is(store: &TrustStore, id: ParticipantId, text: &str) -> bool {
    let name = store.identity(id).map(|it| it.participant.name.as_str());
    let same = |bic: Bic| name.and_then(Bic::parse) == Some(bic);
    name == Some(text) || text == id.0.to_string() || Bic::parse(text).is_some_and(same)
}

/// The words that name it.
fn named(store: &TrustStore, header: HeaderView<'_>) -> String {
    let name = store.identity(header.sender()).map(|it| it.participant.name.clone());
    let name = name.unwrap_or_else(|| header.sender().0.to_string());
    let kind = header.kind().map_or_else(|| header.kind_number().to_string(), kind_word);
    format!("--sender {name} --kind {kind}")
}
