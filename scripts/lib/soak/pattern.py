"""Bytes that tell where they stand and whose they are: a body that lost, doubled or exchanged a piece differs."""

PERIOD = 65_521
_state = 1
_block = bytearray()
for _ in range(PERIOD):
    _state = (_state * 1_664_525 + 1_013_904_223) & 0xFFFFFFFF
    _block.append(_state >> 24)
BLOCK = bytes(_block) * 2


def pattern(number: int, count: int) -> bytes:
    """The `count` bytes that belong to `number`."""
    start = number * 7_919 % PERIOD
    pieces = []
    while count > 0:
        piece = BLOCK[start : start + min(count, PERIOD)]
        pieces.append(piece)
        count -= len(piece)
        start = (start + len(piece)) % PERIOD
    return b"".join(pieces)
