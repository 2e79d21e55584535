//! `InsightService`: why payments wait, and what would free them.
//!
//! The pool is asked for a copy of what waits; the thinking is done beside it, by so many at once
//! as the limits say. Who is no operator is told of its own side: whatever else is in the way is only said to
//! be there.

mod explain;
mod levers;
mod words;

use std::sync::Arc;
use std::time::Duration;

use channel::{ParticipantId, Role, Uetr};
use clearing::{Place, Pool, Preview, Proposal};
use insight::{Effect, Options, unlock, what_if};
use ledger::{AccountId, Currency};
use proto::v1;
use proto::v1::insight_service_server::InsightService;
use settler::{PoolView, Unasked};
use tonic::{Code, Request, Response, Status};

use self::levers::Levers;
use self::words::Wording;
use crate::errors::Refusal;
use crate::gateway::Gateway;
use crate::identity::Caller;

/// Answers to a question for unlocks, at most, and if the caller does not say.
const UNLOCKS_MAX: u32 = 100;
const UNLOCKS_DEFAULT: u32 = 10;
/// Payments that are looked at in all trials of one question together, about: where the FIFO
/// maximum settles, and where a solver proposes.
const PAYMENTS_TRIED_MAX: (usize, usize) = (20_000_000, 40_000);
/// Trials of one question, at least and at most.
const TRIALS: (usize, usize) = (6, 600);

#[tonic::async_trait]
impl InsightService for Gateway {
    async fn explain_payment(
        &self,
        request: Request<v1::ExplainPaymentRequest>,
    ) -> Result<Response<v1::ExplainPaymentResponse>, Status> {
        let caller = Caller::of(request.extensions())?;
        let uetr: Uetr = request.get_ref().uetr.parse().map_err(|_| {
            Refusal::field("uetr", "UETR_INVALID", "must be a version 4 UUID of 36 characters")
        })?;
        Ok(Response::new(self.explain(&caller, uetr).await?))
    }

    async fn list_unlocks(
        &self,
        request: Request<v1::ListUnlocksRequest>,
    ) -> Result<Response<v1::ListUnlocksResponse>, Status> {
        let caller = Caller::of(request.extensions())?;
        Ok(Response::new(self.unlocks(&caller, &request.into_inner()).await?))
    }

    async fn simulate_changes(
        &self,
        request: Request<v1::SimulateChangesRequest>,
    ) -> Result<Response<v1::SimulateChangesResponse>, Status> {
        let caller = Caller::of(request.extensions())?;
        Ok(Response::new(self.simulate(&caller, &request.into_inner()).await?))
    }
}

/// Which payments the next cycle settles.
#[derive(Debug, Clone)]
struct Cycle {
    /// What the solver begins with.
    previous: Option<Arc<Proposal>>,
}

impl Cycle {
    /// By index: what the solver would propose, as it would, where a cut waits for it; else the
    /// FIFO maximum.
    fn settles(&self, preview: &Preview) -> Vec<bool> {
        if !preview.proposals {
            return preview.floor();
        }
        let candidates = preview.candidates();
        let proposal = solver::propose(&candidates, self.previous.as_deref());
        let settles = |place: Place| proposal.places.binary_search(&place).is_ok();
        candidates.payments.iter().map(|payment| settles(payment.place)).collect()
    }

    /// Whether the queue is short enough to try with the solver what frees a payment: anybody who has one
    /// queued may ask that.
    fn tries_solver(preview: &Preview) -> bool {
        preview.proposals && preview.payments().len() <= PAYMENTS_TRIED_MAX.1
    }

    /// How many cycles may be tried for one answer.
    fn trials_max(preview: &Preview) -> usize {
        let (fifo, solver) = PAYMENTS_TRIED_MAX;
        let payments = if preview.proposals { solver } else { fifo };
        (payments / preview.payments().len().max(1)).clamp(TRIALS.0, TRIALS.1)
    }
}

impl Gateway {
    async fn unlocks(
        &self,
        caller: &Caller,
        request: &v1::ListUnlocksRequest,
    ) -> Result<v1::ListUnlocksResponse, Refusal> {
        if request.max > UNLOCKS_MAX {
            let message = format!("must be at most {UNLOCKS_MAX}");
            return Err(Refusal::field("max", "MAX_TOO_LARGE", message));
        }
        let max = if request.max == 0 { UNLOCKS_DEFAULT } else { request.max } as usize;
        let currency = currency_of(&request.currency_code)?;
        let own = own(caller);
        let cycle = self.next_cycle();
        let ask = |pool: &Pool| pool.preview(&[]);
        let think = move |preview: Preview, view: &PoolView, gateway: &Self| {
            let trials_max = Cycle::trials_max(&preview);
            let among = |account: AccountId| {
                preview.means(account).is_some_and(|means| {
                    own.is_none_or(|own| means.participant == own)
                        && currency.is_none_or(|currency| means.currency == currency)
                })
            };
            let settles = |preview: &Preview| cycle.settles(preview);
            let weigh = |preview: &Preview, account| preview.weight(account).into();
            let found = unlock(&preview, Options { max, trials_max }, &settles, &weigh, &among);
            let words = Wording { gateway, view, preview: &preview, own };
            let everything = found.everything.as_ref().filter(|_| own.is_none());
            v1::ListUnlocksResponse {
                position: preview.position,
                unlocks: found.alone.iter().filter_map(|one| words.unlock(one)).collect(),
                everything: everything.and_then(|all| words.unlock(all)),
                stuck: words.stuck(&found.settles),
                complete: found.complete,
            }
        };
        self.think("look for unlocks", ask, think).await
    }

    async fn simulate(
        &self,
        caller: &Caller,
        request: &v1::SimulateChangesRequest,
    ) -> Result<v1::SimulateChangesResponse, Refusal> {
        let own = own(caller);
        let Levers { levers, pairs } = Levers::of(own, &self.view(), &request.levers)?;
        let cycle = self.next_cycle();
        let ask = move |pool: &Pool| pool.preview(&pairs);
        let think = move |preview: Preview, view: &PoolView, gateway: &Self| {
            let effect: Effect = what_if(&preview, &levers, &|preview| cycle.settles(preview));
            let words = Wording { gateway, view, preview: &preview, own };
            let mut marked = vec![false; preview.payments().len()];
            effect.settles.iter().for_each(|index| marked[*index] = true);
            Ok(v1::SimulateChangesResponse {
                position: preview.position,
                settles: words.totals(&effect.settles),
                freed: words.totals(&effect.freed),
                held: words.totals(&effect.held),
                freed_payments: words.payments(&effect.freed)?,
                held_payments: words.payments(&effect.held)?,
                stuck: words.stuck(&marked),
            })
        };
        self.think("simulate changes", ask, think).await?
    }

    fn next_cycle(&self) -> Cycle {
        Cycle { previous: self.pool.proposed() }
    }

    /// Asks the pool, behind everything that is durable, and thinks about its answer where that may
    /// take a while.
    async fn think<A: Send + 'static, T: Send + 'static>(
        &self,
        doing: &'static str,
        ask: impl FnOnce(&Pool) -> A + Send + 'static,
        think: impl FnOnce(A, &PoolView, &Self) -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let busy = || {
            let message = "as many questions as may are being thought about: ask again soon";
            let wait = Duration::from_secs(1);
            Refusal::later(Code::ResourceExhausted, "INSIGHT_BUSY", message, wait)
        };
        let seat = Arc::clone(&self.analyses).try_acquire_owned().map_err(|_| busy())?;
        self.caught_up().await?;
        let answer = self.pool.ask(ask).await.map_err(|unasked| match unasked {
            Unasked::Busy => busy(),
            Unasked::Halted => Refusal::halted(),
        })?;
        let gateway = self.clone();
        let work = move || {
            // Held until the work is done, even if nobody waits for it any more.
            let _seat = seat;
            think(answer, &gateway.view(), &gateway)
        };
        let thought = tokio::task::spawn_blocking(work).await;
        thought.map_err(|panicked| Refusal::fault(doing, &panicked))
    }
}

/// Operators are told of everything, everybody else of its own side only.
fn own(caller: &Caller) -> Option<ParticipantId> {
    (caller.role != Role::Operator).then_some(caller.id)
}

fn currency_of(code: &str) -> Result<Option<Currency>, Refusal> {
    if code.is_empty() {
        return Ok(None);
    }
    Currency::parse(code).map(Some).map_err(|_| {
        Refusal::field("currency_code", "CURRENCY_INVALID", "must be an ISO 4217 code")
    })
}
