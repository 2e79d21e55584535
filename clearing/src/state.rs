//! The canonical bytes of the parts of the state that are small: directory, groups, cycle.

use channel::{DecodeError, Participant, ParticipantId, Reader, Role, Status, ValueDate, Writer};
use ledger::{AccountId, Currency};

use crate::age::Ages;
use crate::command::Deferred;
use crate::cycle::{CutQueue, Cycle, OpenCut};
use crate::day::{Day, OpenDay};
use crate::directory::{CURRENCIES_MAX, Directory, Holder, Member, PARTICIPANTS_MAX, PoolCurrency};
use crate::outcome::Cut;
use crate::pool::Pool;
use crate::queue::CLASSES;
use crate::record::Place;

const NOBODY: u32 = u32::MAX;

impl Directory {
    /// Version, participants, currencies, accounts.
    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.u64(self.version());
        writer.u32(self.members().len() as u32);
        for Member { participant, status } in self.members() {
            writer.u32(participant.id.0).u8(participant.role as u8).u8(*status as u8);
            writer.text(&participant.name).raw(&participant.country).raw(&participant.key);
        }
        writer.u8(self.currencies().len() as u8);
        for known in self.currencies() {
            writer.raw(&known.currency.to_bytes()).u32(known.mirror.0);
            writer.u8(u8::from(known.listed));
            write_day(writer, &known.day);
        }
        writer.u32(self.holders().len() as u32);
        for holder in self.holders() {
            writer.u32(holder.member.unwrap_or(NOBODY)).u8(holder.currency);
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut directory = Self::default();
        let version = reader.u64("directory version")?;
        for _ in 0..bounded(reader.u32("participants")?, PARTICIPANTS_MAX, "participants")? {
            directory.insert(read_member(reader)?);
        }
        let currencies = bounded(reader.u8("currencies")?.into(), CURRENCIES_MAX, "currencies")?;
        for _ in 0..currencies {
            directory.add_currency(PoolCurrency {
                currency: read_currency(reader)?,
                mirror: AccountId(reader.u32("mirror")?),
                listed: read_bool(reader, "listed")?,
                day: read_day(reader)?,
            });
        }
        for _ in 0..bounded(reader.u32("accounts")?, ledger::ACCOUNTS_MAX, "accounts")? {
            let member = reader.u32("account owner")?;
            let member = (member != NOBODY).then_some(member);
            let currency = reader.u8("account currency")?;
            let known = usize::from(currency) < directory.currencies().len()
                && member.is_none_or(|member| (member as usize) < directory.members().len());
            if !known {
                return Err(DecodeError::Range { field: "account" });
            }
            directory.add_holder(Holder { member, currency });
        }
        directory.set_version(version);
        Ok(directory)
    }
}

fn read_member(reader: &mut Reader<'_>) -> Result<Member, DecodeError> {
    let id = ParticipantId(reader.u32("participant")?);
    let role = reader.u8("role")?;
    let role = Role::from_number(role)
        .ok_or(DecodeError::Unknown { field: "role", value: role.into() })?;
    let status = match reader.u8("status")? {
        1 => Status::Active,
        2 => Status::Suspended,
        value => return Err(DecodeError::Unknown { field: "status", value: value.into() }),
    };
    let name = reader.text("name")?.to_owned();
    let (country, key) = (reader.array("country")?, reader.array("key")?);
    Ok(Member { participant: Participant { id, role, name, country, key }, status })
}

fn write_day(writer: &mut Writer, day: &Day) {
    writer.u32(day.closed.map_or(0, ValueDate::get));
    match day.open {
        None => writer.u32(0),
        Some(open) => writer.u32(open.date.get()).u64(open.cut_off_at_ms).u64(open.closes_at_ms),
    };
}

fn read_day(reader: &mut Reader<'_>) -> Result<Day, DecodeError> {
    let closed = read_date(reader)?;
    let open = match read_date(reader)? {
        None => None,
        Some(date) => Some(OpenDay {
            date,
            cut_off_at_ms: reader.u64("cut_off_at")?,
            closes_at_ms: reader.u64("closes_at")?,
        }),
    };
    Ok(Day { open, closed })
}

fn read_date(reader: &mut Reader<'_>) -> Result<Option<ValueDate>, DecodeError> {
    match reader.u32("date")? {
        0 => Ok(None),
        date => match ValueDate::new(date) {
            Some(date) => Ok(Some(date)),
            None => Err(DecodeError::Range { field: "date" }),
        },
    }
}

impl Cycle {
    /// Number, due time, ages, open cut, deferred commands.
    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.u64(self.number).u64(self.due_at_ms);
        self.ages.write(writer);
        match &self.cut {
            None => _ = writer.u8(0),
            Some(open) => {
                writer.u8(1).u64(open.cut.cycle).u64(open.cut.floor_at_ms);
                writer.u32(open.queues.len() as u32);
                for queue in &open.queues {
                    writer.u32(queue.account.0);
                    for class in 0..CLASSES {
                        writer.u32(queue.taken[class]).u32(queue.floor[class]);
                    }
                }
            }
        }
        writer.u32(self.deferred.len() as u32);
        for deferred in &self.deferred {
            writer.u64(deferred.place.0).u32(deferred.command.len() as u32);
            writer.raw(&deferred.command);
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut cycle = Self {
            number: reader.u64("cycle")?,
            due_at_ms: reader.u64("cycle due")?,
            ages: Ages::read(reader)?,
            ..Self::default()
        };
        if read_bool(reader, "cut")? {
            cycle.cut = Some(read_cut(reader)?);
        }
        for _ in 0..reader.u32("deferred commands")? {
            let place = Place(reader.u64("deferred place")?);
            let length = reader.u32("deferred command")? as usize;
            let command = reader.raw(length, "deferred command")?.to_vec();
            cycle.deferred.push_back(Deferred { command, place });
        }
        Ok(cycle)
    }
}

fn read_cut(reader: &mut Reader<'_>) -> Result<OpenCut, DecodeError> {
    let cut = Cut { cycle: reader.u64("cut")?, floor_at_ms: reader.u64("floor_at")? };
    let mut queues = Vec::new();
    for _ in 0..reader.u32("cut queues")? {
        let account = AccountId(reader.u32("cut account")?);
        let mut queue = CutQueue { account, taken: [0; CLASSES], floor: [0; CLASSES] };
        for class in 0..CLASSES {
            queue.taken[class] = reader.u32("cut taken")?;
            queue.floor[class] = reader.u32("cut floor")?;
        }
        queues.push(queue);
    }
    Ok(OpenCut { cut, queues })
}

impl Pool {
    /// The link groups, by number: number, size, how many are ready, the members' places.
    pub(crate) fn write_groups(&self, writer: &mut Writer) {
        writer.u32(self.groups.len() as u32);
        for group in self.groups.iter() {
            writer
                .raw(&group.id.to_bytes())
                .u8(group.size)
                .u8(group.ready)
                .u8(group.members.len() as u8);
            for member in &group.members {
                writer.u64(self.payments.get(*member).place.0);
            }
        }
    }
}

pub(crate) fn read_currency(reader: &mut Reader<'_>) -> Result<Currency, DecodeError> {
    Currency::from_bytes(reader.array("currency")?)
        .map_err(|_| DecodeError::Range { field: "currency" })
}

pub(crate) fn read_bool(reader: &mut Reader<'_>, field: &'static str) -> Result<bool, DecodeError> {
    match reader.u8(field)? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(DecodeError::Range { field }),
    }
}

/// A count that is at most `max`: nothing is made room for beyond it.
pub(crate) fn bounded(count: u32, max: usize, field: &'static str) -> Result<usize, DecodeError> {
    let count = count as usize;
    if count <= max { Ok(count) } else { Err(DecodeError::Range { field }) }
}
