//! From values to places, with ticks at round numbers.

/// A linear scale of values, widened to round ticks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    pub(crate) low: f64,
    pub(crate) high: f64,
    step: f64,
}

impl Scale {
    /// A scale that holds zero and all values, with about `ticks` steps.
    pub(crate) fn holding(values: impl Iterator<Item = f64>, ticks: u32) -> Self {
        let within = |(low, high): (f64, f64), value: f64| (low.min(value), high.max(value));
        let (low, high) = values.filter(|value| value.is_finite()).fold((0.0, 0.0), within);
        let span: f64 = if high > low { high - low } else { 1.0 };
        let raw = span / f64::from(ticks.max(1));
        let magnitude = 10_f64.powf(raw.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|round| round * magnitude);
        let step = step.into_iter().find(|step| *step >= raw).unwrap_or(10.0 * magnitude);
        let top = (high / step).ceil() * step;
        let low = (low / step).floor() * step;
        Self { low, high: if top > low { top } else { low + step }, step }
    }

    /// The values at which ticks stand.
    pub(crate) fn ticks(self) -> impl Iterator<Item = f64> {
        let count = ((self.high - self.low) / self.step).round() as u32;
        (0..=count).map(move |at| self.low + f64::from(at) * self.step)
    }

    /// Where a value lies, from 0 (the lowest) to 1.
    pub(crate) fn share(self, value: f64) -> f64 {
        (value - self.low) / (self.high - self.low)
    }
}

/// A number in few characters: `1.25 M`, `350 k`.
pub(crate) fn short(value: f64) -> String {
    let size = value.abs();
    let (divisor, unit) = match size {
        size if size >= 1e12 => (1e12, " tn"),
        size if size >= 1e9 => (1e9, " bn"),
        size if size >= 1e6 => (1e6, " M"),
        size if size >= 1e3 => (1e3, " k"),
        _ => (1.0, ""),
    };
    let text = format!("{:.2}", value / divisor);
    let text = text.trim_end_matches('0').trim_end_matches('.');
    let text = if text == "-0" { "0" } else { text };
    format!("{text}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_hold_everything() {
        let scale = Scale::holding([-3.0, 87.0].into_iter(), 5);
        let ticks: Vec<f64> = scale.ticks().collect();
        assert_eq!(ticks, [-20.0, 0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        assert_eq!(scale.share(40.0), 0.5);
        let empty = Scale::holding(std::iter::empty(), 4);
        assert!(empty.share(0.0) == 0.0 && empty.high > 0.0);
        let odd = Scale::holding([f64::NAN, f64::INFINITY, 5.0].into_iter(), 4);
        assert!(odd.high.is_finite());
    }

    #[test]
    fn numbers_are_short() {
        let cases = [(0.0, "0"), (999.0, "999"), (1_250_000.0, "1.25 M"), (-3.5e9, "-3.5 bn")];
        for (value, text) in cases {
            assert_eq!(short(value), text);
        }
    }
}
