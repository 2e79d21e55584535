//! Commands, cancels, and the clock of a rehearsal.

use channel::{CommandBody, MessageKind, Status as Standing};
use gateway::Limits;
use proto::v1;
use tonic::Code;

use crate::access::reason;
use crate::node::Node;
use crate::people::{START_MS, currency, uetr};
use crate::sealed::identity;

#[tokio::test(flavor = "multi_thread")]
async fn a_command_repeated_takes_effect_once() {
    let node = Node::start().await;
    let amount = ledger::Amount::new(500, currency("EUR")).unwrap();
    let fund = CommandBody::Fund { participant: node.carol.id, amount, pay_in: [9; 16] };
    let request = node.agent.command(10, fund);
    let mut client = node.operators(&node.agent).await;
    let first = client.execute_command(request.clone()).await.unwrap().into_inner();
    let again = client.execute_command(request).await.unwrap().into_inner();
    assert_eq!((first.reason, first.replayed), (0, false));
    assert_eq!((again.reason, again.replayed), (0, true));
    node.settle().await;
    assert_eq!(node.balance(&node.carol).await, "500");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_command_says_why() {
    let node = Node::start().await;
    let open = CommandBody::OpenAccount {
        participant: node.alice.id,
        currency: currency("EUR"),
        credit_line: 0,
    };
    let mut client = node.operators(&node.operator).await;
    let answer = client.execute_command(node.operator.command(90, open)).await.unwrap();
    assert_eq!(answer.into_inner().reason, v1::RejectReason::AccountExists as i32);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_waits_can_be_taken_back() {
    let node = Node::start().await;
    let mut client = node.payments(&node.carol).await;
    let order = node.carol.order(&node.bob, 1, 3);
    client.submit_payment(node.carol.single(order)).await.unwrap();
    let cancel = CommandBody::Cancel { uetr: uetr(3), kind: MessageKind::CustomerTransfer };
    let signed = node.carol.command(1, cancel);
    let request = v1::CancelPaymentRequest { command: signed.command, signature: signed.signature };
    let answer = client.cancel_payment(request).await.unwrap().into_inner();
    assert_eq!((answer.reason, answer.replayed), (0, false));
    node.settle().await;
    let request = v1::GetPaymentRequest { uetr: uetr(3).to_string(), at_least_position: 0 };
    let found = client.get_payment(request).await.unwrap().into_inner();
    assert_eq!(found.payments[0].state, v1::PaymentState::Cancelled as i32);

    let other = node
        .carol
        .command(2, CommandBody::SetMultilateralLimit { currency: currency("EUR"), limit: None });
    let request = v1::CancelPaymentRequest { command: other.command, signature: other.signature };
    assert_eq!(reason(&client.cancel_payment(request).await.unwrap_err()), "NOT_A_CANCEL");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_bank_still_reads_and_others_do_not_learn_of_it() {
    let node = Node::start().await;
    let suspend =
        CommandBody::SetStatus { participant: node.alice.id, status: Standing::Suspended };
    let alone = node.operator.command(59, suspend.clone());
    let mut operators = node.operators(&node.operator).await;
    let answer = operators.execute_command(alone).await.unwrap().into_inner();
    assert_eq!(answer.reason, v1::RejectReason::CheckerRequired as i32, "the pool has roots");
    let mut unknown = node.operator.command(58, suspend.clone());
    node.deputy.check(&mut unknown);
    let answer = operators.execute_command(unknown).await.unwrap().into_inner();
    assert_eq!(answer.reason, v1::RejectReason::IdentityNotValid as i32, "no root knows them");
    node.state(vec![identity(&node.operator, 1), identity(&node.deputy, 1)]).await;
    let mut request = node.operator.command(60, suspend);
    node.deputy.check(&mut request);
    let answer = operators.execute_command(request).await.unwrap().into_inner();
    assert_eq!(answer.reason, 0, "{answer:?}");
    let suspended = async |person| {
        let mut client = node.operators(person).await;
        let list = client.list_participants(v1::ListParticipantsRequest {}).await.unwrap();
        let participants = list.into_inner().participants;
        participants.iter().find(|known| known.name == "ALICGB2L").unwrap().suspended
    };
    assert!(suspended(&node.operator).await && suspended(&node.alice).await);
    assert!(!suspended(&node.bob).await);
    let order = node.alice.order(&node.bob, 1, 1);
    let mut client = node.payments(&node.alice).await;
    let answer = client.submit_payment(node.alice.single(order)).await.unwrap().into_inner();
    let decision = &answer.decisions.unwrap().decisions[0];
    assert_eq!(decision.reason, v1::RejectReason::SenderSuspended as i32);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scripted_clock_moves_only_forward_and_only_from_where_the_script_is() {
    let node = Node::start().await;
    let mut client = node.operators(&node.operator).await;
    let mut advance = async |time_ms, expected_position, close_cycle| {
        let request = v1::AdvanceClockRequest { time_ms, expected_position, close_cycle };
        client.advance_clock(request).await.map(|answer| answer.into_inner().position)
    };
    let end = node.end().0;
    let elsewhere = advance(START_MS + 1, end + 1, false).await.unwrap_err();
    assert_eq!(
        (elsewhere.code(), reason(&elsewhere).as_str()),
        (Code::Aborted, "POSITION_DIFFERS")
    );
    let past = advance(START_MS - 1, end, false).await.unwrap_err();
    assert_eq!((past.code(), reason(&past).as_str()), (Code::InvalidArgument, "TIME_PAST"));
    assert_eq!(node.end().0, end);
    assert_eq!(advance(START_MS + 1, end, false).await.unwrap(), end);
    assert_eq!(advance(START_MS + 1, end + 1, true).await.unwrap(), end + 1);
    let pool = client.get_pool(v1::GetPoolRequest {}).await.unwrap().into_inner();
    assert_eq!((pool.time_ms, pool.next_position), (START_MS + 1, end + 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_jump_of_the_scripted_clock_that_the_pool_refuses_leaves_it_where_it_was() {
    const TIME_MAX_MS: u64 = 253_402_300_799_999;
    let node = Node::start().await;
    let mut client = node.operators(&node.operator).await;
    let advance = async |time_ms| {
        let expected_position = node.end().0;
        let request = v1::AdvanceClockRequest { time_ms, expected_position, close_cycle: false };
        let mut client = node.operators(&node.operator).await;
        client.advance_clock(request).await.map(|answer| answer.into_inner().position)
    };
    let end = node.end().0;
    for time_ms in [TIME_MAX_MS + 1, u64::MAX] {
        let late = advance(time_ms).await.unwrap_err();
        assert_eq!((late.code(), reason(&late).as_str()), (Code::InvalidArgument, "TIME_TOO_LATE"));
    }
    assert_eq!(node.end().0, end, "nothing is logged that would halt the pool");

    let jump = advance(TIME_MAX_MS).await.unwrap_err();
    assert_eq!((jump.code(), reason(&jump).as_str()), (Code::FailedPrecondition, "CLOCK_JUMP"));
    assert_eq!(node.end().0, end + 1);
    // The clock goes on from where it was, and so does everything that bears its time.
    let amount = ledger::Amount::new(500, currency("EUR")).unwrap();
    let fund = CommandBody::Fund { participant: node.carol.id, amount, pay_in: [9; 16] };
    node.give(&node.agent, 10, fund).await;
    assert_eq!(advance(START_MS + 1).await.unwrap(), end + 2);
    let pool = client.get_pool(v1::GetPoolRequest {}).await.unwrap().into_inner();
    assert_eq!(pool.time_ms, START_MS + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_have_a_bucket_of_their_own() {
    let few = std::num::NonZeroU32::MIN;
    let limits = Limits {
        commands_per_second: few,
        commands_burst: few.saturating_add(9),
        ..Limits::default()
    };
    let node = Node::start_with(limits).await;
    let mut client = node.payments(&node.carol).await;
    let cancel = |number| {
        let body = CommandBody::Cancel { uetr: uetr(3), kind: MessageKind::CustomerTransfer };
        let signed = node.carol.command(number, body);
        v1::CancelPaymentRequest { command: signed.command, signature: signed.signature }
    };
    let mut refused = None;
    for number in 1..=1_000 {
        if let Err(status) = client.cancel_payment(cancel(number)).await {
            refused = Some(status);
            break;
        }
    }
    let refused = refused.expect("far more than the bucket holds");
    let found = (refused.code(), reason(&refused));
    assert_eq!(found, (Code::ResourceExhausted, "RATE_LIMIT_COMMANDS".to_owned()));
    client.submit_payment(node.carol.single(node.carol.order(&node.bob, 1, 3))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_pool_is_can_be_read() {
    let node = Node::start().await;
    let mut client = node.operators(&node.bob).await;
    let pool = client.get_pool(v1::GetPoolRequest {}).await.unwrap().into_inner();
    assert_eq!(pool.operator_key, node.operator_key().as_slice());
    assert_eq!(pool.rules.unwrap().currency_codes, ["EUR", "USD"]);
    let days = client.list_days(v1::ListDaysRequest {}).await.unwrap().into_inner().days;
    let open: Vec<_> = days.iter().map(|day| (day.currency_code.as_str(), day.open)).collect();
    assert_eq!(open, [("EUR", true), ("USD", false)]);
    let list = client.list_participants(v1::ListParticipantsRequest {}).await.unwrap();
    let listed = list.into_inner().participants;
    assert_eq!(listed.len(), node.people().len() + 1, "one of each role and name, and the deputy");
}
