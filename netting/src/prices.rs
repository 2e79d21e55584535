//! The linear relaxation by a first-order method: restarted, averaged primal-dual hybrid gradient
//! (Chambolle and Pock 2011, diagonal steps; restarts and primal weight as in PDLP,
//! Applegate et al. 2021).
//!
//! Columns are shares in `[0, 1]` of an arc (all like payments between two nodes) or of an item.

/// `max c x : sum_j -a_rj x_j <= b_r, 0 <= x <= 1`, in units of value.
#[derive(Default)]
pub(crate) struct Lp {
    pub(crate) start: Vec<u32>,
    pub(crate) row: Vec<u32>,
    pub(crate) effect: Vec<f64>,
    pub(crate) gain: Vec<f64>,
    pub(crate) free: Vec<f64>,
    pub(crate) share: Vec<f64>,
    pub(crate) price: Vec<f64>,
    /// How far shares move against prices.
    pub(crate) balance: f64,
    pub(crate) work: Work,
}

#[derive(Default)]
pub(crate) struct Work {
    share_step: Vec<f64>,
    price_step: Vec<f64>,
    flow: Vec<f64>,
    share_sum: Vec<f64>,
    price_sum: Vec<f64>,
    share_from: Vec<f64>,
    price_from: Vec<f64>,
}

impl Lp {
    pub(crate) fn clear(&mut self) {
        self.start.clear();
        self.start.push(0);
        self.row.clear();
        self.effect.clear();
        self.gain.clear();
        self.share.clear();
    }

    /// Adds the column whose effects were pushed since the last one.
    pub(crate) fn close(&mut self, gain: f64, share: f64) {
        self.start.push(u32::try_from(self.row.len()).unwrap_or(u32::MAX));
        self.gain.push(gain);
        self.share.push(share);
    }

    pub(crate) fn push(&mut self, row: usize, effect: f64) {
        self.row.push(u32::try_from(row).unwrap_or(u32::MAX));
        self.effect.push(effect);
    }

    pub(crate) const fn columns(&self) -> usize {
        self.gain.len()
    }

    pub(crate) const fn entries(&self) -> usize {
        self.row.len()
    }

    fn prepare(&mut self) {
        let work = &mut self.work;
        work.share_step.clear();
        work.price_step.clear();
        work.price_step.resize(self.free.len(), 0.0);
        for column in self.start.windows(2) {
            let mut sum = 0.0;
            for at in column[0] as usize..column[1] as usize {
                sum += self.effect[at].abs();
                work.price_step[self.row[at] as usize] += self.effect[at].abs();
            }
            work.share_step.push(if sum > 0.0 { 1.0 / sum } else { 1.0 });
        }
        for step in &mut work.price_step {
            *step = if *step > 0.0 { 1.0 / *step } else { 0.0 };
        }
        if self.balance <= 0.0 {
            self.balance = 1.0;
        }
    }

    /// Runs `rounds` of `length` iterations, each from the average of the one before. Shares and
    /// prices end as that average. `seen` is shown the prices after each round.
    pub(crate) fn run(&mut self, rounds: usize, length: usize, seen: &mut dyn FnMut(&[f64], f64)) {
        if length == 0 {
            return;
        }
        self.prepare();
        for _ in 0..rounds {
            self.round(length);
            let bound = self.dual();
            seen(&self.price, bound);
        }
    }

    fn round(&mut self, length: usize) {
        let work = &mut self.work;
        work.share_from.clone_from(&self.share);
        work.price_from.clone_from(&self.price);
        for (sum, size) in
            [(&mut work.share_sum, self.share.len()), (&mut work.price_sum, self.price.len())]
        {
            sum.clear();
            sum.resize(size, 0.0);
        }
        for _ in 0..length {
            self.iterate();
        }
        let work = &mut self.work;
        let part = 1.0 / length as f64;
        let mut moved = [0.0, 0.0];
        for (at, share) in self.share.iter_mut().enumerate() {
            *share = work.share_sum[at] * part;
            let by = *share - work.share_from[at];
            moved[0] += by * by / work.share_step[at];
        }
        for (at, price) in self.price.iter_mut().enumerate() {
            *price = work.price_sum[at] * part;
            let by = *price - work.price_from[at];
            if work.price_step[at] > 0.0 {
                moved[1] += by * by / work.price_step[at];
            }
        }
        if moved[0] > 0.0 && moved[1] > 0.0 {
            let target = (moved[0] / moved[1]).sqrt();
            self.balance = (self.balance * target).sqrt().clamp(1e-6, 1e6);
        }
    }

    fn iterate(&mut self) {
        let work = &mut self.work;
        work.flow.clear();
        work.flow.extend_from_slice(&self.free);
        for column in 0..self.gain.len() {
            let span = self.start[column] as usize..self.start[column + 1] as usize;
            let (rows, effects) = (&self.row[span.clone()], &self.effect[span]);
            let mut slope = self.gain[column];
            for (&row, &effect) in rows.iter().zip(effects) {
                slope += effect * self.price[row as usize];
            }
            let old = self.share[column];
            let new = (old + self.balance * work.share_step[column] * slope).clamp(0.0, 1.0);
            self.share[column] = new;
            work.share_sum[column] += new;
            let ahead = 2.0 * new - old;
            for (&row, &effect) in rows.iter().zip(effects) {
                work.flow[row as usize] += effect * ahead;
            }
        }
        for (row, price) in self.price.iter_mut().enumerate() {
            let step = work.price_step[row] / self.balance;
            *price = (*price - step * work.flow[row]).max(0.0);
            work.price_sum[row] += *price;
        }
    }

    /// The bound at the present prices.
    fn dual(&self) -> f64 {
        let held = self.free.iter().zip(&self.price).map(|(free, price)| free * price);
        let mut sum: f64 = held.sum();
        for column in 0..self.columns() {
            let span = self.start[column] as usize..self.start[column + 1] as usize;
            let effects = self.row[span.clone()].iter().zip(&self.effect[span]);
            let priced = effects.map(|(&row, effect)| effect * self.price[row as usize]);
            sum += (self.gain[column] + priced.sum::<f64>()).max(0.0);
        }
        sum
    }
}
