//! Any bytes, read as each thing that is signed.

#![no_main]

use channel::{
    Command, DisclosureFault, DisclosurePolicy, EpochOpen, Genesis, Identity, KemKey,
    KemRevocation, OpeningRecord, ReceiverConfirmation, Rewrap, ScreeningVerdict, Signed, Statement,
};
use libfuzzer_sys::fuzz_target;
use sealing::Disclosure;

fn statement<S: Statement>(bytes: &[u8]) {
    if let Ok(signed) = Signed::<S>::decode(bytes) {
        assert_eq!(signed.encode(), bytes);
    }
}

fuzz_target!(|bytes: &[u8]| {
    statement::<Identity>(bytes);
    statement::<KemKey>(bytes);
    statement::<KemRevocation>(bytes);
    statement::<EpochOpen>(bytes);
    statement::<DisclosurePolicy>(bytes);
    statement::<ScreeningVerdict>(bytes);
    statement::<DisclosureFault>(bytes);
    statement::<Rewrap>(bytes);
    statement::<OpeningRecord>(bytes);
    statement::<ReceiverConfirmation>(bytes);
    if let Ok(disclosure) = Disclosure::decode(bytes) {
        assert_eq!(disclosure.encode().as_slice(), bytes);
    }
    if let Ok(command) = Command::decode(bytes) {
        assert_eq!(command.encode(), bytes);
    }
    if let Ok(genesis) = Genesis::decode(bytes) {
        assert_eq!(genesis.encode(), bytes);
    }
});
