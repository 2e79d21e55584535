//! `LedgerService`: balances, entries and movements, for a bank its own.

use bytes::Bytes;
use channel::HeaderView;
use clearing::{Place, Transfer};
use ledger::{AccountId, Amount, Currency};
use projector::EntryRow;
use proto::v1;
use proto::v1::ledger_service_server::LedgerService;
use settler::{AccountView, PoolView};
use tonic::{Code, Request, Response, Status};

use crate::errors::Refusal;
use crate::gateway::Gateway;
use crate::identity::Caller;
use crate::operator::name;
use crate::orders::{OrderFault, Orders};
use crate::scope::Scope;
use crate::tokens::{Purpose, refused};

/// Rows of one page, at most, and if the caller does not say.
const PAGE_MAX: usize = 1_000;
const PAGE_DEFAULT: usize = 100;
/// Balances in one answer, at most.
const BALANCES_MAX: usize = 20_000;

#[tonic::async_trait]
impl LedgerService for Gateway {
    async fn list_balances(
        &self,
        request: Request<v1::ListBalancesRequest>,
    ) -> Result<Response<v1::ListBalancesResponse>, Status> {
        let caller = Caller::of(request.extensions())?;
        Ok(Response::new(self.balances(&caller, request.into_inner()).await?))
    }

    async fn list_entries(
        &self,
        request: Request<v1::ListEntriesRequest>,
    ) -> Result<Response<v1::ListEntriesResponse>, Status> {
        let caller = Caller::of(request.extensions())?;
        Ok(Response::new(self.entries(&caller, request.into_inner()).await?))
    }

    async fn list_transfers(
        &self,
        request: Request<v1::ListTransfersRequest>,
    ) -> Result<Response<v1::ListTransfersResponse>, Status> {
        let caller = Caller::of(request.extensions())?;
        Ok(Response::new(self.transfers(&caller, &request.into_inner()).await?))
    }

    async fn get_batch_report(
        &self,
        request: Request<v1::GetBatchReportRequest>,
    ) -> Result<Response<v1::GetBatchReportResponse>, Status> {
        let caller = Caller::of(request.extensions())?;
        Ok(Response::new(self.batch_report(&caller, request.get_ref().batch).await?))
    }
}

impl Gateway {
    async fn balances(
        &self,
        caller: &Caller,
        request: v1::ListBalancesRequest,
    ) -> Result<v1::ListBalancesResponse, Refusal> {
        self.readable(request.at_least_position).await?;
        let as_of_batch = self.batch_as_of(caller, request.as_of).await?;
        let view = self.view();
        let scope = Scope::of(caller, &view, &request.participant)?;
        let accounts: Vec<AccountView> = scope.accounts(&view).copied().collect();
        if accounts.len() > BALANCES_MAX {
            let message = format!("more than {BALANCES_MAX} balances: ask by participant");
            return Err(Refusal::new(Code::ResourceExhausted, "ANSWER_TOO_LARGE", message));
        }
        let balances = self
            .read(caller.id, "read balances", move |reader| {
                let read = |account: &AccountView| {
                    let counters = reader.balance(account.info.account, as_of_batch)?;
                    Ok(balance(&view, account, &counters))
                };
                accounts.iter().map(read).collect::<Result<Vec<_>, _>>()
            })
            .await?;
        Ok(v1::ListBalancesResponse { balances, as_of_batch })
    }

    async fn batch_as_of(
        &self,
        caller: &Caller,
        as_of: Option<v1::list_balances_request::AsOf>,
    ) -> Result<u64, Refusal> {
        use v1::list_balances_request::AsOf;
        let newest = self.reader.readable().borrow().batch;
        match as_of {
            None => Ok(newest),
            Some(AsOf::Batch(batch)) if batch <= newest => Ok(batch),
            Some(AsOf::Batch(_)) => {
                let message = format!("must be a sealed batch, at most {newest}");
                Err(Refusal::field("batch", "BATCH_NOT_SEALED", message))
            }
            Some(AsOf::TimeMs(time_ms)) => {
                let batch = self
                    .read(caller.id, "find a batch", move |reader| reader.batch_at(time_ms))
                    .await?;
                Ok(batch.unwrap_or(0))
            }
        }
    }

    async fn entries(
        &self,
        caller: &Caller,
        request: v1::ListEntriesRequest,
    ) -> Result<v1::ListEntriesResponse, Refusal> {
        let limit = page_size(request.page_size)?;
        let view = self.view();
        let account = account_of(caller, &view, &request)?;
        let (id, currency) = (account.info.account, account.info.currency);
        let query = [id.0.to_be_bytes().as_slice(), &request.from_batch.to_be_bytes()].concat();
        let from = match request.page_token.as_ref() {
            [] => (request.from_batch, 0),
            token => {
                let [batch, index] = self
                    .tokens
                    .read(Purpose::Entries, caller.id, &query, token)
                    .ok_or_else(|| refused("page_token"))?;
                (batch, index as u32)
            }
        };
        // One more than the page holds: so it is known whether another one follows.
        let rows = self
            .read(caller.id, "read entries", move |reader| reader.entries(id, from, limit + 1))
            .await?;
        let gateway = self.clone();
        let (entries, next) = self
            .blocking(caller.id, "read entries", move || {
                let log_bytes_max = gateway.limits.log_bytes_each_max;
                let mut orders = Orders::new(&*gateway.log);
                let mut entries = Vec::new();
                for row in rows.iter().take(limit) {
                    if orders.bytes_read() > log_bytes_max {
                        break;
                    }
                    entries.push(entry(&view, currency, row, &mut orders)?);
                }
                let next = rows.get(entries.len()).map(|row| [row.batch, u64::from(row.index)]);
                Ok::<_, OrderFault>((entries, next))
            })
            .await?;
        let next_page_token = next.map_or_else(Bytes::new, |next| {
            Bytes::from(self.tokens.make(Purpose::Entries, caller.id, &query, next))
        });
        Ok(v1::ListEntriesResponse { entries, next_page_token })
    }

    async fn transfers(
        &self,
        caller: &Caller,
        request: &v1::ListTransfersRequest,
    ) -> Result<v1::ListTransfersResponse, Refusal> {
        let limit = page_size(request.page_size)?;
        let batch = request.batch;
        if batch == 0 || batch > self.reader.readable().borrow().batch {
            return Err(Refusal::not_found("no such batch"));
        }
        let query = batch.to_be_bytes();
        let from = match request.page_token.as_ref() {
            [] => 0,
            token => {
                let [index] = self
                    .tokens
                    .read(Purpose::Transfers, caller.id, &query, token)
                    .ok_or_else(|| refused("page_token"))?;
                index as u32
            }
        };
        let view = self.view();
        let mut found = if caller.sees_all() {
            self.all_transfers(caller, batch, from, limit + 1).await?
        } else {
            self.own_transfers(caller, &view, (batch, from), limit + 1).await?
        };
        let next_page_token = match found.get(limit) {
            Some((index, _)) => {
                let next = [u64::from(*index)];
                Bytes::from(self.tokens.make(Purpose::Transfers, caller.id, &query, next))
            }
            None => Bytes::new(),
        };
        found.truncate(limit);
        let transfers = found.iter().map(|(_, found)| transfer(&view, found)).collect();
        Ok(v1::ListTransfersResponse { transfers, next_page_token })
    }

    async fn all_transfers(
        &self,
        caller: &Caller,
        batch: u64,
        from: u32,
        limit: usize,
    ) -> Result<Vec<(u32, Transfer)>, Refusal> {
        let found = self
            .read(caller.id, "read transfers", move |reader| {
                reader.transfers(batch, from as usize, limit)
            })
            .await?;
        Ok((from..).zip(found).collect())
    }

    /// The movements of a batch on the caller's accounts, found through their entries: so nothing
    /// about the others can show.
    async fn own_transfers(
        &self,
        caller: &Caller,
        view: &PoolView,
        from: (u64, u32),
        limit: usize,
    ) -> Result<Vec<(u32, Transfer)>, Refusal> {
        let accounts: Vec<AccountId> =
            Scope::One(caller.id).accounts(view).map(|account| account.info.account).collect();
        self.read(caller.id, "read transfers", move |reader| {
            let mut found = Vec::new();
            for account in accounts {
                let rows = reader.entries(account, from, limit)?;
                let rows = rows.iter().filter(|row| row.batch == from.0);
                found.extend(rows.map(|row| (row.index, of_entry(account, row))));
            }
            found.sort_unstable_by_key(|(index, _)| *index);
            found.truncate(limit);
            Ok(found)
        })
        .await
    }
}

fn page_size(asked: i32) -> Result<usize, Refusal> {
    match usize::try_from(asked) {
        Ok(0) => Ok(PAGE_DEFAULT),
        Ok(size) if size <= PAGE_MAX => Ok(size),
        _ => {
            let message = format!("must be 1 to {PAGE_MAX}, or 0 for {PAGE_DEFAULT}");
            Err(Refusal::field("page_size", "PAGE_SIZE", message))
        }
    }
}

fn account_of(
    caller: &Caller,
    view: &PoolView,
    request: &v1::ListEntriesRequest,
) -> Result<AccountView, Refusal> {
    let currency = Currency::parse(&request.currency_code)
        .map_err(|error| Refusal::field("currency_code", "CURRENCY_INVALID", error.to_string()))?;
    let scope = match Scope::of(caller, view, &request.participant)? {
        // An operator who names nobody asks for the mirror account.
        Scope::All => None,
        Scope::One(id) => Some(id),
    };
    let accounts = view.directory.accounts().iter();
    let mut fitting = accounts
        .filter(|account| account.info.currency == currency && account.info.participant == scope);
    fitting.next().copied().ok_or_else(|| Refusal::not_found("no such account"))
}

fn balance(
    view: &PoolView,
    account: &AccountView,
    counters: &clearing::BalanceAfter,
) -> v1::Balance {
    let currency = account.info.currency;
    let net = counters.credits_posted.cast_signed() - counters.debits_posted.cast_signed();
    v1::Balance {
        account: account.info.account.0,
        participant: account.info.participant.map_or_else(String::new, |id| name(view, id)),
        currency_code: currency.as_str().to_owned(),
        debits_posted: counters.debits_posted.to_string(),
        credits_posted: counters.credits_posted.to_string(),
        debits_pending: counters.debits_pending.to_string(),
        credits_pending: counters.credits_pending.to_string(),
        balance: Some(v1::NetMoney::new(net, currency)),
    }
}

fn entry(
    view: &PoolView,
    currency: Currency,
    row: &EntryRow,
    orders: &mut Orders<'_>,
) -> Result<v1::Entry, OrderFault> {
    let uetr = if row.kind.pays() {
        HeaderView::trusted(&orders.at(row.place)?.header).uetr().to_string()
    } else {
        String::new()
    };
    let counter = view.directory.account(row.counter_account);
    let counterparty = counter.and_then(|account| account.info.participant);
    Ok(v1::Entry {
        batch: row.batch,
        place: row.place.0,
        kind: i32::from(row.kind as u8),
        debit: row.debit,
        amount: Amount::new(row.minor, currency).ok().map(v1::Money::from),
        counter_account: row.counter_account.0,
        counterparty: counterparty.map_or_else(String::new, |id| name(view, id)),
        balance_after: Some(v1::NetMoney::new(row.balance_after, currency)),
        uetr,
    })
}

fn of_entry(account: AccountId, row: &EntryRow) -> Transfer {
    let place: Place = row.place;
    let (debit, credit) =
        if row.debit { (account, row.counter_account) } else { (row.counter_account, account) };
    Transfer { place, origin: place, kind: row.kind, debit, credit, minor: row.minor }
}

fn transfer(view: &PoolView, transfer: &Transfer) -> v1::Transfer {
    let currency = view.directory.account(transfer.debit).map(|account| account.info.currency);
    v1::Transfer {
        place: transfer.place.0,
        origin: transfer.origin.0,
        kind: i32::from(transfer.kind as u8),
        debit_account: transfer.debit.0,
        credit_account: transfer.credit.0,
        amount: currency
            .and_then(|currency| Amount::new(transfer.minor, currency).ok())
            .map(v1::Money::from),
    }
}
