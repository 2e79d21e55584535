//! Statements out: what counts now, epochs, and what was stated.

use channel::{EpochId, MessageKind, ParticipantId, Uetr};
use clearing::Place;
use projector::{Reader, Sight, StatementPage};
use proto::v1;

use super::Current;
use super::logged::{Logged, StatementFault};
use crate::errors::Refusal;
use crate::gateway::Gateway;
use crate::identity::Caller;

/// Statements on one page, at most.
const PAGE_MAX: usize = 1_000;
/// A page is full once its statements have this many bytes.
const PAGE_BYTES: usize = 1 << 20;
/// Statements that are read at once to follow the directory.
const READ_MAX: usize = 256;
/// Statements on a page of a list, unless it is asked for another number.
pub(super) const PAGE_DEFAULT: usize = 100;

/// An order by its identity.
type OrderName = (ParticipantId, MessageKind, Uetr);

/// What a caller may see: an operator runs the log and has all of it before him anyway.
pub(super) fn sight(caller: &Caller) -> Sight {
    if caller.role == channel::Role::Operator { Sight::All } else { Sight::Of(caller.id) }
}

/// The place behind this one.
pub(super) fn behind(place: u64) -> Place {
    Place(place.saturating_add(1))
}

/// How many entries a page may have.
pub(super) fn page_size(asked: i32, default: usize) -> Result<usize, Refusal> {
    match usize::try_from(asked) {
        Ok(0) => Ok(default),
        Ok(size) if size <= PAGE_MAX => Ok(size),
        _ => Err(Refusal::field("page_size", "PAGE_SIZE", format!("must be 0 to {PAGE_MAX}"))),
    }
}

impl Gateway {
    pub(super) async fn directory(
        &self,
        caller: &Caller,
        request: &v1::ListDirectoryRequest,
    ) -> Result<v1::ListDirectoryResponse, Refusal> {
        let limit = page_size(request.page_size, PAGE_MAX)?;
        self.readable(request.at_least_position).await?;
        let mut current = self.current.lock().await;
        let (gateway, mut known) = (self.clone(), std::mem::take(&mut *current));
        let now_ms = self.view().now_ms;
        let read = move || {
            let as_of = gateway.catch_up(&mut known)?;
            known.forget(now_ms);
            Ok((known, as_of))
        };
        let read = self.blocking::<_, StatementFault>(caller.id, "read the directory", read).await;
        let (known, as_of_position) = read?;
        let (places, more_from) = known.page(behind(request.after_place), limit);
        *current = known;
        drop(current);
        let (gateway, after_place) = (self.clone(), request.after_place);
        let list = move || {
            let (statements, more_from) = gateway.logged(places, more_from)?;
            let next_place = statements.last().map_or(after_place, |it| it.place);
            let more = more_from.is_some();
            Ok(v1::ListDirectoryResponse { statements, next_place, more, as_of_position })
        };
        self.blocking::<_, StatementFault>(caller.id, "read statements", list).await
    }

    /// Takes in what has become readable since. Blocks.
    fn catch_up(&self, known: &mut Current) -> Result<u64, StatementFault> {
        let as_of_position = self.reader.readable().borrow().position;
        let mut log = Logged::new(&*self.log);
        loop {
            let (rows, next) =
                self.reader.statements(Sight::Public, None, known.next(), READ_MAX)?;
            for row in &rows {
                let (statement, logged_at_ms) = log.at(row.place)?;
                known.take(row.place, statement, logged_at_ms);
                known.read_to(behind(row.place.0));
            }
            match next {
                Some(next) => known.read_to(next),
                None => return Ok(as_of_position),
            }
        }
    }

    pub(super) async fn epoch(
        &self,
        caller: &Caller,
        request: &v1::GetEpochRequest,
    ) -> Result<v1::GetEpochResponse, Refusal> {
        let epoch = request.epoch.as_ref().try_into().map(EpochId);
        let epoch = epoch
            .map_err(|_| Refusal::field("epoch", "EPOCH_INVALID", "must be exactly 16 bytes"))?;
        let sender = ParticipantId(request.sender);
        self.readable(request.at_least_position).await?;
        let (gateway, sight) = (self.clone(), sight(caller));
        let find = move || {
            let Some(place) = gateway.reader.epoch(sender, epoch)? else { return Ok(None) };
            let mut log = Logged::new(&*gateway.log);
            let (statement, _) = log.at(place)?;
            if sight.shows(statement) { log.worded(place).map(Some) } else { Ok(None) }
        };
        let found = self.blocking::<_, StatementFault>(caller.id, "read an epoch", find).await?;
        let statement = found.ok_or_else(|| Refusal::not_found("no such epoch"))?;
        Ok(v1::GetEpochResponse { statement: Some(statement) })
    }

    pub(super) async fn statements(
        &self,
        caller: &Caller,
        request: &v1::ListStatementsRequest,
    ) -> Result<v1::ListStatementsResponse, Refusal> {
        let limit = page_size(request.page_size, PAGE_DEFAULT)?;
        let order = request.order.as_ref().map(order_name).transpose()?;
        let kind = match v1::StatementKind::try_from(request.kind) {
            Ok(v1::StatementKind::Unspecified) => None,
            Ok(kind) => u8::try_from(kind as i32).ok(),
            Err(_) => return Err(Refusal::field("kind", "KIND_UNKNOWN", "must be 0 to 10")),
        };
        self.readable(request.at_least_position).await?;
        let as_of_batch = self.reader.readable().borrow().batch;
        let (gateway, sight, from) = (self.clone(), sight(caller), behind(request.after_place));
        let after_place = request.after_place;
        let list = move || {
            let page = find(&gateway.reader, order, (sight, kind), (from, limit))?;
            let (rows, more_from) = page;
            let places = rows.into_iter().map(|row| row.place).collect();
            let (statements, more_from) = gateway.logged(places, more_from)?;
            let last = statements.last().map_or(after_place, |it| it.place);
            let next_place = more_from.map_or(last, |place| place.0 - 1);
            let more = more_from.is_some();
            Ok(v1::ListStatementsResponse { statements, next_place, more, as_of_batch })
        };
        self.blocking::<_, StatementFault>(caller.id, "list statements", list).await
    }

    /// The statements of a page, as many as may be read from the log for one answer, and where the
    /// next page begins. Blocks.
    pub(super) fn logged(
        &self,
        places: Vec<Place>,
        mut more_from: Option<Place>,
    ) -> Result<(Vec<v1::LoggedStatement>, Option<Place>), StatementFault> {
        let mut log = Logged::new(&*self.log);
        let (mut statements, mut bytes) = (Vec::with_capacity(places.len()), 0);
        for place in places {
            if bytes >= PAGE_BYTES || log.bytes_read() > self.limits.log_bytes_each_max {
                more_from = Some(place);
                break;
            }
            let found = log.worded(place)?;
            bytes += found.statement.as_ref().map_or(0, |statement| statement.signed.len());
            statements.push(found);
        }
        Ok((statements, more_from))
    }
}

fn find(
    reader: &Reader,
    order: Option<OrderName>,
    (sight, kind): (Sight, Option<u8>),
    (from, limit): (Place, usize),
) -> Result<StatementPage, projector::Fault> {
    match order {
        None => reader.statements(sight, kind, from, limit),
        Some(order) => reader.statements_about(order, (sight, kind), from, limit),
    }
}

fn order_name(order: &v1::OrderRef) -> Result<OrderName, Refusal> {
    let number = u16::try_from(order.message_kind).unwrap_or(0);
    let kind = MessageKind::from_number(number).ok_or_else(|| {
        Refusal::field("order.message_kind", "MESSAGE_KIND_UNKNOWN", "must be 1 to 5")
    })?;
    let uetr = order.uetr.parse().map_err(|_| {
        let message = "must be a version 4 UUID of 36 characters";
        Refusal::field("order.uetr", "UETR_INVALID", message)
    })?;
    Ok((ParticipantId(order.sender), kind, uetr))
}
