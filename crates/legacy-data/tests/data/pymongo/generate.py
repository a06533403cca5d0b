"""Writes a dump of the predecessor with PyMongo's `bson`: each field in types that the predecessor does not use.

Usage: pip install pymongo==4.20.1 && python3 generate.py   (writes *.bson beside this file)
"""

import datetime
import pathlib
import re
import uuid

from bson import (
    Binary,
    Code,
    DBRef,
    Decimal128,
    Int64,
    MaxKey,
    MinKey,
    ObjectId,
    Regex,
    Timestamp,
    encode,
)

UTC = datetime.UTC
# PBKDF2-HMAC-SHA1 of "pässwörd", 1,000 iterations.
KEY = "N1RHk5UEnZ4k4K8/kZu3+UNWciKqPUKSG5F3F4ZI54WuqHpsG5MullRIuMH2cG/dfrPvyz145V81XHWghDKMufZ+TDKCGA=="
SALT = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0BBQkNERQ=="


def oid(number):
    return ObjectId(f"603cd740000000000000{number:04x}")


def user(number, **fields):
    plain = {
        "_id": oid(number),
        "Name": f"user {number}",
        "Password": f"password {number}",
        "PasswordSalt": None,
        "Email": f"u{number}@example.org",
        "Follows": [],
        "Followers": [],
    }
    return plain | fields


def message(number, **fields):
    plain = {
        "_id": oid(0x100 + number),
        "AuthorID": oid(1),
        "AuthorName": "ann",
        "Timestamp": datetime.datetime(2021, 4, 1, tzinfo=UTC),
        "Text": f"message {number}",
    }
    return plain | fields


USERS = [
    user(1, Name="ann", Password=KEY, PasswordSalt=SALT, Follows=[oid(2), str(oid(3)), DBRef("users", oid(4))]),
    user(2, Name=Int64(2), Email=Regex("^a"), Followers=[oid(1)]),
    user(3, Name=Decimal128("3.5"), Follows=None, Followers={"0": oid(1)}),
    user(4, Name=True, Password=Int64(12345678)),
    user(5, Name=Binary("fünf".encode()), Password=b"five"),
    user(6, Name="six\0", Email="six\0@example.org"),
    user(7, Name=Code("seven"), Password=Code("7")),
    user(8, Name=uuid.UUID(int=8).bytes, PasswordSalt=b""),
    user(9, _id=Int64(9)),
    user(10, _id="10"),
    user(11, _id=10.0, Name="again"),
    user(12, _id={"nested": 1}),
    user(13, Name="x" * 1_100, Password="p" * 100),
]
MESSAGES = [
    message(1),
    message(2, Timestamp=Int64(1_617_235_200_000)),
    message(3, Timestamp=1_617_235_200.5),
    message(4, Timestamp=Timestamp(1_617_235_200, 1)),
    message(5, Timestamp="Thu Apr  1 2021"),
    message(6, Timestamp=MinKey()),
    message(7, Timestamp=datetime.datetime(9999, 12, 31, tzinfo=UTC)),
    message(8, Text=Decimal128("1.5")),
    message(9, Text=re.compile("x")),
    message(10, Text=Code("code", {"scope": 1})),
    message(11, Text=Int64(-1)),
    message(12, Text="\ud7ff\ue000\U0010ffff"),
    message(13, Text=""),
    message(14, AuthorID=Int64(9)),
    message(15, AuthorID=10.0),
    message(16, AuthorID=MaxKey()),
    message(17, AuthorID=oid(1).binary),
    message(18, Flagged=1.0),
    message(19, Flagged=Regex("x")),
    message(20, nested={"deep": [[[[[[[[[[]]]]]]]]]]}, Text="y" * 1_000),
]
LATEST = [{"_id": oid(1), "latest": 4711.0}]


def main():
    directory = pathlib.Path(__file__).parent
    for name, documents in [("users", USERS), ("messages", MESSAGES), ("latest", LATEST)]:
        (directory / f"{name}.bson").write_bytes(b"".join(map(encode, documents)))


if __name__ == "__main__":
    main()
