"""examples/voice_activity finds the words, draws them, and refuses files that are no sound it understands."""

import re
import struct
import subprocess

import numpy as np
import pytest
from conftest import ROOT

PROGRAM = ROOT / "build" / "examples" / "voice_activity" / "voice_activity"
MODEL = ROOT / "Tests" / "Models" / "silero_vad_16k" / "model.ms"

# What silero-vad 6.2.3 finds (get_speech_timestamps with its defaults), in samples.
EXPECTED = np.array([(13856, 23008), (25120, 32224), (47648, 84448), (92192, 131552)]) / 16000


def segments(text: str) -> np.ndarray:
    return np.array(re.findall(r"^ +([\d.]+) s to +([\d.]+) s$", text, re.MULTILINE), dtype=float)


def test_segments_and_picture(run_example, drawn):
    text = run_example("voice_activity")
    found = segments(text)
    assert found.shape == EXPECTED.shape, text
    assert np.abs(found - EXPECTED).max() <= 0.0051, text
    assert float(re.search(r"real-time factor ([\d.]+)", text)[1]) < 0.2

    picture = drawn("voice_activity").astype(int)
    height, width, _ = picture.shape
    # The row right below the waveform's upper edge is the background: green in a segment, white elsewhere.
    row = picture[height // 8]
    green = (row == (200, 236, 200)).all(axis=1)
    blue = (picture == (66, 103, 178)).all(axis=2)
    wave = np.flatnonzero(blue.any(axis=0))
    seconds = np.arange(width) - wave[0]
    seconds = seconds / (wave[-1] + 1 - wave[0]) * 8.6023
    inside = ((seconds[:, None] > EXPECTED[:, 0]) & (seconds[:, None] < EXPECTED[:, 1])).any(axis=1)
    assert (green != inside).sum() <= 2 * len(EXPECTED)
    # The loud parts are in the segments.
    loud = blue.sum(axis=0) > height / 8
    assert loud.sum() > 100 and loud[~inside].sum() == 0


def wav(samples: np.ndarray, rate: int = 16000, channels: int = 1, bits: int = 16, coding: int = 1, extra: bytes = b"") -> bytes:
    body = samples.astype("<i2").tobytes()
    form = struct.pack("<HHIIHH", coding, channels, rate, rate * channels * bits // 8, channels * bits // 8, bits)
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + extra + b"data" + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def listen(run_example, tmp_path, content: bytes) -> subprocess.CompletedProcess:
    if not PROGRAM.exists():
        run_example("voice_activity")
    file = tmp_path / "sound.wav"
    file.write_bytes(content)
    return subprocess.run([PROGRAM, MODEL, file, tmp_path / "out.png"], capture_output=True, text=True, timeout=60)


NO_SPEECH = {"one": np.zeros(1), "silence": np.zeros(16000), "tone": np.tile([9000, -9000], 8000)}


@pytest.mark.parametrize("samples", NO_SPEECH.values(), ids=NO_SPEECH.keys())
def test_no_speech(run_example, tmp_path, samples):
    done = listen(run_example, tmp_path, wav(samples))
    assert done.returncode == 0, done.stderr
    assert "speech in 0 places" in done.stdout 
    assert (tmp_path / "out.png").stat().st_size > 100


def test_odd_chunks_are_passed_over(run_example, tmp_path):
    done = listen(run_example, tmp_path, wav(np.zeros(16000), extra=b"LIST" + struct.pack("<I", 3) + b"abc\0"))
    assert done.returncode == 0 and "1.00 s" in done.stdout, done.stderr


BROKEN = {
    "nothing": (b"", "is no WAV file"),
    "no samples": (wav(np.zeros(0)), "has no samples"),
    "text": (b"I am not a sound, but I am long enough", "is no WAV file"),
    "header": (wav(np.zeros(10))[:12], 'has no "data" chunk'),
    "stereo": (wav(np.zeros(10), channels=2), "2 channels"),
    "rate": (wav(np.zeros(10), rate=44100), "44100 samples a second"),
    "float": (wav(np.zeros(10), coding=3, bits=32), "coding 3"),
    "format cut off": (wav(np.zeros(10))[:30], "beyond the end"),
    "huge chunk": (wav(np.zeros(10), extra=b"LIST\xff\xff\xff\xff"), "beyond the end"),
    "no format": (b"RIFF\0\0\0\0WAVEdata\2\0\0\0\0\0", "before it says what they are"),
    "short format": (b"RIFF\0\0\0\0WAVEfmt \2\0\0\0\1\0data\0\0\0\0", 'no complete "fmt " chunk'),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files(run_example, tmp_path, name):
    content, message = BROKEN[name]
    done = listen(run_example, tmp_path, content)
    assert done.returncode == 1 and message in done.stderr, (done.returncode, done.stderr)


def test_cut_off_data(run_example, tmp_path):
    done = listen(run_example, tmp_path, wav(np.zeros(16000))[:-16000])
    assert done.returncode == 0 and "0.50 s" in done.stdout, done.stderr
