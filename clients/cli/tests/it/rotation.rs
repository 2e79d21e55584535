//! Keys and policies that change while people are at work.

use std::fs::{self, File};
use std::process::{Child, Stdio};

use sdk::sealed::{Envelope, SentStore, SlotRole, Suite};
use serde_json::Value;

use crate::run::causeway;
use crate::sealed_pool::{PLAIN, Sealed};
use crate::started::{self, instant};

/// A screener that keeps running.
struct Screening(Child);

impl Drop for Screening {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Screening {
    fn begin(pool: &Sealed) -> Self {
        let mut run = causeway();
        run.arg("--json").arg("--dir").arg(pool.node.dir());
        run.args(["--profile", "screener", "--address", &pool.node.address]);
        run.args(["screen", "run", "--refresh-seconds", "1", "--list", &pool.file("list.txt", "")]);
        let rows = File::create(pool.path("verdicts")).unwrap();
        Self(run.stdout(rows).stderr(Stdio::null()).spawn().unwrap())
    }
}

/// The valid keys of a participant, by suite.
fn keys(pool: &Sealed, who: &str, suite: &str) -> Vec<String> {
    let keys = pool.node.ok(who, &["keys", "list"]);
    let valid = |row: &&Value| row["state"] == "valid" && row["suite"] == suite;
    let own = keys.as_array().unwrap().iter().filter(valid);
    own.map(|row| row["key"].as_str().unwrap().to_owned()).collect()
}

/// The suite of a payment, and the screener's key that it was sealed to.
fn sealed_to(pool: &Sealed, uetr: &str) -> (Suite, String) {
    let sent = SentStore::open(&pool.node.dir().join("participants/ALBKGB2L/sealed/sent")).unwrap();
    let [kept] = sent.find(uetr.parse().unwrap()).unwrap().try_into().unwrap();
    let envelope = Envelope::parse(kept.order.fields(), kept.order.payload()).unwrap();
    let slot = envelope.slots().find(|slot| slot.role == SlotRole::Screener).unwrap();
    let key = slot.key.0.iter().map(|byte| format!("{byte:02x}")).collect();
    (envelope.sealing().suite, key)
}

/// The next policy, which a root signs: the same rules under another suite, in effect at once.
fn announce(pool: &Sealed, suite: &str) {
    let text = fs::read_to_string(pool.node.dir().join("roots/policy.toml")).unwrap();
    let now = format!("{}Z", &jiff::Timestamp::now().to_string()[..19]);
    let changed = text.lines().map(|line| match line.split(" = ").next().unwrap() {
        "version" => "version = 2".to_owned(),
        "suite" => format!("suite = \"{suite}\""),
        "effective_at" => format!("effective_at = \"{now}\""),
        _ => line.to_owned(),
    });
    let out = sign(pool, "sign-policy", &changed.collect::<Vec<_>>().join("\n"));
    pool.node.ok("alice", &["policy", "publish", &out]);
    served(pool, &["policy", "show"], |policy| {
        policy["suite"] == suite && policy["in_effect"] == true
    });
}

/// Somebody's next signing key, for which a root vouches, and its KEM keys signed by it.
fn replace_identity(pool: &Sealed, who: &str) {
    let own = pool.node.dir().join("participants").join(who).join("sign.key.pem");
    let made = pool.path("next.key.pem").display().to_string();
    let (_, key) = crate::run::json(&["root", "make", &made]);
    let key = key["public_key"].as_str().unwrap();
    let day = |days| format!("{}T00:00:00Z", instant(days));
    let identity = format!(
        "pool = 1\nserial = 2\nid = 11\nrole = \"bank\"\nname = \"{who}\"\ncountry = \"GB\"\n\
         key = \"{key}\"\nvalid_from = \"{}\"\nvalid_to = \"{}\"\n",
        day(0),
        day(100)
    );
    let out = sign(pool, "sign-identity", &identity);
    pool.node.ok("alice", &["trust", "publish", &out]);
    served(pool, &["trust", "accept"], |identity| identity["serial"] == 2);
    fs::rename(made, own).unwrap();
    pool.node.ok(who, &["keys", "rotate"]);
}

/// Waits until everybody is served what was published.
fn served(pool: &Sealed, what: &[&str], shown: impl Fn(&Value) -> bool) {
    started::until("what was published is served", || {
        let rows = pool.node.ok("ALBKGB2L", what);
        rows.as_array().unwrap().iter().any(&shown).then_some(())
    });
}

/// Has the root sign what a file says; returns the file of the signed statement.
fn sign(pool: &Sealed, what: &str, text: &str) -> String {
    let file = pool.file(&format!("{what}.toml"), text);
    let key = pool.node.dir().join("roots/scheme.key.pem").display().to_string();
    let out = pool.path(&format!("{what}.signed.toml")).display().to_string();
    let (code, value) = crate::run::json(&["root", what, &file, "--key", &key, "--out", &out]);
    assert_eq!(code, 0, "{value}");
    out
}

#[test]
fn a_screener_that_keeps_running_follows_keys_and_policy() {
    let pool = Sealed::start();
    let mut screening = Screening::begin(&pool);
    let uetr = |at: u8| format!("7a562c67-ca16-48ba-b074-65581be6f1e{at}");
    let pay = |at: u8| {
        assert_eq!(pool.pay(&uetr(at), "20000.00", &PLAIN, &[])["ruling"], "held");
        pool.settles(&uetr(at));
        sealed_to(&pool, &uetr(at))
    };
    let [first] = keys(&pool, "screener", "x25519").try_into().unwrap();
    assert_eq!(pay(1), (Suite::X25519Aes256Gcm, first.clone()));
    // Another process of the screener's makes the next key and revokes the one that it knows.
    pool.node.ok("screener", &["keys", "make"]);
    pool.node.ok("screener", &["keys", "revoke", &first]);
    let [second] = keys(&pool, "screener", "x25519").try_into().unwrap();
    assert_eq!(pay(2), (Suite::X25519Aes256Gcm, second));
    // The roots choose another suite; everybody makes the key that it asks for.
    announce(&pool, "x-wing");
    for who in ["ALBKGB2L", "RHNBDEFF", "overseer", "screener"] {
        pool.node.ok(who, &["keys", "rotate"]);
    }
    let [third] = keys(&pool, "screener", "x-wing").try_into().unwrap();
    assert_eq!(pay(3), (Suite::XWingAes256Gcm, third));
    // A root vouches for another key of the sender's.
    replace_identity(&pool, "ALBKGB2L");
    pay(4);
    // It is still the same process, and has screened each once.
    assert!(screening.0.try_wait().unwrap().is_none());
    let rows = || fs::read_to_string(pool.path("verdicts")).unwrap();
    // It says what it has done after that took effect.
    started::until("the last verdict is written", || rows().contains(&uetr(4)).then_some(()));
    for at in 1..=4 {
        let of = |line: &&str| line.contains(&uetr(at)) && line.contains("\"pass\"");
        assert_eq!(rows().lines().filter(of).count(), 1, "{}", rows());
    }
}
