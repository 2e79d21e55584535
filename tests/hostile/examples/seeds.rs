//! Writes the seeds of a target into a folder, for libFuzzer to begin with.

use std::error::Error;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let (name, folder) = arguments.next().zip(arguments.next()).ok_or("usage: TARGET FOLDER")?;
    let target = hostile::TARGETS.into_iter().find(|target| target.name == name);
    fs::create_dir_all(&folder)?;
    for (number, seed) in (target.ok_or("no such target")?.seeds)().iter().enumerate() {
        fs::write(format!("{folder}/seed-{number}"), seed)?;
    }
    Ok(())
}
