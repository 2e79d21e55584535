//! ISO 20022: pacs.008 and pacs.009, one message or several one after the other.

use iso20022::{Actor, Agent, Body, Form, Message, Priority, Profile, SettlementMethod, Transfer};

use crate::error::{At, InputError};
use crate::input::{Input, Raw};

/// Every message but the first begins with its declaration on a new line.
const DECLARATION: &str = "\n<?xml ";

pub(crate) fn read(input: &mut Input, file: &str, text: &str) -> Result<(), InputError> {
    let (mut rest, mut line) = (text, 1);
    while !rest.trim().is_empty() {
        let end = rest.find(DECLARATION).map_or(rest.len(), |at| at + 1);
        let (message, tail) = rest.split_at(end);
        if !message.trim().is_empty() {
            read_message(input, At { file, line }, message)?;
        }
        line += message.matches('\n').count() as u64;
        rest = tail;
    }
    Ok(())
}

fn read_message(input: &mut Input, at: At<'_>, text: &str) -> Result<(), InputError> {
    let message = Message::read(text.as_bytes(), Profile::Plain).map_err(|error| {
        let at = At { line: at.line + u64::from(error.line()).saturating_sub(1), ..at };
        at.error(error.path(), error.kind().to_string(), "correct the message")
    })?;
    let Body::CreditTransfer(body) = message.body() else {
        let problem = format!("{} orders no payment", message.identifier());
        return Err(at.error("", problem, "name pacs.008 and pacs.009 messages only"));
    };
    let copy = message.header().is_some_and(|header| header.copy.is_some());
    let elsewhere = body.form == Form::Advice || body.settlement_method == SettlementMethod::Cover;
    if copy || elsewhere {
        let problem = "announces a payment that is settled elsewhere (advice, cover or copy)";
        return Err(at.error("", problem, "leave the message out: netting it would pay twice"));
    }
    for (index, transfer) in (1..).zip(&body.transfers) {
        add(input, at, (index, transfer))?;
    }
    Ok(())
}

fn add(
    input: &mut Input,
    at: At<'_>,
    (index, transfer): (u32, &Transfer),
) -> Result<(), InputError> {
    let (currency, amount) = (transfer.amount.currency(), transfer.amount.to_decimal().to_string());
    let debtor = party([&transfer.instructing_agent, &transfer.debtor_agent], &transfer.debtor);
    let creditor =
        party([&transfer.instructed_agent, &transfer.creditor_agent], &transfer.creditor);
    let missing = |field| {
        let fix = "give its BIC: as instructing or instructed agent, or as debtor's or creditor's";
        at.error(field, "names no agent with a BIC", fix)
    };
    let reference = match transfer.uetr {
        Some(uetr) => uetr.to_string(),
        None => format!("{}:{}.{index}", at.file_name(), at.line),
    };
    let raw = Raw {
        debtor: &debtor.ok_or_else(|| missing("CdtTrfTxInf/DbtrAgt"))?,
        creditor: &creditor.ok_or_else(|| missing("CdtTrfTxInf/CdtrAgt"))?,
        currency: currency.as_str(),
        amount: &amount,
        class: if transfer.priority == Priority::Urgent { "0" } else { "1" },
        reference: &reference,
        ..Raw::default()
    };
    input.add(at, &raw)
}

/// Who owes or is owed: the agents between whom the message is settled; where it names none, the
/// debtor's and the creditor's agent, or they themselves if they are institutions.
fn party(agents: [&Option<Agent>; 2], actor: &Actor) -> Option<String> {
    let own = match actor {
        Actor::Institution(agent) => Some(agent),
        Actor::Customer(_) => None,
    };
    let agents = agents.into_iter().filter_map(Option::as_ref).chain(own);
    let bic = agents.filter_map(|agent| agent.bic).next()?;
    // A head office is known by 8 characters.
    let code = bic.as_str();
    Some(code.strip_suffix("XXX").unwrap_or(code).to_owned())
}
