//! Statements: whether they count.

use channel::{AnyStatement, DecodeError};

use crate::intake::ensure;
use crate::outcome::{Outcome, Stated};
use crate::pool::Pool;
use crate::record::{Place, RecordError, StatementsRecord};
use crate::reject::Reject;

impl Pool {
    /// Statements are checked before they are logged; one for another pool was not written by this
    /// system.
    pub(crate) fn check_statements(&self, record: &StatementsRecord) -> Result<(), RecordError> {
        if record.statements.iter().any(|statement| statement.pool() != self.pool) {
            return Err(DecodeError::Range { field: "statement pool" }.into());
        }
        Ok(())
    }

    pub(crate) fn take_statements(&mut self, record: &StatementsRecord, outcome: &mut Outcome) {
        for (index, statement) in record.statements.iter().enumerate() {
            let place = Place::new(outcome.position, index);
            let reject = self.check_signer(statement).err();
            outcome.statements.push(Stated { place, reject, replayed: false });
        }
    }

    /// Whether the key that signed is that of who must have signed.
    fn check_signer(&self, statement: &AnyStatement) -> Result<(), Reject> {
        let signer = statement.signer();
        let held = match statement.author() {
            None => self.disclosure.roots.binary_search(signer).is_ok(),
            Some(author) => {
                let member = self.directory.member(author).ok_or(Reject::UnknownParticipant)?;
                member.participant.key == *signer
            }
        };
        ensure(held, Reject::SignerNotAuthorised)
    }
}
