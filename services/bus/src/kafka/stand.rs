//! Where a cursor stands, whatever comes from the brokers: it goes on only behind what it has
//! handed out.

use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::port::Fault;

/// Before a position, with what is known of what follows there.
pub(super) struct Stand {
    pub(super) next: u64,
    /// A record that was fetched but did not fit.
    held: Option<Bytes>,
    /// What went wrong behind records that were still to be handed out.
    late: Option<Fault>,
}

impl Stand {
    pub(super) fn at(next: u64) -> Self {
        Self { next, held: None, late: None }
    }

    /// Records from where it stands to before `end`: at least one, or none if none came in time;
    /// then what is there without waiting, about `bytes_max` bytes at most. `fetch` gets the record
    /// at a position if it comes within a time.
    pub(super) fn take(
        &mut self,
        end: u64,
        bytes_max: usize,
        patience: Duration,
        mut fetch: impl FnMut(u64, Duration) -> Result<Option<Bytes>, Fault>,
    ) -> Result<Vec<Bytes>, Fault> {
        if let Some(fault) = self.late.take() {
            return Err(fault);
        }
        let until = Instant::now() + patience;
        let (mut records, mut bytes) = (Vec::new(), 0);
        while self.next < end {
            let left = until.saturating_duration_since(Instant::now());
            let wait = if records.is_empty() { left } else { Duration::ZERO };
            let fetched = self.held.take().map_or_else(|| fetch(self.next, wait), |r| Ok(Some(r)));
            let record = match fetched {
                Ok(Some(record)) => record,
                Ok(None) if records.is_empty() && left > Duration::ZERO => continue,
                Ok(None) => break,
                Err(fault) if records.is_empty() => return Err(fault),
                // The records before it were taken from the queue and do not come again.
                Err(fault) => {
                    self.late = Some(fault);
                    break;
                }
            };
            bytes += record.len().max(1);
            if bytes > bytes_max && !records.is_empty() {
                self.held = Some(record);
                break;
            }
            records.push(record);
            self.next += 1;
        }
        Ok(records)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was fetched before an error is handed out before it, and nothing is passed over.
    #[test]
    fn an_error_behind_records_loses_none() {
        let record = |number: u64| Bytes::from(number.to_be_bytes().to_vec());
        let mut broken = true;
        let mut fetch = |next: u64, _| match next {
            2 if std::mem::take(&mut broken) => Err(Fault::Unanswered { why: "once".to_owned() }),
            5.. => Ok(None),
            next => Ok(Some(record(next))),
        };
        let mut stand = Stand::at(0);
        let mut take = |bytes_max| stand.take(u64::MAX, bytes_max, Duration::ZERO, &mut fetch);
        assert_eq!(take(1 << 10).expect("what was fetched"), [record(0), record(1)]);
        assert!(matches!(take(1 << 10), Err(Fault::Unanswered { .. })), "then the error");
        assert_eq!(take(16).expect("what fits"), [record(2), record(3)]);
        assert_eq!(take(16).expect("what did not fit"), [record(4)]);
        assert!(take(16).expect("no more").is_empty());
        assert_eq!(stand.next, 5);
    }

    #[test]
    fn an_error_before_any_record_is_told_at_once() {
        let mut stand = Stand::at(7);
        let fetch = |_, _| Err(Fault::Halted);
        let took = stand.take(u64::MAX, 1, Duration::ZERO, fetch);
        assert!(matches!(took, Err(Fault::Halted)) && stand.next == 7);
    }
}
