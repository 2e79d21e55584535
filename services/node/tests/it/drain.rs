use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::rig::{Rig, bic, order, runtime};

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_drain_under_load_loses_no_answer_and_watches_go_on_afterwards() {
    let mut rig = Rig::new(2);
    rig.start();
    let address = rig.metrics_address();
    assert!(get(&address, "/readyz").starts_with("HTTP/1.1 200"));
    let runtime = runtime();
    runtime.block_on(rig.set_up());
    let _guard = runtime.enter();
    let client = rig.client(&bic(0));
    let mut watch = client.watch(Vec::new(), false);
    let load = std::thread::spawn({
        let runtime = runtime.handle().clone();
        move || {
            let orders: Vec<_> = (1..=400).map(|minor| order(&client, minor, "drained")).collect();
            for order in &orders {
                runtime.block_on(client.submit(order)).unwrap();
            }
            orders
        }
    });
    let seen_before = runtime.block_on(watch.next()).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    let metrics = get(&address, "/metrics");
    assert!(metrics.contains("causeway_settler_orders_total"), "{metrics}");
    // Gauges that an alert watches are there before anything happens to them.
    for gauge in ["causeway_settler_halted 0", "causeway_projector_halted 0"] {
        assert!(metrics.contains(gauge), "{metrics}");
    }
    assert_eq!(rig.terminate(), Some(0), "{}", rig.errors());
    rig.start();

    let orders = load.join().unwrap();
    runtime.block_on(async {
        // The watch takes up where it was: every payment is seen in the end.
        let mut seen = seen_before.payments;
        while orders.iter().any(|order| {
            let uetr = order.uetr().to_string();
            !seen.iter().any(|payment| payment.uetr == uetr)
        }) {
            seen.extend(watch.next().await.unwrap().payments);
        }
    });
    assert_eq!(rig.terminate(), Some(0), "{}", rig.errors());
    assert_eq!(rig.verify().0, Some(0));
}
