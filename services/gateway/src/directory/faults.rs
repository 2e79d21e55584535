//! Faults that no rewrap has answered yet, asked of the pool.

use std::time::Duration;

use bytes::Bytes;
use clearing::OpenFault;
use projector::Sight;
use proto::v1;
use settler::{PoolView, Unasked};
use tonic::Code;

use super::list::{PAGE_DEFAULT, page_size, sight};
use super::logged::{Logged, StatementFault};
use crate::errors::Refusal;
use crate::gateway::Gateway;
use crate::identity::Caller;
use crate::operator::name;

impl Gateway {
    pub(super) async fn faults(
        &self,
        caller: &Caller,
        request: &v1::ListFaultsRequest,
    ) -> Result<v1::ListFaultsResponse, Refusal> {
        let limit = page_size(request.page_size, PAGE_DEFAULT)?;
        self.readable(request.at_least_position).await?;
        let (sight, after_place) = (sight(caller), request.after_place);
        let ask = move |pool: &clearing::Pool| {
            let shown = |fault: &&OpenFault| {
                let said = &fault.signed.statement;
                let concerned = match sight {
                    Sight::Of(caller) => said.reporter == caller || said.order.sender == caller,
                    Sight::All | Sight::Public => true,
                };
                concerned && fault.place.0 > after_place
            };
            let faults: Vec<_> = pool.open_faults().filter(shown).cloned().collect();
            (pool.status().next_position, faults)
        };
        let asked = self.pool.ask(ask).await;
        let (next_position, mut faults) = asked.map_err(|unasked| match unasked {
            Unasked::Busy => {
                let message = "too many questions wait for the pool: ask again soon";
                let wait = Duration::from_millis(200);
                Refusal::later(Code::ResourceExhausted, "POOL_BUSY", message, wait)
            }
            Unasked::Halted => Refusal::halted(),
        })?;
        faults.sort_unstable_by_key(|fault| fault.place);
        let more = faults.len() > limit;
        faults.truncate(limit);
        let next_place = faults.last().map_or(after_place, |fault| fault.place.0);
        let gateway = self.clone();
        let word = move || {
            let (view, mut log) = (gateway.view(), Logged::new(&*gateway.log));
            // Time passes also while nothing is logged.
            let now_ms = gateway.clock.now_ms().max(view.now_ms);
            let worded = |fault: OpenFault| {
                let (_, logged_at_ms) = log.at(fault.place)?;
                let overdue = fault.due_at_ms < now_ms;
                Ok(v1::OpenFault { overdue, ..worded(&view, &fault, logged_at_ms) })
            };
            faults.into_iter().map(worded).collect()
        };
        let faults = self.blocking::<_, StatementFault>(caller.id, "read faults", word).await?;
        let as_of_position = next_position.saturating_sub(1);
        Ok(v1::ListFaultsResponse { faults, next_place, more, as_of_position })
    }
}

fn worded(view: &PoolView, fault: &OpenFault, logged_at_ms: u64) -> v1::OpenFault {
    let said = &fault.signed.statement;
    let order = v1::OrderRef {
        sender: said.order.sender.0,
        message_kind: said.order.kind as u32,
        uetr: said.order.uetr.to_string(),
    };
    v1::OpenFault {
        place: fault.place.0,
        order: Some(order),
        digest: Bytes::copy_from_slice(&said.order.digest),
        reporter: name(view, said.reporter),
        role: said.role as u32,
        sender: name(view, said.order.sender),
        logged_at_ms,
        due_at_ms: fault.due_at_ms,
        times: fault.times,
        ..v1::OpenFault::default()
    }
}
