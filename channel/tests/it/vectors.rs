//! `docs/reference/vectors.json` holds what a client in another language checks itself against.
//! It is made from the values below; set `CAUSEWAY_WRITE_VECTORS` to write it anew.

use std::fmt::Write as _;
use std::{env, fs};

use channel::{
    Command, CommandBody, Decision, LinkTerms, LocalSigner, OrderHeader, ParticipantId, PublicKey,
    RequestId, Ruling, Signer, batch_statement, command_statement, decisions_statement, link_group,
    merkle_root, order_digest, receipt_statement,
};
use ledger::{Amount, Currency};
use zeroize::Zeroizing;

use crate::commands::quotes;
use crate::headers::{fx_payment, header, instruction};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/reference/vectors.json");

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The terms of the order and of what it is exchanged for.
fn link_terms() -> [LinkTerms; 2] {
    let counter = OrderHeader {
        sender: ParticipantId(8),
        receiver: ParticipantId(7),
        uetr: "5f0c1d2e-3b4a-4c5d-8e6f-708192a3b4c5".parse().unwrap(),
        amount: Amount::new(115_000, Currency::parse("EUR").unwrap()).unwrap(),
        ..header()
    };
    [LinkTerms::from(&header()), LinkTerms::from(&counter)]
}

fn set_quotes() -> Vec<u8> {
    let [base, quote] = ["EUR", "USD"].map(|code| Currency::parse(code).unwrap());
    Command {
        pool: 1,
        request_id: RequestId([5; 16]),
        maker: ParticipantId(9),
        issued_at_ms: 1_772_431_200_000,
        body: CommandBody::SetQuotes { base, quote, quotes: quotes() },
    }
    .encode()
}

fn vectors() -> String {
    let signer = LocalSigner::from_seed(&Zeroizing::new([1; 32]));
    let payload = b"hello";
    let header = header().encode();
    let digest = order_digest(&header, payload);
    let root = merkle_root([digest.as_slice(), &[2; 32], &[3; 32]].into_iter());
    let batch = batch_statement(1, ParticipantId(7), 3, &root);
    let signature = signer.sign(&batch).unwrap();
    PublicKey::new(&signer.public_key()).unwrap().verify(&batch, &signature).unwrap();
    let receipt = receipt_statement(1, 42, 1_772_431_200_123, &[4; 32], 3, &root);
    let decision = Decision {
        digest,
        place: 42 << 20,
        ruling: Ruling::Rejected,
        reason: 19,
        decided_at_ms: 1_772_431_200_123,
    };
    let decisions_root = merkle_root([decision.encode().as_slice()].into_iter());
    let decisions = decisions_statement(1, 42, 1, &decisions_root);
    let command = Command {
        pool: 1,
        request_id: RequestId([5; 16]),
        maker: ParticipantId(3),
        issued_at_ms: 1_772_431_200_000,
        body: CommandBody::Fund {
            participant: ParticipantId(7),
            amount: Amount::new(1_000_000, Currency::parse("USD").unwrap()).unwrap(),
            pay_in: [6; 16],
        },
    }
    .encode();
    let [terms, counter] = link_terms();
    let (instruction, fx_payment) = (instruction().encode(), fx_payment().encode());
    let quotes = set_quotes();
    let fields: [(&str, &[u8]); 21] = [
        ("secret_seed", &[1; 32]),
        ("public_key", &signer.public_key()),
        ("header", &header),
        ("payload", payload),
        ("order_digest", &digest),
        ("link_terms_of_header", &terms.encode()),
        ("link_terms_of_counter_order", &counter.encode()),
        ("link_group_of_both", &link_group(&[counter, terms])),
        ("batch_root_of_order_digest_then_32x02_then_32x03", &root),
        ("batch_statement_pool_1_sender_7", &batch),
        ("batch_signature", &signature),
        ("receipt_statement", &receipt),
        ("decision", &decision.encode()),
        ("decisions_root", &decisions_root),
        ("decisions_statement", &decisions),
        ("command_fund", &command),
        ("header_fx_instruction", &instruction),
        ("header_fx_payment", &fx_payment),
        ("command_set_quotes", &quotes),
        ("command_statement", &command_statement(&command)),
        ("command_signature", &signer.sign(&command_statement(&command)).unwrap()),
    ];
    let lines: Vec<String> =
        fields.iter().map(|(name, bytes)| format!("  \"{name}\": \"{}\"", hex(bytes))).collect();
    format!("{{\n{}\n}}\n", lines.join(",\n"))
}

#[test]
fn the_published_vectors_are_these() {
    let vectors = vectors();
    if env::var_os("CAUSEWAY_WRITE_VECTORS").is_some() {
        fs::write(PATH, &vectors).unwrap();
    }
    assert_eq!(fs::read_to_string(PATH).unwrap(), vectors);
}
