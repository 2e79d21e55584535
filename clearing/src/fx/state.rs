//! The canonical bytes of quotes and FX orders, for snapshots and roots.

use channel::{DecodeError, ParticipantId, Quote, Rate, Reader, RequestId, Side, Writer};
use ledger::Hash;
use sha2::{Digest, Sha256};

use super::book::Book;
use super::ladder::{Ladder, LadderId, Standing};
use super::orders::{FxOrder, Match, Orders, Terms};
use super::price::Price;
use super::{FILLS_MAX, LADDERS_MAX, Pair};
use crate::directory::Directory;
use crate::outcome::{Fill, Source};
use crate::record::Place;
use crate::state::{bounded, read_bool};

impl Ladder {
    fn write(&self, id: LadderId, writer: &mut Writer) {
        writer.u32(id.provider).u8(id.base).u8(id.quote);
        writer.raw(&self.request.0).raw(&self.digest).u64(self.issued_at_ms).u64(self.place.0);
        writer.u8(self.quotes.len() as u8);
        for standing in &self.quotes {
            writer.u8(standing.index);
            standing.quote.write(writer);
            writer.u64(standing.taken);
        }
    }

    fn read(
        reader: &mut Reader<'_>,
        directory: &Directory,
    ) -> Result<(LadderId, Self), DecodeError> {
        let id = LadderId {
            provider: reader.u32("provider")?,
            base: reader.u8("base")?,
            quote: reader.u8("quote")?,
        };
        let known = (id.provider as usize) < directory.members().len()
            && usize::from(id.base.max(id.quote)) < directory.currencies().len();
        if !known {
            return Err(DecodeError::Range { field: "quotes of" });
        }
        let digits = |index| directory.currency(index).currency.digits();
        let digits = (digits(id.base), digits(id.quote));
        let mut ladder = Self {
            request: RequestId(reader.array("quotes request")?),
            digest: reader.array("quotes digest")?,
            issued_at_ms: reader.u64("quotes issued_at")?,
            place: Place(reader.u64("quotes place")?),
            quotes: Vec::new(),
        };
        for _ in 0..reader.u8("quotes")? {
            let index = reader.u8("quote index")?;
            let standing = Standing::new(index, Quote::read(reader)?, digits);
            let taken = reader.u64("quote taken")?;
            let standing = standing.filter(|standing| taken < standing.size);
            let mut standing = standing.ok_or(DecodeError::Range { field: "quote" })?;
            standing.taken = taken;
            ladder.quotes.push(standing);
        }
        Ok((id, ladder))
    }

    /// SHA-256 over its bytes.
    pub(crate) fn digest(&self, id: LadderId) -> Hash {
        let mut writer = Writer::new();
        self.write(id, &mut writer);
        Sha256::digest(writer.into_bytes()).into()
    }
}

impl Book {
    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.u32(self.len() as u32);
        self.ladders().for_each(|(id, ladder)| ladder.write(*id, writer));
    }

    pub(crate) fn read(
        reader: &mut Reader<'_>,
        directory: &Directory,
    ) -> Result<Self, DecodeError> {
        let mut book = Self::default();
        for _ in 0..bounded(reader.u32("quoted pairs")?, LADDERS_MAX, "quoted pairs")? {
            let (id, ladder) = Ladder::read(reader, directory)?;
            book.replace(id, ladder);
        }
        Ok(book)
    }
}

impl FxOrder {
    pub(crate) fn write(&self, place: Place, writer: &mut Writer) {
        writer.u64(place.0).u8(self.counter).u64(self.until_ms);
        match self.terms {
            Terms::Instruction { minor } => _ = writer.u8(1).u64(minor),
            Terms::Payment { limit } => {
                writer.u8(2);
                limit.write(writer);
                writer.u8(u8::from(self.crosses));
            }
        }
        let Some(matched) = &self.matched else {
            writer.u8(0);
            return;
        };
        writer.u8(matched.fills.len() as u8).u64(matched.first_leg.0);
        for fill in &matched.fills {
            match fill.source {
                Source::Quote { provider, place, index } => {
                    writer.u8(1).u32(provider.0).u64(place.0).u8(index);
                }
                Source::Order(place) => _ = writer.u8(2).u64(place.0),
            }
            writer.u8(fill.side as u8);
            fill.rate.write(writer);
            writer.u64(fill.sold).u64(fill.bought);
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<(Place, Self), DecodeError> {
        let place = Place(reader.u64("fx place")?);
        let counter = reader.u8("fx counter currency")?;
        let until_ms = reader.u64("fx until")?;
        let mut crosses = true;
        let terms = match reader.u8("fx terms")? {
            1 => Terms::Instruction { minor: reader.u64("fx counter amount")? },
            2 => {
                let limit = Rate::read(reader)?;
                crosses = read_bool(reader, "fx crosses")?;
                Terms::Payment { limit }
            }
            value => return Err(DecodeError::Unknown { field: "fx terms", value: value.into() }),
        };
        let fills = bounded(reader.u8("fills")?.into(), FILLS_MAX, "fills")?;
        let mut matched = None;
        if fills > 0 {
            let first_leg = Place(reader.u64("first leg")?);
            let fills = (0..fills).map(|_| read_fill(reader)).collect::<Result<_, _>>()?;
            matched = Some(Match { first_leg, fills });
        }
        Ok((place, Self { counter, terms, until_ms, crosses, matched }))
    }
}

fn read_fill(reader: &mut Reader<'_>) -> Result<Fill, DecodeError> {
    Ok(Fill {
        source: match reader.u8("fill source")? {
            1 => Source::Quote {
                provider: ParticipantId(reader.u32("fill provider")?),
                place: Place(reader.u64("fill quote")?),
                index: reader.u8("fill index")?,
            },
            2 => Source::Order(Place(reader.u64("fill order")?)),
            value => {
                return Err(DecodeError::Unknown { field: "fill source", value: value.into() });
            }
        },
        side: match reader.u8("fill side")? {
            1 => Side::Bid,
            2 => Side::Ask,
            value => return Err(DecodeError::Unknown { field: "fill side", value: value.into() }),
        },
        rate: Rate::read(reader)?,
        sold: reader.u64("fill sold")?,
        bought: reader.u64("fill bought")?,
    })
}

impl Orders {
    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.u32(self.len() as u32);
        self.iter().for_each(|(place, order)| order.write(place, writer));
        self.write_work(writer);
    }

    /// What is left to try.
    pub(crate) fn write_work(&self, writer: &mut Writer) {
        writer.u32(self.untried.len() as u32);
        self.untried.iter().for_each(|place| _ = writer.u64(place.0));
        writer.u32(self.scans.len() as u32);
        for (pair, behind) in &self.scans {
            writer.u8(pair.sold).u8(pair.bought).u8(u8::from(behind.is_some()));
            if let Some((price, place)) = behind {
                // A limit is a rate, so what is sold is a power of ten.
                let (bought, sold) = price.parts();
                writer.u8(sold.ilog10() as u8).u64(bought).u64(place.0);
            }
        }
    }

    /// Reads the orders; they are put where they wait with their payments.
    pub(crate) fn read(reader: &mut Reader<'_>, currencies: usize) -> Result<Self, DecodeError> {
        let mut orders = Self::default();
        for _ in 0..reader.u32("fx orders")? {
            let (place, order) = FxOrder::read(reader)?;
            if usize::from(order.counter) >= currencies {
                return Err(DecodeError::Range { field: "fx counter currency" });
            }
            orders.insert(place, order);
        }
        for _ in 0..reader.u32("fx untried")? {
            orders.untried.insert(Place(reader.u64("fx untried")?));
        }
        for _ in 0..reader.u32("fx scans")? {
            let pair = Pair { sold: reader.u8("fx scan")?, bought: reader.u8("fx scan")? };
            let mut behind = None;
            if read_bool(reader, "fx scan")? {
                let limit = Rate::read(reader)?;
                behind = Some((Price::direct(limit), Place(reader.u64("fx scan")?)));
            }
            orders.scans.insert(pair, behind);
        }
        Ok(orders)
    }
}
