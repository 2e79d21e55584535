//! Nets one instance: `solve IN.json[.gz] OUT.json [--mode free|floor|fifo] [--steps N]`.
//!
//! Writes the rows that settle and prints one JSON object about them.

#![allow(clippy::print_stdout, reason = "this is a command")]

use std::error::Error;
use std::io::Read;

use netting::{Instance, Mode, Options, Payment, solve};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let mut files = Vec::new();
    let mut options = Options { mode: Mode::Free, ..Options::default() };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--mode" => options.mode = mode(&arguments.next().unwrap_or_default())?,
            "--steps" => options.steps = Some(arguments.next().unwrap_or_default().parse()?),
            _ => files.push(argument),
        }
    }
    let [input, output] = files.as_slice() else {
        return Err(
            "usage: solve IN.json[.gz] OUT.json [--mode free|floor|fifo] [--steps N]".into()
        );
    };
    let instance = read(input)?;
    let before = cpu_ms();
    let solution = solve(&instance, options)?;
    let cpu_ms = cpu_ms() - before;
    std::fs::write(output, serde_json::to_vec(&solution.settled)?)?;
    let gap = (solution.upper_bound - solution.value) as f64 / solution.upper_bound.max(1) as f64;
    let report = json!({
        "value": solution.value.to_string(),
        "upper_bound": solution.upper_bound.to_string(),
        "gap": format!("{gap:.6}"),
        "fifo_value": solution.fifo_value.to_string(),
        "cpu_ms": format!("{cpu_ms:.1}"),
        "steps": solution.steps.to_string(),
        "settled": solution.settled.len().to_string(),
    });
    println!("{report}");
    Ok(())
}

fn mode(name: &str) -> Result<Mode, Box<dyn Error>> {
    match name {
        "free" => Ok(Mode::Free),
        "floor" => Ok(Mode::Floor),
        "fifo" => Ok(Mode::Fifo),
        _ => Err("the mode is free, floor or fifo".into()),
    }
}

/// CPU time of this process: all its threads' time on a core, as the kernel counts it.
fn cpu_ms() -> f64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let first = text.split_whitespace().next().and_then(|ns| ns.parse::<f64>().ok());
    first.unwrap_or(0.0) / 1e6
}

fn read(path: &str) -> Result<Instance, Box<dyn Error>> {
    let mut bytes = std::fs::read(path)?;
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut text = Vec::new();
        flate2::read::GzDecoder::new(bytes.as_slice()).read_to_end(&mut text)?;
        bytes = text;
    }
    let json: Value = serde_json::from_slice(&bytes)?;
    let currencies = json["currencies"].as_array().ok_or("currencies")?;
    let weights = currencies.iter().map(|currency| number(&currency["weight"]));
    let classes = json["options"]["class_weights"].as_array();
    let classes = classes.map_or(Ok(vec![1]), |list| list.iter().map(number).collect());
    let mut instance = Instance {
        participants: u32::try_from(number(&json["participants"])?)?,
        currency_weights: weights.collect::<Result<_, _>>()?,
        class_weights: classes?,
        ..Instance::default()
    };
    instance.liquidity = vec![0; instance.participants as usize * instance.currencies()];
    for line in json["liquidity"].as_array().ok_or("liquidity")? {
        let node =
            instance.node(u32::try_from(number(&line[0])?)?, u16::try_from(number(&line[1])?)?);
        let held = instance.liquidity.get_mut(node).ok_or("a participant that does not exist")?;
        *held += line[2].as_i64().ok_or("liquidity")?;
    }
    instance.payments = payments(&json["payments"])?;
    Ok(instance)
}

fn payments(json: &Value) -> Result<Vec<Payment>, Box<dyn Error>> {
    let column = |name: &str| json[name].as_array().ok_or(format!("no payments.{name}"));
    let (debtor, creditor, currency) = (column("debtor")?, column("creditor")?, column("ccy")?);
    let (amount, class, group) = (column("amount")?, column("class")?, column("group")?);
    let mut payments = Vec::with_capacity(debtor.len());
    for row in 0..debtor.len() {
        let at = |column: &[Value]| number(column.get(row).unwrap_or(&Value::Null));
        let linked = group.get(row).and_then(Value::as_u64);
        payments.push(Payment {
            seq: row as u64,
            debtor: u32::try_from(at(debtor)?)?,
            creditor: u32::try_from(at(creditor)?)?,
            currency: u16::try_from(at(currency)?)?,
            class: u8::try_from(at(class)?)?,
            amount: at(amount)?,
            group: linked.map(u32::try_from).transpose()?,
        });
    }
    Ok(payments)
}

fn number(value: &Value) -> Result<u64, Box<dyn Error>> {
    value.as_u64().ok_or_else(|| format!("{value} is not a whole number").into())
}
