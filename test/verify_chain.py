"""Checks the chain of events in a ledger, independently of the program that wrote it. Python 3, standard library only.

    verify_chain.py LEDGER [--head HASH] [--kept FILE]

One line of JSON: rows, head, and the first row that is not right, if there is one (docs/audit.md says what the kinds mean).
LEDGER is a SQLite file, or one of lines {"seq", "body", "prev", "hash"}, which PostgreSQL gives:
psql -At -c 'SELECT row_to_json(events) FROM events ORDER BY seq' > LEDGER
Exit 0: whole. 1: broken. 2: cannot be checked. Without LEDGER, one case per line of standard input, as
{"ledger": PATH, "head": HASH or null, "kept": {"ledger", "seq", "hash"} or null}, and one answer per line.
"""

import argparse
import hashlib
import json
import math
import re
import sqlite3
import sys

FIRST_PREV = "0" * 64
COLUMNS = [("seq", "INTEGER", 1), ("body", "TEXT", 0), ("prev", "TEXT", 0), ("hash", "TEXT", 0)]


class CannotCheck(Exception):
    pass


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def event_hash(prev, body):
    return sha256(b"oncall.audit.v1\n" + prev + b"\n" + sha256(body).encode())


def number(value):
    """ECMAScript's Number::toString, which RFC 8785 takes over."""
    value = float(value)
    if math.isnan(value) or math.isinf(value):
        raise ValueError("not a number of JSON")
    if value == 0:
        return "0"
    digits, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = digits.partition(".")
    digits = (whole + fraction).lstrip("0")
    # Where the decimal point stands, counted from the first digit that is not 0.
    point = len(whole.lstrip("0")) if whole.lstrip("0") else -(len(fraction) - len(fraction.lstrip("0")))
    point += int(exponent or 0)
    digits = digits.rstrip("0")
    count = len(digits)
    if count <= point <= 21:
        text = digits + "0" * (point - count)
    elif 0 < point <= 21:
        text = digits[:point] + "." + digits[point:]
    elif -6 < point <= 0:
        text = "0." + "0" * -point + digits
    else:
        power = point - 1
        text = digits[0] + ("." + digits[1:] if count > 1 else "") + "e" + ("+" if power > 0 else "-") + str(abs(power))
    return ("-" if value < 0 else "") + text


SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}


def string(value):
    return '"' + re.sub(r'[\x00-\x1f"\\]', lambda found: SHORT.get(found[0]) or "\\u%04x" % ord(found[0]), value) + '"'


def canonical(value):
    """RFC 8785."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, (int, float)):
        return number(value)
    if isinstance(value, str):
        return string(value)
    if isinstance(value, list):
        return "[" + ",".join(canonical(one) for one in value) + "]"
    # By UTF-16 units, as ECMAScript compares.
    pairs = sorted(value.items(), key=lambda pair: pair[0].encode("utf-16-be"))
    return "{" + ",".join(string(key) + ":" + canonical(one) for key, one in pairs) + "}"


def refuse(constant):
    raise ValueError(constant + " is not JSON")


def canonical_record(body):
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=refuse)
        return value if isinstance(value, dict) and canonical(value).encode("utf-8") == body else None
    except (ValueError, OverflowError, RecursionError):
        return None


def judge(row, last, kept):
    """(kind, number of the row) where something is wrong, else None."""
    found, types, body, prev, own = row
    seq = last["seq"] + 1
    if found < seq:
        return ("fork", found)
    if found > seq:
        return ("gap", seq)
    record = canonical_record(body) if types == "texttexttext" else None
    if record is None or own != event_hash(prev, body).encode():
        return ("edit", seq)
    if isinstance(record.get("seq"), bool) or record.get("seq") != seq:
        return ("reorder", seq)
    if record.get("ledger") != last["ledger"] or prev != last["hash"].encode():
        return ("fork", seq)
    if kept and kept["seq"] == seq and kept["hash"].encode() != own:
        return ("fork", seq)
    return None


def verify(path, head=None, kept=None):
    try:
        with open(path, "rb") as file:
            if file.read(1) == b"{":
                return walk_lines(path, head and head.lower(), kept)
    except OSError as error:
        raise CannotCheck(str(error)) from error
    uri = "file:" + path.replace("%", "%25").replace("?", "%3f").replace("#", "%23") + "?mode=ro"
    try:
        database = sqlite3.connect(uri, uri=True)
        try:
            return walk(database, head and head.lower(), kept)
        finally:
            database.close()
    except sqlite3.Error as error:
        raise CannotCheck(str(error)) from error


def walk(database, head, kept):
    columns = database.execute("SELECT name, type, pk FROM pragma_table_info('events') ORDER BY cid").fetchall()
    if columns != COLUMNS:
        raise CannotCheck("the table of events is not as oncall makes it")
    (ledger,) = database.execute("SELECT id FROM ledger").fetchone() or (None,)
    # Bytes, so that nothing is mended on the way.
    rows = database.execute(
        "SELECT seq, typeof(body) || typeof(prev) || typeof(hash), CAST(body AS BLOB), CAST(prev AS BLOB), CAST(hash AS BLOB)"
        " FROM events ORDER BY seq"
    )
    return follow(ledger, rows, head, kept)


def walk_lines(path, head, kept):
    try:
        with open(path, encoding="utf-8") as file:
            found = [json.loads(line) for line in file]
        rows = [(one["seq"], "texttexttext", *(one[part].encode() for part in ("body", "prev", "hash"))) for one in found]
        # The lines do not say whose they are, so the first one does; a head that was kept says it better.
        return follow(json.loads(found[0]["body"]).get("ledger"), rows, head, kept)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CannotCheck("not the rows of a table of events: " + str(error)) from error


def follow(ledger, rows, head, kept):
    last = {"ledger": ledger, "seq": 0, "hash": FIRST_PREV}
    found = False

    def answer(breach=None):
        told = {"kind": breach[0], "seq": breach[1]} if breach else None
        return {"rows": last["seq"], "head": last, "breach": told}

    if kept and kept["ledger"] != ledger:
        return answer(("fork", 1))
    for row in rows:
        breach = judge(row, last, kept)
        if breach:
            return answer(breach)
        last = {"ledger": ledger, "seq": last["seq"] + 1, "hash": row[4].decode()}
        found = found or last["hash"] == head
    if kept and last["seq"] < kept["seq"]:
        return answer(("truncation", last["seq"] + 1))
    if head and not found:
        return answer(("behind", last["seq"] + 1))
    return answer()


def main():
    parser = argparse.ArgumentParser(description="Checks the chain of events in a ledger of oncall.")
    parser.add_argument("ledger", nargs="?", help="the SQLite file, or the rows of a table of events, one JSON object a line")
    parser.add_argument("--head", metavar="HASH", help="a hash that some event must have")
    parser.add_argument("--kept", metavar="FILE", help="the head that oncall kept outside the ledger")
    given = parser.parse_args()
    if given.ledger is None:
        for line in sys.stdin:
            print(json.dumps(tell(lambda: verify(**cased(json.loads(line))))), flush=True)
        return 0
    try:
        kept = json.load(open(given.kept, encoding="utf-8")) if given.kept else None
    except (OSError, ValueError) as error:
        print(json.dumps({"error": str(error)}))
        return 2
    result = tell(lambda: verify(given.ledger, given.head, kept))
    print(json.dumps(result))
    return 2 if "error" in result else 1 if result["breach"] else 0


def cased(case):
    return {"path": case["ledger"], "head": case.get("head"), "kept": case.get("kept")}


def tell(check):
    try:
        return check()
    except CannotCheck as error:
        return {"error": str(error)}


if __name__ == "__main__":
    sys.exit(main())
