"""Seeded mutations of real files: of bytes, of texts, and of the structures inside them."""

import gzip
import json
import re
import struct
import zlib
from collections.abc import Callable
from random import Random
from typing import Any

Mutator = Callable[[Random, bytes, bytes], bytes]
"""Takes a content and another of the same kind, which pieces may come from."""

EXTREMES = (
    0,
    1,
    2,
    7,
    255,
    256,
    65535,
    65536,
    2**24,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**63,
    2**64 - 1,
)

TOKENS = (
    *(
        "0",
        "-1",
        "1e400",
        "-0.0",
        "nan",
        "inf",
        "NaN",
        "-Infinity",
        "9" * 5000,
        "18446744073709551616",
    ),
    *("2147483648", "1" + "0" * 30, "0.1e-400", "true", "null", '""', "''", "{}", "[]"),
    *(
        "[" * 3000,
        "{" * 50,
        '{"a":' * 2000,
        "]" * 3,
        '"',
        "'",
        ",",
        ";",
        "=",
        "\n",
        "\r",
        "\t",
        "#",
    ),
    *(
        "\x00",
        "\ufeff",
        "\u2028",
        "\x1b[31m",
        "é",
        "𝔘",
        "../x",
        "/etc/passwd",
        "-rf",
        "=1+1",
        "<b>",
    ),
    *("a" * 300, "a" * 200_000, "a.b.c.d", "." * 2000, "default", "1979-05-27", "0x7f", "1_000"),
    *(
        '"\\ud800"',
        "name",
        "label",
        "value",
        "needs",
        "segment",
        "dataset",
        "~",
        "$HOME",
        "%s",
        "{0}",
    ),
)


def mutate_bytes(random: Random, content: bytes, other: bytes) -> bytes:
    """Apply one to four changes that know nothing of the format."""
    changed = bytearray(content)
    for _ in range(random.randint(1, 4)):
        random.choice(_CHANGES)(random, changed, other)
    return bytes(changed)


def mutate_text(random: Random, content: bytes, other: bytes) -> bytes:
    """Replace, drop, double and move words and lines; now and then bytes."""
    if random.random() < 0.15:
        return mutate_bytes(random, content, other)
    text = content.decode("utf-8", "surrogateescape")
    for _ in range(random.randint(1, 3)):
        words = re.split(r"(\w+|\s)", text)
        lines = text.splitlines(keepends=True) or [""]
        place = random.randrange(len(words))
        match random.randrange(7):
            case 0 | 1:
                words[place] = random.choice(TOKENS)
                text = "".join(words)
            case 2:
                words.insert(place, random.choice(TOKENS))
                text = "".join(words)
            case 3:
                del words[place : place + random.randint(1, 4)]
                text = "".join(words)
            case 4:
                words[place] = random.choice(
                    re.split(r"(\w+|\s)", other.decode("utf-8", "replace"))
                )
                text = "".join(words)
            case 5:
                lines.insert(random.randrange(len(lines) + 1), random.choice(lines))
                text = "".join(lines)
            case _:
                random.shuffle(lines)
                text = "".join(lines)
    return text.encode("utf-8", "surrogateescape")


def mutate_json(random: Random, content: bytes, other: bytes) -> bytes:
    """Change values inside the structure; else as a text."""
    if random.random() < 0.3:
        return mutate_text(random, content, other)
    tree = json.loads(content)
    for _ in range(random.randint(1, 3)):
        tree = _change_value(random, tree)
    return json.dumps(tree).encode()


def mutate_png(random: Random, content: bytes, other: bytes) -> bytes:
    """Change a chunk's content and mend its checksum, so that decoders look at it."""
    chunks = _png_chunks(content)
    if random.random() < 0.3 or not chunks:
        return mutate_bytes(random, content, other)
    kind, data = chunks[index := random.randrange(len(chunks))]
    if kind == b"IDAT" and random.random() < 0.5:
        data = zlib.compress(mutate_bytes(random, _inflated(data), b"\x00" * 64))
    elif kind == b"IHDR":
        changed = bytearray(data)
        field = random.choice([(0, ">I"), (4, ">I"), (8, ">B"), (9, ">B"), (12, ">B")])
        _put(changed, field[0], field[1], random.choice(EXTREMES))
        data = bytes(changed)
    else:
        data = mutate_bytes(random, data, other)
    chunks[index] = (kind, data)
    if random.random() < 0.2:
        chunks.insert(random.randrange(len(chunks)), random.choice(_png_chunks(other) or chunks))
    return content[:8] + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def mutate_tiff(random: Random, content: bytes, other: bytes) -> bytes:
    """Set the tag, type, count or value of an entry of the first directory to an extreme."""
    if random.random() < 0.3 or content[:4] not in (b"II*\x00", b"MM\x00*"):
        return mutate_bytes(random, content, other)
    changed = bytearray(content)
    order = "<" if content[:2] == b"II" else ">"
    (directory,) = struct.unpack_from(order + "I", changed, 4)
    (n_entries,) = struct.unpack_from(order + "H", changed, directory)
    for _ in range(random.randint(1, 3)):
        entry = directory + 2 + 12 * random.randrange(n_entries)
        offset, kind = random.choice([(0, "H"), (2, "H"), (4, "I"), (8, "I"), (8, "H")])
        value = random.choice([*EXTREMES, 254, 257, 258, 259, 262, 277, 284, 339, 8, 5, 32773, 12])
        _put(changed, entry + offset, order + kind, value)
    return bytes(changed)


def mutate_npy(random: Random, content: bytes, other: bytes) -> bytes:
    """Change words of the header and mend its length; else bytes."""
    if random.random() < 0.4:
        return mutate_bytes(random, content, other)
    length = struct.unpack_from("<H", content, 8)[0]
    header = content[10 : 10 + length].decode("latin-1")
    kinds = ("|O", "<U1000000", "|S0", "|V0", ">f8", "<c16", "<M8[s]", "|b1", "<f2")
    shapes = (
        "()",
        "(0,)",
        "(-1, 4)",
        "(99999, 99999)",
        "(1 << 62,)",
        "(2, 3, 4, 5)",
        "(3, 10**18)",
    )
    match random.randrange(4):
        case 0:
            header = re.sub(r"'descr': '[^']*'", f"'descr': '{random.choice(kinds)}'", header)
        case 1:
            header = re.sub(r"\([^)]*\)", random.choice([*shapes, "(1000000000000, 1)"]), header)
        case 2:
            header = header.replace("False", random.choice(("True", "None", "__import__('os')")))
        case _:
            changed = mutate_text(random, header.encode(), header.encode())
            header = changed[:60_000].decode("latin-1")
    raw = header.encode("latin-1", "replace")
    return content[:8] + struct.pack("<H", len(raw)) + raw + content[10 + length :]


def mutate_tar(random: Random, content: bytes, other: bytes) -> bytes:
    """Change fields of a member's header and mend its checksum; pack it again if it was packed."""
    packed = content[:2] == b"\x1f\x8b"
    if random.random() < 0.2:
        return mutate_bytes(random, content, other)
    changed = bytearray(gzip.decompress(content) if packed else content)
    if random.random() < 0.2:
        changed = bytearray(mutate_bytes(random, bytes(changed), other))
    else:
        headers = [
            at
            for at in range(0, len(changed) - 511, 512)
            if changed[at + 257 : at + 262] == b"ustar"
        ]
        for at in random.sample(headers, min(len(headers), 2)):
            _change_tar_header(random, changed, at)
    return gzip.compress(bytes(changed), 1) if packed else bytes(changed)


def _change_tar_header(random: Random, tar: bytearray, at: int) -> None:
    names = (b"../x", b"/etc/x", b"-rf", b"a/../../x", b"\x00", b"\xff\xfe", b"a\nb", b"a" * 100)
    numbers = (b"77777777777", b"-0000000001", b"\x80" + b"\xff" * 10 + b"\x01", b"\xff" * 12, b"x")
    match random.randrange(5):
        case 0:
            tar[at : at + 100] = random.choice(names).ljust(100, b"\x00")
        case 1:
            tar[at + 124 : at + 136] = random.choice(numbers).ljust(12, b"\x00")
        case 2:
            tar[at + 156] = random.choice(b"01234567gxLKSVDN\x00z")
        case 3:
            tar[at + 157 : at + 257] = random.choice(names).ljust(100, b"\x00")
        case _:
            field = random.choice([(100, 8), (108, 8), (136, 12), (329, 8)])
            tar[at + field[0] : at + sum(field)] = random.choice(numbers).ljust(12, b"\x00")[
                : field[1]
            ]
    tar[at + 148 : at + 156] = b" " * 8
    tar[at + 148 : at + 156] = b"%06o\x00 " % sum(tar[at : at + 512])


def _change_value(random: Random, value: Any) -> Any:
    if isinstance(value, (dict, list)) and value and random.random() < 0.85:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        key = random.choice(keys)
        match random.randrange(8):
            case 0:
                del value[key]
            case 1 if isinstance(value, list):
                value.extend(value[key:])
            case 1:
                value[random.choice(TOKENS)[:50]] = value[key]
            case _:
                value[key] = _change_value(random, value[key])
        return value
    return random.choice(
        (
            *(None, True, "", [], {}, [[]], -1, 0, 0.5, 2**31, 2**53, 2**70, 10**400, 1e308),
            *(float("nan"), float("inf"), "\ud800", "9" * 400, random.choice(TOKENS)),
            *([value], {"a": value}, [value] * 9),
        )
    )


def _png_chunks(content: bytes) -> list[tuple[bytes, bytes]]:
    chunks, at = [], 8
    while at + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, at)
        chunks.append((content[at + 4 : at + 8], content[at + 8 : at + 8 + length]))
        at += 12 + length
    return chunks


def _inflated(data: bytes) -> bytes:
    try:
        return zlib.decompress(data)
    except zlib.error:
        return data


def _put(changed: bytearray, offset: int, kind: str, value: int) -> None:
    size = struct.calcsize(kind)
    if offset + size <= len(changed):
        struct.pack_into(kind, changed, offset, value % 2 ** (8 * size))


def _flip(random: Random, changed: bytearray, other: bytes) -> None:
    for _ in range(random.choice((1, 1, 2, 8, 64))):
        if changed:
            changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)


def _truncate(random: Random, changed: bytearray, other: bytes) -> None:
    del changed[random.randrange(len(changed) + 1) :]


def _put_extreme(random: Random, changed: bytearray, other: bytes) -> None:
    if changed:
        # Most of what decides sizes stands near the beginning.
        end = random.choice((64, 512, len(changed)))
        kind = random.choice("<>") + random.choice("BHIQ")
        _put(changed, random.randrange(min(end, len(changed))), kind, random.choice(EXTREMES))


def _splice(random: Random, changed: bytearray, other: bytes) -> None:
    if other:
        start = random.randrange(len(other))
        piece = other[start : start + random.choice((1, 4, 16, 256))]
        at = random.randrange(len(changed) + 1)
        changed[at : at + random.choice((0, len(piece)))] = piece


def _double(random: Random, changed: bytearray, other: bytes) -> None:
    start = random.randrange(len(changed) + 1)
    piece = changed[start : start + random.choice((1, 8, 64, 4096))]
    changed[start:start] = piece * random.choice((1, 2, 50))


def _drop(random: Random, changed: bytearray, other: bytes) -> None:
    start = random.randrange(len(changed) + 1)
    del changed[start : start + random.choice((1, 2, 8, 512))]


_CHANGES = (_flip, _flip, _truncate, _put_extreme, _put_extreme, _splice, _double, _drop)
