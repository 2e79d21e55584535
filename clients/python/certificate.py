"""Checks the certificates of cycles without Causeway: feasibility, value, bound and gap, in time
proportional to the payments. Written from docs/reference/certificate.md alone; needs nothing but
Python.

Run: causewayd certificates DIR --output json | python3 clients/python/certificate.py [FILE]

Prints a line for each cycle; exit code 0, or 6 if something does not hold.
"""

import hashlib
import json
import struct
import sys

ROUNDS = 16
PRICE_BITS = 20
PRICE_MAX = 1 << 58
MOST, PRICES, NOTHING = 1, 2, 3


class Wrong(Exception):
    """Something that does not hold."""


def require(holds: bool, why: str) -> None:
    if not holds:
        raise Wrong(why)


def number(text: str, bits: int) -> int:
    """A number that is written as a string, as amounts, values, prices and places are."""
    require(isinstance(text, str) and text.isascii() and text.isdigit(), f"{text!r}: no number")
    value = int(text)
    require(value < 1 << bits, f"{text}: more than {bits} bits")
    return value


class Item:
    """What settles together or not at all: what it counts, and its payments as
    (rows it takes from, rows it brings to, amount); the first of each is an account."""

    def __init__(self, value: int, legs: list):
        self.value, self.legs = value, legs


class Cut:
    """A document as numbers."""

    def __init__(self, document: dict):
        require(document["format"] == "causeway cut/1", f"format {document['format']!r} is unknown")
        self.strict = {"strict_fifo": True, "fifo_floor": False}[document["netting"]]
        currencies = {it["code"]: it["weight"] for it in document["currencies"]}
        self.currency = [it["currency"] for it in document["accounts"]]
        self.room = [number(it["liquidity"], 127) for it in document["accounts"]]
        self.accounts = len(self.room)
        self.limits = {}
        for limit in document["limits"]:
            self.limits[limit["debit"], limit["credit"]] = len(self.room)
            self.room.append(number(limit["room"], 127))
        self.broken = set(document["broken_groups"])
        self.payments = document["candidates"]
        self.row_of, self.legs, self.values = {}, [], []
        for row, it in enumerate(self.payments):
            debit, credit = it["debit"], it["credit"]
            require(self.currency[debit] == self.currency[credit] == it["currency"],
                    f"payment {it['place']}: its accounts are of another currency")
            minor = number(it["amount"], 64)
            self.row_of[number(it["place"], 64)] = row
            out = [debit] + [self.limits[key] for key in [(debit, credit)] if key in self.limits]
            into = [credit] + [self.limits[key] for key in [(credit, debit)] if key in self.limits]
            self.legs.append((out, into, minor))
            unit = document["class_weights"][it["class"]] * currencies[it["currency"]]
            self.values.append(unit * (1 + it["age"]) * minor)
        require(len(self.row_of) == len(self.payments), "a place twice among the candidates")
        places = [number(place, 64) for place in document["settled"]]
        require(all(one < other for one, other in zip(places, places[1:])), "places do not ascend")
        require(all(place in self.row_of for place in places), "what settled was no candidate")
        self.settled = [self.row_of[place] for place in places]
        self.floor = [row for row, it in enumerate(self.payments) if it["floor"]]
        self.prices = [[number(price, 64) for price in document["prices"][which]]
                       for which in ("accounts", "limits")]

    def feasible(self, rows: list, what: str) -> None:
        """Whether these can settle together: nobody beyond liquidity or a limit, groups whole."""
        left = self.left(rows)
        for row, room in enumerate(left):
            kind = "account" if row < self.accounts else "limit"
            at = row if row < self.accounts else row - self.accounts
            require(room >= 0, f"{what}: {kind} {at} is short of {-room}")
        chosen = set(rows)
        for group, members in self.groups().items():
            inside = sum(row in chosen for row in members)
            whole = inside == len(members) and group not in self.broken
            require(inside == 0 or whole, f"{what}: group {group} is torn")

    def left(self, rows: list) -> list:
        """The room of each row after these settled."""
        left = list(self.room)
        for row in rows:
            out, into, minor = self.legs[row]
            for at in out:
                left[at] -= minor
            for at in into:
                left[at] += minor
        return left

    def groups(self) -> dict:
        groups = {}
        for row, it in enumerate(self.payments):
            if it["group"] is not None:
                groups.setdefault(it["group"], []).append(row)
        return groups

    def queues(self) -> dict:
        """By account, its queue: the candidates in the order of the document, which is by class."""
        queues = {}
        for row, it in enumerate(self.payments):
            queue = queues.setdefault(it["debit"], [])
            if queue:
                require(self.payments[queue[-1]]["class"] <= it["class"], "a queue out of order")
            queue.append(row)
        return queues

    def fifo_maximum(self) -> list:
        """The largest feasible set that is a prefix of every queue: what breaks a row or a group
        is taken off the ends of the queues until nothing does."""
        queues, groups = self.queues(), self.groups()
        present = [True] * len(self.payments)
        left = self.left(range(len(self.payments)))
        gone = [row for group in self.broken for row in groups.get(group, [])]
        payer = list(range(self.accounts)) + [debit for debit, _ in self.limits]
        short = [row for row, room in enumerate(left) if room < 0]

        def remove_last(account: int) -> None:
            row = queues[account].pop()
            present[row] = False
            out, into, minor = self.legs[row]
            for at in out:
                left[at] += minor
            for at in into:
                left[at] -= minor
                if left[at] < 0:
                    short.append(at)
            group = self.payments[row]["group"]
            gone.extend(groups[group] if group is not None else [])

        while gone or short:
            if gone:
                row = gone.pop()
                while present[row]:
                    remove_last(self.payments[row]["debit"])
            else:
                at = short.pop()
                while left[at] < 0:
                    remove_last(payer[at])
        return [row for row, stays in enumerate(present) if stays]

    def rest(self) -> list:
        """The items beside the floor, single payments first; broken groups are none."""
        floor = set(self.floor)
        items = []
        for row, it in enumerate(self.payments):
            if it["group"] is None and row not in floor:
                items.append(Item(self.values[row], [self.legs[row]]))
        for group, members in sorted(self.groups().items()):
            if group not in self.broken and members[0] not in floor:
                value = sum(self.values[row] for row in members)
                items.append(Item(value, [self.legs[row] for row in members]))
        return items

    def upper_bound(self) -> int:
        """What no allowed set passes: the floor, plus D over the rest, after the reductions."""
        room = self.left(self.floor)
        items, out, into = self.reduced(room, self.rest())
        prices = [price for listed, count in zip(self.prices, (self.accounts, len(self.limits)))
                  for price in (listed + [0] * count)[:count]]
        prices = [min(price, PRICE_MAX) for price in prices]
        useful = [max(0, flow - left) for flow, left in zip(out, room)]
        total = sum(left * price for left, price in zip(room, prices))
        for item in items:
            gain = item.value << PRICE_BITS
            for takes, brings, minor in item.legs:
                gain -= sum(minor * prices[row] for row in takes)
                gain += sum(min(minor, useful[row]) * prices[row] for row in brings)
            total += max(0, gain)
        floor = sum(self.values[row] for row in self.floor)
        return floor + min(-(-total >> PRICE_BITS), sum(item.value for item in items))

    def reduced(self, room: list, items: list) -> tuple:
        """What the rounds leave of the items, and what may flow out of and into each row."""
        out, into = [0] * len(room), [0] * len(room)

        def count(item: Item, sign: int) -> None:
            for takes, brings, minor in item.legs:
                for row in takes:
                    out[row] += sign * minor
                for row in brings:
                    into[row] += sign * minor

        for item in items:
            count(item, 1)
        for _ in range(ROUNDS):
            most = self.most(room, out)
            stays = []
            for item in items:
                if self.hopeless(item, room, (out, into), most):
                    count(item, -1)
                else:
                    stays.append(item)
            if len(stays) == len(items):
                break
            items = stays
        return items, out, into

    def most(self, room: list, out: list) -> list:
        """The most that each account can end with."""
        stuck = [max(0, room[row] - out[row]) for row in range(self.accounts)]
        free = {}
        for row, code in enumerate(self.currency):
            free[code] = free.get(code, 0) + room[row] - stuck[row]
        return [free[code] + stuck[row] for row, code in enumerate(self.currency)]

    @staticmethod
    def hopeless(item: Item, room: list, flows: tuple, most: list) -> bool:
        out, into = flows
        for takes, brings, minor in item.legs:
            payee = brings[0]
            if any(minor > room[row] + into[row] for row in takes):
                return True
            if room[payee] + minor - out[payee] > most[payee]:
                return True
        return False

    def prices_hash(self) -> bytes:
        if not any(self.prices):
            return bytes(32)
        data = b"causeway/1 prices"
        for listed in self.prices:
            data += struct.pack(f">I{len(listed)}Q", len(listed), *listed)
        return hashlib.sha256(data).digest()

    def certificate(self, document: dict) -> bytes:
        """The certificate as it must be, computed; cycle, solver and steps are what is stated."""
        stated = document["certificate"]
        by_class = [0] * 4
        for row in self.settled:
            by_class[self.payments[row]["class"]] += self.values[row]
        value, fifo, bound = sum(by_class), sum(by_class), sum(by_class)
        basis, prices = MOST, bytes(32)
        everything = len(self.floor) == len(self.payments)
        if not everything and not (self.strict and stated["basis"] == MOST):
            fifo, bound = sum(self.values[row] for row in self.floor), self.upper_bound()
            prices = self.prices_hash()
            basis = PRICES if any(prices) else NOTHING
        sums = [value, fifo, bound, *by_class]
        return (struct.pack(">QBII", document["cycle"], basis, len(self.payments),
                            len(self.settled))
                + b"".join(sum_.to_bytes(16, "big") for sum_ in sums)
                + struct.pack(">HQ", stated["solver"], number(stated["steps"], 64)) + prices)


def check(document: dict) -> dict:
    """Checks a cycle; what was found. Raises Wrong."""
    cut = Cut(document)
    cut.feasible(cut.settled, "what settled")
    cut.feasible(cut.floor, "the floor")
    settled, floor = set(cut.settled), set(cut.floor)
    require(floor <= settled, "a payment of the floor did not settle")
    for queue in cut.queues().values():
        fronts = [row in floor for row in queue]
        require(fronts == sorted(fronts, reverse=True), "the floor is no front of a queue")
    stated = document["certificate"]
    if stated["basis"] == MOST and len(floor) < len(cut.payments):
        require(cut.strict, "more waits than settled, and the mode is not strict FIFO")
        require(settled == set(cut.fifo_maximum()), "what settled is not the FIFO maximum")
    computed = cut.certificate(document)
    require(stated["basis"] == computed[8], f"the basis is {computed[8]}")
    names = ["value", "fifo_value", "bound"]
    parts = [int.from_bytes(computed[at:at + 16], "big") for at in range(17, 129, 16)]
    for name, found in zip(names, parts):
        require(number(stated[name], 128) == found, f"{name} is {found}, not {stated[name]}")
    require(stated["value_by_class"] == [str(part) for part in parts[3:]], "the value by class")
    gap = parts[2] - parts[0]
    require(gap >= 0 and number(stated["gap"], 128) == gap, f"the gap is {gap}")
    counts = (len(cut.payments), len(cut.settled))
    require((stated["candidates"], stated["settled"]) == counts, f"the counts are {counts}")
    require(stated["prices_hash"] == computed[139:].hex(), "the hash is not that of the prices")
    check_batch(document["batch"], computed)
    return {"value": parts[0], "bound": parts[2], "gap": gap}


def check_batch(batch: dict, computed: bytes) -> None:
    """The certificate is under the batch's hash: header, and in it the certificates' hash."""
    header = bytes.fromhex(batch["header"])
    require(len(header) == 252 and header[:16] == b"causeway/1 batch", "no batch header")
    require(hashlib.sha256(header).hexdigest() == batch["hash"], "the hash is not the header's")
    require(int.from_bytes(header[20:28], "big") == batch["number"], "the batch's number")
    require(computed.hex() in batch["certificates"], "the certificate is not in the batch")
    data = b"causeway/1 certificates" + b"".join(map(bytes.fromhex, batch["certificates"]))
    require(hashlib.sha256(data).digest() == header[156:188], "the certificates' hash")


def main(arguments: list) -> int:
    wrong = 0
    with open(arguments[0], encoding="utf-8") if arguments else sys.stdin as lines:
        for at, line in enumerate(lines, 1):
            name = f"line {at}"
            try:
                document = json.loads(line)
                name = f"cycle {document['cycle']}, batch {document['batch']['number']}"
                found = check(document)
                print(f"{name}: settled {found['value']}, at most {found['bound']}, "
                      f"gap {found['gap']}")
            except Wrong as why:
                print(f"{name}: DOES NOT HOLD: {why}")
                wrong += 1
            except (ValueError, KeyError, IndexError, TypeError, struct.error) as error:
                print(f"{name}: cannot be read: {error!r}")
                wrong += 1
    return 6 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
