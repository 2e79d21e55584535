//! A batch as a picture: per currency gross, net and the money it took, and who paid whom on net.

use ledger::Currency;
use plot::{Bars, Chart, Figure};
use sdk::v1;

/// Participants of a currency that are drawn, at most: those with the largest net.
const PARTICIPANTS_MAX: usize = 20;
/// Currencies that are drawn, at most.
const CURRENCIES_MAX: usize = 12;

pub(super) fn draw(report: &v1::GetBatchReportResponse) -> String {
    let shown = report.currencies.iter().take(CURRENCIES_MAX);
    let charts = shown.flat_map(|it| sums(it).into_iter().chain([nets(it)])).collect();
    let more = report.currencies.len().saturating_sub(CURRENCIES_MAX);
    let notes = (more > 0).then(|| format!("{more} more currencies are not drawn"));
    Figure {
        title: format!("Batch {}", report.batch),
        notes: notes.into_iter().collect(),
        columns: 2,
        charts,
    }
    .to_svg()
}

/// Nothing where sums are withheld.
fn sums(it: &v1::CurrencyReport) -> Option<Chart> {
    let code = it.currency_code.as_str();
    let row = |name: &str, minor: &str| (name.to_owned(), vec![major(minor, code)]);
    (!it.gross.is_empty()).then(|| {
        Chart::Bars(Bars {
            title: format!("{code}: what it took"),
            unit: code.to_owned(),
            series: vec![super::payments(it.payments)],
            rows: vec![
                row("gross", &it.gross),
                row("one by one", &it.one_by_one),
                row("money used", &it.net),
            ],
        })
    })
}

fn nets(it: &v1::CurrencyReport) -> Chart {
    let code = it.currency_code.as_str();
    let net = |it: &&v1::ParticipantReport| it.net.parse::<i128>().unwrap_or(0);
    let mut shown: Vec<&v1::ParticipantReport> = it.participants.iter().collect();
    shown.sort_by_key(|it| std::cmp::Reverse(net(it).unsigned_abs()));
    shown.truncate(PARTICIPANTS_MAX);
    shown.sort_by_key(|it| std::cmp::Reverse(net(it)));
    let hidden = it.participants.len() - shown.len();
    let left_out = if hidden > 0 { format!(" ({hidden} smaller left out)") } else { String::new() };
    Chart::Bars(Bars {
        title: format!("{code}: net by participant{left_out}"),
        unit: code.to_owned(),
        series: vec!["is paid (right) or pays (left)".to_owned()],
        rows: shown.iter().map(|it| (it.participant.clone(), vec![major(&it.net, code)])).collect(),
    })
}

/// Whole units of minor units, on the picture only.
fn major(minor: &str, code: &str) -> Option<f64> {
    let digits = Currency::parse(code).map_or(0, |currency| currency.digits());
    Some(minor.parse::<f64>().ok()? / 10_f64.powi(digits.into()))
}
