//! Lines over time.

use crate::bars::{colour, legend};
use crate::canvas::{Anchor, Canvas, shortened};
use crate::scale::{Scale, short};

const HEAD: f64 = 48.0;
const FOOT: f64 = 40.0;
const HEIGHT: f64 = 232.0;
/// Room for a time of day.
const TIME: f64 = 62.0;
/// Room for the numbers of the upright axis.
const NUMBERS: f64 = 58.0;

/// One line of a chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Its name.
    pub name: String,
    /// Its points, ascending by time: ms since the Unix epoch, and the value from then on.
    pub points: Vec<(u64, f64)>,
}

/// Values over time that stay as they are until they change.
#[derive(Debug, Clone, PartialEq)]
pub struct Lines {
    /// What it shows.
    pub title: String,
    /// What the values are in.
    pub unit: String,
    /// The first instant shown, ms since the Unix epoch.
    pub from_ms: u64,
    /// The last instant shown.
    pub until_ms: u64,
    /// 1 to 4 lines.
    pub lines: Vec<Line>,
}

impl Lines {
    pub(crate) fn height(&self) -> f64 {
        HEIGHT
    }

    pub(crate) fn draw(&self, canvas: &mut Canvas, (x, y): (f64, f64), width: f64) {
        canvas.heading(13, (x, y + 16.0), &shortened(&self.title, width));
        let names: Vec<String> = self.lines.iter().map(|line| line.name.clone()).collect();
        legend(canvas, &names, (x, y + 34.0));
        let values = self.lines.iter().flat_map(|line| line.points.iter().map(|point| point.1));
        let scale = Scale::holding(values, 4);
        let (left, right) = (x + NUMBERS, x + width - 12.0);
        let (top, bottom) = (y + HEAD, y + HEIGHT - FOOT);
        let height_of = |value: f64| bottom - scale.share(value) * (bottom - top);
        for tick in scale.ticks() {
            canvas.line("grid", (left, height_of(tick)), (right, height_of(tick)));
            let place = (left - 6.0, height_of(tick) + 4.0);
            canvas.text("soft", place, Anchor::End, &short(tick));
        }
        canvas.text("soft", (right, y + 34.0), Anchor::End, &self.unit);
        let span = self.until_ms.saturating_sub(self.from_ms).max(1) as f64;
        let place_of = |at_ms: u64| {
            let since = at_ms.clamp(self.from_ms, self.until_ms) - self.from_ms;
            left + since as f64 / span * (right - left)
        };
        let most = ((right - left) / TIME).max(2.0) as u64;
        let (ticks, label) = time_ticks(self.from_ms, self.until_ms, most);
        for (at_ms, text) in ticks {
            canvas.line("axis", (place_of(at_ms), bottom), (place_of(at_ms), bottom + 4.0));
            canvas.text("soft", (place_of(at_ms), bottom + 17.0), Anchor::Middle, &text);
        }
        canvas.text("soft", ((left + right) / 2.0, bottom + 32.0), Anchor::Middle, label);
        canvas.line("axis", (left, bottom), (right, bottom));
        for (series, line) in self.lines.iter().enumerate() {
            let mut path = Vec::with_capacity(line.points.len() * 2 + 1);
            for (at_ms, value) in &line.points {
                let place = place_of(*at_ms);
                // Steps: what was, until this instant.
                if let Some((_, before)) = path.last().copied() {
                    path.push((place, before));
                }
                path.push((place, height_of(*value)));
            }
            if let Some((_, last)) = path.last().copied() {
                path.push((right, last));
            }
            canvas.path(&format!("line l{}", colour(series, self.lines.len())), &path);
        }
    }
}

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
/// Steps between ticks that people count in.
const STEPS: [u64; 16] = [
    SECOND,
    5 * SECOND,
    10 * SECOND,
    30 * SECOND,
    MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    7 * DAY,
    30 * DAY,
];

/// About so many instants at round times, with their texts; and what the texts are.
fn time_ticks(from_ms: u64, until_ms: u64, most: u64) -> (Vec<(u64, String)>, &'static str) {
    let span = until_ms.saturating_sub(from_ms);
    let step = STEPS.into_iter().find(|step| span / step < most).unwrap_or(365 * DAY);
    let first = from_ms.div_ceil(step) * step;
    let text = |at_ms: u64| {
        let (hours, minutes) = (at_ms % DAY / HOUR, at_ms % HOUR / MINUTE);
        match step {
            step if step >= DAY => format!("+{} d", (at_ms - from_ms) / DAY),
            step if step >= MINUTE => format!("{hours:02}:{minutes:02}"),
            _ => format!("{hours:02}:{minutes:02}:{:02}", at_ms % MINUTE / SECOND),
        }
    };
    let mut ticks = Vec::new();
    let mut at_ms = first;
    while at_ms <= until_ms && ticks.len() as u64 <= most {
        ticks.push((at_ms, text(at_ms)));
        at_ms = at_ms.saturating_add(step);
    }
    (ticks, if step >= DAY { "days since the first record" } else { "time of day, UTC" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_stand_at_round_times() {
        let start = 1_772_431_200_000;
        let (ticks, label) = time_ticks(start, start + 12 * HOUR, 8);
        let texts: Vec<&str> = ticks.iter().map(|tick| tick.1.as_str()).collect();
        assert_eq!(texts, ["06:00", "08:00", "10:00", "12:00", "14:00", "16:00", "18:00"]);
        assert_eq!(label, "time of day, UTC");
        assert_eq!(time_ticks(5, 5, 8).0.len(), 0);
        assert!(time_ticks(0, u64::MAX, 8).0.len() < 10);
    }
}
