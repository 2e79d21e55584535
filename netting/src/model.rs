//! What is to be netted: the input, in the caller's terms.

/// Amounts and limits above this are refused (minor units).
pub const MINOR_MAX: u64 = 1_000_000_000_000_000_000;
/// A currency's weight times a class's weight may not exceed this.
pub const WEIGHT_MAX: u64 = 1 << 36;

/// A snapshot: who has what, and what is queued.
///
/// A *node* is a participant in a currency; its index is `participant * currencies + currency`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instance {
    /// Number of participants.
    pub participants: u32,
    /// Per currency: what one minor unit is worth, at least 1.
    pub currency_weights: Vec<u64>,
    /// Per class (0 = first to settle in a queue): the factor on value, at least 1.
    pub class_weights: Vec<u64>,
    /// Per node, minor units: balance + credit line - reserved. Below zero counts as zero, so
    /// that settling nothing is always feasible.
    pub liquidity: Vec<i64>,
    /// What is queued, in any order: `seq` is what counts.
    pub payments: Vec<Payment>,
    /// How much more of a net position each may run up.
    pub limits: Vec<Limit>,
}

/// One queued payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payment {
    /// Order of arrival; no two payments share one.
    pub seq: u64,
    /// Participant that pays.
    pub debtor: u32,
    /// Participant that is paid.
    pub creditor: u32,
    /// Index of the currency.
    pub currency: u16,
    /// Index of the class.
    pub class: u8,
    /// Minor units, 1 to [`MINOR_MAX`].
    pub amount: u64,
    /// Payments of one group settle together or not at all.
    pub group: Option<u32>,
}

/// A cap on what a participant may pay net, in one currency, in this settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Whose payments count.
    pub debtor: u32,
    /// To whom; `None` counts payments to everyone.
    pub creditor: Option<u32>,
    /// Index of the currency.
    pub currency: u16,
    /// Minor units still free, at most [`MINOR_MAX`].
    pub minor: u64,
}

/// Why an instance is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InstanceError {
    /// `liquidity` is not participants times currencies long.
    #[error("liquidity must have one entry per participant and currency")]
    Liquidity,
    /// Liquidity above [`MINOR_MAX`], an amount of zero or above it, or a limit above it.
    #[error("an amount is out of range")]
    Amount,
    /// A weight of zero, or a product of weights above [`WEIGHT_MAX`].
    #[error("a weight is out of range")]
    Weight,
    /// A participant, currency or class that does not exist.
    #[error("an index is out of range")]
    Index,
    /// Two payments with one `seq`.
    #[error("two payments have the same place in the order of arrival")]
    Sequence,
    /// More payments than fit in 31 bits.
    #[error("too many payments")]
    Size,
}

impl Instance {
    /// Number of currencies.
    #[must_use]
    pub const fn currencies(&self) -> usize {
        self.currency_weights.len()
    }

    /// Index of a participant's node in a currency.
    #[must_use]
    pub const fn node(&self, participant: u32, currency: u16) -> usize {
        participant as usize * self.currencies() + currency as usize
    }

    /// What a minor unit of this payment counts.
    #[must_use]
    pub fn weight(&self, payment: &Payment) -> u64 {
        self.currency_weights[usize::from(payment.currency)]
            * self.class_weights[usize::from(payment.class)]
    }

    /// What a payment counts when it settles: class weight times currency weight times amount.
    #[must_use]
    pub fn value(&self, payment: &Payment) -> u128 {
        u128::from(self.weight(payment)) * u128::from(payment.amount)
    }

    /// Checks every range and index.
    ///
    /// # Errors
    /// See [`InstanceError`].
    pub fn validate(&self) -> Result<(), InstanceError> {
        let nodes = (self.participants as usize).checked_mul(self.currencies());
        if nodes != Some(self.liquidity.len()) || self.liquidity.len() > (1 << 30) {
            return Err(InstanceError::Liquidity);
        }
        if self.payments.len() >= (1 << 31) || self.limits.len() >= (1 << 30) {
            return Err(InstanceError::Size);
        }
        let heaviest = |weights: &[u64]| weights.iter().copied().max().unwrap_or(1);
        let product = heaviest(&self.currency_weights).checked_mul(heaviest(&self.class_weights));
        let zero = self.currency_weights.contains(&0) || self.class_weights.contains(&0);
        if zero || product.is_none_or(|product| product > WEIGHT_MAX) {
            return Err(InstanceError::Weight);
        }
        if self.liquidity.iter().any(|&held| held > MINOR_MAX.cast_signed()) {
            return Err(InstanceError::Amount);
        }
        self.validate_payments()?;
        for limit in &self.limits {
            let to = limit.creditor.unwrap_or(0);
            if limit.minor > MINOR_MAX {
                return Err(InstanceError::Amount);
            }
            self.validate_place(limit.debtor.max(to), limit.currency)?;
        }
        Ok(())
    }

    fn validate_payments(&self) -> Result<(), InstanceError> {
        for payment in &self.payments {
            self.validate_place(payment.debtor.max(payment.creditor), payment.currency)?;
            if usize::from(payment.class) >= self.class_weights.len() {
                return Err(InstanceError::Index);
            }
            if payment.amount == 0 || payment.amount > MINOR_MAX {
                return Err(InstanceError::Amount);
            }
        }
        if self.payments.is_sorted_by(|a, b| a.seq < b.seq) {
            return Ok(());
        }
        let mut order: Vec<u64> = self.payments.iter().map(|payment| payment.seq).collect();
        order.sort_unstable();
        if order.is_sorted_by(|a, b| a < b) { Ok(()) } else { Err(InstanceError::Sequence) }
    }

    fn validate_place(&self, participant: u32, currency: u16) -> Result<(), InstanceError> {
        if participant < self.participants && usize::from(currency) < self.currencies() {
            Ok(())
        } else {
            Err(InstanceError::Index)
        }
    }
}
