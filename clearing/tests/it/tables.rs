//! Runs the scripts in `tables/` and looks whether they meet every reject.

use std::collections::BTreeSet;

use clearing::Reject;

use crate::script::{Shadow, run};

macro_rules! scripts {
    ($($name:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                run(stringify!($name), include_str!(concat!("tables/", stringify!($name), ".pool")), Shadow::With);
            }
        )*

        fn all() -> Vec<(&'static str, &'static str)> {
            vec![$((
                stringify!($name),
                include_str!(concat!("tables/", stringify!($name), ".pool")),
            )),*]
        }
    };
}

scripts![
    crossing, cuts, days, exchanges, full, funding, gridlock, groups, index, limits, orders,
    proposals, quotes
];

#[test]
fn every_reject_is_met() {
    let met: BTreeSet<Reject> =
        all().into_iter().flat_map(|(name, text)| run(name, text, Shadow::Without)).collect();
    // Those of sealed orders are met in `disclosure`.
    let scripted = Reject::ALL.into_iter().filter(|reject| *reject < Reject::SealingRequired);
    let missed: Vec<Reject> = scripted.filter(|reject| !met.contains(reject)).collect();
    assert_eq!(missed, vec![]);
}
