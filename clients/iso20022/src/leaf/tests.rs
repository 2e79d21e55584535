use super::*;

fn check_all(leaf: Leaf, fine: &[&str], wrong: &[&str]) {
    for text in fine {
        assert_eq!(leaf.check(text, None), Ok(()), "{leaf:?} {text:?}");
    }
    for text in wrong {
        let refused = Err(ErrorKind::Invalid(leaf));
        assert_eq!(leaf.check(text, None), refused, "{leaf:?} {text:?}");
    }
}

#[test]
fn texts_are_counted_in_characters() {
    check_all(Leaf::Text(4), &["a", "abcd", "äöüß", " "], &["", "abcde"]);
    check_all(Leaf::Digits(3), &["0", "007"], &["", "1234", "-1", "1.0", "१"]);
    check_all(Leaf::Alphanumeric(4), &["Ab12"], &["abc", "abcde", "ab-1", "äö"]);
    check_all(Leaf::Code(&["HIGH", "NORM"]), &["HIGH"], &["high", "", "HIGH "]);
}

#[test]
fn identifiers() {
    check_all(
        Leaf::Bic,
        &["NORTXX2A", "NORTXX2AXXX", "1234AA00"],
        &["NORTXX2", "nortxx2a", "NORT112A", "NORTXX2AXX", "NORTXX2AXXXX", "", "ÄORTXX2"],
    );
    check_all(
        Leaf::Iban,
        &["GB82WEST12345698765432", "DE89370400440532013000", "NO9386011117947"],
        &["GB83WEST12345698765432", "GB82", "gb82WEST12345698765432", "GB82 WEST", "", "GBÄ2"],
    );
    check_all(
        Leaf::Lei,
        &["CAUSEWAYEXAMPLE00115"],
        &["CAUSEWAYEXAMPLE00116", "CAUSEWAYEXAMPLE0011", "causewayexample00115", ""],
    );
    check_all(Leaf::Country, &["NO"], &["no", "NOR", "", "1A"]);
    check_all(Leaf::CurrencyCode, &["EUR"], &["eur", "EU", "EURO", ""]);
    check_all(
        Leaf::Uuid4,
        &["7a562c67-ca16-48ba-b074-65581be6f001"],
        &[
            "7A562C67-CA16-48BA-B074-65581BE6F001",
            "7a562c67-ca16-18ba-b074-65581be6f001",
            "7a562c67-ca16-48ba-c074-65581be6f001",
            "7a562c67ca1648bab07465581be6f001",
            "7a562c67-ca16-48ba-b074-65581be6f00g",
            "7a562c67-ca16-48ba-b07465581be6-f001",
            "",
        ],
    );
    check_all(
        Leaf::Phone,
        &["+44-2079460000", "+1-(212)555"],
        &["442079460000", "+44", "+44-", ""],
    );
}

#[test]
fn dates_and_times() {
    check_all(
        Leaf::Date,
        &["2026-11-23", "2024-02-29", "2000-02-29", "1900-01-01", "9999-12-31"],
        &["2026-02-29", "2100-02-29", "2026-13-01", "2026-00-10", "2026-04-31", "2026-04-00"],
    );
    check_all(
        Leaf::Date,
        &[],
        &["2026-11-23Z", "26-11-23", "2026/11/23", "", "2026-1-23", "+026-11-23"],
    );
    check_all(
        Leaf::DateTime,
        &["2026-11-23T09:05:00+01:00", "2026-11-23T09:05:00Z", "2026-11-23T09:05:00.123-05:00"],
        &["2026-11-23", "2026-11-23 09:05:00", "2026-11-31T09:05:00Z", "2026-11-23T24:00:00Z"],
    );
    check_all(
        Leaf::Time,
        &["09:05:00", "23:59:59.999999999", "00:00:00+14:00"],
        &["9:05:00", "09:60:00", "09:05:60", "09:05", "09:05:00.", "09:05:00+14:01", "09:05:00+1"],
    );
    check_all(Leaf::Boolean, &["true", "false", "1", "0"], &["TRUE", "yes", ""]);
}

#[test]
fn decimals_have_their_digits() {
    check_all(
        Leaf::Decimal(5, 2),
        &["0", "12345", "123.45", "0.5"],
        &["123456", "12.345", "1234.56", "-1", "+1", "1.", ".5", "", "1e3", "1,5"],
    );
}

#[test]
fn amounts_have_the_digits_of_their_currency() {
    let check = |text, currency| Leaf::Amount.check(text, currency);
    assert_eq!(check("1250.00", Some("EUR")), Ok(()));
    assert_eq!(check("1250", Some("EUR")), Ok(()));
    assert_eq!(check("1", None), Err(ErrorKind::MissingCurrency));
    for (text, currency, error) in [
        ("1250.000", "EUR", MoneyError::TooManyFractionDigits),
        ("1250.0", "JPY", MoneyError::TooManyFractionDigits),
        ("1", "XAU", MoneyError::UnknownCurrency),
        ("1", "eur", MoneyError::UnknownCurrency),
        ("-1", "EUR", MoneyError::Malformed),
        ("", "EUR", MoneyError::Malformed),
        ("99999999999999999.00", "EUR", MoneyError::TooLarge),
    ] {
        assert_eq!(check(text, Some(currency)), Err(ErrorKind::Amount(error)), "{text} {currency}");
    }
}

#[test]
fn an_amount_for_information_may_be_of_an_old_currency() {
    let check = |text, currency| Leaf::AnyAmount.check(text, Some(currency));
    assert_eq!(check("1936.27", "ITL"), Ok(()));
    assert_eq!(check("1.123456", "ITL"), Err(ErrorKind::Invalid(Leaf::AnyAmount)));
    assert_eq!(check("1", "itl"), Err(ErrorKind::Invalid(Leaf::AnyAmount)));
    let digits = ErrorKind::Amount(MoneyError::TooManyFractionDigits);
    assert_eq!(check("1.123", "EUR"), Err(digits));
}
