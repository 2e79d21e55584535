//! What sealing and opening cost on one core: `cargo bench -p sealing`.
//!
//! One order has 1 KiB of details and three readers, as one view or split into five. Times are CPU
//! times of the thread, so that a busy machine does not count; randomness is the operating system's.

#![expect(clippy::unwrap_used, reason = "a program to run by hand")]

use std::hint::black_box;
use std::time::Duration;

use channel::{
    EpochOpen, KemKey, LocalSigner, MessageKind, OrderHeader, ParticipantId, PublicKey, Recipient,
    Signed, Signer as _, SlotRole, Suite, ValueDate, View, ViewMask, batch_statement, merkle_root,
};
use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use ledger::{Amount, Currency};
use rustix::time::{ClockId, clock_gettime};
use sealing::{Buffered, Content, Epoch, EpochTerms, KemSecret, Reader, SealedOrder};

const NOW: u64 = 1_772_431_200_000;
const SENDER: ParticipantId = ParticipantId(7);

/// CPU time of this thread, in nanoseconds.
struct CpuTime;

impl Measurement for CpuTime {
    type Intermediate = u64;
    type Value = Duration;

    fn start(&self) -> u64 {
        let now = clock_gettime(ClockId::ThreadCPUTime);
        u64::try_from(now.tv_sec).unwrap() * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap()
    }

    fn end(&self, started: u64) -> Duration {
        Duration::from_nanos(self.start() - started)
    }

    fn add(&self, one: &Duration, two: &Duration) -> Duration {
        *one + *two
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        WallTime.to_f64(value)
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

type Random = Buffered<rand_core::UnwrapErr<getrandom::SysRng>>;

fn random() -> Random {
    Buffered::new(rand_core::UnwrapErr(getrandom::SysRng))
}

fn header() -> OrderHeader {
    OrderHeader {
        urgent: false,
        pool: 1,
        sender: SENDER,
        receiver: ParticipantId(8),
        uetr: "0b6d5a5e-6a58-4d0c-9a3e-3f1f6f1f2a11".parse().unwrap(),
        kind: MessageKind::CustomerTransfer,
        class: 1,
        amount: Amount::new(125_000, Currency::parse("USD").unwrap()).unwrap(),
        value_date: ValueDate::new(20_260_302).unwrap(),
        policy_version: 0,
        created_at_ms: NOW,
        not_before_ms: 0,
        not_after_ms: 0,
        link: None,
        fx: None,
        sealing: None,
        payload_len: 0,
    }
}

/// Three readers with a key each.
fn readers(suite: Suite) -> Vec<(KemKey, KemSecret, Recipient)> {
    let roles = [SlotRole::Receiver, SlotRole::SenderRegulator, SlotRole::ReceiverRegulator];
    let reader = |(number, role)| {
        let secret = KemSecret::generate(suite, &mut random());
        let participant = ParticipantId(number);
        let public = secret.public();
        let (valid_from_ms, valid_to_ms) = (NOW, NOW + 1);
        let key =
            KemKey { pool: 1, participant, public: public.clone(), valid_from_ms, valid_to_ms };
        let views = ViewMask::ALL;
        let recipient = Recipient { role, key: key.id(), participant, public, views };
        (key, secret, recipient)
    };
    (8..).zip(roles).map(reader).collect()
}

fn signer() -> LocalSigner {
    LocalSigner::from_seed(&zeroize::Zeroizing::new([7; 32]))
}

fn epoch(recipients: &[Recipient]) -> (Epoch, Signed<EpochOpen>) {
    let terms = EpochTerms {
        pool: 1,
        sender: SENDER,
        suite: recipients[0].public.suite(),
        policy_version: 3,
        opened_at_ms: NOW,
        not_after_ms: NOW + 1_000,
    };
    Epoch::open(terms, recipients, &signer(), &mut random()).unwrap()
}

/// 1 KiB in these views, and the readers' slots for them.
fn order(count: usize, readers: &[Recipient]) -> (Vec<Content<'static>>, Vec<Recipient>) {
    let bytes = &[b'x'; 1_024][..1_024 / count];
    let views = &View::ALL[..count];
    let contents = views.iter().map(|view| Content { view: *view, bytes }).collect();
    let views = ViewMask::of(views);
    (contents, readers.iter().map(|reader| Recipient { views, ..reader.clone() }).collect())
}

fn sealing(criterion: &mut Criterion<CpuTime>) {
    let readers = readers(Suite::X25519Aes256Gcm);
    let recipients: Vec<_> = readers.iter().map(|(.., recipient)| recipient.clone()).collect();
    let mut random = random();
    for count in [1, 5] {
        let (contents, recipients) = order(count, &recipients);
        let mut sender = epoch(&recipients).0;
        criterion.bench_function(&format!("seal 1 KiB to 3 readers, views: {count}"), |bench| {
            bench.iter(|| {
                if !sender.has_room(NOW) {
                    sender = epoch(&recipients).0;
                }
                sender.seal(black_box(&header()), black_box(&contents), &recipients, &mut random)
            });
        });
    }
}

fn opening(criterion: &mut Criterion<CpuTime>) {
    let readers = readers(Suite::X25519Aes256Gcm);
    let recipients: Vec<_> = readers.iter().map(|(.., recipient)| recipient.clone()).collect();
    let sender_key = PublicKey::new(&signer().public_key()).unwrap();
    for count in [1, 5] {
        let (contents, recipients) = order(count, &recipients);
        let (mut sender, open) = epoch(&recipients);
        let sealed = sender.seal(&header(), &contents, &recipients, &mut random()).unwrap();
        let mut reader = Reader::new(1, ParticipantId(8));
        reader.add_key(&readers[0].0, readers[0].1.clone()).unwrap();
        reader.accept_epoch(&open, &sender_key).unwrap();
        let SealedOrder { header, payload } = &sealed;
        criterion.bench_function(&format!("open 1 KiB, views: {count}"), |bench| {
            bench.iter(|| reader.reopen(black_box(header), black_box(payload)).unwrap());
        });
    }
}

fn epochs(criterion: &mut Criterion<CpuTime>) {
    epochs_of(criterion, Suite::X25519Aes256Gcm);
    epochs_of(criterion, Suite::XWingAes256Gcm);
}

fn epochs_of(criterion: &mut Criterion<CpuTime>, suite: Suite) {
    let readers = readers(suite);
    let recipients: Vec<_> = readers.iter().map(|(.., recipient)| recipient.clone()).collect();
    let sender_key = PublicKey::new(&signer().public_key()).unwrap();
    let mut group = criterion.benchmark_group(format!("epoch, suite {}", suite as u16));
    group.throughput(Throughput::Elements(recipients.len() as u64));
    group.bench_function("open for 3 readers", |bench| bench.iter(|| epoch(&recipients)));
    let open = epoch(&recipients).1;
    group.throughput(Throughput::Elements(1));
    group.bench_function("accept by a reader", |bench| {
        let fresh = || {
            let mut reader = Reader::new(1, ParticipantId(8));
            reader.add_key(&readers[0].0, readers[0].1.clone()).unwrap();
            reader
        };
        let accept = |mut reader: Reader| reader.accept_epoch(&open, &sender_key);
        bench.iter_batched(fresh, accept, BatchSize::SmallInput);
    });
    group.finish();
}

/// From 256 order digests to one signature, and back.
fn signatures(criterion: &mut Criterion<CpuTime>) {
    let digests: Vec<[u8; 32]> = (0..=255).map(|number| [number; 32]).collect();
    let signer = signer();
    let key = PublicKey::new(&signer.public_key()).unwrap();
    let statement = || {
        let root = merkle_root(black_box(&digests).iter().map(<[u8; 32]>::as_slice));
        batch_statement(1, SENDER, 256, &root)
    };
    let signature = signer.sign(&statement()).unwrap();
    let mut group = criterion.benchmark_group("batch of 256 orders");
    group.throughput(Throughput::Elements(256));
    group.bench_function("sign", |bench| bench.iter(|| signer.sign(&statement()).unwrap()));
    group.bench_function("verify", |bench| {
        bench.iter(|| key.verify(&statement(), &signature).unwrap());
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .with_measurement(CpuTime)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(1_500));
    targets = sealing, opening, epochs, signatures
}
criterion_main!(benches);
