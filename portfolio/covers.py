"""A cover for a project that has no picture: tiles drawn from its slug, always the same ones."""

import hashlib
from collections.abc import Iterator

COLUMNS, ROWS, TILE = 8, 4, 40
PALETTES = (  # ground, then four colours that sit well on it
    ("#17324d", "#2f6690", "#81a4cd", "#f2b880", "#f4ede4"),
    ("#12403a", "#2f7f6f", "#8fc1a9", "#e9c46a", "#f6f1e4"),
    ("#3b2c4a", "#6b4e8a", "#b298cf", "#f0a6a0", "#f7efe9"),
    ("#4a2a25", "#a3503f", "#dd9a78", "#f0d2a8", "#f5f0e6"),
    ("#20303a", "#4d6a6d", "#9fb8ad", "#d98e73", "#f2ece1"),
    ("#2b3a1f", "#5f7a3a", "#a9bd7c", "#e3b758", "#f5f2e3"),
)


def svg(seed: str) -> str:
    """The markup of a picture, in presentation attributes only: the content security policy allows no style."""
    width, height = COLUMNS * TILE, ROWS * TILE
    numbers = _numbers(seed)
    palette = PALETTES[next(numbers) % len(PALETTES)]
    tiles = "".join(
        _tile(column * TILE, row * TILE, next(numbers), palette) for row in range(ROWS) for column in range(COLUMNS)
    )
    return (
        f'<svg class="cover" viewBox="0 0 {width} {height}" preserveAspectRatio="xMidYMid slice" aria-hidden="true">'
        f'<rect width="{width}" height="{height}" fill="{palette[0]}"/>{tiles}</svg>'
    )


def _numbers(seed: str) -> Iterator[int]:
    """Without end, each below 65,536."""
    round_ = 0
    while True:
        digest = hashlib.sha256(f"{seed}/{round_}".encode()).digest()
        yield from (int.from_bytes(digest[i : i + 2]) for i in range(0, 32, 2))
        round_ += 1


def _tile(x: int, y: int, number: int, palette: tuple[str, ...]) -> str:
    """One tile: its form from the lowest digits of `number`, its colours and its turn from the next."""
    t, half = TILE, TILE // 2
    ink = palette[1 + number // 16 % 4]
    dot = palette[1 + (number // 64 + 1) % 4]
    cx, cy = x + t * (number // 256 % 2), y + t * (number // 512 % 2)  # one of the corners
    towards_x, towards_y = (t if cx == x else -t), (t if cy == y else -t)
    sweep = 1 if towards_x * towards_y > 0 else 0
    quarter = f"M{cx} {cy}h{towards_x}a{t} {t} 0 0 {sweep} {-towards_x} {towards_y}z"
    over = f'fill="{ink}" stroke="{ink}" stroke-width=".5"'  # a little over its edges, so that no seam shows
    square = f'<rect x="{x}" y="{y}" width="{t}" height="{t}" {over}/>'
    forms = (
        "",
        f'<path d="{quarter}" {over}/>',
        f'<path d="{quarter}" {over}/>',
        square,
        square + f'<path d="{quarter}" fill="{dot}"/>',
        f'<circle cx="{x + half}" cy="{y + half}" r="{half // 2}" fill="{ink}"/>',
        f'<path d="M{cx} {cy}h{towards_x}L{cx} {cy + towards_y}z" fill="{ink}"/>',
        f'<circle cx="{x + half}" cy="{y + half}" r="{half}" fill="{ink}"/>',
    )
    return forms[number % 8]
