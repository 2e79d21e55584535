//! A proposal as a picture: per currency, what there is and what is paid, and who pays it.

use ledger::Amount;
use netfile::{Currency, Position};
use plot::{Bars, Chart, Figure};

use super::render::Render;

/// Positions of a currency that are drawn, at most: the largest.
const POSITIONS_MAX: usize = 20;
/// Currencies that are drawn, at most.
const CURRENCIES_MAX: usize = 12;

pub(super) fn draw(render: Render<'_>) -> String {
    let Render { case, proposal } = render;
    let charts = proposal.currencies.iter().take(CURRENCIES_MAX);
    let charts = charts.flat_map(|own| [totals(own), positions(render, own)]).collect();
    let (settled, all) = (proposal.settled.len(), case.obligations.len());
    let payments = proposal.payments.len();
    let mut notes = vec![format!(
        "{settled} of {all} obligations settle together; payments that remain to be made: {payments}"
    )];
    let more = proposal.currencies.len().saturating_sub(CURRENCIES_MAX);
    if more > 0 {
        notes.push(format!("{more} more currencies are not drawn"));
    }
    Figure { title: "Netting proposal".to_owned(), notes, columns: 2, charts }.to_svg()
}

fn totals(own: &Currency) -> Chart {
    let code = own.currency.as_str();
    let row = |name: &str, amount: Amount| (name.to_owned(), vec![Some(major(amount))]);
    Chart::Bars(Bars {
        title: format!("{code}: gross and net"),
        unit: code.to_owned(),
        series: vec![format!("payments: {} instead of {}", own.payments, own.settled)],
        rows: vec![
            row("owed in all", own.gross),
            row("settles now", own.settled_gross),
            row("to be paid", own.net),
            row("saved", own.saved()),
        ],
    })
}

fn positions(render: Render<'_>, own: &Currency) -> Chart {
    let of_currency = |position: &&Position| position.owes.currency() == own.currency;
    let mut positions: Vec<&Position> =
        render.proposal.positions.iter().filter(of_currency).collect();
    positions.sort_by_key(|position| std::cmp::Reverse(position.net().unsigned_abs()));
    let hidden = positions.len().saturating_sub(POSITIONS_MAX);
    positions.truncate(POSITIONS_MAX);
    positions.sort_by_key(|position| std::cmp::Reverse(position.net()));
    let code = own.currency.as_str();
    let row = |position: &&Position| {
        // On the picture only.
        let net = position.net() as f64 / unit(own.currency);
        (render.case.name(position.participant).to_owned(), vec![Some(net)])
    };
    let largest =
        if hidden > 0 { format!(" ({hidden} smaller ones left out)") } else { String::new() };
    Chart::Bars(Bars {
        title: format!("{code}: net positions{largest}"),
        unit: code.to_owned(),
        series: vec!["receives (right) or pays (left)".to_owned()],
        rows: positions.iter().map(row).collect(),
    })
}

/// Whole units, on the picture only.
fn major(amount: Amount) -> f64 {
    amount.minor() as f64 / unit(amount.currency())
}

fn unit(currency: ledger::Currency) -> f64 {
    10_f64.powi(currency.digits().into())
}
