use super::*;

fn parse(text: &str) -> Result<Settings> {
    parse_env(text, &[])
}

fn parse_env(text: &str, env: &[(&str, &str)]) -> Result<Settings> {
    let env = env.iter().map(|(name, value)| [*name, *value].map(str::to_owned)).map(Into::into);
    Settings::parse(text, Path::new("/srv"), &env.collect())
}

fn refusal(text: &str) -> String {
    format!("{:#}", parse(text).unwrap_err())
}

#[test]
fn every_default_is_a_value_and_every_value_has_its_key() {
    for key in KEYS {
        assert!(key.kind.holds(key.default), "{}", key.name);
        assert!(key.doc.ends_with('.'), "{}", key.name);
    }
    let config = Config::new(&parse("").unwrap(), &[]).unwrap();
    assert_eq!(config.data_dir, Path::new("/srv/data"));
    assert_eq!(config.listen.port(), 7400);
}

#[test]
fn the_shown_settings_read_back_the_same() {
    let settings = parse("listen = \"0.0.0.0:9\"\n[log]\ndirect_io = false").unwrap();
    let shown = settings.show(true);
    assert_eq!(parse(&shown).unwrap().show(false), settings.show(false));
    assert!(shown.contains("listen = \"0.0.0.0:9\"  # file"), "{shown}");
    assert!(shown.contains("direct_io = false  # file"), "{shown}");
    assert!(shown.contains("clock = \"system\"  # default"), "{shown}");
}

#[test]
fn the_environment_goes_before_the_file() {
    let env = [("CAUSEWAYD_TLS_CA", "/etc/ca.pem"), ("PATH", "/bin")];
    let settings = parse_env("[tls]\nca = \"x\"", &env).unwrap();
    assert_eq!(Config::new(&settings, &[]).unwrap().tls_ca, Path::new("/etc/ca.pem"));
    assert!(settings.show(true).contains("ca = \"/etc/ca.pem\"  # env"));
}

#[test]
fn an_unknown_variable_is_an_error_like_an_unknown_key() {
    let refusal = |name| parse_env("", &[(name, "1")]).unwrap_err().to_string();
    assert_eq!(
        refusal("CAUSEWAYD_LISEN"),
        "unknown environment variable `CAUSEWAYD_LISEN`; did you mean `CAUSEWAYD_LISTEN`?"
    );
    assert!(refusal("CAUSEWAYD_COLOUR_OF_THE_SKY").contains("`causewayd config show` lists"));
}

#[test]
fn unknown_keys_and_bad_values_are_named() {
    assert_eq!(refusal("lisen = \"x\""), "unknown key `lisen`; did you mean `listen`?");
    assert_eq!(refusal("[tsl]\nca = \"x\""), "unknown key `tsl.ca`; did you mean `tls.ca`?");
    assert!(refusal("colour = 1").starts_with("unknown key `colour`; `causewayd config show`"));
    assert_eq!(
        refusal("listen = \"localhost\""),
        "listen: must be an address such as \"127.0.0.1:7400\", not `localhost`"
    );
    assert_eq!(
        refusal("worker_threads = 0"),
        "worker_threads: must be an integer from 1 to 256, not `0`"
    );
    assert!(refusal("worker_threads = -1").contains("not `-1`"));
    assert_eq!(refusal("data_dir = 7"), "data_dir: must be a path, not empty");
    assert_eq!(
        refusal("clock = \"sundial\""),
        "clock: must be one of \"system\", \"scripted\", not `sundial`"
    );
    assert!(refusal("listen = ").contains("TOML parse error"));
}

/// Why settings that read well do not go together.
fn mismatch(text: &str, roles: &[Role]) -> String {
    Config::new(&parse(text).unwrap(), roles).unwrap_err().to_string()
}

#[test]
fn lists_are_arrays_of_texts() {
    let settings = parse("roles = [\"settler\", \"gateway\"]").unwrap();
    assert!(settings.show(false).contains("roles = [\"settler\", \"gateway\"]"));
    assert!(refusal("roles = \"gateway\"").starts_with("roles: must be a list of some of"));
    assert!(refusal("roles = []").starts_with("roles: must be"));
    assert!(refusal("roles = [\"king\"]").ends_with("not `king`"));
    assert!(refusal("[log]\nbrokers = [\"kafka-1\"]").contains("not `kafka-1`"));
    let env = parse_env("", &[("CAUSEWAYD_LOG_BROKERS", "a:1, b:2")]).unwrap();
    assert!(env.show(false).contains("brokers = [\"a:1\", \"b:2\"]"));
}

#[test]
fn what_does_not_go_together_is_named() {
    let alone = mismatch("", &[Role::Gateway, Role::Gateway]);
    assert!(alone.starts_with("roles: must be gateway,settler,projector with"), "{alone}");
    assert!(alone.contains("not gateway: "), "{alone}");
    let idle = mismatch("[settler]\nduty = \"never\"", &[]);
    assert!(idle.starts_with("settler.duty: must not be never"), "{idle}");
}

#[cfg(not(feature = "cluster"))]
#[test]
fn brokers_need_a_build_that_can_talk_to_them() {
    let why = mismatch("[log]\nkind = \"kafka\"", &[]);
    assert!(why.ends_with("build it with `--features cluster`"), "{why}");
}

#[cfg(feature = "cluster")]
#[test]
fn settings_of_brokers_are_checked_against_each_other() {
    let mismatch = |more: &str| {
        mismatch(&format!("[log]\nkind = \"kafka\"\nbrokers = [\"a:1\"]\n{more}"), &[])
    };
    let missing = super::tests::mismatch("[log]\nkind = \"kafka\"", &[]);
    assert!(missing.starts_with("log.brokers: must name a broker"), "{missing}");
    for (more, said) in [
        ("replication = 2", "log.min_insync_replicas: must be below log.replication (2), not 2"),
        ("replication = 1", "log.min_insync_replicas: must be below log.replication (1), not 2"),
        ("topic_prefix = \"a b\"", "log.topic_prefix: must be letters"),
        ("tls_ca = \"ca.pem\"", "log.tls: must be true"),
        ("tls = true\ntls_key = \"key\"", "log.tls_certificate: must be given"),
        ("sasl_user = \"me\"", "log.sasl: must be scram-sha-256"),
        ("sasl = \"scram-sha-512\"", "log.sasl_user: must be given"),
        ("sasl = \"scram-sha-512\"\nsasl_user = \"me\"", "log.sasl_password_file: must be given"),
    ] {
        let why = mismatch(more);
        assert!(why.starts_with(said), "{why}");
    }
}
