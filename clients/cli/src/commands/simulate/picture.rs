//! A comparison as a picture: one row of charts for each currency.

use plot::{Chart, Figure, Line, Lines};
use simulator::{Comparison, CurrencyDay};

use super::render::pairs;

/// Currencies that are drawn, at most.
const CURRENCIES_MAX: usize = 8;

/// What is drawn of a currency: a title, and the series of a day.
type Drawn = (&'static str, fn(&CurrencyDay) -> &[(u64, i128)]);

const DRAWN: [Drawn; 3] = [
    ("queued value", |day| &day.queued),
    ("settled value", |day| &day.settled),
    ("liquidity in use", |day| &day.used),
];

pub(super) fn draw(compared: &Comparison) -> String {
    let pairs = pairs(compared);
    let mut notes = vec![format!(
        "value settled, value that waits, and the sum of net debits, by currency; {} and {} cycles",
        compared.was.cycles, compared.would.cycles
    )];
    if pairs.len() > CURRENCIES_MAX {
        notes.push(format!("{} more currencies are not drawn", pairs.len() - CURRENCIES_MAX));
    }
    let charts = pairs.iter().take(CURRENCIES_MAX).flat_map(|(was, would)| {
        DRAWN.iter().map(|(title, series)| {
            let code = was.currency.as_str();
            Chart::Lines(Lines {
                title: format!("{code}: {title}"),
                unit: code.to_owned(),
                from_ms: compared.from_ms,
                until_ms: compared.until_ms,
                lines: vec![
                    line("as it was", series(was), was),
                    line("as it would be", series(would), would),
                ],
            })
        })
    });
    let title = "The day as it was, and as it would be".to_owned();
    Figure { title, notes, columns: DRAWN.len(), charts: charts.collect() }.to_svg()
}

fn line(name: &str, series: &[(u64, i128)], day: &CurrencyDay) -> Line {
    // On the picture only.
    let unit = 10_f64.powi(day.currency.digits().into());
    let points = series.iter().map(|(at_ms, minor)| (*at_ms, *minor as f64 / unit));
    Line { name: name.to_owned(), points: points.collect() }
}
