"""examples/sentence_embeddings: the tokenizer is that of the model, and similarities are those of sentence-transformers."""

import random
import re
import subprocess
import unicodedata

import numpy as np
import pytest
from conftest import ROOT
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

FOLDER = ROOT / "build" / "examples" / "sentence_embeddings"

# Cosine similarities by sentence-transformers 6.2.0: a row for each line of sentences.txt, then one for the query.
EXPECTED = np.array([
    [1.000, 0.509, 0.337, 0.180, 0.299, 0.355, 0.222, 0.072, 0.162, 0.050, -0.009, 0.081],
    [0.509, 1.000, 0.464, 0.254, 0.219, 0.402, 0.188, 0.076, 0.109, 0.037, 0.029, 0.077],
    [0.337, 0.464, 1.000, 0.103, 0.127, 0.283, 0.059, 0.045, 0.025, -0.007, 0.033, -0.029],
    [0.180, 0.254, 0.103, 1.000, 0.370, 0.435, 0.183, 0.032, 0.237, 0.025, 0.020, 0.120],
    [0.299, 0.219, 0.127, 0.370, 1.000, 0.410, 0.226, 0.106, 0.258, 0.048, 0.130, 0.073],
    [0.355, 0.402, 0.283, 0.435, 0.410, 1.000, 0.355, 0.270, 0.262, 0.113, 0.072, 0.251],
    [0.222, 0.188, 0.059, 0.183, 0.226, 0.355, 1.000, 0.506, 0.440, 0.184, 0.119, 0.190],
    [0.072, 0.076, 0.045, 0.032, 0.106, 0.270, 0.506, 1.000, 0.279, 0.156, 0.182, 0.171],
    [0.162, 0.109, 0.025, 0.237, 0.258, 0.262, 0.440, 0.279, 1.000, 0.230, 0.165, 0.312],
    [0.050, 0.037, -0.007, 0.025, 0.048, 0.113, 0.184, 0.156, 0.230, 1.000, 0.348, 0.434],
    [-0.009, 0.029, 0.033, 0.020, 0.130, 0.072, 0.119, 0.182, 0.165, 0.348, 1.000, 0.289],
    [0.081, 0.077, -0.029, 0.120, 0.073, 0.251, 0.190, 0.171, 0.312, 0.434, 0.289, 1.000],
    [0.218, 0.099, 0.093, 0.298, 0.351, 0.528, 0.343, 0.290, 0.326, 0.090, 0.128, 0.209],
])


def test_similarities_and_picture(run_example, drawn):
    text = run_example("sentence_embeddings")
    answers = re.findall(r"^ +(-?[\d.]+)  (.*)$", text, re.MULTILINE)
    sentences = (ROOT / "examples" / "sentence_embeddings" / "sentences.txt").read_text().splitlines()
    assert [sentence for _, sentence in answers] == [sentences[i] for i in np.argsort(-EXPECTED[12])[:3]], text
    assert np.abs(np.array([float(score) for score, _ in answers]) - np.sort(EXPECTED[12])[:-4:-1]).max() < 0.0015, text

    # The similarities are the colours of the cells: 40 pixels each from the right, a gap above the query's.
    picture = drawn("sentence_embeddings").astype(float)
    left, top = picture.shape[1] - 16 - 12 * 40, 40
    for row in range(13):
        for column in range(12):
            corner = picture[top + row * 40 + (14 if row == 12 else 0) + 3, left + column * 40 + 3]
            found = (255 - corner) / (235, 195, 115)
            assert np.abs(found - max(EXPECTED[row, column], 0)).max() < 0.012, (row, column, corner)


@pytest.fixture(scope="module")
def reference():
    """The tokenizer of the package, from its parts."""
    tokenizer = Tokenizer(models.WordPiece.from_file(str(FOLDER / "vocab.txt"), unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 102), ("[CLS]", 101))
    tokenizer.enable_truncation(256)
    return tokenizer


@pytest.fixture
def tokenize(run_example):
    """tokenize(lines): the numbers of each line's tokens, by the example's tokenizer."""
    for file in ("tokenize", "vocab.txt"):
        run_example("sentence_embeddings", str(FOLDER / file))

    def run(lines: list[bytes]) -> list[list[int]]:
        assert not any(b"\n" in line for line in lines)
        done = subprocess.run([FOLDER / "tokenize", FOLDER / "vocab.txt"], input=b"".join(line + b"\n" for line in lines),
                              capture_output=True, timeout=60, check=True)
        found = [[int(number) for number in line.split()] for line in done.stdout.decode().splitlines()]
        assert len(found) == len(lines)
        return found

    return run


@pytest.fixture
def compare(tokenize, request):
    """compare(lines): the example's tokens are those of the reference."""
    reference = request.getfixturevalue("reference")

    def check(lines: list[str]) -> None:
        found = tokenize([line.encode() for line in lines])
        for line, ours, theirs in zip(lines, found, reference.encode_batch(lines), strict=True):
            assert ours == theirs.ids, (line, [f"{ord(letter):#x}" for letter in line][:20], theirs.tokens)

    return check


TRICKY = [
    "",
    " ",
    "\t two  spaces\tand tabs \r",
    "Hello, World!",
    "don't can't o'clock 'quoted' \"twice\"",
    "e-mail: a.b@c.example?x=1&y=[2]#z~`^|\\{}<>$+=_",
    "unaffable antidisestablishmentarianism electroencephalographically",
    "café naïve façade Ångström Łódź İstanbul ıspanak straße STRASSE ẞ",
    "cafe\u0301 e\u0301\u0302\u0303 \u0301lone n\u0303o",
    "ﬁne ﬂoor ① ½ ㎏ Ⅳ ²³",
    "東京は日本の首都です。北京 你好,世界",
    "漢字𠀀𪜀𫝀𫠡豈更丽",
    "한국어 문장입니다 가각힣",
    "Москва ΑΘΗΝΑ ὈΔΥΣΣΕΎΣ Σίσυφος ΣΑΣ ё й",
    "हिन्दी में ยินดีต้อนรับ עִבְרִית العَرَبِيَّة",
    "zero\u200bwidth soft\u00adhyphen \ufeffmark non\u00a0breaking ideo\u3000graphic thin\u2009space",
    "\u0000nul \u0007bell \u007fdelete \u0085next \u2028line \u2029paragraph",
    "🙂 I❤️you 👩‍👩‍👧‍👦 🇩🇪 #️⃣",
    "¡Hola! ¿Qué? «oui» „ja“ – — … ‰ § ¶ † 、。「」",
    "₹100 €5.50 £3 ¥7 100% 1,000.5 3×4÷2 ±∞≈",
    "x" * 100,
    "x" * 101,
    "é" * 100,
    "é" * 101,
    "word " * 400,
    "東" * 400,
    "a##b ## #hash ##",
    "\ufffd replacement \U0010ffff \ue000 private",
    "CamelCaseWordsAndHTTPServer2Go v1.2.3-rc4",
]


def test_tricky_sentences(compare):
    compare(TRICKY)


def test_every_character(compare):
    """Each character that has been in Unicode for long, in a word and alone. (The package's tables are those of Unicode 8.)"""
    old = unicodedata.ucd_3_2_0
    settled = [
        chr(code) for code in range(0x110000)
        if not 0xD800 <= code < 0xE000 and chr(code) != "\n" and old.category(chr(code)) == unicodedata.category(chr(code)) not in ("Cn", "Co")
    ]
    # The package's tables have a sign of punctuation which has become a symbol since, and a mark that has become a letter's part.
    settled = [letter for letter in settled if letter not in "\u166d\u1734"]
    assert len(settled) > 90000
    compare([f"an{letter}d {letter} {letter}{letter}" for letter in settled])


def test_random_sentences(compare):
    chance = random.Random(1)
    parts = [part for line in TRICKY for part in re.findall(r"\w+|\W", line) if part != "\n"] + list("aAbBzZ09 .,'-éÉß中ー")
    compare(["".join(chance.choice(parts) for _ in range(chance.randrange(40))) for _ in range(3000)])


def test_special_words_are_text_and_bad_bytes_nothing(tokenize):
    vocabulary = (FOLDER / "vocab.txt").read_text(encoding="utf-8").splitlines()
    [separator, good] = tokenize([b"[SEP]", b"good"])
    assert separator == [101, *(vocabulary.index(word) for word in ("[", "sep", "]")), 102]
    # A byte that continues nothing, one that begins nothing, sequences cut off, too long, of half a pair, beyond the end.
    bad = [b"\x80", b"\xff", b"\xc3", b"\xe4\xb8", b"\xf0\x9f\x99", b"\xc0\xaf", b"\xe0\x80\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"]
    assert tokenize([b"go" + piece + b"od" for piece in bad]) == [good] * len(bad)
    assert tokenize([b"good" + piece for piece in bad]) == [good] * len(bad)


def test_errors(run_example, tmp_path):
    run_example("sentence_embeddings")
    files = {"model": FOLDER / "model.ms", "vocabulary": FOLDER / "vocab.txt", "sentences": tmp_path / "s.txt"}
    files["sentences"].write_text("One.\n")

    def fails(**changed) -> str:
        chosen = {**files, **changed}
        done = subprocess.run([FOLDER / "sentence_embeddings", *chosen.values(), "query", tmp_path / "out.png"],
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 1
        return done.stderr.splitlines()[-1]

    empty = tmp_path / "empty.txt"
    empty.write_text("\n")
    assert "cannot be opened" in fails(sentences=tmp_path / "missing")
    assert "has no sentences" in fails(sentences=empty)
    assert "has no [UNK]" in fails(vocabulary=empty)
    assert "cannot be read" in fails(model=tmp_path / "missing")
    assert "size" in fails(model=ROOT / "Tests" / "Models" / "silero_vad_16k" / "model.ms")
