//! Foreign exchange through the gateway: who sees what of quotes, matches, legs and statements.

use channel::{
    CommandBody, FxTerms, MessageKind, OrderHeader, QUOTES_PER_COMMAND_MAX, Quote, Rate, RuleBook,
    Side, ValueDate,
};
use gateway::Limits;
use ledger::Amount;
use proto::v1;
use proto::v1::PaymentState;
use tonic::{Code, Status};

use crate::access::reason;
use crate::node::Node;
use crate::people::{DAY, Person, START_MS, currency, order, uetr};

const SOON_MS: u64 = START_MS + 3_600_000;

/// Everybody has both currencies open; Alice has euros, the provider has dollars.
pub(crate) async fn market() -> Node {
    market_by(|_| {}).await
}

/// The same under other rules.
async fn market_by(change: impl FnOnce(&mut RuleBook)) -> Node {
    let node = Node::start_ruled(Limits::default(), change).await;
    let usd = currency("USD");
    let open_day = CommandBody::OpenDay {
        currency: usd,
        date: ValueDate::new(DAY).unwrap(),
        cut_off_at_ms: START_MS + 8 * 3_600_000,
        closes_at_ms: START_MS + 9 * 3_600_000,
    };
    node.give(&node.operator, 100, open_day).await;
    let accounts = [
        (&node.alice, usd),
        (&node.bob, usd),
        (&node.provider, currency("EUR")),
        (&node.provider, usd),
    ];
    for (request, (person, currency)) in (101..).zip(accounts) {
        let participant = person.id;
        let open = CommandBody::OpenAccount { participant, currency, credit_line: 0 };
        node.give(&node.operator, request, open).await;
    }
    for (request, person) in (100_u8..).zip([&node.provider, &node.bob]) {
        let amount = Amount::new(1_000_000, usd).unwrap();
        let fund = CommandBody::Fund { participant: person.id, amount, pay_in: [request; 16] };
        node.give(&node.agent, request.into(), fund).await;
    }
    node
}

pub(crate) fn bid(size: u64, rate: &str) -> Quote {
    let rate = Rate::parse(rate).unwrap();
    Quote { side: Side::Bid, size, rate, not_after_ms: SOON_MS }
}

fn ladder(quotes: Vec<Quote>) -> CommandBody {
    CommandBody::SetQuotes { base: currency("EUR"), quote: currency("USD"), quotes }
}

/// Sets the provider's quotes of euros in dollars.
pub(crate) async fn quote(node: &Node, issue: u64, quotes: Vec<Quote>) -> v1::SetQuotesResponse {
    let signed = node.provider.command_at(issue, START_MS + issue, ladder(quotes));
    let request = v1::SetQuotesRequest { command: signed.command, signature: signed.signature };
    node.fx(&node.provider).await.set_quotes(request).await.unwrap().into_inner()
}

pub(crate) async fn submit(node: &Node, from: &Person, header: OrderHeader) -> v1::Decision {
    let number = header.uetr;
    let request = from.single(order(&header, &number.0[8..]));
    let answer = node.payments(from).await.submit_payment(request).await.unwrap().into_inner();
    answer.decisions.unwrap().decisions.remove(0)
}

/// Euros of Alice that reach Bob as dollars.
pub(crate) fn converting(node: &Node, minor: u64, limit: &str, number: u64) -> OrderHeader {
    let limit = Rate::parse(limit).unwrap();
    OrderHeader {
        kind: MessageKind::FxPayment,
        fx: Some(FxTerms::Payment { currency: currency("USD"), limit }),
        ..node.alice.header(&node.bob, minor, number)
    }
}

pub(crate) async fn get(node: &Node, person: &Person, number: u64) -> Result<v1::Payment, Status> {
    let request = v1::GetPaymentRequest { uetr: uetr(number).to_string(), at_least_position: 0 };
    let found = node.payments(person).await.get_payment(request).await?.into_inner();
    Ok(found.payments.into_iter().next().unwrap())
}

async fn entries(node: &Node, person: &Person, code: &str) -> Vec<(bool, i64, String, String)> {
    let request = v1::ListEntriesRequest { currency_code: code.to_owned(), ..Default::default() };
    let found = node.ledgers(person).await.list_entries(request).await.unwrap().into_inner();
    let legs = found.entries.into_iter().filter(|entry| !entry.uetr.is_empty());
    legs.map(|it| (it.debit, it.amount.unwrap().minor_units, it.counterparty, it.uetr)).collect()
}

async fn fills(node: &Node, token: bytes::Bytes, page_size: i32) -> v1::ListFillsResponse {
    let request = v1::ListFillsRequest { from_position: 0, page_size, page_token: token };
    node.fx(&node.provider).await.list_fills(request).await.unwrap().into_inner()
}

fn minor(money: Option<&v1::Money>) -> (i64, &str) {
    let money = money.unwrap();
    (money.minor_units, &money.currency_code)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_across_currencies_is_right_on_all_three_sides() {
    let node = market().await;
    assert_eq!(quote(&node, 1, vec![bid(10_000, "1.0825"), bid(10_000, "1.0810")]).await.reason, 0);
    // 150.00 EUR: 100.00 at 1.0825 buy 108.25, 50.00 at 1.0810 buy 54.05.
    let decision = submit(&node, &node.alice, converting(&node, 15_000, "1.08", 1)).await;
    assert_eq!(decision.ruling(), v1::Ruling::AwaitingMatch);
    node.settle().await;

    for party in [&node.alice, &node.bob] {
        let payment = get(&node, party, 1).await.unwrap();
        assert_eq!(payment.state(), PaymentState::Settled);
        assert_eq!(minor(payment.amount.as_ref()), (15_000, "EUR"));
        let exchange = payment.exchange.unwrap();
        assert_eq!(minor(exchange.counter_amount.as_ref()), (16_230, "USD"));
        assert_eq!(exchange.limit_rate, Some(v1::Rate { mantissa: 108, scale: 2 }));
        let parts: Vec<_> = exchange
            .fills
            .iter()
            .map(|fill| (minor(fill.sold.as_ref()).0, minor(fill.bought.as_ref()).0))
            .collect();
        assert_eq!(parts, [(10_000, 10_825), (5_000, 5_405)]);
        assert_eq!(exchange.fills[0].provider, "maker");
    }
    let reference = uetr(1).to_string();
    let leg = |debit, minor, with: &str| (debit, minor, with.to_owned(), reference.clone());
    assert_eq!(
        entries(&node, &node.alice, "EUR").await,
        [leg(true, 10_000, "maker"), leg(true, 5_000, "maker")]
    );
    assert_eq!(
        entries(&node, &node.bob, "USD").await,
        [leg(false, 10_825, "maker"), leg(false, 5_405, "maker")]
    );
    assert_eq!(
        entries(&node, &node.provider, "EUR").await,
        [leg(false, 10_000, "ALICGB2L"), leg(false, 5_000, "ALICGB2L")]
    );
    assert_eq!(
        entries(&node, &node.provider, "USD").await,
        [leg(true, 10_825, "BOBBGB2L"), leg(true, 5_405, "BOBBGB2L")]
    );

    // The provider knows its fills; the payment itself is not its own.
    let page = fills(&node, bytes::Bytes::new(), 0).await;
    let rates: Vec<_> = page
        .fills
        .iter()
        .map(|it| (it.state(), it.fill.as_ref().unwrap().rate.unwrap().mantissa, it.quote_index))
        .collect();
    assert_eq!(rates, [(PaymentState::Settled, 10_825, 0), (PaymentState::Settled, 10_810, 1)]);
    assert!(page.fills.iter().all(|it| it.uetr == reference && it.batch > 0));
    assert_eq!(get(&node, &node.provider, 1).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(get(&node, &node.carol, 1).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_watches_of_both_sides_tell_of_the_match_and_of_what_arrived() {
    let node = market().await;
    quote(&node, 1, vec![bid(100_000, "1.0825")]).await;
    submit(&node, &node.alice, converting(&node, 10_000, "1.08", 1)).await;
    node.settle().await;
    let mut seen = Vec::new();
    for person in [&node.alice, &node.bob] {
        let request = v1::WatchPaymentsRequest { resume_token: vec![].into(), with_payloads: true };
        let mut client = node.payments(person).await;
        let mut watch = client.watch_payments(request).await.unwrap().into_inner();
        let mut told = Vec::new();
        while told.last() != Some(&(PaymentState::Settled, Some(10_825))) {
            let message = watch.message().await.unwrap().unwrap();
            told.extend(message.payments.iter().map(|payment| {
                let got = payment.exchange.as_ref().unwrap().counter_amount.as_ref();
                (payment.state(), got.map(|got| got.minor_units))
            }));
        }
        seen.push(told);
    }
    let (matched, settled) = (PaymentState::Matched, (PaymentState::Settled, Some(10_825)));
    assert_eq!(seen[0], [(PaymentState::AwaitingMatch, None), (matched, Some(10_825)), settled]);
    assert_eq!(seen[1], [settled]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_instructions_settle_together_or_wait() {
    let node = market().await;
    let exchange = |from: &Person, to: &Person, sells: (u64, &str), buys: (u64, &str), number| {
        let amount = |(minor, code): (u64, &str)| Amount::new(minor, currency(code)).unwrap();
        OrderHeader {
            kind: MessageKind::FxInstruction,
            amount: amount(sells),
            fx: Some(FxTerms::Instruction { counter: amount(buys) }),
            ..from.header(to, 1, number)
        }
    };
    let first = exchange(&node.alice, &node.bob, (10_000, "EUR"), (10_825, "USD"), 1);
    assert_eq!(submit(&node, &node.alice, first).await.ruling(), v1::Ruling::AwaitingMatch);
    let other = exchange(&node.bob, &node.alice, (10_824, "USD"), (10_000, "EUR"), 2);
    assert_eq!(submit(&node, &node.bob, other).await.ruling(), v1::Ruling::AwaitingMatch);
    node.settle().await;
    assert_eq!(get(&node, &node.alice, 1).await.unwrap().state(), PaymentState::AwaitingMatch);
    let same = exchange(&node.bob, &node.alice, (10_825, "USD"), (10_000, "EUR"), 3);
    assert_eq!(submit(&node, &node.bob, same).await.ruling(), v1::Ruling::Matched);
    node.settle().await;
    for (person, number) in [(&node.alice, 1), (&node.bob, 3)] {
        let payment = get(&node, person, number).await.unwrap();
        assert_eq!(payment.state(), PaymentState::Settled);
        let exchange = payment.exchange.unwrap();
        assert!(exchange.fills.is_empty() && exchange.limit_rate.is_none());
    }
    let got = get(&node, &node.alice, 3).await.unwrap();
    assert_eq!(minor(got.amount.as_ref()), (10_825, "USD"));
    assert_eq!(get(&node, &node.bob, 2).await.unwrap().state(), PaymentState::AwaitingMatch);
    let euros = entries(&node, &node.bob, "EUR").await;
    assert_eq!(euros, [(false, 10_000, "ALICGB2L".to_owned(), uetr(1).to_string())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn quotes_show_to_whom_they_may() {
    let node = market().await;
    let second = Person::new(22, channel::Role::LiquidityProvider, "other");
    let add = CommandBody::AddParticipant(second.participant());
    node.give(&node.operator, 200, add).await;
    quote(&node, 1, vec![bid(10_000, "1.0825"), bid(5_000, "1.08250")]).await;
    submit(&node, &node.alice, converting(&node, 4_000, "1.08", 1)).await;

    let all = v1::ListQuotesRequest::default;
    let list = async |person: &Person, request| {
        Ok::<_, Status>(node.fx(person).await.list_quotes(request).await?.into_inner().quotes)
    };
    for person in [&node.provider, &node.operator, &node.regulator] {
        let quotes = list(person, all()).await.unwrap();
        let [first, _] = quotes.as_slice() else { panic!("{quotes:?}") };
        assert_eq!((first.provider.as_str(), first.side()), ("maker", v1::QuoteSide::Bid));
        assert_eq!(minor(first.size.as_ref()), (10_000, "EUR"));
        assert_eq!(minor(first.taken.as_ref()), (4_000, "EUR"));
        assert_eq!(minor(first.available.as_ref()), (6_000, "EUR"));
        assert_eq!((first.not_after_ms, first.index), (SOON_MS, 0));
    }
    assert!(list(&second, all()).await.unwrap().is_empty());
    let named = |name: &str| v1::ListQuotesRequest { provider: name.to_owned(), ..all() };
    let hidden = list(&second, named("maker")).await.unwrap_err();
    let absent = list(&second, named("nobody")).await.unwrap_err();
    assert_eq!((hidden.code(), hidden.message()), (absent.code(), absent.message()));
    let other_pair = v1::ListQuotesRequest { base_currency_code: "USD".to_owned(), ..all() };
    assert!(list(&node.operator, other_pair).await.unwrap().is_empty());

    // A bank sees one price, of both quotes, and no name.
    let request = v1::ListPricesRequest {
        base_currency_code: "EUR".to_owned(),
        quote_currency_code: "USD".to_owned(),
    };
    let prices = node.fx(&node.carol).await.list_prices(request.clone()).await.unwrap();
    let prices = prices.into_inner().prices;
    let [price] = prices.as_slice() else { panic!("{prices:?}") };
    assert_eq!(minor(price.available.as_ref()), (11_000, "EUR"));
    assert_eq!(price.rate, Some(v1::Rate { mantissa: 10_825, scale: 4 }));
    let nameless = v1::ListPricesRequest { base_currency_code: String::new(), ..request };
    let status = node.fx(&node.carol).await.list_prices(nameless).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, "MISSING"));
}

#[tokio::test(flavor = "multi_thread")]
async fn quotes_are_taken_from_their_provider_only() {
    let node = market().await;
    let body = ladder(vec![bid(1, "1.0825")]);
    let mut client = node.fx(&node.provider).await;
    let asked = |signed: v1::ExecuteCommandRequest| v1::SetQuotesRequest {
        command: signed.command,
        signature: signed.signature,
    };
    // Another one's command, something else than quotes, a signature that does not hold.
    let mut altered = node.provider.command(2, body.clone());
    altered.signature = vec![7; 64].into();
    let cases = [
        (node.alice.command(1, body.clone()), "OTHER_MAKER"),
        (node.provider.command(1, CommandBody::RunCycle), "NOT_QUOTES"),
        (altered, "SIGNATURE_INVALID"),
    ];
    for (signed, expected) in cases {
        let status = client.set_quotes(asked(signed)).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, expected));
    }
    // A bank may not, whichever way it tries.
    let signed = node.alice.command(1, body);
    let status = node.operators(&node.alice).await.execute_command(signed).await.unwrap_err();
    assert_eq!(reason(&status), "ROLE_NOT_ALLOWED");
    // A provider sends no ordinary payments.
    let plain = node.provider.header(&node.bob, 1, 9);
    assert_eq!(submit(&node, &node.provider, plain).await.reason(), v1::RejectReason::WrongRole);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_quotes_is_answered_in_its_order() {
    let node = market().await;
    let mut messages: Vec<v1::StreamQuotesRequest> = (1..=40)
        .map(|number| {
            let quotes = vec![bid(number * 100, "1.0825"); (number % 3) as usize];
            let signed = node.provider.command_at(number, START_MS + number, ladder(quotes));
            let (command, signature) = (signed.command, signed.signature);
            v1::StreamQuotesRequest { request_number: number, command, signature }
        })
        .collect();
    messages[4].signature = vec![0; 64].into();
    messages.swap(6, 7);
    let full = ladder(vec![bid(1, "1.0825"); QUOTES_PER_COMMAND_MAX]);
    let signed = node.provider.command_at(41, START_MS + 41, full);
    let (command, signature) = (signed.command, signed.signature);
    messages.push(v1::StreamQuotesRequest { request_number: 41, command, signature });
    let expected: Vec<u64> = messages.iter().map(|message| message.request_number).collect();

    let mut client = node.fx(&node.provider).await;
    let outgoing = tokio_stream::iter(messages);
    let mut answers = client.stream_quotes(outgoing).await.unwrap().into_inner();
    let mut answered = Vec::new();
    let mut position = 0;
    while let Some(answer) = answers.message().await.unwrap() {
        match answer.request_number {
            5 => assert_eq!(answer.error.as_ref().unwrap().reason, "SIGNATURE_INVALID"),
            7 => assert_eq!(answer.reason(), v1::RejectReason::QuotesSuperseded),
            number => assert_eq!((answer.reason, answer.error), (0, None), "{number}"),
        }
        assert!(answer.position == 0 || answer.position > position);
        position = position.max(answer.position);
        answered.push(answer.request_number);
    }
    assert_eq!(answered, expected);
    let quotes = client.list_quotes(v1::ListQuotesRequest::default()).await.unwrap().into_inner();
    assert_eq!(quotes.quotes.len(), QUOTES_PER_COMMAND_MAX);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_match_that_cannot_settle_lapses_and_a_payment_nobody_quotes_for_expires() {
    let node = market().await;
    quote(&node, 1, vec![bid(10_000, "1.0825")]).await;
    // The whole of Alice's money goes to Carol: the match has nothing to settle with.
    let all = node.alice.order(&node.carol, 100_000_000, 5);
    node.payments(&node.alice).await.submit_payment(node.alice.single(all)).await.unwrap();
    node.settle().await;
    let wanted =
        OrderHeader { not_after_ms: START_MS + 7_200_000, ..converting(&node, 10_000, "1.08", 1) };
    submit(&node, &node.alice, wanted).await;
    node.settle().await;
    let payment = get(&node, &node.alice, 1).await.unwrap();
    assert_eq!((payment.state(), payment.batch), (PaymentState::Matched, 0));
    assert_eq!(payment.exchange.unwrap().fills.len(), 1);
    assert_eq!(fills(&node, vec![].into(), 1).await.fills[0].state(), PaymentState::Matched);
    assert_eq!(get(&node, &node.bob, 1).await.unwrap_err().code(), Code::NotFound);

    // Later than the match stands.
    let position = node.end().0;
    let pool = node.operators(&node.operator).await.get_pool(v1::GetPoolRequest {}).await.unwrap();
    let rules = pool.into_inner().rules.unwrap();
    let tick = |time_ms, expected_position| v1::AdvanceClockRequest {
        time_ms,
        expected_position,
        close_cycle: true,
    };
    let mut operators = node.operators(&node.operator).await;
    let lapsed_ms = START_MS + 10_000 + u64::from(rules.match_ms);
    operators.advance_clock(tick(lapsed_ms, position)).await.unwrap();
    node.settle().await;
    let payment = get(&node, &node.alice, 1).await.unwrap();
    assert_eq!(payment.state(), PaymentState::AwaitingMatch);
    assert_eq!(payment.reason(), v1::RejectReason::MatchLapsed);
    assert!(payment.exchange.unwrap().fills.is_empty());
    assert_eq!(fills(&node, vec![].into(), 1).await.fills[0].state(), PaymentState::AwaitingMatch);

    operators.advance_clock(tick(START_MS + 7_200_001, node.end().0)).await.unwrap();
    node.settle().await;
    assert_eq!(get(&node, &node.alice, 1).await.unwrap().state(), PaymentState::Expired);
    assert_eq!(fills(&node, vec![].into(), 1).await.fills[0].state(), PaymentState::Expired);
}

#[tokio::test(flavor = "multi_thread")]
async fn fills_come_a_page_at_a_time() {
    let node = market().await;
    quote(&node, 1, vec![bid(100_000, "1.0825")]).await;
    for number in 1..=5 {
        submit(&node, &node.alice, converting(&node, 1_000, "1.08", number)).await;
    }
    node.settle().await;
    let (mut references, mut token) = (Vec::new(), bytes::Bytes::new());
    loop {
        let page = fills(&node, token, 2).await;
        assert!(page.fills.len() <= 2);
        references.extend(page.fills.into_iter().map(|fill| fill.uetr));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    let expected: Vec<_> = (1..=5).map(|number| uetr(number).to_string()).collect();
    assert_eq!(references, expected);
    let request = v1::ListFillsRequest { page_size: 1_001, ..Default::default() };
    let status = node.fx(&node.provider).await.list_fills(request).await.unwrap_err();
    assert_eq!(reason(&status), "PAGE_SIZE");
}

/// Alice sells euros for Bob's dollars, Carol dollars for Bob's euros: half way between 1.0820 and 1.0830.
#[tokio::test(flavor = "multi_thread")]
async fn payments_that_cross_are_right_on_both_sides() {
    let node = market_by(|rules| rules.cross_at_midpoint = true).await;
    let usd = currency("USD");
    let open =
        CommandBody::OpenAccount { participant: node.carol.id, currency: usd, credit_line: 0 };
    node.give(&node.operator, 110, open).await;
    let amount = Amount::new(1_000_000, usd).unwrap();
    let fund = CommandBody::Fund { participant: node.carol.id, amount, pay_in: [110; 16] };
    node.give(&node.agent, 110, fund).await;
    let ask = Quote { side: Side::Ask, ..bid(10_000, "1.0830") };
    quote(&node, 1, vec![bid(10_000, "1.0820"), ask]).await;

    // 149.99 EUR: Carol's 54.12 USD take floor(54.12 / 1.0825) = 49.99, the bid takes the rest.
    let carols = OrderHeader {
        kind: MessageKind::FxPayment,
        fx: Some(FxTerms::Payment {
            currency: currency("EUR"),
            limit: Rate::parse("0.9235").unwrap(),
        }),
        amount: Amount::new(5_412, usd).unwrap(),
        ..node.carol.header(&node.bob, 1, 2)
    };
    assert_eq!(submit(&node, &node.carol, carols).await.ruling(), v1::Ruling::AwaitingMatch);
    submit(&node, &node.alice, converting(&node, 14_999, "1.082", 1)).await;
    node.settle().await;

    let parts = |payment: v1::Payment| {
        assert_eq!(payment.state(), PaymentState::Settled);
        let fills = payment.exchange.unwrap().fills.into_iter().map(|fill| {
            let (sold, bought) = (minor(fill.sold.as_ref()).0, minor(fill.bought.as_ref()).0);
            (fill.provider, sold, bought, fill.rate.unwrap().mantissa)
        });
        fills.collect::<Vec<_>>()
    };
    let of = |provider: &str, sold, bought, rate| (provider.to_owned(), sold, bought, rate);
    for party in [&node.alice, &node.bob] {
        let found = parts(get(&node, party, 1).await.unwrap());
        assert_eq!(found, [of("", 4_999, 5_412, 10_825), of("maker", 10_000, 10_820, 10_820)]);
    }
    for party in [&node.carol, &node.bob] {
        let found = parts(get(&node, party, 2).await.unwrap());
        assert_eq!(found, [of("", 5_412, 4_999, 10_825)]);
    }
    // On the books each has its own payment.
    let (first, second) = (uetr(1).to_string(), uetr(2).to_string());
    let entry = |debit, minor, with: &Person, uetr: &String| {
        (debit, minor, with.name.to_owned(), uetr.clone())
    };
    assert_eq!(
        entries(&node, &node.alice, "EUR").await,
        [entry(true, 4_999, &node.bob, &first), (true, 10_000, "maker".to_owned(), first.clone())]
    );
    assert_eq!(entries(&node, &node.carol, "USD").await, [entry(true, 5_412, &node.bob, &second)]);
    assert_eq!(
        entries(&node, &node.bob, "USD").await,
        [
            entry(false, 5_412, &node.carol, &first),
            (false, 10_820, "maker".to_owned(), first.clone())
        ]
    );
    assert_eq!(entries(&node, &node.bob, "EUR").await, [entry(false, 4_999, &node.alice, &second)]);
    assert_eq!(fills(&node, vec![].into(), 0).await.fills.len(), 1, "a crossing is no provider's");
}
