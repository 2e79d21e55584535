"""Opens sealed orders (ppc/1), written from docs/reference/ppc1.md alone, and checks itself
against docs/reference/ppc1-vectors.json. Needs the `cryptography` package only, for suite 2 one that
has ML-KEM-768 (48.0 has it).

Run: python3 clients/python/ppc1_open.py
"""

import hashlib
import hmac
import json
import pathlib
import struct
import sys
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

try:
    from cryptography.hazmat.primitives.asymmetric.mlkem import (
        MLKEM768PrivateKey, MLKEM768PublicKey)
except ImportError:
    MLKEM768PrivateKey = None

from causeway_bytes import order_digest

VECTORS = pathlib.Path(__file__).parents[2] / "docs/reference/ppc1-vectors.json"
BUCKETS = {1: 256, 2: 512, 3: 1024, 4: 2048, 5: 4096, 6: 8192}
NONCE_ONCE = bytes(12)


class Refused(Exception):
    """It does not open; says no more."""


def require(held: bool) -> None:
    if not held:
        raise Refused


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def unpack(layout: str, data: bytes, at: int = 0) -> tuple:
    """The fields at an offset, if there are so many bytes."""
    require(len(data) >= at + struct.calcsize(layout))
    return struct.unpack_from(layout, data, at)


# HPKE (RFC 9180), mode Base, HKDF-SHA256, export only; by suite with DHKEM(X25519, HKDF-SHA256) or
# X-Wing.

KEM_SUITE = b"KEM" + bytes.fromhex("0020")
HPKE_SUITES = {1: b"HPKE" + bytes.fromhex("00200001ffff"),
               2: b"HPKE" + bytes.fromhex("647a0001ffff")}
PUBLIC_LENGTHS = {1: 32, 2: 1216}
ENCAPSULATED_LENGTHS = {1: 32, 2: 1120}
READERS_MAX = {1: 64, 2: 16}
X_WING_LABEL = b"\\.//^\\"


def mac(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()


def expand(secret: bytes, info: bytes, length: int) -> bytes:
    """HKDF-Expand (RFC 5869 section 2.3)."""
    out, block, count = b"", b"", 0
    while len(out) < length:
        count += 1
        block = mac(secret, block + info + bytes([count]))
        out += block
    return out[:length]


def labeled_extract(suite: bytes, salt: bytes, label: bytes, material: bytes) -> bytes:
    return mac(salt or bytes(32), b"HPKE-v1" + suite + label + material)


def labeled_expand(suite: bytes, secret: bytes, label: bytes, info: bytes, length: int) -> bytes:
    return expand(secret, struct.pack(">H", length) + b"HPKE-v1" + suite + label + info, length)


def exchange(secret: bytes, point: bytes) -> tuple[bytes, bytes]:
    """X25519 (RFC 7748): the shared secret, and the own public key."""
    private = X25519PrivateKey.from_private_bytes(secret)
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    try:
        return private.exchange(X25519PublicKey.from_public_bytes(point)), public
    except ValueError:  # a point of small order
        raise Refused from None


def dhkem_decap(secret: bytes, encapsulated: bytes) -> bytes:
    shared, public = exchange(secret, encapsulated)
    prk = labeled_extract(KEM_SUITE, b"", b"eae_prk", shared)
    return labeled_expand(KEM_SUITE, prk, b"shared_secret", encapsulated + public, 32)


def x_wing_decap(seed: bytes, encapsulated: bytes) -> bytes:
    expanded = hashlib.shake_256(seed).digest(96)
    private = MLKEM768PrivateKey.from_seed_bytes(expanded[:64])
    shared_m = private.decapsulate(encapsulated[:1088])
    shared_x, public_x = exchange(expanded[64:], encapsulated[1088:])
    return hashlib.sha3_256(
        shared_m + shared_x + encapsulated[1088:] + public_x + X_WING_LABEL).digest()


def require_kem_key(public: bytes) -> None:
    """What a sender asks of a key before it agrees on anything: see X-Wing for its first part."""
    exchange(bytes(32), public[-32:])
    if len(public) == PUBLIC_LENGTHS[2]:
        try:
            MLKEM768PublicKey.from_public_bytes(public[:-32])
        except ValueError:
            raise Refused from None


def export(suite: int, secret: bytes, encapsulated: bytes, info: bytes, context: bytes) -> bytes:
    """SetupBaseR and Context.Export: the 32-byte key that the sender has too."""
    shared = (dhkem_decap if suite == 1 else x_wing_decap)(secret, encapsulated)
    hpke = HPKE_SUITES[suite]
    schedule = (bytes([0]) + labeled_extract(hpke, b"", b"psk_id_hash", b"")
                + labeled_extract(hpke, b"", b"info_hash", info))
    secret = labeled_extract(hpke, shared, b"secret", b"")
    exporter = labeled_expand(hpke, secret, b"exp", schedule, 32)
    return labeled_expand(hpke, exporter, b"sec", context, 32)


# Signatures, checked strictly: `cryptography` leaves it to its caller which points it takes.

FIELD = 2 ** 255 - 19
# The y of the points of order 1, 2, 4 and 8.
SMALL_ORDER = {0, 1, FIELD - 1} | {
    int.from_bytes(bytes.fromhex(y), "little") for y in (
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")}


def require_point(encoded: bytes) -> None:
    """One encoding, and not of small order."""
    y = int.from_bytes(encoded, "little") & (2 ** 255 - 1)
    require(y < FIELD and y not in SMALL_ORDER)


def verify(key: bytes, signature: bytes, message: bytes) -> None:
    require(len(key) == 32 and len(signature) == 64)
    require_point(key)
    require_point(signature[:32])
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise Refused from None


# Statements.

def check_statement(label: str, signed: bytes, signer: bytes) -> bytes:
    """The body of a statement that `signer` signed."""
    body, key, signature = signed[:-96], signed[-96:-64], signed[-64:]
    require(key == signer)
    verify(key, signature, label.encode() + body)
    return body


def read_epoch(body: bytes) -> dict:
    fixed = ">IIH16sIQQB"
    pool, sender, suite, epoch, policy, opened, not_after, count = unpack(fixed, body)
    require(suite in HPKE_SUITES and 1 <= count <= READERS_MAX[suite])
    require(epoch != bytes(16) and 1 <= not_after - opened <= 3_600_000)
    reader = struct.Struct(f">B8sI{ENCAPSULATED_LENGTHS[suite]}s")
    start = struct.calcsize(fixed)
    require(len(body) == start + reader.size * count)
    readers = list(reader.iter_unpack(body[start:]))
    names = [(role, key) for role, key, *_ in readers]
    require(names == sorted(set(names)) and all(1 <= role <= 6 for role, _ in names))
    return {"pool": pool, "sender": sender, "suite": suite, "epoch": epoch, "policy": policy,
            "opened": opened, "not_after": not_after, "readers": readers}


# Orders.

@dataclass
class Envelope:
    """A sealed order taken apart."""
    header: bytes
    suite: int
    pool: int
    sender: int
    policy: int
    created: int
    epoch: bytes
    sequence: int
    binding: bytes
    views: dict = field(default_factory=dict)  # view -> (bucket, commitment, ciphertext)
    slots: list = field(default_factory=list)  # (role, key id, views, wrap)


def members(mask: int) -> list[int]:
    return [view for view in range(5) if mask >> view & 1]


def take_apart(header: bytes, payload: bytes) -> Envelope:
    require(len(header) == 192)
    version, _, suite, pool, sender = struct.unpack_from(">BBHII", header)
    policy, created = struct.unpack_from(">IQ", header, 52)
    epoch, sequence = struct.unpack_from(">16sQ", header, 96)
    length, = struct.unpack_from(">I", header, 164)
    views, slots = header[190], header[191]
    require(version == 1 and suite in HPKE_SUITES and length == len(payload))
    require(epoch != bytes(16) and sequence < 2 ** 24 and 1 <= views <= 5 and 1 <= slots <= 16)
    tables_end = 34 * views + 11 * slots
    require(len(payload) >= tables_end)
    found = Envelope(header, suite, pool, sender, policy, created, epoch, sequence,
                     sha256(b"ppc/1 aad", header, payload[:tables_end]))
    entries = [unpack(">BB32s", payload, 34 * at) for at in range(views)]
    require(all(view in range(5) and bucket in BUCKETS for view, bucket, _ in entries))
    numbers = [entry[0] for entry in entries]
    require(numbers == sorted(set(numbers)))
    require(max(entry[1] for entry in entries) == header[39])
    table = [unpack(">B8sH", payload, 34 * views + 11 * at) for at in range(slots)]
    names = [(role, key) for role, key, _ in table]
    require(names == sorted(set(names)) and all(1 <= role <= 6 for role, _ in names))
    held = sum(1 << view for view in numbers)
    require(all(mask and not mask & ~held for _, _, mask in table))
    at = tables_end
    for role, key, mask in table:
        end = at + 32 * len(members(mask)) + 16
        found.slots.append((role, key, mask, payload[at:end]))
        at = end
    for view, bucket, commitment in entries:
        end = at + 2 + BUCKETS[bucket] + 16
        found.views[view] = (bucket, commitment, payload[at:end])
        at = end
    require(at == len(payload))
    return found


def name_order(header: bytes, payload: bytes) -> bytes:
    """How a statement names the order: sender, message kind, UETR, digest."""
    return header[8:12] + header[32:34] + header[16:32] + order_digest(header, payload)


def decrypt(key: bytes, nonce: bytes, sealed: bytes, binding: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(nonce, sealed, binding)
    except InvalidTag:
        raise Refused from None


def open_view(order: Envelope, view: int, dek: bytes) -> bytes:
    """The content of one view, checked."""
    require(view in order.views)
    bucket, commitment, ciphertext = order.views[view]
    key, committed = (sha256(struct.pack(">I", count), dek, b"ppc/1 view", bytes([view]))
                      for count in (1, 2))
    require(hmac.compare_digest(committed, commitment))
    plaintext = decrypt(key, NONCE_ONCE, ciphertext, order.binding)
    length = int.from_bytes(plaintext[:2], "big")
    require(length <= BUCKETS[bucket])
    content, padding = plaintext[2:2 + length], plaintext[2 + length:]
    require(not any(padding))
    return content


def open_deks(order: Envelope, mask: int, keys: bytes) -> dict:
    deks = [keys[at:at + 32] for at in range(0, len(keys), 32)]
    return {view: open_view(order, view, dek) for view, dek in zip(members(mask), deks)}


def unwrap(order: Envelope, keks: dict) -> list[tuple[int, bytes]]:
    """The views and the keys of each slot that is for one of these KEKs."""
    found = [(mask, decrypt(keks[role, key], order.binding[:12], wrap, order.binding))
             for role, key, mask, wrap in order.slots if (role, key) in keks]
    require(bool(found))
    return found


class Reader:
    """Reads what is sealed for one participant."""

    def __init__(self, participant: int, secrets: dict[bytes, bytes]):
        self.participant = participant
        self.secrets = secrets
        self.epochs: dict = {}
        self.seen: set = set()

    def accept_epoch(self, signed: bytes, sender_key: bytes) -> None:
        terms = read_epoch(check_statement("ppc/1 epoch open", signed, sender_key))
        keks = {}
        for role, key, participant, encapsulated in terms["readers"]:
            if participant == self.participant and key in self.secrets:
                info = b"ppc/1 epoch" + struct.pack(
                    ">HIIIB8s16sI", terms["suite"], terms["pool"], terms["sender"], participant,
                    role, key, terms["epoch"], terms["policy"])
                keks[role, key] = export(
                    terms["suite"], self.secrets[key], encapsulated, info, b"ppc/1 kek")
        known = self.epochs.setdefault((terms["sender"], terms["epoch"]), (terms, keks))
        require(known[0] == terms)

    def keks_of(self, order: Envelope) -> dict:
        """What this reader agreed on in the epoch of an order that is of it."""
        require((order.sender, order.epoch) in self.epochs)
        terms, keks = self.epochs[order.sender, order.epoch]
        require(all(getattr(order, name) == terms[name] for name in ("pool", "policy", "suite")))
        require(order.created <= terms["not_after"])
        return keks

    def read(self, header: bytes, payload: bytes) -> dict:
        """View -> content, of all slots that are this reader's."""
        order = take_apart(header, payload)
        opened: dict = {}
        for mask, keys in unwrap(order, self.keks_of(order)):
            opened |= open_deks(order, mask, keys)
        return opened

    def open(self, header: bytes, payload: bytes) -> dict:
        """As `read`, once for each sequence of an epoch."""
        opened = self.read(header, payload)
        order = take_apart(header, payload)
        name = (order.sender, order.epoch, order.sequence)
        require(name not in self.seen)
        self.seen.add(name)
        return opened

    def open_rewrapped(self, header: bytes, payload: bytes, signed: bytes, sender_key: bytes) -> dict:
        body = check_statement("ppc/1 rewrap", signed, sender_key)
        suite, = unpack(">H", body, 71)
        require(suite in HPKE_SUITES)
        fixed = f">I54sBI8sH{ENCAPSULATED_LENGTHS[suite]}sH"
        pool, named, role, reader, key, suite, encapsulated, mask = unpack(fixed, body)
        wrap = body[struct.calcsize(fixed):-8]
        order = take_apart(header, payload)
        sender, digest = order.sender, order_digest(header, payload)
        require(pool == order.pool and named == name_order(header, payload))
        require((role, mask) in [(slot[0], slot[2]) for slot in order.slots])
        require(reader == self.participant and key in self.secrets)
        require(len(wrap) == 32 * len(members(mask)) + 16)
        info = b"ppc/1 rewrap" + struct.pack(
            ">HIIIB8s32sH", suite, pool, sender, reader, role, key, digest, mask)
        kek = export(suite, self.secrets[key], encapsulated, info, b"ppc/1 rewrap kek")
        return open_deks(order, mask, decrypt(kek, NONCE_ONCE, wrap, order.binding))


def check_path(digest: bytes, index: int, count: int, path: list[bytes], root: bytes) -> None:
    """RFC 9162 section 2.1.3.2."""
    require(index < count)
    node, last, found = index, count - 1, sha256(b"\0", digest)
    for sibling in path:
        require(last > 0)
        if node & 1 or node == last:
            found = sha256(b"\1", sibling, found)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            found = sha256(b"\1", found, sibling)
        node, last = node >> 1, last >> 1
    require(last == 0 and found == root)


def check_disclosure(shown: bytes, sender_key: bytes) -> tuple[int, bytes]:
    """The view that is shown, and its content."""
    version, header = unpack(">B192s", shown)
    require(version == 1)
    payload_length, = unpack(">I", header, 164)
    payload, view, dek, count, index, root, length = unpack(
        f">{payload_length}sB32sII32sB", shown, 193)
    signature = shown[-64:]
    path = shown[193 + payload_length + 1 + 32 + 41:-64]
    require(len(path) == 32 * length)
    path = [path[at:at + 32] for at in range(0, len(path), 32)]
    check_path(order_digest(header, payload), index, count, path, root)
    order = take_apart(header, payload)
    statement = b"ppc/1 batch" + struct.pack(">II24xI", order.pool, order.sender, count) + root
    verify(sender_key, signature, statement)
    return view, open_view(order, view, dek)


# Conformance.

class Checks:
    def __init__(self) -> None:
        self.passed, self.failed = 0, 0

    def that(self, held: bool, what: str) -> None:
        self.passed, self.failed = self.passed + held, self.failed + (not held)
        if not held:
            print("failed:", what)

    def refuses(self, what: str, attempt) -> None:
        try:
            attempt()
        except Refused:
            self.that(True, what)
        else:
            self.that(False, f"refuses {what}")


def flipped(data: bytes, at: int, mask: int = 1) -> bytes:
    return data[:at] + bytes([data[at] ^ mask]) + data[at + 1:]


def check_statements(checks: Checks, vectors: dict) -> None:
    for entry in vectors["statements"]:
        signed, label = bytes.fromhex(entry["signed"]), entry["label"]
        signer = signed[-96:-64]
        if label in ("ppc/1 identity", "ppc/1 policy"):
            signer = bytes.fromhex(vectors["root_public_key"])
        checks.that(check_statement(label, signed, signer) == signed[:-96], label)
        for at in (0, len(signed) - 97, len(signed) - 64, len(signed) - 1):
            checks.refuses(f"{label} with byte {at} changed",
                           lambda at=at: check_statement(label, flipped(signed, at), signer))


def check_keys(checks: Checks, vectors: dict) -> None:
    """Key ids, and that the suite fixes how long a key is."""
    ids = {entry["key_id"] for entry in vectors["readers"]}
    for entry in vectors["statements"]:
        if entry["label"] == "ppc/1 kem key":
            body = bytes.fromhex(entry["signed"])[:-96]
            suite, = struct.unpack_from(">H", body, 8)
            checks.that(len(body) == 26 + PUBLIC_LENGTHS[suite], "length of a KEM key")
            found = sha256(b"ppc/1 key id", body[:-16])[:8].hex()
            checks.that(found in ids, "key id")


def reader_of(entry: dict) -> Reader:
    return Reader(entry["participant"],
                  {bytes.fromhex(entry["key_id"]): bytes.fromhex(entry["kem_secret"])})


def check_orders(checks: Checks, vectors: dict) -> None:
    sender_key, epoch = (bytes.fromhex(vectors[name])
                         for name in ("sender_public_key", "epoch_open"))
    header, payload, binding, digest = (bytes.fromhex(vectors["order"][name])
                                        for name in ("header", "payload", "binding", "digest"))
    checks.that(take_apart(header, payload).binding == binding, "H")
    checks.that(order_digest(header, payload) == digest, "order digest")
    for entry in vectors["readers"]:
        reader, who = reader_of(entry), f"participant {entry['participant']}"
        reader.accept_epoch(epoch, sender_key)
        (_, keks), = reader.epochs.values()
        checks.that([kek.hex() for kek in keks.values()] == [entry["kek"]], f"KEK of {who}")
        opened = reader.open(header, payload)
        expected = {view["view"]: bytes.fromhex(view["content"]) for view in entry["views"]}
        checks.that(opened == expected, f"views of {who}")
        checks.refuses(f"a sequence again, {who}", lambda: reader.open(header, payload))
    sender = reader_of(vectors["readers"][-1])
    checks.refuses("an order of an unknown epoch", lambda: sender.read(header, payload))
    sender.accept_epoch(epoch, sender_key)
    rewrap = bytes.fromhex(vectors["rewrap_for_participant_20"])
    entry, = (entry for entry in vectors["readers"] if entry["participant"] == 20)
    opened = reader_of(entry).open_rewrapped(header, payload, rewrap, sender_key)
    checks.that(sorted(opened) == [view["view"] for view in entry["views"]], "rewrap")


def check_dispute(checks: Checks, vectors: dict) -> None:
    sender_key = bytes.fromhex(vectors["sender_public_key"])
    shown = bytes.fromhex(vectors["disclosure_of_view_4"])
    content = bytes.fromhex(vectors["readers"][-1]["views"][4]["content"])
    checks.that(check_disclosure(shown, sender_key) == (4, content), "disclosure")
    for at in range(1, len(shown), 7):
        checks.refuses(f"a disclosure with byte {at} changed",
                       lambda at=at: check_disclosure(flipped(shown, at), sender_key))
    for case in vectors["refused"]["disclosures"]:
        other = changed(shown, case["change"])
        checks.refuses(f"a disclosure: {case['what']}",
                       lambda other=other: check_disclosure(other, sender_key))


def changed(base: bytes, change: dict | None) -> bytes:
    """What a case changes: at an offset some bytes are cut out and others put there."""
    if change is None:
        return base
    at, put = change["at"], bytes.fromhex(change["put"])
    return base[:at] + put + base[at + change["cut"]:]


def stage_of(steps) -> str:
    """The first of these steps, each with a name, that refuses; they hand on what they make."""
    made = None
    for name, step in steps:
        try:
            made = step(made)
        except Refused:
            return name
    return "none"


def check_refused_orders(checks: Checks, vectors: dict) -> None:
    sender_key, epoch = (bytes.fromhex(vectors[name])
                         for name in ("sender_public_key", "epoch_open"))
    base = [bytes.fromhex(vectors["order"][part]) for part in ("header", "payload")]
    readers = {entry["participant"]: entry for entry in vectors["readers"]}
    for case in vectors["refused"]["orders"]:
        header, payload = (changed(part, case.get(name))
                           for part, name in zip(base, ("header", "payload")))
        reader = reader_of(readers[case["reader"]])
        reader.accept_epoch(epoch, sender_key)
        if case["stage"] == "sequence":
            reader.open(*base)
        found = stage_of((
            ("shape", lambda _: take_apart(header, payload)),
            ("epoch", lambda order: (order, reader.keks_of(order))),
            ("wrap", lambda made: (made[0], unwrap(*made))),
            ("view", lambda made: [open_deks(made[0], *slot) for slot in made[1]]),
            ("sequence", lambda _: reader.open(header, payload)),
        ))
        # This opener does not check what of a header is the engine's business; H does then.
        stages = ("shape", "epoch", "wrap") if case["stage"] == "header" else (case["stage"],)
        checks.that(found in stages, f"refuses at {case['stage']} ({found}): {case['what']}")
        checks.refuses(case["what"], lambda: reader.open(header, payload))


def check_refused_statements(checks: Checks, vectors: dict) -> None:
    cases = vectors["refused"]
    sender_key, epoch = (bytes.fromhex(vectors[name])
                         for name in ("sender_public_key", "epoch_open"))
    for case in cases["epochs"]:
        signed = changed(epoch, case["change"])
        key = bytes.fromhex(case["signer"]) if "signer" in case else sender_key
        sender = reader_of(vectors["readers"][-1])
        if case["stage"] == "known":
            reader_of(vectors["readers"][-1]).accept_epoch(signed, key)
            sender.accept_epoch(epoch, key)
        found = stage_of((
            ("signature", lambda _: check_statement("ppc/1 epoch open", signed, key)),
            ("shape", read_epoch),
            (case["stage"], lambda _: sender.accept_epoch(signed, key)),
        ))
        checks.that(found == case["stage"], f"an epoch, refused at {found}: {case['what']}")
    header, payload, rewrap = (bytes.fromhex(text) for text in (
        vectors["order"]["header"], vectors["order"]["payload"],
        vectors["rewrap_for_participant_20"]))
    entry, = (entry for entry in vectors["readers"] if entry["participant"] == 20)
    for case in cases["rewraps_for_participant_20"]:
        signed = changed(rewrap, case["change"])
        found = stage_of((
            ("signature", lambda _: check_statement("ppc/1 rewrap", signed, sender_key)),
            (case["stage"], lambda _: reader_of(entry).open_rewrapped(
                header, payload, signed, sender_key)),
        ))
        checks.that(found == case["stage"], f"a rewrap, refused at {found}: {case['what']}")


def check_refused_keys(checks: Checks, vectors: dict) -> None:
    """Keys that are signed as they should be, and to which nobody may seal."""
    keys = (bytes.fromhex(entry["signed"]) for entry in vectors["statements"]
            if entry["label"] == "ppc/1 kem key")
    key, = (signed for signed in keys if unpack(">I", signed, 4) == (20,))
    for case in vectors["refused"]["kem_keys_of_participant_20"]:
        signed = changed(key, case["change"])
        public = check_statement("ppc/1 kem key", signed, signed[-96:-64])[10:-16]
        checks.refuses(f"a KEM key: {case['what']}", lambda public=public: require_kem_key(public))


# What needs the secret half of ML-KEM, or its check of public keys, in suite 2.
KEM_CHECKS = (check_orders, check_refused_orders, check_refused_statements, check_refused_keys)


def main() -> int:
    vectors = json.loads(VECTORS.read_text())
    checks = Checks()
    all_checks = (check_statements, check_keys, check_dispute, *KEM_CHECKS)
    for check in all_checks:
        check(checks, vectors)
    suite_2 = all_checks
    if MLKEM768PrivateKey is None:
        print("suite 2: this `cryptography` has no ML-KEM-768, so its orders are not opened")
        suite_2 = (check_statements, check_keys, check_dispute)
    for check in suite_2:
        check(checks, vectors["suite_2"])
    print(f"{checks.passed} passed, {checks.failed} failed")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
