//! Payments across currencies on a node that is killed again and again.

use std::time::Duration;

use sdk::{
    Amount, Client, CommandBody, Currency, Order, ParticipantId, QuoteBuilder, new_request_id,
    now_ms, parse_date, v1,
};

use crate::rig::{FUNDS, Rig, VALUE_DATE, bic, runtime};

const KILLS: u32 = 4;
const PAYMENTS: u64 = 80;
const FIRST_BANK: u32 = 11;
const MAKER: u32 = 3;

fn currency(code: &str) -> Currency {
    Currency::parse(code).unwrap()
}

/// Dollars: a day, accounts, and money for the provider.
async fn set_up(rig: &Rig) {
    rig.set_up().await;
    let give = async |who: &str, body| {
        let client = rig.client(who);
        let command = client.sign_command(new_request_id(), now_ms(), body).unwrap();
        client.execute(&command).await.unwrap();
    };
    let accounts = [(FIRST_BANK + 1, "USD"), (MAKER, "EUR"), (MAKER, "USD")];
    for (participant, code) in accounts {
        let (participant, currency) = (ParticipantId(participant), currency(code));
        give("alice", CommandBody::OpenAccount { participant, currency, credit_line: 0 }).await;
    }
    let (cut_off_at_ms, closes_at_ms) = (now_ms() + 36_000_000, now_ms() + 40_000_000);
    let (currency, date) = (currency("USD"), parse_date(VALUE_DATE).unwrap());
    give("alice", CommandBody::OpenDay { currency, date, cut_off_at_ms, closes_at_ms }).await;
    let amount = Amount::new(FUNDS, currency).unwrap();
    let (participant, pay_in) = (ParticipantId(MAKER), new_request_id().0);
    give("agent", CommandBody::Fund { participant, amount, pay_in }).await;
}

/// Quotes and payments in turn; returns the payments.
async fn trade(maker: Client, bank: Client) -> Vec<Order> {
    let quotes = maker.quote_stream(4);
    let mut orders = Vec::new();
    for number in 0..PAYMENTS {
        if number % 4 == 0 {
            // Sizes and rates that leave remainders: each fill is rounded.
            let quote = QuoteBuilder::new("EUR/USD", now_ms() + 600_000)
                .bid("3.33", &format!("1.08{:02}", number % 97))
                .bid("1000.00", "1.0701");
            quotes.set(quote.build().unwrap()).await.unwrap().answer().await.unwrap();
        }
        let order = bank
            .order()
            .receiver(ParticipantId(FIRST_BANK + 1))
            .amount(&format!("{}.{:02} EUR", 1 + number % 7, number % 100))
            .value_date(VALUE_DATE)
            .converts_to("USD", "1.07")
            .build()
            .unwrap();
        let answer = bank.submit(&order).await.unwrap();
        assert!(answer.decision.accepted(), "{answer:?}");
        orders.push(order);
    }
    orders
}

/// Waits until a payment has settled; what it sold, and what its fills bought, minor units.
async fn settled(client: &Client, order: &Order) -> (u64, u64) {
    loop {
        let found = client.get(order.uetr(), 0).await;
        let payments = found.map(|found| found.payments).unwrap_or_default();
        if let Some(payment) = payments.first()
            && payment.state() == v1::PaymentState::Settled
        {
            let exchange = payment.exchange.as_ref().unwrap();
            let minor = |money: Option<&v1::Money>| money.unwrap().minor_units.unsigned_abs();
            let sold: u64 = exchange.fills.iter().map(|fill| minor(fill.sold.as_ref())).sum();
            let bought: u64 = exchange.fills.iter().map(|fill| minor(fill.bought.as_ref())).sum();
            assert_eq!(sold, minor(payment.amount.as_ref()));
            assert_eq!(bought, minor(exchange.counter_amount.as_ref()));
            return (sold, bought);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn balance(rig: &Rig, who: &str, code: &str) -> i128 {
    let balances = rig.client(who).balances("", None, 0).await.unwrap().balances;
    let found = balances.iter().find(|balance| balance.currency_code == code).unwrap();
    found.balance.as_ref().unwrap().minor_units.parse().unwrap()
}

#[test]
fn kills_leave_no_half_exchange() {
    let mut rig = Rig::new(2);
    rig.start();
    let runtime = runtime();
    runtime.block_on(set_up(&rig));
    let _guard = runtime.enter();
    let patient = |who: &str| rig.client_within(who, Duration::from_secs(3_600));
    let (maker, bank) = (patient("maker"), patient(&bic(0)));
    let trading = runtime.spawn(trade(maker, bank));
    for _ in 0..KILLS {
        std::thread::sleep(Duration::from_millis(rand::random_range(20..600)));
        rig.kill();
        rig.start();
    }
    runtime.block_on(async {
        let orders = trading.await.unwrap();
        let client = rig.client(&bic(0));
        let (mut sold, mut bought) = (0, 0);
        for order in &orders {
            let parts = settled(&client, order).await;
            sold += i128::from(parts.0);
            bought += i128::from(parts.1);
        }
        let funds = i128::from(FUNDS);
        assert_eq!(balance(&rig, &bic(0), "EUR").await, funds - sold);
        assert_eq!(balance(&rig, "maker", "EUR").await, sold);
        assert_eq!(balance(&rig, "maker", "USD").await, funds - bought);
        assert_eq!(balance(&rig, &bic(1), "USD").await, bought);
    });
    assert_eq!(rig.terminate(), Some(0), "{}", rig.errors());
    let (code, report) = rig.verify();
    assert_eq!((code, &report["ok"]), (Some(0), &true.into()), "{report}");
}
