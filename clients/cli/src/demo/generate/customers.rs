//! The customers of the demonstration's banks. All of them are invented.

use iso20022::{Account, Address, Party};

use super::super::banks::Bank;
use super::super::random::Random;

/// Who pays or is paid.
pub(super) struct Customer {
    pub(super) party: Party,
    pub(super) account: Account,
}

/// Name, street, number, post code, town; the country is the bank's.
const CUSTOMERS: [(&str, [[&str; 5]; 3]); 11] = [
    (
        "GB",
        [
            ["Thorncliffe Textiles Ltd", "Mill Lane", "14", "LS1 4AP", "Leeds"],
            ["Eleanor Whitcombe", "Harbour Road", "3", "BS1 5TY", "Bristol"],
            ["Kestrel Instruments plc", "Station Approach", "88", "CB1 2JW", "Cambridge"],
        ],
    ),
    (
        "DE",
        [
            ["Muehlbach Maschinenbau GmbH", "Industriestrasse", "27", "70565", "Stuttgart"],
            ["Hafenkontor Petersen KG", "Am Sandtorkai", "5", "20457", "Hamburg"],
            ["Jonas Weidemann", "Lindenweg", "9", "50674", "Koeln"],
        ],
    ),
    (
        "FR",
        [
            ["Verreries du Lot SAS", "Rue des Forges", "41", "46000", "Cahors"],
            ["Claire Montagnac", "Avenue Foch", "112", "69006", "Lyon"],
            ["Ateliers Bretons SARL", "Quai Lamblardie", "7", "29200", "Brest"],
        ],
    ),
    (
        "US",
        [
            ["Copperfield Logistics LLC", "Commerce Street", "1200", "75202", "Dallas"],
            ["Redwood Sensor Corp", "Page Mill Road", "310", "94304", "Palo Alto"],
            ["Martha J Ellison", "Maple Avenue", "56", "05401", "Burlington"],
        ],
    ),
    (
        "JP",
        [
            ["Tachibana Seiki KK", "Minami Aoyama", "2-11", "107-0062", "Tokyo"],
            ["Hoshino Shokai KK", "Kitahama", "1-8", "541-0041", "Osaka"],
            ["Kenji Morioka", "Sakae", "3-4", "460-0008", "Nagoya"],
        ],
    ),
    (
        "CH",
        [
            ["Uhrenwerk Jolimont AG", "Bahnhofstrasse", "19", "2502", "Biel"],
            ["Alpine Pharma Logistik AG", "Auhafen", "4", "4132", "Muttenz"],
            ["Regula Steinegger", "Seestrasse", "73", "8002", "Zurich"],
        ],
    ),
    (
        "NL",
        [
            ["Van Houtrijve Bloemen BV", "Legmeerdijk", "313", "1431 GB", "Aalsmeer"],
            ["Maasvlakte Stuwadoors NV", "Europaweg", "900", "3199 LC", "Rotterdam"],
            ["Joris Kloosterman", "Oudegracht", "154", "3511 AX", "Utrecht"],
        ],
    ),
    (
        "SG",
        [
            ["Raffles Marine Supply Pte Ltd", "Pandan Crescent", "21", "128472", "Singapore"],
            ["Orchid Semicon Pte Ltd", "Ang Mo Kio Avenue", "5", "569877", "Singapore"],
            ["Tan Wei Ling", "Bukit Timah Road", "640", "269734", "Singapore"],
        ],
    ),
    (
        "SE",
        [
            ["Norrskog Trae AB", "Storgatan", "32", "852 30", "Sundsvall"],
            ["Vaettern Turbin AB", "Hamngatan", "6", "553 16", "Joenkoeping"],
            ["Astrid Lindqvist", "Odengatan", "81", "113 22", "Stockholm"],
        ],
    ),
    (
        "PT",
        [
            ["Cortica do Alentejo SA", "Rua de Aviz", "12", "7000-591", "Evora"],
            ["Conservas da Foz Lda", "Rua do Passeio", "230", "4150-570", "Porto"],
            ["Ines Carvalhais", "Rua do Alecrim", "45", "1200-014", "Lisboa"],
        ],
    ),
    (
        "CA",
        [
            ["Laurentian Paper Inc", "Rue Wellington", "505", "J8X 2J1", "Gatineau"],
            ["Prairie Grain Co-op", "Portage Avenue", "201", "R3B 3K6", "Winnipeg"],
            ["Noah Tremblay", "Queen Street West", "777", "M6J 1G1", "Toronto"],
        ],
    ),
];

/// A customer of a bank.
pub(super) fn customer(random: &mut Random, bank: &Bank) -> Customer {
    let known = CUSTOMERS.iter().find(|(country, _)| *country == bank.country).unwrap();
    let [name, street, building, post_code, town] = known.1[random.below(3) as usize];
    let address = Address {
        street: Some(street.to_owned()),
        building: Some(building.to_owned()),
        post_code: Some(post_code.to_owned()),
        town: Some(town.to_owned()),
        country: Some(bank.country.clone()),
        lines: Vec::new(),
    };
    let (name, address) = (Some(name.to_owned()), Some(address));
    let party = Party { name, address, ..Party::default() };
    Customer { party, account: account(random, bank) }
}

/// An IBAN where the country has them.
fn account(random: &mut Random, bank: &Bank) -> Account {
    let mut digits = |count: usize| -> String {
        (0..count).map(|_| char::from(b'0' + random.below(10) as u8)).collect()
    };
    let code = &bank.bic[..4];
    let number = match bank.country.as_str() {
        "GB" => format!("{code}{}", digits(14)),
        "NL" => format!("{code}{}", digits(10)),
        "DE" => digits(18),
        "FR" => digits(23),
        "CH" => digits(17),
        "SE" => digits(20),
        "PT" => digits(21),
        _ => return Account::Other(digits(12)),
    };
    Account::Iban(iban(&bank.country, &number))
}

/// Puts country and check digits (ISO 7064, mod 97-10) before a national account number.
fn iban(country: &str, number: &str) -> String {
    let moved = format!("{number}{country}00");
    let rest = moved.chars().fold(0, |rest, character| {
        let value = character.to_digit(36).unwrap();
        let shift = if value < 10 { 10 } else { 100 };
        (rest * shift + value) % 97
    });
    format!("{country}{:02}{number}", 98 - rest)
}

#[test]
fn check_digits_are_right() {
    assert_eq!(iban("GB", "WEST12345698765432"), "GB82WEST12345698765432");
    assert_eq!(iban("DE", "370400440532013000"), "DE89370400440532013000");
}
