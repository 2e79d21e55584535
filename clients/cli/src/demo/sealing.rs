//! Seals the script: what the banks of the day would do each for itself, and the screener and the
//! receivers after them, with keys that are in their own folders.
//!
//! The day must come out the same for the same seed, so every generator of random bytes is seeded
//! here. That is for the demonstration alone: whoever knows the seed opens everything.

use std::collections::BTreeMap;
use std::path::Path;

use channel::{HeaderView, LocalSigner, MessageKind, PublicKey, Signer as _};
use iso20022::{Excerpt, Message, Profile};
use sdk::sealed::{
    AnyStatement, Contents, Draft, OpenedOrder, OrderRef, OwnKey, Reader, ReceiverConfirmation,
    ScreeningVerdict, Sealer, Signed, Statement, Suite, TrustFile, TrustStore, Vault, requirement,
};
use sdk::{Order, ParticipantId};
use tempfile::TempDir;
use zeroize::Zeroizing;

use super::day::{Actor, START_MS, Step};
use super::feeder::profiles;
use super::place::key_seed;
use super::random::Seeded;
use crate::dev::signed_by_roots;
use crate::failure::Failure;
use crate::sealed::{self, DenyList, Screen as _, names_of};

const DAY_MS: u64 = 86_400_000;
/// Whom the screener of the day holds.
const HELD: &[u8] = b"Kestrel Instruments\nHoshino Shokai\n";
const SCREENER: &str = "screener";

/// What was sealed, and what readers said to it.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Counted {
    pub(super) sealed: u64,
    pub(super) screened: u64,
    /// Held by the screener, and passed behind the next cycle.
    pub(super) held: u64,
    pub(super) confirmed: u64,
}

/// Somebody who seals or reads.
struct Office {
    id: ParticipantId,
    signer: LocalSigner,
    own: OwnKey,
    sealer: Sealer,
    reader: Reader,
}

/// The script on its way to a sealed one.
struct Writer {
    store: TrustStore,
    /// What the store keeps; everybody of the day believes the same.
    _folder: TempDir,
    offices: BTreeMap<String, Office>,
    list: DenyList,
    now_ms: u64,
    steps: Vec<Step>,
    /// Payments that were held, to be passed behind the next cycle.
    held: Vec<OrderRef>,
    counted: Counted,
}

/// Seals the orders of a script, and adds what that takes: identities, keys and policy at its
/// beginning, epochs, verdicts, confirmations.
pub(super) fn seal(
    seed: u64,
    dir: &Path,
    script: Vec<Step>,
) -> Result<(Vec<Step>, Counted), Failure> {
    let mut writer = Writer::begin(seed, dir)?;
    for step in script {
        match step {
            Step::Orders { by, orders } => writer.orders(by, orders)?,
            Step::Clock { time_ms, .. } => {
                writer.now_ms = time_ms;
                let cut = step.cuts();
                writer.steps.push(step);
                if cut {
                    writer.pass_held()?;
                }
            }
            step => writer.steps.push(step),
        }
    }
    Ok((writer.steps, writer.counted))
}

impl Writer {
    fn begin(seed: u64, dir: &Path) -> Result<Self, Failure> {
        let (mut statements, policy) = signed_by_roots(dir)?;
        let AnyStatement::Policy(signed) = &policy else {
            return Err(Failure::fault("the day's folder has no policy"));
        };
        let suite = signed.statement.suite;
        let mut offices = BTreeMap::new();
        let mut file = None;
        for profile in profiles(dir)? {
            if ["operator", "agent"].contains(&profile.role.as_str()) {
                continue;
            }
            let no_trust = || Failure::fault("the day's folder has no trust file");
            file = Some(TrustFile::load(profile.trust.as_deref().ok_or_else(no_trust)?)?);
            let vault = Vault::of(&profile)?.ok_or_else(no_trust)?;
            let office = Office::open(suite, (seed, &profile.name), &vault.keys)?;
            statements.push(office.own.signed.clone().into());
            offices.insert(profile.name, office);
        }
        statements.push(policy);
        let folder = tempfile::tempdir().map_err(|error| Failure::fault(error.to_string()))?;
        let file = file.ok_or_else(|| Failure::fault("the day's folder has no banks"))?;
        let mut store = TrustStore::open(file, folder.path())?;
        store.take(&statements, START_MS)?;
        let by = Actor("alice".to_owned());
        Ok(Self {
            store,
            _folder: folder,
            offices,
            list: DenyList::parse(HELD),
            now_ms: START_MS,
            steps: vec![Step::Statements { by, statements }],
            held: Vec::new(),
            counted: Counted::default(),
        })
    }

    /// Seals the orders of one bank, and has its readers say what they must.
    fn orders(&mut self, by: Actor, orders: Vec<Order>) -> Result<(), Failure> {
        let drafts = orders.iter().map(|order| draft(&self.store, order));
        let drafts: Vec<Option<Draft>> = drafts.collect::<Result<_, _>>()?;
        self.epochs(&by, &drafts)?;
        let (mut ready, mut waiting) = (Vec::new(), Vec::new());
        for (order, draft) in orders.into_iter().zip(drafts) {
            let Some(draft) = draft else {
                ready.push(order.bare()?);
                continue;
            };
            let office = office(&mut self.offices, &by.0)?;
            let parts = (&draft.order, &draft.contents);
            let sealed = office.sealer.seal((&self.store, &office.own), parts, self.now_ms)?;
            self.counted.sealed += 1;
            // Instructions are not held, as their counterparts rely on them.
            if order.fields().kind() != Some(MessageKind::FxInstruction) {
                waiting.push((draft.order, sealed.clone()));
            }
            ready.push(sealed);
        }
        self.steps.push(Step::Orders { by, orders: ready });
        self.readers_say(&waiting)
    }

    /// Opens the epochs that these orders need.
    fn epochs(&mut self, by: &Actor, drafts: &[Option<Draft>]) -> Result<(), Failure> {
        if drafts.iter().all(Option::is_none) {
            return Ok(());
        }
        let office = office(&mut self.offices, &by.0)?;
        let wanted = drafts.iter().flatten().map(|draft| (&draft.order, &draft.contents));
        let opened = office.sealer.prepare(
            (&self.store, &office.own),
            wanted,
            self.now_ms,
            &office.signer,
        )?;
        let key = PublicKey::new(&office.signer.public_key());
        let key = key.map_err(|error| Failure::fault(error.to_string()))?;
        for open in &opened {
            for office in self.offices.values_mut() {
                let accepted = office.reader.accept_epoch(open, &key);
                accepted.map_err(|error| Failure::fault(error.to_string()))?;
            }
        }
        self.state(by, opened);
        Ok(())
    }

    /// The screener's verdicts and the receivers' confirmations.
    fn readers_say(&mut self, sealed: &[(Order, Order)]) -> Result<(), Failure> {
        let mut verdicts = Vec::new();
        let mut confirmations: BTreeMap<String, Vec<Signed<ReceiverConfirmation>>> =
            BTreeMap::new();
        for (plain, order) in sealed {
            let required = requirement(&self.store, plain, self.now_ms)?;
            let name = order_ref(order)?;
            if required.screening {
                let names = self.names(order)?;
                let pass = self.list.passes(&names);
                verdicts.push(self.verdict(name, pass)?);
                self.counted.screened += 1;
                if !pass {
                    self.held.push(name);
                    self.counted.held += 1;
                }
            }
            if required.confirmation {
                let (by, confirmation) = self.confirmation(order, name)?;
                confirmations.entry(by).or_default().push(confirmation);
                self.counted.confirmed += 1;
            }
        }
        self.state(&Actor(SCREENER.to_owned()), verdicts);
        for (by, statements) in confirmations {
            self.state(&Actor(by), statements);
        }
        Ok(())
    }

    /// Somebody has looked into what was held.
    fn pass_held(&mut self) -> Result<(), Failure> {
        let held = std::mem::take(&mut self.held);
        let verdicts = held.into_iter().map(|order| self.verdict(order, true));
        let verdicts = verdicts.collect::<Result<Vec<_>, _>>()?;
        self.state(&Actor(SCREENER.to_owned()), verdicts);
        Ok(())
    }

    /// The names that the screener reads in an order.
    fn names(&mut self, order: &Order) -> Result<Vec<String>, Failure> {
        let opened = open(office(&mut self.offices, SCREENER)?, order)?;
        let views = opened.views.iter().filter_map(|it| {
            let view = iso20022::View::ALL.get(it.view() as usize)?;
            Some((*view, it.content()))
        });
        let excerpt = Excerpt::of(views).map_err(|error| Failure::fault(error.to_string()))?;
        Ok(excerpt.map(|it| names_of(&it)).unwrap_or_default())
    }

    fn verdict(
        &mut self,
        order: OrderRef,
        pass: bool,
    ) -> Result<Signed<ScreeningVerdict>, Failure> {
        let (lists, engine, screened_at_ms) = (self.list.lists(), self.list.engine(), self.now_ms);
        let pool = self.store.file().pool;
        let office = office(&mut self.offices, SCREENER)?;
        let screener = office.id;
        let verdict =
            ScreeningVerdict { pool, screener, order, lists, engine, pass, screened_at_ms };
        sign(verdict, &office.signer)
    }

    fn confirmation(
        &mut self,
        order: &Order,
        name: OrderRef,
    ) -> Result<(String, Signed<ReceiverConfirmation>), Failure> {
        let receiver = order.fields().receiver();
        let pool = self.store.file().pool;
        let mut offices = self.offices.iter_mut();
        let found = offices.find(|(_, office)| office.id == receiver);
        let (by, office) = found.ok_or_else(|| Failure::fault("a receiver has no keys"))?;
        open(office, order)?;
        let confirmation = ReceiverConfirmation {
            pool,
            receiver,
            order: name,
            able: true,
            confirmed_at_ms: self.now_ms,
        };
        Ok((by.clone(), sign(confirmation, &office.signer)?))
    }

    /// One record of statements, if there are any.
    fn state<S: Statement>(&mut self, by: &Actor, statements: Vec<Signed<S>>)
    where
        AnyStatement: From<Signed<S>>,
    {
        if !statements.is_empty() {
            let statements = statements.into_iter().map(AnyStatement::from).collect();
            self.steps.push(Step::Statements { by: by.clone(), statements });
        }
    }
}

impl Office {
    fn open(
        suite: Suite,
        (seed, name): (u64, &str),
        keys: &sdk::sealed::KeyStore,
    ) -> Result<Self, Failure> {
        let signer = LocalSigner::from_seed(&Zeroizing::new(key_seed(seed, name)));
        let mut random = Seeded::new(key_seed(seed, &format!("kem {name}")));
        keys.rotate(suite, START_MS, (DAY_MS, 0), &signer, &mut random)?;
        let own = keys.current(suite, START_MS)?;
        let id = own.signed.statement.participant;
        let random = Seeded::new(key_seed(seed, &format!("sealing {name}")));
        let sealer = Sealer::new(own.signed.statement.pool, id, Box::new(random));
        Ok(Self { id, signer, own, sealer, reader: keys.reader()? })
    }
}

/// What is sealed of an order; nothing if it stays as it is: an FX instruction has no details, and a
/// stranger no key.
fn draft(store: &TrustStore, order: &Order) -> Result<Option<Draft>, Failure> {
    let fields = order.fields();
    let open = fields.kind() == Some(MessageKind::FxInstruction)
        || store.identity(fields.receiver()).is_none();
    if open {
        return Ok(None);
    }
    if order.payload().is_empty() {
        return Ok(Some(Draft::of(order, Contents::default())?));
    }
    let message = Message::read(order.payload(), Profile::Cbpr)
        .map_err(|error| Failure::fault(format!("the day's files: {error}")))?;
    sealed::draft(order, &message).map(Some)
}

fn office<'a>(
    offices: &'a mut BTreeMap<String, Office>,
    name: &str,
) -> Result<&'a mut Office, Failure> {
    offices.get_mut(name).ok_or_else(|| Failure::fault(format!("{name} has no keys")))
}

fn open(office: &Office, order: &Order) -> Result<OpenedOrder, Failure> {
    let opened = office.reader.reopen(order.header(), order.payload());
    opened.map_err(|error| Failure::fault(format!("{}: {error}", order.uetr())))
}

fn order_ref(order: &Order) -> Result<OrderRef, Failure> {
    let name = OrderRef::of(HeaderView::trusted(order.header()), *order.digest());
    name.ok_or_else(|| Failure::fault("an order of an unknown kind"))
}

fn sign<S: Statement>(statement: S, signer: &LocalSigner) -> Result<Signed<S>, Failure> {
    Signed::sign(statement, signer).map_err(|error| Failure::fault(error.to_string()))
}
