//! Records of the log, with lengths and checksums made good; and exports of them.

use channel::{Command, Genesis};
use clearing::{
    BatchHeader, HEADER_BYTES, Record, RecordBody, pack_command, pack_genesis, pack_orders,
    pack_settle, pack_statements, pack_tick,
};

use crate::bytes_of;

const FILES: [&str; 6] = [
    include_str!("../../../clearing/tests/it/data/genesis.v1.hex"),
    include_str!("../../../clearing/tests/it/data/orders.v1.hex"),
    include_str!("../../../clearing/tests/it/data/command.v1.hex"),
    include_str!("../../../clearing/tests/it/data/tick.v1.hex"),
    include_str!("../../../clearing/tests/it/data/settle.v1.hex"),
    include_str!("../../../clearing/tests/it/data/statements.v1.hex"),
];

pub(crate) fn run(bytes: &[u8]) -> bool {
    let mut accepted = false;
    if let Ok(header) = BatchHeader::decode(bytes) {
        assert_eq!(header.encode(), bytes);
        accepted = true;
    }
    if let Ok(genesis) = Genesis::decode(bytes) {
        assert_eq!(genesis.encode(), bytes);
        accepted = true;
    }
    if let Ok(command) = Command::decode(bytes) {
        assert_eq!(command.encode(), bytes);
        accepted = true;
    }
    let export: Vec<_> = archive::Reader::new(bytes).map_while(Result::ok).collect();
    let whole = export.concat();
    assert!(bytes.starts_with(&whole));
    let reads = export.iter().all(|record| Record::read(record).is_ok());
    accepted |= reads && !whole.is_empty() && whole.len() == bytes.len();
    let mut bytes = bytes.to_vec();
    make_good(&mut bytes);
    if let Ok(record) = Record::read(&bytes) {
        assert!(pack(&record) == bytes, "packed otherwise");
        accepted = true;
    }
    accepted
}

fn make_good(bytes: &mut [u8]) {
    let Some((header, body)) = bytes.split_first_chunk_mut::<HEADER_BYTES>() else { return };
    header[12..16].copy_from_slice(&u32::try_from(body.len()).unwrap().to_be_bytes());
    let checksum = crc32c::crc32c_append(crc32c::crc32c(&header[..HEADER_BYTES - 4]), body);
    header[HEADER_BYTES - 4..].copy_from_slice(&checksum.to_be_bytes());
}

fn pack(record: &Record<'_>) -> Vec<u8> {
    let made = (record.pool, record.time_ms);
    match &record.body {
        RecordBody::Genesis(genesis) => pack_genesis(record.time_ms, genesis),
        RecordBody::Orders(it) => {
            let orders: Vec<_> =
                it.orders().map(|(view, payload)| (view.bytes(), payload)).collect();
            pack_orders(made, it.sender, it.signature, it.root, it.digests, &orders)
        }
        RecordBody::Command(signed) => pack_command(made, signed),
        RecordBody::Tick { cycle } => pack_tick(made, *cycle),
        RecordBody::Settle(it) => pack_settle(made, &it.proposal()),
        RecordBody::Statements(it) => {
            let encoded: Vec<_> = it.statements.iter().map(|it| (it.kind(), it.encode())).collect();
            let parts: Vec<_> = encoded.iter().map(|(kind, it)| (*kind, it.as_slice())).collect();
            pack_statements(made, &parts)
        }
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = FILES.into_iter().map(bytes_of).collect();
    let bodies = [seeds[0][HEADER_BYTES..].to_vec(), seeds[2][HEADER_BYTES + 132..].to_vec()];
    assert!(Genesis::decode(&bodies[0]).is_ok() && Command::decode(&bodies[1]).is_ok());
    let export = [seeds[0].as_slice(), &seeds[1]].concat();
    seeds.extend(bodies);
    seeds.push(export);
    seeds.push(bytes_of(include_str!("../../../clearing/tests/it/data/batch.v1.hex")));
    seeds
}
