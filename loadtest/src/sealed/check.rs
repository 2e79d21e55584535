//! What the receivers make of settled orders: some of them, drawn by lot, fetched from the node with
//! the receiver's own certificate, and opened with its own key.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

use anyhow::Context as _;
use channel::{AnyStatement, EpochOpen, HeaderView, OrderHeader, ParticipantId, Signed, View};
use proto::v1::directory_service_client::DirectoryServiceClient;
use proto::v1::payment_service_client::PaymentServiceClient;
use proto::v1::{GetEpochRequest, GetPaymentRequest, Payment, PaymentState, StatementKind};
use sealing::{OpenedOrder, Reader};
use tonic::{Code, Status};

use super::sealer::details;
use super::{PRIVATE, Party, SHARED, Seals};
use crate::workload::{Draw, Workload};

/// Violations put into words, at most: one cause has as many as there are orders.
const WORDED_MAX: u64 = 20;

/// What came of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Opened {
    /// Orders that were opened and said what they should.
    pub(crate) orders: u64,
    /// Those that were not, or said something else.
    pub(crate) failed: u64,
    /// The first of them, in words.
    pub(crate) violations: Vec<String>,
}

impl Opened {
    fn violated(&mut self, header: &OrderHeader, party: &Party, why: &str) {
        self.failed += 1;
        if self.failed <= WORDED_MAX {
            let who = party.id.0;
            self.violations.push(format!("{} for participant {who}: {why}", header.uetr));
        }
    }
}

/// Opens so many settled orders as their receivers; `bytes` of details each.
pub(crate) async fn open_some(
    seals: &Seals,
    workload: &Workload,
    (count, bytes): (u64, usize),
    seed: u64,
) -> anyhow::Result<Opened> {
    let mut draw = Draw::new(seed);
    let mut desks: BTreeMap<ParticipantId, Reading<'_>> = BTreeMap::new();
    let mut opened = Opened::default();
    for _ in 0..count {
        let batch = &workload.batches[draw.below(workload.batches.len() as u64) as usize];
        let orders = &batch.request.orders;
        let order = &orders[draw.below(orders.len() as u64) as usize];
        let header: OrderHeader = HeaderView::decode(&order.header)?;
        let receiver = seals.banks.iter().find(|bank| bank.id == header.receiver);
        let receiver = receiver.context("an order to nobody")?;
        let desk = match desks.entry(receiver.id) {
            Entry::Occupied(desk) => desk.into_mut(),
            Entry::Vacant(place) => place.insert(Reading::new(seals, receiver)?),
        };
        let [shared, private] = details(header.uetr, bytes);
        match desk.read(&header).await? {
            Ok(order) if says(&order, SHARED, &shared) && says(&order, PRIVATE, &private) => {
                opened.orders += 1;
            }
            Ok(_) => opened.violated(&header, receiver, "says something else"),
            Err(why) => opened.violated(&header, receiver, &why),
        }
    }
    Ok(opened)
}

fn says(order: &OpenedOrder, view: View, content: &[u8]) -> bool {
    order.view(view).is_some_and(|opened| opened.content() == content)
}

/// One reader at work.
struct Reading<'a> {
    seals: &'a Seals,
    party: &'a Party,
    reader: Reader,
}

impl<'a> Reading<'a> {
    fn new(seals: &'a Seals, party: &'a Party) -> anyhow::Result<Self> {
        let mut reader = Reader::new(seals.pool, party.id);
        reader.add_key(&party.key, party.secret.clone())?;
        Ok(Self { seals, party, reader })
    }

    /// Fetches an order and opens it; or says why not.
    async fn read(&mut self, header: &OrderHeader) -> anyhow::Result<Result<OpenedOrder, String>> {
        let Some(payment) = self.fetch(header).await? else {
            return Ok(Err("is not there".to_owned()));
        };
        if payment.state() != PaymentState::Settled {
            return Ok(Err(format!("is {}", payment.state().as_str_name())));
        }
        let view = HeaderView::check(&payment.header)?;
        if !self.reader.knows_epoch(view) {
            let signed = self.epoch(view).await?;
            let key = self.seals.keys.get(&header.sender).context("an order by nobody")?;
            self.reader.accept_epoch(&signed, key)?;
        }
        // The same order may be drawn twice.
        Ok(self
            .reader
            .reopen(&payment.header, &payment.payload)
            .map_err(|_| "does not open".to_owned()))
    }

    async fn fetch(&self, header: &OrderHeader) -> anyhow::Result<Option<Payment>> {
        let mut client = PaymentServiceClient::new(self.party.connection.clone());
        let uetr = header.uetr.to_string();
        let found = loop {
            let request = GetPaymentRequest { uetr: uetr.clone(), at_least_position: 0 };
            match client.get_payment(request).await {
                Err(status) if busy(&status).await => {}
                Err(status) if status.code() == Code::NotFound => return Ok(None),
                other => break other.context("get a payment")?.into_inner(),
            }
        };
        Ok(found.payments.into_iter().next())
    }

    /// How the epoch of an order was opened, as the node tells this reader.
    async fn epoch(&self, header: HeaderView<'_>) -> anyhow::Result<Signed<EpochOpen>> {
        let sealing = header.sealing()?.context("an order that is not sealed")?;
        let mut client = DirectoryServiceClient::new(self.party.connection.clone());
        let found = loop {
            let (sender, epoch) = (header.sender().0, sealing.epoch.0.to_vec().into());
            let request = GetEpochRequest { sender, epoch, at_least_position: 0 };
            match client.get_epoch(request).await {
                Err(status) if busy(&status).await => {}
                other => break other.context("get an epoch")?.into_inner(),
            }
        };
        let logged = found.statement.and_then(|it| it.statement).context("no statement")?;
        match AnyStatement::decode(StatementKind::Epoch as u8, &logged.signed)? {
            AnyStatement::EpochOpen(signed) => Ok(signed),
            _ => anyhow::bail!("a statement of another kind"),
        }
    }
}

/// Waits if the node's rate limit has been met.
async fn busy(status: &Status) -> bool {
    let busy = status.code() == Code::ResourceExhausted;
    if busy {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    busy
}
