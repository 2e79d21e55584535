//! A signing key on a hardware token, for which SoftHSM stands.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::node::message;
use crate::run::{causeway, finish};
use crate::started::Node;

const PIN: &str = "4321";

/// A token in a folder.
struct Token {
    settings: PathBuf,
    dir: PathBuf,
}

impl Token {
    fn new(dir: PathBuf) -> Self {
        fs::create_dir_all(dir.join("tokens")).unwrap();
        let settings = dir.join("softhsm2.conf");
        let tokens = dir.join("tokens");
        fs::write(&settings, format!("directories.tokendir = {}\n", tokens.display())).unwrap();
        fs::write(dir.join("pin"), PIN).unwrap();
        fs::set_permissions(dir.join("pin"), Permissions::from_mode(0o600)).unwrap();
        let token = Self { settings, dir };
        token.tool(&["--init-token", "--free", "--label", "bank", "--so-pin", "87654321"]);
        token
    }

    fn tool(&self, arguments: &[&str]) {
        let mut command = Command::new("softhsm2-util");
        let done =
            command.env("SOFTHSM2_CONF", &self.settings).args(arguments).args(["--pin", PIN]);
        let missing = |error| panic!("softhsm2-util, of Debian's package softhsm2: {error}");
        let done = done.output().unwrap_or_else(missing);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    /// Takes a key in; the file is gone then.
    fn take(&self, key: &Path) {
        let file = key.to_str().unwrap();
        self.tool(&["--import", file, "--token", "bank", "--label", "orders", "--id", "01"]);
        fs::remove_file(key).unwrap();
    }

    /// The section of a profile that names a key of it.
    fn section(&self, key: &str) -> String {
        let pin = self.dir.join("pin");
        format!(
            "[signing_token]\nmodule = \"/usr/lib/softhsm/libsofthsm2.so\"\ntoken = \"bank\"\n\
             key = \"{key}\"\npin_file = \"{}\"\n",
            pin.display()
        )
    }

    fn run(&self, node: &Node, arguments: &[&str]) -> (i32, Value) {
        let mut command = causeway();
        command.env("SOFTHSM2_CONF", &self.settings).arg("--json").arg("--dir").arg(node.dir());
        command.args(["--profile", "ALBKGB2L", "--address", &node.address]).args(arguments);
        let (code, stdout, _) = finish(&mut command);
        (code, serde_json::from_str(&stdout).unwrap())
    }
}

#[test]
#[ignore = "needs SoftHSM"]
fn a_bank_pays_with_a_key_that_never_leaves_its_token() {
    let node = Node::start();
    node.open();
    let bank = node.dir().join("participants/ALBKGB2L");
    let token = Token::new(node.temporary.path().join("token"));
    token.take(&bank.join("sign.key.pem"));
    let profile = bank.join("profile.toml");
    let written = fs::read_to_string(&profile).unwrap();
    let written = written.replace("signing_key = \"sign.key.pem\"\n", "");
    let settings = |section: &str| fs::write(&profile, format!("{written}{section}")).unwrap();

    settings(&token.section("orders"));
    let uetr = "7a562c67-ca16-48ba-b074-65581be6f0a1";
    let file = node.temporary.path().join("pay.xml");
    fs::write(&file, message(uetr, "ALBKGB2L", "RHNBDEFF", "250.00")).unwrap();
    let pay = ["pay", "--plain", "--wait", "settled", file.to_str().unwrap()];
    let (code, paid) = token.run(&node, &pay);
    assert_eq!((code, &paid[0]["state"]), (0, &"settled".into()), "{paid}");

    let refused = |section: &str| {
        settings(section);
        let (code, said) = token.run(&node, &pay);
        assert_eq!(code, 2, "{said}");
        said["error"]["message"].as_str().unwrap().to_owned()
    };
    let said = refused(&token.section("other"));
    assert!(said.contains("signing_token.key") && said.contains("other"), "{said}");
    let said = refused(&token.section("orders").replace("\"bank\"", "\"bunk\""));
    assert!(said.contains("signing_token.token") && said.contains("bunk"), "{said}");
    fs::write(token.dir.join("pin"), "1234").unwrap();
    let said = refused(&token.section("orders"));
    assert!(said.contains("signing_token.pin_file"), "{said}");
    fs::set_permissions(token.dir.join("pin"), Permissions::from_mode(0o640)).unwrap();
    assert!(refused(&token.section("orders")).contains("chmod 600"));
    fs::set_permissions(token.dir.join("pin"), Permissions::from_mode(0o600)).unwrap();
    let said = refused(&token.section("orders").replace("libsofthsm2.so", "none.so"));
    assert!(said.contains("signing_token.module") && said.contains("none.so"), "{said}");
}
