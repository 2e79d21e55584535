use netfile::{Case, Input};

const CSV: &str = "reference,debtor,creditor,currency,amount,class,group,date
R1,Alpha,Beta,EUR,10.50,0,,2026-03-03
R2,Beta,\"Gamma, Inc.\",JPY,7,,pvp,2026-03-02
R3,\"Gamma, Inc.\",Beta,EUR,1.00,,pvp,
";

const JSON: &str = r#"{
  "obligations": [
    {"reference": "R1", "debtor": "Alpha", "creditor": "Beta", "currency": "EUR", "amount": "10.50", "class": 0, "date": "2026-03-03"},
    {"reference": "R2", "debtor": "Beta", "creditor": "Gamma, Inc.", "currency": "JPY", "amount": "7", "group": "pvp", "date": "2026-03-02"},
    {"reference": "R3", "debtor": "Gamma, Inc.", "creditor": "Beta", "currency": "EUR", "amount": "1.00", "group": "pvp"}
  ],
  "liquidity": [{"participant": "Alpha", "currency": "EUR", "available": "9.00"}],
  "limits": [{"participant": "Beta", "counterparty": "Alpha", "currency": "EUR", "limit": "0.00"}]
}"#;

fn case(files: impl FnOnce(&mut Input) -> Result<(), netfile::InputError>) -> Case {
    let mut input = Input::default();
    files(&mut input).unwrap();
    input.finish().unwrap()
}

#[test]
fn tables_and_json_say_the_same() {
    let tables = case(|input| {
        input.obligations("owed.csv", CSV.as_bytes())?;
        input.liquidity("cash.csv", b"participant,currency,available\nAlpha,EUR,9.00\n")?;
        input.limits("limits.csv", b"participant,counterparty,currency,limit\nBeta,Alpha,EUR,0\n")
    });
    assert_eq!(tables, case(|input| input.obligations("all.json", JSON.as_bytes())));
    let references: Vec<&str> =
        tables.obligations.iter().map(|owed| owed.reference.as_str()).collect();
    assert_eq!(references, ["R2", "R1", "R3"], "dated ones by date, then the others");
    assert_eq!(tables.obligations[2].class, 1);
    assert_eq!(tables.groups, ["pvp"]);
    assert_eq!(tables.limits[0].counterparty, Some(0));
}

#[test]
fn rows_without_a_reference_are_called_by_their_place() {
    let file = b"\xef\xbb\xbfdebtor,creditor,currency,amount\r\nA,B,EUR,1\r\n\r\nB,A,EUR,2\r\n";
    let case = case(|input| input.obligations("books/owed.csv", file));
    let references: Vec<&str> =
        case.obligations.iter().map(|owed| owed.reference.as_str()).collect();
    assert_eq!(references, ["owed.csv:2", "owed.csv:4"]);
    assert_eq!(case.obligations[1].amount.to_string(), "2.00 EUR");
}

/// A pacs.009 with as many transfers as amounts.
pub(crate) fn pacs009(from: &str, to: &str, amounts: &[&str], more: &str) -> String {
    let transfer = |(at, amount): (usize, &&str)| {
        format!(
            "<CdtTrfTxInf><PmtId><EndToEndId>E{at}</EndToEndId>{more}</PmtId>\n\
             <IntrBkSttlmAmt Ccy=\"EUR\">{amount}</IntrBkSttlmAmt>\n\
             <Dbtr><FinInstnId><BICFI>{from}</BICFI></FinInstnId></Dbtr>\n\
             <Cdtr><FinInstnId><BICFI>{to}</BICFI></FinInstnId></Cdtr></CdtTrfTxInf>\n"
        )
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pacs.009.001.08\"><FICdtTrf><GrpHdr>\
         <MsgId>M1</MsgId>\n<CreDtTm>2026-03-02T08:00:00+00:00</CreDtTm><NbOfTxs>{}</NbOfTxs>\
         <SttlmInf><SttlmMtd>CLRG</SttlmMtd></SttlmInf></GrpHdr>\n{}</FICdtTrf></Document>\n",
        amounts.len(),
        amounts.iter().enumerate().map(transfer).collect::<String>()
    )
}

#[test]
fn iso_messages_are_obligations_between_agents() {
    let uetr = "<UETR>7a562c67-ca16-48ba-b074-65581be6f001</UETR>";
    let both = pacs009("ALBKGB2L", "RHNBDEFFXXX", &["5.00", "2.50"], "")
        + &pacs009("RHNBDEFF123", "ALBKGB2LXXX", &["1.00"], uetr);
    let case = case(|input| input.obligations("pay.xml", both.as_bytes()));
    assert_eq!(case.participants, ["ALBKGB2L", "RHNBDEFF", "RHNBDEFF123"]);
    assert_eq!(case.obligations[1].amount.to_string(), "2.50 EUR");
    assert_eq!(case.obligations[2].reference, "7a562c67-ca16-48ba-b074-65581be6f001");
    assert_ne!(case.obligations[0].reference, case.obligations[1].reference);
}
