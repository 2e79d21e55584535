//! What the readers make of settled orders: some of them, drawn by lot, fetched from the node by
//! receiver and overseer with their own certificates, and opened with their own keys.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

use anyhow::Context as _;
use channel::{AnyStatement, EpochOpen, HeaderView, OrderHeader, ParticipantId, Signed};
use proto::v1::directory_service_client::DirectoryServiceClient;
use proto::v1::payment_service_client::PaymentServiceClient;
use proto::v1::{GetEpochRequest, GetPaymentRequest, Payment, PaymentState, StatementKind};
use sealing::{OpenedOrder, Reader};
use tonic::{Code, Status};

use super::sealer::details;
use super::{PRIVATE, Party, SHARED, Seals};
use crate::workload::{Draw, Workload};

/// What came of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Opened {
    /// Orders that were opened by both and said what they should.
    pub(crate) orders: u64,
    /// What does not hold, in words.
    pub(crate) violations: Vec<String>,
}

/// Opens so many settled orders as their receivers and as the overseer; `bytes` of details each.
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
        let [shared, private] = details(header.uetr, bytes);
        let receiver = seals.banks.iter().find(|bank| bank.id == header.receiver);
        let receiver = receiver.context("an order to nobody")?;
        let before = opened.violations.len();
        for (party, private) in [(receiver, Some(private)), (&seals.overseer, None)] {
            let desk = match desks.entry(party.id) {
                Entry::Occupied(desk) => desk.into_mut(),
                Entry::Vacant(place) => place.insert(Reading::new(seals, party)?),
            };
            let found = desk.read(&header).await?;
            let says = |view| found.as_ref().ok().and_then(|it| Some(it.view(view)?.content()));
            if says(SHARED) != Some(&shared) || says(PRIVATE) != private.as_deref() {
                let who = party.id.0;
                let why = found.err().unwrap_or_else(|| "says something else".to_owned());
                opened.violations.push(format!("{} for participant {who}: {why}", header.uetr));
            }
        }
        opened.orders += u64::from(opened.violations.len() == before);
    }
    Ok(opened)
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
