//! What held payments wait for, asked of the pool: it changes with every word that is given.

use std::time::Duration;

use channel::{HeaderView, ParticipantId};
use clearing::{Hold, Place, Pool};
use proto::v1;
use settler::Unasked;
use tokio::time::{sleep, timeout};
use tonic::Code;

use crate::errors::Refusal;
use crate::gateway::Gateway;

/// How long to wait before the pool is asked again.
const PAUSE: Duration = Duration::from_millis(10);

impl Gateway {
    /// Fills in, as far as this caller is told, what those of the payments wait for that were held
    /// as of a batch which can be read. What was released meanwhile waits for nothing.
    pub(crate) async fn tell_holds(
        &self,
        caller: ParticipantId,
        payments: &mut [v1::Payment],
    ) -> Result<(), Refusal> {
        let held = payments.iter_mut().filter(|it| it.state() == v1::PaymentState::Held);
        let held: Vec<_> = held.collect();
        if held.is_empty() {
            return Ok(());
        }
        let places = held.iter().map(|payment| Place(payment.place)).collect();
        for (payment, hold) in held.into_iter().zip(self.holds_of(places).await?) {
            payment.holds =
                hold.map(|hold| told(&hold, receives(caller, payment))).unwrap_or_default();
        }
        Ok(())
    }

    /// Asks the pool once it is as far as what can be read, which others may have written.
    async fn holds_of(&self, places: Vec<Place>) -> Result<Vec<Option<Hold>>, Refusal> {
        let read_to = self.reader.readable().borrow().position;
        let ask = async {
            loop {
                let places = places.clone();
                let question = move |pool: &Pool| {
                    let there = pool.next_position() > read_to;
                    there.then(|| places.iter().map(|place| pool.hold_of(*place)).collect())
                };
                match self.pool.ask(question).await {
                    Ok(Some(holds)) => return Ok(holds),
                    Ok(None) | Err(Unasked::Busy) => sleep(PAUSE).await,
                    Err(Unasked::Halted) => return Err(Refusal::halted()),
                }
            }
        };
        timeout(self.limits.wait_max, ask).await.unwrap_or_else(|_| {
            let message = "too many questions wait for the pool: ask again soon";
            let wait = Duration::from_millis(200);
            Err(Refusal::later(Code::ResourceExhausted, "POOL_BUSY", message, wait))
        })
    }
}

/// Whether the caller is to receive a payment.
fn receives(caller: ParticipantId, payment: &v1::Payment) -> bool {
    let header = payment.header.first_chunk().map(HeaderView::trusted);
    header.is_some_and(|header| header.receiver() == caller)
}

/// A hold in words. A receiver is told of its own part only: that somebody stopped a payment is not
/// for the one to whom it would go.
pub(crate) fn told(hold: &Hold, receiver: bool) -> Vec<i32> {
    let words = [
        (hold.screening && !receiver, v1::Hold::Screening),
        (hold.stopped && !receiver, v1::Hold::Screener),
        (hold.confirmation, v1::Hold::Confirmation),
    ];
    words.into_iter().filter_map(|(waits, word)| waits.then_some(word.into())).collect()
}
