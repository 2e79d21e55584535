"""Builds every signed structure with causeway_bytes.py and compares it with
docs/reference/vectors.json. Needs the `cryptography` package only.

Run: python3 clients/python/conformance.py
"""

import json
import pathlib
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from causeway_bytes import (ASK, BID, FUND, SET_QUOTES, batch_statement, command,
                            command_statement, decision, decisions_statement, fund, link_group,
                            link_terms, merkle_root, order_digest, order_header,
                            receipt_statement, set_quotes)

VECTORS = pathlib.Path(__file__).parents[2] / "docs/reference/vectors.json"


def built() -> dict[str, bytes]:
    """The values that vectors.json holds, built here."""
    key = Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32)
    payload = b"hello"
    terms = {"sender": 7, "receiver": 8, "uetr": "0b6d5a5e-6a58-4d0c-9a3e-3f1f6f1f2a11",
             "kind": 1, "currency": "USD", "amount": 125_000, "value_date": 20260302}
    counter = terms | {"sender": 8, "receiver": 7, "uetr": "5f0c1d2e-3b4a-4c5d-8e6f-708192a3b4c5",
                       "currency": "EUR", "amount": 115_000}
    rest = {"pool": 1, "created_at": 1_772_431_200_000, "not_after": 1_772_460_000_000,
            "priority_class": 1, "payload": payload}
    header = order_header(**terms, **rest, urgent=True)
    fx = rest | {"counter_currency": "EUR"}
    instruction = order_header(**terms | {"kind": 4}, **fx, counter_amount=115_000)
    fx_payment = order_header(**terms | {"kind": 5}, **fx, limit_rate=(9150, 4))
    quotes = [(side, 100_000_000, (rate, 4), 1_772_431_260_000)
              for side, rate in ((BID, 10825), (ASK, 10827))]
    digest = order_digest(header, payload)
    digests = [digest, bytes([2]) * 32, bytes([3]) * 32]
    batch = batch_statement(1, 7, digests)
    ruled = decision(digest, 42 << 20, 5, 19, 1_772_431_200_123)
    funding = command(FUND, 1, bytes([5]) * 16, 3, 1_772_431_200_000,
                      fund(7, "USD", 1_000_000, bytes([6]) * 16))
    return {
        "secret_seed": bytes([1]) * 32,
        "public_key": key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw),
        "header": header,
        "payload": payload,
        "order_digest": digest,
        "link_terms_of_header": link_terms(**terms),
        "link_terms_of_counter_order": link_terms(**counter),
        "link_group_of_both": link_group([link_terms(**counter), link_terms(**terms)]),
        "batch_root_of_order_digest_then_32x02_then_32x03": merkle_root(digests),
        "batch_statement_pool_1_sender_7": batch,
        "batch_signature": key.sign(batch),
        "receipt_statement": receipt_statement(1, 42, 1_772_431_200_123, bytes([4]) * 32, 3,
                                               merkle_root(digests)),
        "decision": ruled,
        "decisions_root": merkle_root([ruled]),
        "decisions_statement": decisions_statement(1, 42, [ruled]),
        "command_fund": funding,
        "header_fx_instruction": instruction,
        "header_fx_payment": fx_payment,
        "command_set_quotes": command(SET_QUOTES, 1, bytes([5]) * 16, 9, 1_772_431_200_000,
                                      set_quotes("EUR", "USD", quotes)),
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
