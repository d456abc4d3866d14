"""Makes the sounds that everybody has, out of sines and noise, as Ogg Opus (RFC 7845). Needs libopus; `python3 make.py` writes them
beside itself."""

import ctypes
import ctypes.util
import math
import pathlib
import random
import struct

RATE = 48_000
FRAME = 960
BITRATE_BPS = 48_000
# Samples that a decoder leaves out at the beginning: what the encoder looks ahead.
PRE_SKIP = 312

opus = ctypes.CDLL(ctypes.util.find_library("opus"))
opus.opus_encoder_create.restype = ctypes.c_void_p
opus.opus_encode.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_int]
opus.opus_encoder_ctl.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]


def crc(page):
    value = 0
    for byte in page:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ 0x04C11DB7 if value & 0x80000000 else value << 1) & 0xFFFFFFFF
    return value


def page(number, granule, packets, flags=0):
    laces = b""
    for packet in packets:
        laces += b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255])
    head = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, granule, 1, number, 0, len(laces)) + laces
    body = head + b"".join(packets)
    return body[:22] + struct.pack("<I", crc(body)) + body[26:]


def write(name, samples):
    peak = max(abs(sample) for sample in samples)
    samples = [int(24_000 * sample / peak) for sample in samples]
    length = len(samples)
    samples += [0] * (PRE_SKIP + FRAME - (length + PRE_SKIP) % FRAME)
    error = ctypes.c_int()
    encoder = opus.opus_encoder_create(RATE, 1, 2049, ctypes.byref(error))
    opus.opus_encoder_ctl(encoder, 4002, ctypes.c_int(BITRATE_BPS))
    head = struct.pack("<8sBBHIhB", b"OpusHead", 1, 1, PRE_SKIP, RATE, 0, 0)
    tags = struct.pack("<8sI6sI", b"OpusTags", 6, b"Hearth", 0)
    out = page(0, 0, [head], 2) + page(1, 0, [tags])
    frames = len(samples) // FRAME
    buffer = ctypes.create_string_buffer(4_000)
    packets, number = [], 2
    for at in range(frames):
        pcm = struct.pack(f"<{FRAME}h", *samples[at * FRAME : (at + 1) * FRAME])
        size = opus.opus_encode(encoder, pcm, FRAME, buffer, len(buffer))
        packets.append(buffer.raw[:size])
        if len(packets) == 50 or at == frames - 1:
            is_last = at == frames - 1
            granule = length + PRE_SKIP if is_last else (at + 1) * FRAME
            out += page(number, granule, packets, 4 if is_last else 0)
            packets, number = [], number + 1
    pathlib.Path(__file__).with_name(f"{name}.ogg").write_bytes(out)


def silence(seconds):
    return [0.0] * int(seconds * RATE)


def mix(into, at, sound):
    start = int(at * RATE)
    for n, sample in enumerate(sound[: len(into) - start]):
        into[start + n] += sample


def partials(seconds, parts):
    """Sines, each with its pitch, loudness and the seconds in which it fades to a third."""
    return [
        sum(loud * math.exp(-n / RATE / fade) * math.sin(2 * math.pi * pitch * n / RATE) for pitch, loud, fade in parts)
        for n in range(int(seconds * RATE))
    ]


def horn(seconds, pitch, bend=0.0):
    """A reed: all harmonics, each softer, with a soft beginning and end; `bend` is how far it falls, in parts of its pitch."""
    total, phase, out = int(seconds * RATE), 0.0, []
    for n in range(total):
        part = n / total
        wobble = 1 + 0.006 * math.sin(2 * math.pi * 5.5 * n / RATE)
        phase += 2 * math.pi * pitch * wobble * (1 - bend * part * part) / RATE
        shape = min(1.0, n / RATE / 0.02, (total - n) / RATE / 0.05)
        out.append(shape * sum(math.sin(k * phase) / k**1.2 for k in range(1, 9)))
    return out


def noise(seconds, fade, dull=0.0):
    out, last = [], 0.0
    for n in range(int(seconds * RATE)):
        last = dull * last + (1 - dull) * random.uniform(-1, 1)
        out.append(last * math.exp(-n / RATE / fade))
    return out


def gong():
    return partials(3.0, [(98, 1, 1.4), (155, 0.7, 1.0), (229, 0.6, 0.8), (361, 0.4, 0.5), (523, 0.3, 0.3), (911, 0.2, 0.12)])


def drum_roll():
    out = silence(2.6)
    for n in range(44):
        at = n * 0.045
        mix(out, at, [sample * (0.3 + 0.7 * n / 44) for sample in noise(0.06, 0.02, 0.4)])
        mix(out, at, partials(0.06, [(185, 0.3, 0.02)]))
    mix(out, 2.0, noise(0.6, 0.18, 0.1))
    mix(out, 2.0, partials(0.5, [(70, 1.2, 0.12)]))
    return out


def applause():
    out = silence(3.0)
    for _ in range(420):
        at = random.triangular(0, 2.9, 1.0)
        loud = random.uniform(0.3, 1.0)
        mix(out, at, [loud * sample for sample in noise(0.03, 0.008, random.uniform(0.1, 0.6))])
    return out


def fanfare():
    out = silence(2.2)
    for at, pitch, seconds in [(0, 392, 0.18), (0.2, 392, 0.18), (0.4, 392, 0.18), (0.6, 523.25, 0.5), (1.1, 440, 0.2), (1.3, 523.25, 0.85)]:
        mix(out, at, horn(seconds, pitch))
        mix(out, at, [0.5 * sample for sample in horn(seconds, pitch * 1.26)])
    return out


def sad_horn():
    out = silence(3.2)
    for at, pitch, seconds, bend in [(0, 233, 0.45, 0.01), (0.55, 220, 0.45, 0.01), (1.1, 207.6, 0.45, 0.01), (1.65, 196, 1.4, 0.12)]:
        mix(out, at, horn(seconds, pitch, bend))
    return out


def crickets():
    out = silence(3.6)
    for at in [0.1, 1.3, 2.5]:
        for n in range(9):
            chirp = [s * math.sin(math.pi * k / 1_400) for k, s in enumerate(partials(1_400 / RATE, [(4_300, 1, 9), (4_420, 0.5, 9)]))]
            mix(out, at + n * 0.07, chirp)
    return out


random.seed(7)
for name, made in {"gong": gong, "drum-roll": drum_roll, "applause": applause, "fanfare": fanfare, "sad-horn": sad_horn, "crickets": crickets}.items():
    write(name, made())
