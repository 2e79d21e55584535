//! A pool that seals, and customers' payments in it.

use std::fs;
use std::path::PathBuf;

use sdk::sealed::Contents;
use serde_json::Value;

use crate::started::{Node, gathered, instant, until};

/// A customer's payment with something to say in each view.
pub(crate) struct Details<'a> {
    pub(crate) debtor: &'a str,
    pub(crate) street: &'a str,
    pub(crate) creditor_street: &'a str,
    pub(crate) report: &'a str,
    pub(crate) remittance: &'a str,
}

pub(crate) const PLAIN: Details<'_> = Details {
    debtor: "Thorncliffe Textiles",
    street: "Mill Lane",
    creditor_street: "Lindenweg",
    report: "goods",
    remittance: "Invoice 1",
};

pub(crate) fn customer_message(uetr: &str, amount: &str, details: &Details<'_>) -> String {
    let (now, day) = (&jiff::Timestamp::now().to_string()[..19], instant(0));
    let Details { debtor, street, creditor_street, report, remittance } = details;
    let agent = |name: &str, bic: &str| {
        format!("<{name}><FinInstnId><BICFI>{bic}XXX</BICFI></FinInstnId></{name}>")
    };
    let (from, to) = ("ALBKGB2L", "RHNBDEFF");
    let agents = [agent("InstgAgt", from), agent("InstdAgt", to)].concat();
    let (debtor_agent, creditor_agent) = (agent("DbtrAgt", from), agent("CdtrAgt", to));
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08"><FIToFICstmrCdtTrf><GrpHdr><MsgId>M1</MsgId>
<CreDtTm>{now}+00:00</CreDtTm><NbOfTxs>1</NbOfTxs><SttlmInf><SttlmMtd>INDA</SttlmMtd></SttlmInf></GrpHdr>
<CdtTrfTxInf><PmtId><InstrId>I1</InstrId><EndToEndId>E1</EndToEndId><UETR>{uetr}</UETR></PmtId>
<IntrBkSttlmAmt Ccy="EUR">{amount}</IntrBkSttlmAmt><IntrBkSttlmDt>{day}</IntrBkSttlmDt>
<ChrgBr>SHAR</ChrgBr>{agents}
<Dbtr><Nm>{debtor}</Nm><PstlAdr><StrtNm>{street}</StrtNm></PstlAdr></Dbtr>{debtor_agent}
{creditor_agent}<Cdtr><Nm>Jonas Weidemann</Nm><PstlAdr><StrtNm>{creditor_street}</StrtNm></PstlAdr></Cdtr>
<Purp><Cd>SUPP</Cd></Purp><RgltryRptg><Dtls><Inf>{report}</Inf></Dtls></RgltryRptg>
<RmtInf><Ustrd>{remittance}</Ustrd></RmtInf></CdtTrfTxInf></FIToFICstmrCdtTrf></Document>
"#
    )
}

/// What such a payment says, by view.
pub(crate) fn contents(uetr: &str, amount: &str) -> Contents {
    let message = customer_message(uetr, amount, &PLAIN);
    let message = iso20022::Message::read(message.as_bytes(), iso20022::Profile::Plain).unwrap();
    message.views().unwrap()
}

/// A node whose pool seals, with money, and files in its folder.
pub(crate) struct Sealed {
    pub(crate) node: Node,
}

impl Sealed {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// On a folder that was made with more options.
    pub(crate) fn start_with(options: &[&str]) -> Self {
        let node = Node::start_with(&[&["--sealed"], options].concat());
        let dir = node.dir().display().to_string();
        node.ok("alice", &["dev", "publish", &dir]);
        node.open();
        let more = ["fund", "ALBKGB2L", "5000000.00 EUR", "--reference", "more"];
        node.ok("agent", &more);
        Self { node }
    }

    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.node.temporary.path().join(name)
    }

    /// Hands in a payment; its row.
    pub(crate) fn pay(
        &self,
        uetr: &str,
        amount: &str,
        details: &Details<'_>,
        more: &[&str],
    ) -> Value {
        let file = self.file(&format!("{uetr}.in.xml"), &customer_message(uetr, amount, details));
        let paid = self.node.ok("ALBKGB2L", &[&["pay", "--plain", &file], more].concat());
        paid[0].clone()
    }

    /// A run of somebody's inbox; its exit code says whether something was wrong.
    pub(crate) fn look(&self, who: &str) -> Vec<Value> {
        let into = self.path(&format!("inbox-{who}")).display().to_string();
        let (code, rows) = self.node.run(who, &["inbox", "--into", &into]);
        let rows = rows.as_array().unwrap_or_else(|| panic!("{rows}")).clone();
        let wrong = rows.iter().any(|row| !row["problem"].is_null());
        assert_eq!(code, if wrong { 6 } else { 0 }, "{rows:?}");
        rows
    }

    /// The same, until so many payments were there: they come with the batch that they are in.
    pub(crate) fn look_until(&self, who: &str, count: usize) -> Vec<Value> {
        gathered("payments come in", count, || self.look(who))
    }

    /// What is new to somebody, and nothing wrong with it.
    pub(crate) fn inbox(&self, who: &str) -> Vec<Value> {
        let rows = self.look(who);
        assert!(rows.iter().all(|row| row["problem"].is_null()), "{rows:?}");
        rows
    }

    /// The same, until so many payments were there.
    pub(crate) fn inbox_until(&self, who: &str, count: usize) -> Vec<Value> {
        gathered("payments come in", count, || self.inbox(who))
    }

    /// The same of what did not open before and was wrapped again, once that is served.
    pub(crate) fn opened_until(&self, who: &str, count: usize) -> Vec<Value> {
        let opened = |row: &Value| row["problem"].is_null();
        gathered("payments open", count, || self.look(who).into_iter().filter(opened).collect())
    }

    /// The sender answers the faults that are open, as they are served, until there is none.
    pub(crate) fn rewrap(&self) {
        until("all faults are answered", || {
            self.node.run("ALBKGB2L", &["faults", "--rewrap"]);
            (self.node.ok("alice", &["faults"]) == serde_json::json!([])).then_some(())
        });
    }

    /// The message that somebody's inbox has written.
    pub(crate) fn written(&self, who: &str, uetr: &str) -> Option<String> {
        fs::read_to_string(self.path(&format!("inbox-{who}/{uetr}-11-pacs008.xml"))).ok()
    }

    pub(crate) fn screen(&self, list: &str) -> Value {
        let list = self.file("list.txt", list);
        self.node.ok("screener", &["screen", "run", "--once", "--list", &list])
    }

    /// Screens until so many payments were: they come with the batch that they are in.
    pub(crate) fn screen_until(&self, list: &str, count: usize) -> Vec<Value> {
        gathered("payments are screened", count, || self.screen(list).as_array().unwrap().clone())
    }

    pub(crate) fn state(&self, uetr: &str) -> Value {
        self.node.ok("ALBKGB2L", &["status", uetr])[0]["state"].clone()
    }

    /// Waits until a payment that nothing holds back has settled, by handing in its file again.
    pub(crate) fn settles(&self, uetr: &str) {
        let file = self.path(&format!("{uetr}.in.xml")).display().to_string();
        let wait = ["--wait", "settled", "--wait-seconds", "600"];
        let paid = self.node.ok("ALBKGB2L", &[&["pay", "--plain", &file], &wait[..]].concat());
        let paid = &paid[0];
        assert_eq!((&paid["state"], &paid["replayed"]), (&"settled".into(), &true.into()));
    }
}
