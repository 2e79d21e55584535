//! Statements that were accepted: where they stand in the log, found by whom they concern, by the
//! order that they are about, and epochs by their ids. The statements themselves stay in the log.

use channel::{AnyStatement, EpochId, MessageKind, OrderRef, ParticipantId, Uetr};
use clearing::{Place, Stated};
use store::{Table, Write};

use crate::fault::Fault;
use crate::layout::{Fields, whole};
use crate::reader::Reader;

/// The parts of the table: by whom they concern, by order, epochs.
const BY_OWNER: u8 = 0;
const BY_ORDER: u8 = 1;
const EPOCHS: u8 = 2;
/// Stands for every participant: what is for everybody to see.
const EVERYBODY: u32 = u32::MAX;
/// Stands for those who see all there is.
const OVERSEERS: u32 = 0;
/// Rows that are looked through for statements of one kind, at most.
const SEARCHED_MAX: usize = 1_000;

/// An accepted statement, by where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StatementRow {
    /// Its place: its record's position and its index there.
    pub place: Place,
    /// The number of its kind ([`AnyStatement::kind`]).
    pub kind: u8,
}

/// Statements of a page, and where the next page begins if there may be more.
pub type StatementPage = (Vec<StatementRow>, Option<Place>);

/// Which statements somebody may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// All of them.
    All,
    /// Those that are for everybody: identities, KEM keys, revocations, policies.
    Public,
    /// Those that this participant made or that concern it, and those that are for everybody.
    Of(ParticipantId),
}

impl Sight {
    /// Whether it shows this statement.
    #[must_use]
    pub fn shows(self, statement: &AnyStatement) -> bool {
        match self {
            Self::All => true,
            Self::Public => concerned(statement).contains(&EVERYBODY),
            Self::Of(participant) => {
                let concerned = concerned(statement);
                concerned.contains(&EVERYBODY) || concerned.contains(&participant.0)
            }
        }
    }
}

/// What a statement gets into the tables with.
#[derive(Debug)]
pub(crate) struct Noted {
    row: StatementRow,
    concerned: Vec<u32>,
    order: Option<OrderRef>,
    epoch: Option<(ParticipantId, EpochId)>,
}

impl Noted {
    pub(crate) fn new(place: Place, statement: &AnyStatement) -> Self {
        let epoch = match statement {
            AnyStatement::EpochOpen(signed) => {
                Some((signed.statement.sender, signed.statement.epoch))
            }
            _ => None,
        };
        Self {
            row: StatementRow { place, kind: statement.kind() },
            concerned: concerned(statement),
            order: statement.order().copied(),
            epoch,
        }
    }
}

/// Whom a statement concerns, ascending. Who has which keys, and what the policy is, is for
/// everybody; with whom somebody opened an epoch, and what is said of an order, is not. An opening
/// is between its reader and those who oversee it.
fn concerned(statement: &AnyStatement) -> Vec<u32> {
    let author = statement.author();
    let mut concerned: Vec<u32> = match statement {
        AnyStatement::Identity(_)
        | AnyStatement::KemKey(_)
        | AnyStatement::KemRevocation(_)
        | AnyStatement::Policy(_) => return vec![EVERYBODY],
        AnyStatement::EpochOpen(signed) => {
            signed.statement.readers.iter().map(|reader| reader.participant.0).collect()
        }
        AnyStatement::Rewrap(signed) => vec![signed.statement.reader.0],
        AnyStatement::Opening(_) => Vec::new(),
        AnyStatement::Verdict(_) | AnyStatement::Fault(_) | AnyStatement::Confirmation(_) => {
            statement.order().map(|order| order.sender.0).into_iter().collect()
        }
    };
    concerned.extend(author.map(|author| author.0));
    concerned.sort_unstable();
    concerned.dedup();
    concerned
}

/// `0 u8 | owner u32 | position u64`.
fn owner_key(owner: u32, position: u64) -> [u8; 13] {
    let mut key = [BY_OWNER; 13];
    key[1..5].copy_from_slice(&owner.to_be_bytes());
    key[5..].copy_from_slice(&position.to_be_bytes());
    key
}

/// `1 u8 | sender u32 | message kind u16 | UETR [16] | place u64`.
fn order_key(order: (ParticipantId, MessageKind, Uetr), place: u64) -> [u8; 31] {
    let (sender, kind, uetr) = order;
    let mut key = [BY_ORDER; 31];
    key[1..5].copy_from_slice(&sender.0.to_be_bytes());
    key[5..7].copy_from_slice(&(kind as u16).to_be_bytes());
    key[7..23].copy_from_slice(&uetr.0);
    key[23..].copy_from_slice(&place.to_be_bytes());
    key
}

/// `2 u8 | sender u32 | epoch [16] | place u64`.
fn epoch_key(sender: ParticipantId, epoch: EpochId, place: u64) -> [u8; 29] {
    let mut key = [EPOCHS; 29];
    key[1..5].copy_from_slice(&sender.0.to_be_bytes());
    key[5..21].copy_from_slice(&epoch.0);
    key[21..].copy_from_slice(&place.to_be_bytes());
    key
}

/// The accepted statements of a record.
pub(crate) fn noted<'a>(
    statements: &'a [AnyStatement],
    stated: &'a [Stated],
) -> impl Iterator<Item = Noted> + 'a {
    let accepted = |(_, stated): &(_, &Stated)| stated.reject.is_none() && !stated.replayed;
    let both = statements.iter().zip(stated).filter(accepted);
    both.map(|(statement, stated)| Noted::new(stated.place, statement))
}

/// Adds the rows of statements, which are ascending by place.
pub(crate) fn put(noted: &[Noted], write: &mut Write) {
    for record in noted.chunk_by(|a, b| a.row.place.position() == b.row.place.position()) {
        put_record(record, write);
    }
    for Noted { row, concerned, order, epoch } in noted {
        if let Some(OrderRef { sender, kind, uetr, .. }) = *order {
            let key = order_key((sender, kind, uetr), row.place.0);
            write.put_with(Table::Statements, key, |into| {
                into.push(row.kind);
                concerned.iter().for_each(|owner| into.extend_from_slice(&owner.to_be_bytes()));
            });
        }
        if let Some((sender, epoch)) = *epoch {
            write.put(Table::Statements, epoch_key(sender, epoch, row.place.0), [row.kind]);
        }
    }
}

/// One row for each whom statements of the record concern: `index u8 | kind u8` of each.
fn put_record(record: &[Noted], write: &mut Write) {
    let Some(first) = record.first() else { return };
    let mut owners: Vec<u32> = record.iter().flat_map(|it| it.concerned.iter().copied()).collect();
    owners.push(OVERSEERS);
    owners.sort_unstable();
    owners.dedup();
    for owner in owners {
        let key = owner_key(owner, first.row.place.position());
        let shown = |it: &&Noted| owner == OVERSEERS || it.concerned.contains(&owner);
        write.put_with(Table::Statements, key, |into| {
            for Noted { row, .. } in record.iter().filter(shown) {
                into.extend_from_slice(&[row.place.index() as u8, row.kind]);
            }
        });
    }
}

impl Reader {
    /// The statements at a place and behind it that somebody may see, of one kind or of all, in the
    /// order of the log, at most `limit`. A page may end before it is full, or be empty, and there
    /// may be more all the same: the next one begins at the place that comes with it.
    ///
    /// # Errors
    /// [`Fault::Store`], [`Fault::Malformed`].
    pub fn statements(
        &self,
        sight: Sight,
        kind: Option<u8>,
        from: Place,
        limit: usize,
    ) -> Result<StatementPage, Fault> {
        let owners = match sight {
            Sight::All => vec![OVERSEERS],
            Sight::Public => vec![EVERYBODY],
            Sight::Of(participant) => vec![participant.0, EVERYBODY],
        };
        let (mut found, mut read_to) = (Vec::new(), None);
        for owner in owners {
            let (rows, stopped_at) = self.owned_statements(owner, from, rows_max(kind, limit))?;
            found.extend(rows);
            // Behind where one of them stopped, the other one may have read more.
            read_to = [read_to, stopped_at].into_iter().flatten().min();
        }
        found.retain(|row| {
            row.place >= from
                && kind.is_none_or(|kind| row.kind == kind)
                && read_to.is_none_or(|end| row.place < end)
        });
        found.sort_unstable();
        let next = found.get(limit).map(|row| row.place);
        found.truncate(limit);
        Ok((found, next.or(read_to)))
    }

    /// The statements of one owner from a place on; where it stopped, if there may be more.
    fn owned_statements(
        &self,
        owner: u32,
        from: Place,
        rows_max: usize,
    ) -> Result<StatementPage, Fault> {
        let end = owner_key(owner, self.readable().borrow().position.saturating_add(1));
        let start = owner_key(owner, from.position());
        let rows = self.store().scan(Table::Statements, &start, &end, rows_max)?;
        let mut found = Vec::new();
        for (key, value) in &rows {
            let position = key.last_chunk().ok_or(malformed("key"))?;
            let position = u64::from_be_bytes(*position);
            let (entries, rest) = value.as_chunks();
            whole(Table::Statements, rest)?;
            for [index, kind] in entries {
                let place = Place::new(position, usize::from(*index));
                found.push(StatementRow { place, kind: *kind });
            }
        }
        let last = found.last().filter(|_| rows.len() == rows_max);
        let next = last.map(|last| Place::new(last.place.position() + 1, 0));
        Ok((found, next))
    }

    /// The statements about an order at a place and behind it that somebody may see, of one kind or
    /// of all, in the order of the log, at most `limit`. As of [`Reader::statements`].
    ///
    /// # Errors
    /// [`Fault::Store`], [`Fault::Malformed`].
    pub fn statements_about(
        &self,
        order: (ParticipantId, MessageKind, Uetr),
        (sight, kind): (Sight, Option<u8>),
        from: Place,
        limit: usize,
    ) -> Result<StatementPage, Fault> {
        let end = Place::new(self.readable().borrow().position.saturating_add(1), 0);
        let (start, end) = (order_key(order, from.0), order_key(order, end.0));
        let rows_max = SEARCHED_MAX.max(limit + 1);
        let rows = self.store().scan(Table::Statements, &start, &end, rows_max)?;
        let mut found = Vec::new();
        for (key, value) in &rows {
            let mut fields = Fields::new(Table::Statements, value);
            let row_kind = fields.u8()?;
            let (owners, rest) = value[1..].as_chunks();
            whole(Table::Statements, rest)?;
            let seen = match sight {
                Sight::All => true,
                Sight::Public => false,
                Sight::Of(participant) => owners.contains(&participant.0.to_be_bytes()),
            };
            let place = place_of(key)?;
            if found.len() == limit {
                return Ok((found, Some(place)));
            }
            if seen && kind.is_none_or(|kind| row_kind == kind) {
                found.push(StatementRow { place, kind: row_kind });
            }
        }
        let last = rows.last().filter(|_| rows.len() == rows_max);
        let last = last.map(|(key, _)| place_of(key)).transpose()?;
        Ok((found, last.map(|place| Place(place.0 + 1))))
    }

    /// Where the statement stands that opened an epoch.
    ///
    /// # Errors
    /// [`Fault::Store`], [`Fault::Malformed`].
    pub fn epoch(&self, sender: ParticipantId, epoch: EpochId) -> Result<Option<Place>, Fault> {
        let end = Place::new(self.readable().borrow().position.saturating_add(1), 0);
        let (start, end) = (epoch_key(sender, epoch, 0), epoch_key(sender, epoch, end.0));
        let rows = self.store().scan(Table::Statements, &start, &end, 1)?;
        rows.first().map(|(key, _)| place_of(key)).transpose()
    }
}

/// The place at the end of a key.
fn place_of(key: &[u8]) -> Result<Place, Fault> {
    let place = key.last_chunk().ok_or(malformed("key"))?;
    Ok(Place(u64::from_be_bytes(*place)))
}

/// Rows to read for a page: each has a statement at least.
fn rows_max(kind: Option<u8>, limit: usize) -> usize {
    if kind.is_none() { limit + 1 } else { SEARCHED_MAX.max(limit + 1) }
}

fn malformed(what: &'static str) -> Fault {
    Fault::malformed(Table::Statements, what)
}

#[cfg(test)]
mod tests;
