use channel::{
    ClosePolicy, Command, CommandBody, DecodeError, Genesis, MessageKind, NettingMode, Participant,
    ParticipantId, QUOTES_PER_COMMAND_MAX, Quote, Rate, RequestId, Role, RuleBook, Side, Status,
    ValueDate,
};
use ledger::{Amount, Currency};

fn usd() -> Currency {
    Currency::parse("USD").unwrap()
}

fn bank() -> Participant {
    Participant {
        id: ParticipantId(7),
        role: Role::Bank,
        name: "NORTGB2LXXX".to_owned(),
        country: *b"GB",
        key: [9; 32],
    }
}

fn rules() -> RuleBook {
    RuleBook {
        netting: NettingMode::FifoFloor,
        close: ClosePolicy::Roll,
        two_person: vec![1, 16],
        class_weights: [8, 4, 2, 1],
        currency_weights: vec![108, 100],
        ageing_cycles: 12,
        solver_steps: 50_000,
        cross_at_midpoint: true,
        ..RuleBook::standard(vec![Currency::parse("EUR").unwrap(), usd()])
    }
}

fn eur() -> Currency {
    Currency::parse("EUR").unwrap()
}

/// A million euros bid at 1.0825 and offered at 1.0827.
pub(crate) fn quotes() -> Vec<Quote> {
    [(Side::Bid, "1.0825"), (Side::Ask, "1.0827")]
        .map(|(side, rate)| Quote {
            side,
            size: 100_000_000,
            rate: Rate::parse(rate).unwrap(),
            not_after_ms: 1_772_431_260_000,
        })
        .to_vec()
}

/// One of each kind, in the order of their numbers.
fn bodies() -> Vec<CommandBody> {
    let (participant, currency) = (ParticipantId(7), usd());
    let amount = Amount::new(5_000, currency).unwrap();
    vec![
        CommandBody::AddParticipant(bank()),
        CommandBody::SetStatus { participant, status: Status::Suspended },
        CommandBody::OpenAccount { participant, currency, credit_line: 10 },
        CommandBody::SetCreditLine { participant, currency, credit_line: 0 },
        CommandBody::Fund { participant, amount, pay_in: [3; 16] },
        CommandBody::Defund { amount },
        CommandBody::ConfirmDefund { defund: RequestId([4; 16]), made: true },
        CommandBody::SetBilateralLimit { counterparty: participant, currency, limit: Some(1) },
        CommandBody::SetMultilateralLimit { currency, limit: None },
        CommandBody::SetDebitCap { participant, currency, cap: Some(2) },
        CommandBody::SetVelocity {
            participant,
            currency: Some(currency),
            window_ms: 1_000,
            most: 10,
        },
        CommandBody::OpenDay {
            currency,
            date: ValueDate::new(20_260_302).unwrap(),
            cut_off_at_ms: 1,
            closes_at_ms: 2,
        },
        CommandBody::CutOff { currency },
        CommandBody::ExtendDay { currency, cut_off_at_ms: 3, closes_at_ms: 4 },
        CommandBody::CloseDay { currency },
        CommandBody::SetRules(rules()),
        CommandBody::Cancel {
            uetr: "0b6d5a5e-6a58-4d0c-9a3e-3f1f6f1f2a11".parse().unwrap(),
            kind: MessageKind::Cover,
        },
        CommandBody::ConfirmTime { until_ms: 5 },
        CommandBody::RunCycle,
        CommandBody::SetQuotes { base: eur(), quote: currency, quotes: quotes() },
    ]
}

fn command(body: CommandBody) -> Command {
    let (request_id, maker) = (RequestId([1; 16]), ParticipantId(2));
    Command { pool: 1, request_id, maker, issued_at_ms: 6, body }
}

#[test]
fn every_kind_comes_back_whole() {
    for (number, body) in (1..).zip(bodies()) {
        assert_eq!(body.kind(), number);
        let command = command(body);
        assert_eq!(Command::decode(&command.encode()), Ok(command));
    }
}

#[test]
fn no_byte_too_few_or_too_many() {
    for body in bodies() {
        let bytes = command(body).encode();
        for length in 0..bytes.len() {
            assert!(Command::decode(&bytes[..length]).is_err());
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        assert_eq!(Command::decode(&longer), Err(DecodeError::Trailing { count: 1 }));
    }
}

#[test]
fn whatever_decodes_is_canonical() {
    for body in bodies() {
        let bytes = command(body).encode();
        for at in 0..bytes.len() {
            for value in [0, 1, 2, 0x7f, 0xff] {
                let mut other = bytes.clone();
                other[at] = value;
                if let Ok(decoded) = Command::decode(&other) {
                    assert_eq!(decoded.encode(), other);
                }
            }
        }
    }
}

#[test]
fn quotes_are_bounded() {
    let set = |base, quotes| {
        let bytes = command(CommandBody::SetQuotes { base, quote: usd(), quotes }).encode();
        Command::decode(&bytes).err()
    };
    let (good, most) = (quotes()[0], QUOTES_PER_COMMAND_MAX);
    assert_eq!(set(eur(), vec![good; most]), None);
    let cases = [
        (set(usd(), vec![good]), "quote"),
        (set(eur(), vec![good; most + 1]), "quotes"),
        (set(eur(), vec![Quote { size: 0, ..good }]), "size"),
        (set(eur(), vec![Quote { size: u64::MAX, ..good }]), "size"),
        (set(eur(), vec![Quote { not_after_ms: 0, ..good }]), "not_after"),
    ];
    for (error, field) in cases {
        assert_eq!(error, Some(DecodeError::Range { field }));
    }
}

#[test]
fn who_holds_accounts_does_with_them_what_a_bank_does() {
    let given_by = |role| bodies().iter().filter(|body| body.allows(role)).count();
    assert_eq!(given_by(Role::Bank), 4);
    assert_eq!(given_by(Role::LiquidityProvider), 5);
    assert_eq!(given_by(Role::Regulator), 0);
}

#[test]
fn names_are_checked() {
    for (role, name, held) in [
        (Role::Bank, "NORTGB2L", true),
        (Role::Bank, "NORTGB2LXXX", true),
        (Role::Bank, "nortgb2l", false),
        (Role::Bank, "NORTGB2", false),
        (Role::Operator, "alice", true),
        (Role::Operator, "", false),
        (Role::Operator, "alice\u{1b}[2J", false),
    ] {
        let participant = Participant { role, name: name.to_owned(), ..bank() };
        let bytes = command(CommandBody::AddParticipant(participant)).encode();
        assert_eq!(Command::decode(&bytes).is_ok(), held, "{name:?}");
    }
}

#[test]
fn a_genesis_needs_an_operator() {
    let operator = Participant { role: Role::Operator, name: "alice".to_owned(), ..bank() };
    let (operator_key, roots) = ([5; 32], vec![[6; 32], [7; 32]]);
    let mut genesis =
        Genesis { pool: 1, rules: rules(), operator_key, roots, participants: vec![operator] };
    assert_eq!(Genesis::decode(&genesis.encode()), Ok(genesis.clone()));
    genesis.participants = vec![bank()];
    assert_eq!(
        Genesis::decode(&genesis.encode()),
        Err(DecodeError::Range { field: "participants" })
    );
}

#[test]
fn roots_are_few_ascending_and_each_once() {
    let operator = Participant { role: Role::Operator, name: "alice".to_owned(), ..bank() };
    let (operator_key, participants) = ([5; 32], vec![operator]);
    let genesis = |roots: Vec<[u8; 32]>| {
        let (rules, participants) = (rules(), participants.clone());
        Genesis { pool: 1, rules, operator_key, roots, participants }
    };
    let read = |roots| Genesis::decode(&genesis(roots).encode()).map(|genesis| genesis.roots);
    let eight: Vec<[u8; 32]> = (0..8).map(|seed| [seed; 32]).collect();
    assert_eq!(read(eight.clone()), Ok(eight));
    assert_eq!(read(Vec::new()), Ok(Vec::new()));
    for false_roots in
        [vec![[2; 32], [1; 32]], vec![[1; 32]; 2], (0..9).map(|it| [it; 32]).collect()]
    {
        assert_eq!(read(false_roots), Err(DecodeError::Range { field: "roots" }));
    }
}

#[test]
fn rule_books_are_bounded() {
    type Spoil = fn(&mut RuleBook);
    let cases: [(Spoil, &str); 10] = [
        (|rules| rules.currencies.clear(), "currencies"),
        (|rules| rules.currencies.push(usd()), "currencies"),
        (|rules| rules.cycle_ms = 9, "cycle_ms"),
        (|rules| rules.seal_ms = 60_001, "seal_ms"),
        (|rules| rules.dedupe_horizon_ms = 0, "dedupe_horizon_ms"),
        (|rules| rules.queue_max = 0, "queue_max"),
        (|rules| rules.unmatched_ms = 99, "unmatched_ms"),
        (|rules| rules.match_ms = 86_400_001, "match_ms"),
        (|rules| rules.rewrap_within_ms = 999, "rewrap_within_ms"),
        (|rules| rules.two_person = vec![2, 1], "two_person"),
    ];
    for (spoil, field) in cases {
        let mut rules = rules();
        spoil(&mut rules);
        assert_eq!(rules.check(), Err(DecodeError::Range { field }));
    }
}
