//! Who is told of a sealed payment and of how much: the readers that the policy names, and nobody
//! else.

use channel::{
    DisclosurePolicy, HeaderView, OrderRef, PolicyRule, ReceiverConfirmation, RuleReader,
    ScreeningVerdict, SlotRole, Suite,
};
use proto::v1;
use proto::v1::{Hold, PaymentState};
use tonic::{Code, Status};

use crate::node::Node;
use crate::people::{POOL, Person, START_MS, root, uetr};
use crate::sealed::{Slot, epoch_for, sealed_for, signed, views};
use crate::watch::{check_proof, quick, until, watch};

/// From so much on a screener passes a payment, minor units.
const SCREENED: u64 = 1_000;
/// From so much on its receiver confirms it, minor units.
const CONFIRMED: u64 = 10_000;

/// Each country's regulator reads what is sent from there, and what is received there.
fn policy(node: &Node) -> DisclosurePolicy {
    let reads = |role, person: Option<&Person>| {
        let participant = person.map(|person| person.id);
        RuleReader { role, participant, views: views() }
    };
    let rule = |from: Option<&[u8; 2]>, to: Option<&[u8; 2]>, minor_min, reader| PolicyRule {
        currency: None,
        sender_country: from.copied(),
        receiver_country: to.copied(),
        minor_min,
        minor_max: u64::MAX,
        screening: false,
        confirmation: false,
        readers: vec![reader],
    };
    let receiver = || reads(SlotRole::Receiver, None);
    let mut rules = vec![rule(None, None, 0, receiver())];
    for (country, regulator) in [(b"GB", &node.regulator), (b"FR", &node.foreign)] {
        let from = reads(SlotRole::SenderRegulator, Some(regulator));
        let to = reads(SlotRole::ReceiverRegulator, Some(regulator));
        rules.push(rule(Some(country), None, 0, from));
        rules.push(rule(None, Some(country), 0, to));
    }
    let screener = reads(SlotRole::Screener, Some(&node.screener));
    rules.push(PolicyRule { screening: true, ..rule(None, None, SCREENED, screener) });
    rules.push(PolicyRule { confirmation: true, ..rule(None, None, CONFIRMED, receiver()) });
    let suite = Suite::X25519Aes256Gcm;
    DisclosurePolicy { pool: POOL, version: 1, effective_at_ms: START_MS, suite, rules }
}

/// Who reads a payment by that policy.
fn slots<'a>(node: &'a Node, (from, to): Parties<'a>, minor: u64) -> Vec<Slot<'a>> {
    let regulator = |bank: &Person| {
        if bank.participant().country == *b"GB" { &node.regulator } else { &node.foreign }
    };
    let mut slots = vec![
        (SlotRole::Receiver, to),
        (SlotRole::SenderRegulator, regulator(from)),
        (SlotRole::ReceiverRegulator, regulator(to)),
    ];
    slots.extend((minor >= SCREENED).then_some((SlotRole::Screener, &node.screener)));
    slots
}

type Parties<'a> = (&'a Person, &'a Person);

/// Everybody's keys, the policy, an epoch of each of two banks for all who may read.
async fn start() -> Node {
    let node = Node::start_with(quick()).await;
    node.vouch().await;
    node.state(vec![signed(policy(&node), &root())]).await;
    let Node { alice, bob, carol, regulator, foreign, screener, .. } = &node;
    for (from, to) in [(alice, bob), (bob, alice)] {
        let readers = [
            (SlotRole::Receiver, to),
            (SlotRole::Receiver, carol),
            (SlotRole::SenderRegulator, regulator),
            (SlotRole::ReceiverRegulator, regulator),
            (SlotRole::ReceiverRegulator, foreign),
            (SlotRole::Screener, screener),
        ];
        node.state(vec![signed(epoch_for(&readers, from, 1), &from.signer)]).await;
    }
    node
}

async fn pay(node: &Node, parties: Parties<'_>, minor: u64, number: u64) -> v1::Order {
    let slots = slots(node, parties, minor);
    let order = sealed_for(&slots, parties, 1, (minor, number));
    let request = parties.0.single(order.clone());
    let answer = node.payments(parties.0).await.submit_payment(request).await.unwrap();
    let decision = answer.into_inner().decisions.unwrap().decisions.remove(0);
    assert_eq!(decision.reason(), v1::RejectReason::Unspecified);
    order
}

/// All that somebody is told of, up to a batch, with payloads.
async fn told(node: &Node, person: &Person, batch: u64) -> Vec<v1::Payment> {
    let mut stream = watch(node, person, bytes::Bytes::new(), true).await;
    let messages = until(&mut stream, batch).await;
    messages.into_iter().flat_map(|message| message.payments).collect()
}

/// Numbers and states of payments.
fn states(payments: &[v1::Payment]) -> Vec<(u64, PaymentState)> {
    let number = |payment: &v1::Payment| {
        (0..10).find(|number| uetr(*number).to_string() == payment.uetr).unwrap()
    };
    payments.iter().map(|payment| (number(payment), payment.state())).collect()
}

async fn get(node: &Node, person: &Person, number: u64) -> Result<v1::Payment, Status> {
    let request = v1::GetPaymentRequest { uetr: uetr(number).to_string(), at_least_position: 0 };
    let answer = node.payments(person).await.get_payment(request).await?;
    Ok(answer.into_inner().payments.remove(0))
}

async fn holds(node: &Node, person: &Person, number: u64) -> Vec<Hold> {
    get(node, person, number).await.unwrap().holds().collect()
}

pub(crate) fn order_ref(order: &v1::Order) -> OrderRef {
    let header = HeaderView::check(&order.header).unwrap();
    OrderRef::of(header, channel::order_digest(&order.header, &order.payload)).unwrap()
}

fn verdict(node: &Node, order: &v1::Order, pass: bool, screened_at_ms: u64) -> v1::Statement {
    let verdict = ScreeningVerdict {
        pool: POOL,
        screener: node.screener.id,
        order: order_ref(order),
        lists: [7; 32],
        engine: 1,
        pass,
        screened_at_ms,
    };
    signed(verdict, &node.screener.signer)
}

fn confirmation(receiver: &Person, order: &v1::Order) -> v1::Statement {
    let order = order_ref(order);
    let (able, confirmed_at_ms, pool) = (true, START_MS, POOL);
    let said = ReceiverConfirmation { pool, receiver: receiver.id, order, able, confirmed_at_ms };
    signed(said, &receiver.signer)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_reader_is_told_of_what_it_may_read_and_of_nothing_else() {
    use PaymentState::{Held, Queued, Settled};
    let node = start().await;
    let Node { alice, bob, carol, regulator, foreign, screener, provider, .. } = &node;
    let orders = [
        pay(&node, (alice, bob), 5_00, 1).await,
        pay(&node, (alice, carol), 6_00, 2).await,
        pay(&node, (bob, carol), SCREENED, 3).await,
        pay(&node, (alice, bob), CONFIRMED, 4).await,
    ];
    let batch = node.settle().await;
    let expected = [
        // Both slots of the first payment are its own: it is told once.
        (regulator, vec![(1, Queued), (2, Queued), (3, Held), (4, Held)]),
        (foreign, vec![(2, Queued), (3, Held)]),
        (screener, vec![(3, Held), (4, Held)]),
        (provider, vec![]),
        (carol, vec![(2, Settled)]),
        // It sent the third, received the first, and must confirm the fourth.
        (bob, vec![(3, Held), (4, Held), (1, Settled)]),
    ];
    for (person, expected) in expected {
        let payments = told(&node, person, batch).await;
        assert_eq!(states(&payments), expected, "{}", person.name);
        for (payment, (number, _)) in payments.iter().zip(&expected) {
            let found = get(&node, person, *number).await.unwrap();
            assert_eq!(found.digest, payment.digest);
            if payment.sender == person.name {
                continue;
            }
            let order = &orders[*number as usize - 1];
            assert_eq!((&payment.header, &payment.payload), (&order.header, &order.payload));
            assert_eq!((&found.payload, &found.proof), (&payment.payload, &payment.proof));
            check_proof(if *number == 3 { bob } else { alice }, payment);
            assert!(payment.exchange.is_none());
        }
        // What is not for somebody is as if it were not there.
        let absent = get(&node, person, 9).await.unwrap_err();
        for number in (1..=4).filter(|number| !expected.iter().any(|(told, _)| told == number)) {
            let hidden = get(&node, person, number).await.unwrap_err();
            assert_eq!(hidden.code(), Code::NotFound);
            assert_eq!((hidden.message(), hidden.details()), (absent.message(), absent.details()));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_payment_waits_for_screener_and_receiver_across_a_restart() {
    use Hold::{Confirmation, Screener, Screening};
    let mut node = start().await;
    let order = pay(&node, (&node.alice, &node.bob), CONFIRMED, 1).await;
    let batch = node.settle().await;
    let before = node.balance(&node.bob).await;
    let all_told = |node: &Node| -> [(Person, Vec<Hold>); 4] {
        let person = |person: &Person| Person::new(person.id.0, person.role, person.name);
        let open = vec![Screening, Confirmation];
        [
            (person(&node.alice), open.clone()),
            (person(&node.regulator), open.clone()),
            (person(&node.screener), open),
            // That it is screened is not for the one to whom it goes.
            (person(&node.bob), vec![Confirmation]),
        ]
    };
    for restarted in [false, true] {
        if restarted {
            node.restart().await;
        }
        for (person, expected) in all_told(&node) {
            assert_eq!(holds(&node, &person, 1).await, expected, "{}", person.name);
            let payments = told(&node, &person, batch).await;
            assert_eq!(payments[0].holds().collect::<Vec<_>>(), expected, "{}", person.name);
        }
    }
    node.state(vec![verdict(&node, &order, false, START_MS)]).await;
    assert_eq!(holds(&node, &node.alice, 1).await, [Screener, Confirmation]);
    assert_eq!(holds(&node, &node.bob, 1).await, [Confirmation]);
    node.state(vec![confirmation(&node.bob, &order)]).await;
    assert_eq!(holds(&node, &node.alice, 1).await, [Screener]);
    for person in [&node.alice, &node.operator] {
        let found = crate::insight::why(&node, person, 1).await.unwrap();
        assert_eq!(found.waits_for(), v1::WaitsFor::Word);
        assert_eq!(found.holds().collect::<Vec<_>>(), [Screener]);
    }
    node.settle().await;
    assert_eq!(node.balance(&node.bob).await, before, "what is held moves nothing");
    let passed = verdict(&node, &order, true, START_MS + 1);
    node.state(vec![passed.clone()]).await;
    let batch = node.settle().await;
    assert_ne!(node.balance(&node.bob).await, before);
    for person in [&node.alice, &node.bob, &node.regulator, &node.screener] {
        let payment = get(&node, person, 1).await.unwrap();
        assert_eq!((payment.state(), payment.holds.len()), (PaymentState::Settled, 0));
    }
    // Who reads the feed from the start finds nothing that waits.
    let payments = told(&node, &node.bob, batch).await;
    let both = [(1, PaymentState::Held), (1, PaymentState::Settled)];
    assert_eq!(states(&payments), both);
    assert!(payments.iter().all(|payment| payment.holds.is_empty()));
    // The same word again changes nothing, another one comes too late.
    let words = vec![passed, verdict(&node, &order, false, START_MS + 2)];
    let answer = node.publish(&node.screener, words).await.unwrap();
    assert!(answer.answers[0].replayed);
    assert_eq!(answer.answers[1].reason(), v1::RejectReason::NotHeld);
}
