#!/usr/bin/env python3
"""make_unicode.py UNICODE.hpp: writes what the tokenizer has to know of Unicode, as Python's tables have it."""

import sys
import unicodedata


def plain(code: int) -> str:
    """What BERT makes of a character: a lower-case letter without accents; nothing of what cannot be seen."""
    letter = chr(code)
    if letter in "\t\n\r":
        return " "
    if letter in "\0\ufffd" or unicodedata.category(letter) in ("Cc", "Cf", "Co"):
        return ""
    if letter.isspace():
        return " "
    parts = unicodedata.normalize("NFD", letter)
    return "".join(part.lower() for part in parts if unicodedata.category(part) != "Mn")


def is_punctuation(code: int) -> bool:
    """All signs of ASCII count."""
    letter = chr(code)
    return unicodedata.category(letter)[0] == "P" or (letter.isascii() and letter.isprintable() and not letter.isalnum() and letter != " ")


def ranges(codes: list[int]) -> str:
    pairs: list[list[int]] = []
    for code in codes:
        if pairs and pairs[-1][1] == code - 1:
            pairs[-1][1] = code
        else:
            pairs.append([code, code])
    return ",\n    ".join(f"{{{first:#x}, {last:#x}}}" for first, last in pairs)


def main(path: str) -> None:
    # Hangul syllables are decomposed by a formula.
    codes = [code for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000 and not 0xAC00 <= code <= 0xD7A3]
    changed = {code: plain(code) for code in codes if plain(code) != chr(code)}
    letters = ",\n    ".join(
        f"{{{code:#x}, {{{', '.join(hex(ord(part)) for part in parts)}}}}}" for code, parts in changed.items() if parts
    )
    with open(path, "w", encoding="ascii") as file:
        file.write(f"""// Unicode {unicodedata.unidata_version}, written by make_unicode.py. All lists are in order.
#ifndef UNICODE_HPP
#define UNICODE_HPP

namespace unicode {{

struct Range {{
  char32_t first, last;
}};

// Control characters and accents, which are dropped.
constexpr Range dropped[] = {{
    {ranges([code for code, parts in changed.items() if not parts])}}};

constexpr Range punctuation[] = {{
    {ranges([code for code in codes if is_punctuation(code)])}}};

// Letters that become others: in lower case, without accents, in parts. Ends with a zero where there are fewer.
struct Letter {{
  char32_t from, to[3];
}};
constexpr Letter letters[] = {{
    {letters}}};

}}  // namespace unicode
#endif
""")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
