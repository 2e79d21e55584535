//! Statements in, and out again to those whom they concern.

use channel::{KemRevocation, STATEMENT_BYTES_MAX};
use proto::v1;
use proto::v1::RejectReason;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::access::reason;
use crate::node::Node;
use crate::people::{POOL, Person, START_MS, root};
use crate::sealed::{epoch, identity, kem_key, pay, policy, signed};

pub(crate) fn field(status: &Status) -> String {
    let details = status.get_error_details();
    details.bad_request().unwrap().field_violations[0].field.clone()
}

async fn directory(node: &Node, after_place: u64, page_size: i32) -> v1::ListDirectoryResponse {
    let request = v1::ListDirectoryRequest { after_place, page_size, at_least_position: 0 };
    node.directory(&node.carol).await.list_directory(request).await.unwrap().into_inner()
}

fn kinds(statements: &[v1::LoggedStatement]) -> Vec<i32> {
    statements.iter().map(|it| it.statement.as_ref().unwrap().kind).collect()
}

/// Statements that are refused, with the field at fault.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_or_is_not_signed_is_not_logged() {
    let node = Node::start().await;
    let good = signed(kem_key(&node.alice, 1), &node.alice.signer);
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good.signed.to_vec();
        change(&mut bytes);
        v1::Statement { signed: bytes.into(), ..good.clone() }
    };
    let mut elsewhere = kem_key(&node.alice, 1);
    elsewhere.pool = POOL + 1;
    let cases = [
        (with(&|bytes| *bytes.last_mut().unwrap() ^= 1), "SIGNATURE_INVALID", ".signature"),
        // The public key in the body: what is signed is another statement.
        (with(&|bytes| bytes[12] ^= 1), "SIGNATURE_INVALID", ".signature"),
        // The signer: nobody has a key of zeros.
        (with(&|bytes| bytes[60..92].fill(0)), "SIGNATURE_INVALID", ".signature"),
        (with(&|bytes| bytes.push(0)), "STATEMENT_INVALID", ""),
        (with(&|bytes| bytes.truncate(100)), "STATEMENT_INVALID", ""),
        (with(&|bytes| bytes.resize(STATEMENT_BYTES_MAX + 1, 0)), "STATEMENT_TOO_LARGE", ""),
        (signed(elsewhere, &node.alice.signer), "OTHER_POOL", ".pool"),
    ];
    let end = node.end();
    for (statement, expected, suffix) in cases {
        let status = node.publish(&node.alice, vec![good.clone(), statement]).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, expected));
        let path = format!("statements[1].signed{suffix}");
        assert!(field(&status).starts_with(&path), "{}", field(&status));
    }
    for (kind, expected) in [(0, "KIND_UNKNOWN"), (11, "KIND_UNKNOWN"), (3, "STATEMENT_INVALID")] {
        let statement = v1::Statement { kind, ..good.clone() };
        let status = node.publish(&node.alice, vec![statement]).await.unwrap_err();
        assert_eq!(reason(&status), expected);
    }
    for count in [0, 257] {
        let status = node.publish(&node.alice, vec![good.clone(); count]).await.unwrap_err();
        assert_eq!(
            (reason(&status), field(&status)),
            ("STATEMENT_COUNT".into(), "statements".into())
        );
    }
    let large = v1::Statement { signed: vec![0; STATEMENT_BYTES_MAX].into(), ..good };
    let many = (1 << 20) / STATEMENT_BYTES_MAX + 1;
    let status = node.publish(&node.alice, vec![large; many]).await.unwrap_err();
    assert_eq!(reason(&status), "STATEMENTS_TOO_LARGE");
    assert_eq!(node.end(), end, "nothing of it was logged");
}

/// Well signed, by somebody who may not say so: that is for the core to rule.
#[tokio::test(flavor = "multi_thread")]
async fn who_may_say_what_is_ruled_statement_by_statement() {
    let node = Node::start().await;
    let forged_identity = {
        let mut forged = identity(&node.bob, 1);
        let decoded = channel::AnyStatement::decode(1, &forged.signed).unwrap();
        let channel::AnyStatement::Identity(known) = decoded else { panic!() };
        forged = signed(known.statement, &node.bob.signer);
        forged
    };
    let answer = node
        .publish(
            &node.regulator,
            vec![
                identity(&node.alice, 1),
                forged_identity,
                signed(kem_key(&node.alice, 1), &node.bob.signer),
                signed(policy(&node, false, false), &node.operator.signer),
                signed(kem_key(&node.alice, 2), &node.alice.signer),
            ],
        )
        .await
        .unwrap();
    let reasons: Vec<_> = answer.answers.iter().map(v1::StatementAnswer::reason).collect();
    let (good, bad) = (RejectReason::Unspecified, RejectReason::SignerNotAuthorised);
    assert_eq!(reasons, [good, bad, bad, bad, good]);
    let places: Vec<_> = answer.answers.iter().map(|it| it.place).collect();
    assert_eq!(places, (0..5).map(|index| (answer.position << 20) + index).collect::<Vec<_>>());
    node.settle().await;
    // Only what was accepted is there, for everybody.
    let listed = directory(&node, 0, 0).await;
    assert_eq!(kinds(&listed.statements), [1, 2]);
    assert_eq!(listed.statements[1].place, places[4]);
    assert_eq!(listed.statements[0].statement, Some(identity(&node.alice, 1)));
    assert!(!listed.more && listed.as_of_position >= answer.position);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_follows_the_directory_page_by_page_and_by_what_is_new() {
    let mut node = Node::start().await;
    node.seal(false, false).await;
    node.settle().await;
    let (mut after, mut found) = (0, Vec::new());
    loop {
        let page = directory(&node, after, 3).await;
        assert!(page.statements.len() <= 3 && page.next_place >= after);
        found.extend(page.statements);
        after = page.next_place;
        if !page.more {
            break;
        }
    }
    let people = node.people().len();
    assert_eq!(kinds(&found), [vec![1; people], vec![2; people], vec![4]].concat());
    let nothing_new = directory(&node, after, 0).await;
    assert_eq!((nothing_new.statements.len(), nothing_new.next_place), (0, after));

    // A key is revoked, another one comes, somebody gets a new identity.
    let revoked = KemRevocation {
        pool: POOL,
        participant: node.bob.id,
        key: kem_key(&node.bob, 1).id(),
        revoked_at_ms: START_MS,
    };
    let news = vec![
        signed(revoked, &node.bob.signer),
        signed(kem_key(&node.bob, 2), &node.bob.signer),
        identity(&node.carol, 2),
    ];
    node.state(news.clone()).await;
    // Alice's order is of an epoch for Bob's first key: it does not matter here what becomes of it.
    pay(&node, 1, 1).await;
    node.settle().await;
    let since = directory(&node, after, 0).await;
    let statements: Vec<_> =
        since.statements.iter().map(|it| it.statement.clone().unwrap()).collect();
    assert_eq!(statements, news);
    // Who comes now is told neither of the key that is gone nor of what was replaced.
    let all = directory(&node, 0, 0).await;
    assert_eq!(all.statements.len(), found.len() + news.len() - 2);
    let gone = [signed(kem_key(&node.bob, 1), &node.bob.signer), identity(&node.carol, 1)];
    let held = |it: &v1::LoggedStatement| gone.contains(it.statement.as_ref().unwrap());
    assert!(!all.statements.iter().any(held));
    node.restart().await;
    assert_eq!(directory(&node, 0, 0).await.statements, all.statements);
}

async fn epoch_of(node: &Node, person: &Person, id: u8) -> Result<v1::GetEpochResponse, Status> {
    let request = v1::GetEpochRequest {
        sender: node.alice.id.0,
        epoch: vec![id; 16].into(),
        at_least_position: 0,
    };
    Ok(node.directory(person).await.get_epoch(request).await?.into_inner())
}

async fn stated(node: &Node, person: &Person, kind: v1::StatementKind) -> usize {
    let request = v1::ListStatementsRequest { kind: kind.into(), ..Default::default() };
    let answer = node.directory(person).await.list_statements(request).await.unwrap().into_inner();
    assert!(!answer.more);
    answer.statements.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_epoch_is_there_for_its_sender_its_readers_and_operators_only() {
    let node = Node::start().await;
    node.seal(false, false).await;
    node.settle().await;
    let opened = signed(epoch(&node, &node.alice, &node.bob, 1), &node.alice.signer);
    let Node { alice, bob, carol, regulator, screener, operator, provider, .. } = &node;
    for person in [alice, bob, regulator, screener, operator] {
        let found = epoch_of(&node, person, 1).await.unwrap().statement.unwrap();
        assert_eq!(found.statement.unwrap(), opened);
        assert_eq!(stated(&node, person, v1::StatementKind::Epoch).await, 1);
    }
    for person in [carol, provider] {
        let hidden = epoch_of(&node, person, 1).await.unwrap_err();
        let absent = epoch_of(&node, person, 2).await.unwrap_err();
        assert_eq!(hidden.code(), Code::NotFound);
        assert_eq!((hidden.message(), hidden.details()), (absent.message(), absent.details()));
        assert_eq!(stated(&node, person, v1::StatementKind::Epoch).await, 0);
        assert_eq!(stated(&node, person, v1::StatementKind::Policy).await, 1);
    }
    let root_signs_no_key = signed(kem_key(&node.carol, 7), &root());
    let answer = node.publish(&node.carol, vec![root_signs_no_key]).await.unwrap();
    assert_eq!(answer.answers[0].reason(), RejectReason::SignerNotAuthorised);
}
