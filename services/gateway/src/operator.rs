//! `OperatorService`: commands, what the pool is doing, and the clock of a rehearsal.

use std::time::Duration;

use bytes::Bytes;
use channel::{ParticipantId, Role, RuleBook, Status as Standing};
use clearing::pack_tick;
use proto::v1;
use proto::v1::operator_service_server::OperatorService;
use settler::{AccountView, Clock, DayView, LimitKind, LimitView, MemberView, PoolView};
use tonic::{Code, Request, Response, Status};

use crate::answers::logged;
use crate::errors::Refusal;
use crate::gateway::Gateway;
use crate::identity::Caller;
use crate::scope::Scope;

/// The end of logged time, 9999-12-31T23:59:59.999Z in ms. The pool halts at a record behind it.
const TIME_MAX_MS: u64 = 253_402_300_799_999;
/// How often to look whether the core has come as far as the log.
const CATCH_UP_PAUSE: Duration = Duration::from_millis(2);

#[tonic::async_trait]
impl OperatorService for Gateway {
    async fn execute_command(
        &self,
        request: Request<v1::ExecuteCommandRequest>,
    ) -> Result<Response<v1::ExecuteCommandResponse>, Status> {
        let caller = Caller::of(request.extensions())?;
        let request = request.into_inner();
        let checker = (request.checker, &request.checker_signature);
        let executed = self.execute(&caller, &request.command, &request.signature, checker).await?;
        Ok(Response::new(v1::ExecuteCommandResponse {
            position: executed.position,
            reason: executed.reason(),
            replayed: executed.replayed,
        }))
    }

    async fn get_pool(
        &self,
        request: Request<v1::GetPoolRequest>,
    ) -> Result<Response<v1::GetPoolResponse>, Status> {
        let caller = Caller::of(request.extensions())?;
        let readable_position = self.reader.readable().borrow().position;
        let operator = caller.role == Role::Operator;
        Ok(Response::new(pool(&self.view(), readable_position, operator)))
    }

    async fn list_participants(
        &self,
        request: Request<v1::ListParticipantsRequest>,
    ) -> Result<Response<v1::ListParticipantsResponse>, Status> {
        let caller = Caller::of(request.extensions())?;
        let view = self.view();
        let mut participants: Vec<_> =
            view.directory.members().iter().map(|member| participant(&caller, member)).collect();
        participants.sort_unstable_by_key(|participant| participant.id);
        Ok(Response::new(v1::ListParticipantsResponse { participants }))
    }

    async fn list_accounts(
        &self,
        request: Request<v1::ListAccountsRequest>,
    ) -> Result<Response<v1::ListAccountsResponse>, Status> {
        let caller = Caller::of(request.extensions())?;
        let view = self.view();
        let scope = Scope::of(&caller, &view, "")?;
        let accounts = scope.accounts(&view).map(|found| account(&view, found)).collect();
        Ok(Response::new(v1::ListAccountsResponse { accounts }))
    }

    async fn list_limits(
        &self,
        request: Request<v1::ListLimitsRequest>,
    ) -> Result<Response<v1::ListLimitsResponse>, Status> {
        let caller = Caller::of(request.extensions())?;
        let view = self.view();
        let scope = Scope::of(&caller, &view, &request.get_ref().participant)?;
        let limits = view
            .limits
            .iter()
            .filter(|found| scope.covers(Some(found.participant)))
            .map(|found| limit(&view, found))
            .collect();
        Ok(Response::new(v1::ListLimitsResponse { limits }))
    }

    async fn list_days(
        &self,
        request: Request<v1::ListDaysRequest>,
    ) -> Result<Response<v1::ListDaysResponse>, Status> {
        Caller::of(request.extensions())?;
        let view = self.view();
        let days = view.directory.days().iter().map(|found| day(found, view.now_ms)).collect();
        Ok(Response::new(v1::ListDaysResponse { days }))
    }

    async fn advance_clock(
        &self,
        request: Request<v1::AdvanceClockRequest>,
    ) -> Result<Response<v1::AdvanceClockResponse>, Status> {
        Caller::of(request.extensions())?;
        let position = self.advance(request.into_inner()).await?;
        Ok(Response::new(v1::AdvanceClockResponse { position }))
    }
}

impl Gateway {
    async fn advance(&self, request: v1::AdvanceClockRequest) -> Result<u64, Refusal> {
        if !matches!(self.clock, Clock::Scripted(_)) {
            let message = "this node's clock runs by itself";
            return Err(Refusal::new(Code::FailedPrecondition, "CLOCK_RUNS", message));
        }
        if request.time_ms > TIME_MAX_MS {
            let message = format!("must be at most {TIME_MAX_MS}");
            return Err(Refusal::field("time_ms", "TIME_TOO_LATE", message));
        }
        let _one_at_a_time = self.advancing.lock().await;
        let view = self.caught_up().await?;
        self.check_room(&view)?;
        let expected = request.expected_position;
        let elsewhere = |found: u64| {
            let message = format!("the record would get position {found}, not {expected}");
            Refusal::new(Code::Aborted, "POSITION_DIFFERS", message)
        };
        if view.next_position != expected {
            return Err(elsewhere(view.next_position));
        }
        if request.time_ms < self.clock.now_ms().max(view.now_ms) {
            let message = "must not be before the present time";
            return Err(Refusal::field("time_ms", "TIME_PAST", message));
        }
        let cycle = if request.close_cycle { view.cycle } else { 0 };
        let ticket = self.append(pack_tick((self.number, request.time_ms), cycle))?;
        let position = logged(ticket.await)?;
        let outcome = self.outcome(position).await?;
        if let Some(reject) = outcome.reject {
            let message = "further ahead than time may jump without an operator's confirmation";
            return Err(Refusal::new(Code::FailedPrecondition, reject.code(), message));
        }
        // Only now: what is logged behind a tick that the pool refused must not bear its time.
        self.clock.advance_to(request.time_ms);
        // Somebody else's record came in between: the script is not alone.
        if position == expected { Ok(position) } else { Err(elsewhere(position)) }
    }

    /// The pool once everything durable is applied.
    pub(crate) async fn caught_up(&self) -> Result<std::sync::Arc<PoolView>, Refusal> {
        let end = self.log.end().0;
        let caught_up = async {
            loop {
                let view = self.view();
                if view.next_position >= end {
                    return view;
                }
                tokio::time::sleep(CATCH_UP_PAUSE).await;
            }
        };
        tokio::time::timeout(self.limits.wait_max, caught_up).await.map_err(|_| Refusal::halted())
    }
}

fn pool(view: &PoolView, readable_position: u64, operator: bool) -> v1::GetPoolResponse {
    let queue = |queue: &settler::QueueView| v1::QueueInfo {
        currency_code: queue.currency.as_str().to_owned(),
        orders: queue.orders,
        minor_units: queue.minor.to_string(),
    };
    v1::GetPoolResponse {
        pool: view.pool,
        next_position: view.next_position,
        time_ms: view.now_ms,
        batch: view.batch,
        cycle: view.cycle,
        state_root: Bytes::copy_from_slice(&view.state_root),
        rules_hash: Bytes::copy_from_slice(&view.rules_hash),
        rules_version: view.rules.version,
        operator_key: Bytes::copy_from_slice(&view.operator_key),
        queues: if operator { view.queues.iter().map(queue).collect() } else { Vec::new() },
        seen_entries: if operator { view.seen_entries } else { 0 },
        readable_position,
        rules: Some(rules(&view.rules)),
        open_cut: view.open_cut.unwrap_or(0),
    }
}

fn rules(rules: &RuleBook) -> v1::RuleBook {
    v1::RuleBook {
        version: rules.version,
        currency_codes: rules.currencies.iter().map(|code| code.as_str().to_owned()).collect(),
        cycle_ms: rules.cycle_ms,
        seal_ms: rules.seal_ms,
        netting: u32::from(rules.netting as u8),
        proposal_timeout_ms: rules.proposal_timeout_ms,
        dedupe_horizon_ms: rules.dedupe_horizon_ms,
        dedupe_entries_max: rules.dedupe_entries_max,
        queue_max: rules.queue_max,
        clock_jump_max_ms: rules.clock_jump_max_ms,
        warehouse_days_max: u32::from(rules.warehouse_days_max),
        close: u32::from(rules.close as u8),
        unmatched_ms: rules.unmatched_ms,
        match_ms: rules.match_ms,
        rewrap_within_ms: rules.rewrap_within_ms,
        two_person: rules.two_person.iter().copied().map(u32::from).collect(),
        class_weights: rules.class_weights.to_vec(),
        currency_weights: rules.currency_weights.clone(),
        ageing_cycles: rules.ageing_cycles,
        solver_steps: rules.solver_steps,
        cross_at_midpoint: rules.cross_at_midpoint,
    }
}

/// Whether another bank is suspended is not a bank's business.
fn participant(caller: &Caller, member: &MemberView) -> v1::Participant {
    let known = &member.participant;
    let open = !caller.role.holds_accounts() || caller.id == known.id;
    v1::Participant {
        id: known.id.0,
        name: known.name.clone(),
        role: known.role.as_str().to_owned(),
        country_code: String::from_utf8_lossy(&known.country).into_owned(),
        public_key: Bytes::copy_from_slice(&known.key),
        suspended: open && member.status == Standing::Suspended,
    }
}

fn account(view: &PoolView, account: &AccountView) -> v1::Account {
    v1::Account {
        account: account.info.account.0,
        participant: account.info.participant.map_or_else(String::new, |id| name(view, id)),
        currency_code: account.info.currency.as_str().to_owned(),
        credit_line: ledger::Amount::new(account.credit_line, account.info.currency)
            .ok()
            .map(v1::Money::from),
    }
}

fn limit(view: &PoolView, limit: &LimitView) -> v1::Limit {
    let (kind, counterparty, window_ms) = match limit.kind {
        LimitKind::Bilateral { counterparty } => ("bilateral", name(view, counterparty), 0),
        LimitKind::Multilateral => ("multilateral", String::new(), 0),
        LimitKind::DebitCap => ("debit_cap", String::new(), 0),
        LimitKind::Velocity { window_ms } => ("velocity", String::new(), window_ms),
    };
    v1::Limit {
        kind: kind.to_owned(),
        participant: name(view, limit.participant),
        counterparty,
        currency_code: limit.currency.map_or_else(String::new, |code| code.as_str().to_owned()),
        limit: limit.limit,
        used: limit.used.to_string(),
        window_ms,
    }
}

fn day(found: &DayView, now_ms: u64) -> v1::Day {
    let currency_code = found.currency.as_str().to_owned();
    match found.day.open {
        Some(open) => v1::Day {
            currency_code,
            date: open.date.get(),
            open: true,
            cut_off: open.cut_off_at_ms <= now_ms,
            cut_off_at_ms: open.cut_off_at_ms,
            closes_at_ms: open.closes_at_ms,
        },
        None => v1::Day {
            currency_code,
            date: found.day.closed.map_or(0, channel::ValueDate::get),
            ..v1::Day::default()
        },
    }
}

/// The name of a participant.
pub(crate) fn name(view: &PoolView, id: ParticipantId) -> String {
    view.directory.member(id).map_or_else(String::new, |member| member.participant.name.clone())
}

#[cfg(test)]
mod tests {
    use channel::{Genesis, Participant};
    use clearing::{Pool, pack_genesis};
    use ledger::Currency;

    use super::*;

    #[test]
    fn the_pool_takes_exactly_the_times_that_the_gateway_lets_pass() {
        let operator = Participant {
            id: ParticipantId(1),
            role: Role::Operator,
            name: "olga".to_owned(),
            country: *b"GB",
            key: [1; 32],
        };
        let genesis = Genesis {
            pool: 1,
            rules: RuleBook::standard(vec![Currency::parse("EUR").unwrap()]),
            operator_key: [1; 32],
            roots: Vec::new(),
            participants: vec![operator],
        };
        let mut pool = Pool::new(0);
        pool.apply(0, &pack_genesis(TIME_MAX_MS - 1, &genesis)).unwrap();
        assert!(pool.apply(1, &pack_tick((1, TIME_MAX_MS + 1), 0)).is_err());
        let outcome = pool.apply(1, &pack_tick((1, TIME_MAX_MS), 0)).unwrap();
        assert_eq!((outcome.reject, outcome.time_ms), (None, TIME_MAX_MS));
    }
}
