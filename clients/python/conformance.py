"""Builds every signed structure from docs/reference/signing.md alone and compares it with
docs/reference/vectors.json. Needs the `cryptography` package only.

Run: python3 clients/python/conformance.py
"""

import hashlib
import json
import pathlib
import struct
import sys
import uuid

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

VECTORS = pathlib.Path(__file__).parents[2] / "docs/reference/vectors.json"


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def order_header(*, pool, sender, receiver, uetr, kind, currency, amount, value_date, created_at,
                 payload, urgent=False, priority_class=0, not_before=0, not_after=0,
                 link_group=bytes(16), link_members=0) -> bytes:
    """The 192-byte header of an order of suite 0."""
    header = struct.pack(
        ">BBHIII16sHBB3sBQIIQQQ16s", 1, int(urgent), 0, pool, sender, receiver,
        uuid.UUID(uetr).bytes, kind, priority_class, link_members, currency.encode(), 0, amount,
        value_date, 0, created_at, not_before, not_after, link_group)
    header += bytes(164 - len(header)) + struct.pack(">I", len(payload))
    return header + bytes(192 - len(header))


def order_digest(header: bytes, payload: bytes) -> bytes:
    return sha256(b"ppc/1 order" + sha256(b"ppc/1 hdr" + header) + sha256(payload) + sha256(b""))


def merkle_root(entries: list[bytes]) -> bytes:
    """RFC 6962 section 2.1."""
    if not entries:
        return sha256(b"")
    if len(entries) == 1:
        return sha256(b"\0" + entries[0])
    split = 1 << (len(entries) - 1).bit_length() - 1
    return sha256(b"\1" + merkle_root(entries[:split]) + merkle_root(entries[split:]))


def batch_statement(pool: int, sender: int, digests: list[bytes]) -> bytes:
    return (b"ppc/1 batch" + struct.pack(">II16sQI", pool, sender, bytes(16), 0, len(digests))
            + merkle_root(digests))


def receipt_statement(pool, position, received_at, rules_hash, count, root) -> bytes:
    return (b"causeway/1 receipt" + struct.pack(">IQQ", pool, position, received_at) + rules_hash
            + struct.pack(">I", count) + root)


def decision(digest, place, ruling, reason, decided_at) -> bytes:
    return digest + struct.pack(">QBHQ", place, ruling, reason, decided_at)


def decisions_statement(pool, position, decisions: list[bytes]) -> bytes:
    return (b"causeway/1 decisions" + struct.pack(">IQI", pool, position, len(decisions))
            + merkle_root(decisions))


def command(kind: int, pool: int, request_id: bytes, maker: int, issued_at: int,
            body: bytes) -> bytes:
    return struct.pack(">BHI16sIQ", 1, kind, pool, request_id, maker, issued_at) + body


def command_statement(command_bytes: bytes) -> bytes:
    return b"causeway/1 command" + command_bytes


def fund(participant: int, currency: str, amount: int, pay_in: bytes) -> bytes:
    return struct.pack(">I3sQ16s", participant, currency.encode(), amount, pay_in)


def built() -> dict[str, bytes]:
    """The values that vectors.json holds, built here."""
    key = Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32)
    payload = b"hello"
    header = order_header(
        pool=1, sender=7, receiver=8, uetr="0b6d5a5e-6a58-4d0c-9a3e-3f1f6f1f2a11", kind=1,
        currency="USD", amount=125_000, value_date=20260302, created_at=1_772_431_200_000,
        not_after=1_772_460_000_000, urgent=True, priority_class=1, payload=payload)
    digest = order_digest(header, payload)
    digests = [digest, bytes([2]) * 32, bytes([3]) * 32]
    batch = batch_statement(1, 7, digests)
    ruled = decision(digest, 42 * 1024, 5, 19, 1_772_431_200_123)
    funding = command(5, 1, bytes([5]) * 16, 3, 1_772_431_200_000,
                      fund(7, "USD", 1_000_000, bytes([6]) * 16))
    return {
        "secret_seed": bytes([1]) * 32,
        "public_key": key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw),
        "header": header,
        "payload": payload,
        "order_digest": digest,
        "batch_root_of_order_digest_then_32x02_then_32x03": merkle_root(digests),
        "batch_statement_pool_1_sender_7": batch,
        "batch_signature": key.sign(batch),
        "receipt_statement": receipt_statement(1, 42, 1_772_431_200_123, bytes([4]) * 32, 3,
                                               merkle_root(digests)),
        "decision": ruled,
        "decisions_root": merkle_root([ruled]),
        "decisions_statement": decisions_statement(1, 42, [ruled]),
        "command_fund": funding,
        "command_statement": command_statement(funding),
        "command_signature": key.sign(command_statement(funding)),
    }


def main() -> int:
    published = json.loads(VECTORS.read_text())
    ours = {name: value.hex() for name, value in built().items()}
    wrong = sorted(name for name in published.keys() | ours.keys()
                   if published.get(name) != ours.get(name))
    for name in wrong:
        print(f"{name}: published {published.get(name)}, built {ours.get(name)}")
    print(f"{len(ours) - len(wrong)} passed, {len(wrong)} failed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
