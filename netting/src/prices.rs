//! The linear relaxation by a first-order method: restarted, averaged primal-dual hybrid gradient
//! (Chambolle and Pock 2011, diagonal steps; restarts and primal weight as in PDLP,
//! Applegate et al. 2021).
//!
//! Columns are shares in `[0, 1]` of a bundle or of an item. The iterations run in single
//! precision (half the memory to pass through); the bound that judges them is summed in double.

/// A column, and what it does to its first row per unit of its share.
struct Column {
    gain: f32,
    lead: f32,
    share: f32,
    sum: f32,
    step: f32,
    /// One past the last of its other effects.
    end: u32,
}

/// What a column does to another row.
struct Effect {
    row: u32,
    effect: f32,
}

/// Columns with the same first row. Its price is read once and its flow written once: a column
/// need not wait for the one before it.
struct Run {
    row: u32,
    /// One past the last column.
    end: u32,
}

/// `max c x : sum_j -a_rj x_j <= b_r, 0 <= x <= 1`, in units of value.
#[derive(Default)]
pub(crate) struct Lp {
    columns: Vec<Column>,
    effects: Vec<Effect>,
    runs: Vec<Run>,
    /// Per row.
    pub(crate) free: Vec<f32>,
    pub(crate) price: Vec<f32>,
    /// How far shares move against prices.
    pub(crate) balance: f32,
    price_step: Vec<f32>,
    price_sum: Vec<f32>,
    flow: Vec<f32>,
}

impl Lp {
    /// To start from these prices.
    pub(crate) fn from(price: &[f32], balance: f32) -> Self {
        Self { price: price.to_vec(), balance, ..Self::default() }
    }

    pub(crate) fn clear(&mut self) {
        self.columns.clear();
        self.effects.clear();
        self.runs.clear();
        self.free.clear();
    }

    /// Adds a column by what it gains and what it does to rows, per unit of its share. Those with
    /// the same first row should follow each other.
    pub(crate) fn push(
        &mut self,
        gain: f64,
        share: f32,
        mut effects: impl Iterator<Item = (u32, f64)>,
    ) {
        let (row, lead) = effects.next().unwrap_or((0, 0.0));
        let lead = lead as f32;
        self.effects.extend(effects.map(|(row, effect)| Effect { row, effect: effect as f32 }));
        let end = u32::try_from(self.effects.len()).unwrap_or(u32::MAX);
        self.columns.push(Column { gain: gain as f32, lead, share, sum: 0.0, step: 0.0, end });
        let end = u32::try_from(self.columns.len()).unwrap_or(u32::MAX);
        match self.runs.last_mut() {
            Some(run) if run.row == row => run.end = end,
            _ => self.runs.push(Run { row, end }),
        }
    }

    pub(crate) fn shares(&self) -> impl Iterator<Item = f32> + '_ {
        self.columns.iter().map(|column| column.share)
    }

    pub(crate) const fn entries(&self) -> usize {
        self.columns.len() + self.effects.len()
    }

    /// Steps as long as the matrix allows, row by row and column by column.
    fn prepare(&mut self) {
        self.price.resize(self.free.len(), 0.0);
        self.price_step.clear();
        self.price_step.resize(self.free.len(), 0.0);
        let (mut column, mut effect) = (0, 0);
        for run in &self.runs {
            for column in &mut self.columns[column..run.end as usize] {
                let mut sum = column.lead.abs();
                self.price_step[run.row as usize] += sum;
                for at in &self.effects[effect..column.end as usize] {
                    sum += at.effect.abs();
                    self.price_step[at.row as usize] += at.effect.abs();
                }
                column.step = if sum > 0.0 { 1.0 / sum } else { 1.0 };
                effect = column.end as usize;
            }
            column = run.end as usize;
        }
        for step in &mut self.price_step {
            *step = if *step > 0.0 { 1.0 / *step } else { 0.0 };
        }
        if self.balance <= 0.0 {
            self.balance = 1.0;
        }
    }

    /// Runs `rounds` of `length` iterations, each from the average of the one before. Shares and
    /// prices end as that average. `seen` is shown the prices after each round.
    pub(crate) fn run(&mut self, rounds: usize, length: usize, seen: &mut dyn FnMut(&Self)) {
        if length == 0 {
            return;
        }
        self.prepare();
        for _ in 0..rounds {
            self.round(length);
            seen(self);
        }
    }

    fn round(&mut self, length: usize) {
        let share_from: Vec<f32> = self.shares().collect();
        let price_from = self.price.clone();
        self.price_sum.clear();
        self.price_sum.resize(self.price.len(), 0.0);
        for column in &mut self.columns {
            column.sum = 0.0;
        }
        for _ in 0..length {
            self.iterate();
        }
        let part = 1.0 / length as f32;
        let mut moved = [0.0, 0.0];
        for (column, from) in self.columns.iter_mut().zip(share_from) {
            column.share = column.sum * part;
            let by = f64::from(column.share - from);
            moved[0] += by * by / f64::from(column.step);
        }
        for (at, price) in self.price.iter_mut().enumerate() {
            *price = self.price_sum[at] * part;
            let by = f64::from(*price - price_from[at]);
            if self.price_step[at] > 0.0 {
                moved[1] += by * by / f64::from(self.price_step[at]);
            }
        }
        if moved[0] > 0.0 && moved[1] > 0.0 {
            let target = (moved[0] / moved[1]).sqrt() as f32;
            self.balance = (self.balance * target).sqrt().clamp(1e-6, 1e6);
        }
    }

    fn iterate(&mut self) {
        self.flow.clone_from(&self.free);
        let (price, flow) = (self.price.as_slice(), self.flow.as_mut_slice());
        let (mut column, mut effect, balance) = (0, 0, self.balance);
        for run in &self.runs {
            let own_price = price[run.row as usize];
            let mut own_flow = 0.0;
            for column in &mut self.columns[column..run.end as usize] {
                let others = &self.effects[effect..column.end as usize];
                effect = column.end as usize;
                let mut slope = column.gain + column.lead * own_price;
                for at in others {
                    slope += at.effect * price[at.row as usize];
                }
                let old = column.share;
                let new = (old + balance * column.step * slope).clamp(0.0, 1.0);
                let ahead = 2.0 * new - old;
                own_flow += column.lead * ahead;
                for at in others {
                    flow[at.row as usize] += at.effect * ahead;
                }
                column.share = new;
                column.sum += new;
            }
            flow[run.row as usize] += own_flow;
            column = run.end as usize;
        }
        for (row, price) in self.price.iter_mut().enumerate() {
            let step = self.price_step[row] / balance;
            *price = (*price - step * self.flow[row]).max(0.0);
            self.price_sum[row] += *price;
        }
    }

    /// The bound at the present prices.
    pub(crate) fn dual(&self) -> f64 {
        let price = |row: u32| f64::from(self.price[row as usize]);
        let held = self.free.iter().zip(&self.price);
        let mut sum: f64 = held.map(|(&free, &price)| f64::from(free) * f64::from(price)).sum();
        let (mut column, mut effect) = (0, 0);
        for run in &self.runs {
            for column in &self.columns[column..run.end as usize] {
                let mut gain = f64::from(column.gain) + f64::from(column.lead) * price(run.row);
                for at in &self.effects[effect..column.end as usize] {
                    gain += f64::from(at.effect) * price(at.row);
                }
                sum += gain.max(0.0);
                effect = column.end as usize;
            }
            column = run.end as usize;
        }
        sum
    }
}
