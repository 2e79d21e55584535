//! The faults that a reader has stated.

use sdk::sealed::{Desk, OrderRef, Unopened};
use sdk::{Client, v1};

use crate::context::Session;
use crate::failure::Failure;

/// Those that are open: what this reader has alleged, and whether it is overdue.
pub(crate) struct Stated {
    client: Client,
    reader: String,
    open: Vec<v1::OpenFault>,
}

impl Stated {
    pub(crate) async fn load(session: &Session) -> Result<Self, Failure> {
        let (client, reader) = (session.client.clone(), session.profile.name.clone());
        let mut stated = Self { client, reader, open: Vec::new() };
        stated.refresh().await?;
        Ok(stated)
    }

    /// What is open now; what was stated here is among it until it is answered.
    pub(crate) async fn refresh(&mut self) -> Result<(), Failure> {
        self.open = self.client.faults().await?;
        Ok(())
    }

    /// The open fault of an order.
    pub(crate) fn of(&self, order: &OrderRef) -> Option<&v1::OpenFault> {
        let same = |it: &&v1::OpenFault| {
            it.reporter == self.reader && it.digest.as_ref() == order.digest.as_slice()
        };
        self.open.iter().find(same)
    }

    /// States a fault, once. Returns what there is to say about it.
    pub(crate) async fn state(
        &mut self,
        desk: &Desk,
        fault: &Unopened,
    ) -> Result<String, sdk::Error> {
        if self.of(&fault.order).is_none() {
            match desk.allege(fault).await {
                Ok(()) => self.open.push(v1::OpenFault {
                    digest: fault.order.digest.to_vec().into(),
                    reporter: self.reader.clone(),
                    ..v1::OpenFault::default()
                }),
                // Nobody is asked, then: its reader has to know.
                Err(error @ sdk::Error::Rejected { .. }) => {
                    let why = Failure::from(error).message;
                    return Ok(format!("does not open, and the fault was not taken: {why}"));
                }
                Err(error) => return Err(error),
            }
        }
        Ok("does not open; stated as a fault".to_owned())
    }
}
