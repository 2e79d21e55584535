//! The words of `causeway.v1`: messages and services generated from `causeway/v1/*.proto`, and
//! the conversions to domain values that lose nothing.

mod money;

/// Messages, clients and servers of `causeway.v1`.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::too_many_lines)]
pub mod v1 {
    tonic::include_proto!("causeway.v1");
}

pub use money::MoneyFieldError;

/// The `FileDescriptorSet` of `causeway.v1`, for server reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

#[cfg(test)]
mod tests {
    use super::v1::RejectReason;

    #[test]
    fn reject_reasons_are_those_of_the_core() {
        for reject in clearing::Reject::ALL {
            let reason = RejectReason::try_from(i32::from(reject.number())).unwrap();
            let name = reason.as_str_name().strip_prefix("REJECT_REASON_").unwrap();
            assert_eq!(name, reject.code());
        }
        let beyond = i32::try_from(clearing::Reject::ALL.len()).unwrap() + 1;
        assert!(RejectReason::try_from(beyond).is_err(), "a reason the core does not know");
    }

    #[test]
    fn every_reject_has_its_page() {
        let page = include_str!("../../docs/reference/rejects.md");
        let headings: Vec<&str> =
            page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        let rejects = clearing::Reject::ALL.iter();
        let expected: Vec<String> =
            rejects.map(|reject| format!("{} {}", reject.number(), reject.code())).collect();
        assert_eq!(headings, expected);
        for reject in clearing::Reject::ALL {
            let heading = format!("## {} {}\n", reject.number(), reject.code());
            let section = page.split(&heading).nth(1).unwrap();
            let section = section.split("\n## ").next().unwrap();
            assert!(section.contains(&format!("ISO {}.", reject.iso_code())), "{heading}");
            assert_eq!(section.contains("Transient."), reject.is_transient(), "{heading}");
        }
    }
}
