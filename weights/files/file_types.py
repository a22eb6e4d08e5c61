"""Types of files, told by their first bytes and never by their names."""

import re
import struct

# Bytes that tell the type: the signatures below, and the name of a zip archive's first member.
BEGINNING = 512

SAFETENSORS, PICKLE, HDF5 = "a safetensors file", "a pickle", "an HDF5 file (Keras' .weights.h5)"
TORCH, NPZ, KERAS = "a PyTorch checkpoint", "a NumPy archive (.npz)", "a model of Keras (.keras)"
ZIP = "a zip archive (a PyTorch checkpoint, a .keras or an .npz file)"
MSGPACK, ONNX, EMPTY, TEXT = "a msgpack file", "an ONNX model", "empty", "text"
UNKNOWN = "of no kind that this package knows"
HTML = "an HTML page, perhaps the error of a download"

STARTS = (
    (b"\x89HDF\r\n\x1a\n", HDF5),
    (b"\x93NUMPY", "a NumPy array"),
    (b"version https://git-lfs", "a git-lfs pointer: run `git lfs pull`"),
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "an image (PNG)"),
    (b"\xff\xd8\xff", "an image (JPEG)"),
    (b"GGUF", "a GGUF file"),
    (b"7767517\n", "the layers of an ncnn model (.param): their weights are beside it"),
    (b"\x1f\x8b", "compressed with gzip: unpack it first"),
    (b"BZh", "compressed with bzip2: unpack it first"),
    (b"\xfd7zXZ", "compressed with xz: unpack it first"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd: unpack it first"),
    (b"7z\xbc\xaf", "a 7z archive: unpack it first"),
    (b"Rar!", "a rar archive: unpack it first"),
)
MARKUP = re.compile(rb"(\xef\xbb\xbf)?\s*<(!doctype|html|head|body|\?xml|!--)", re.IGNORECASE)
# The version of the format, then the producer, the graph or a text, as ONNX writes them.
ONNX_MODELS = re.compile(rb"\x08[\x01-\x1f][\x12\x1a\x22\x2a\x32\x3a\x42]")
# Protocols 2 to 5; older ones are text.
PICKLES = re.compile(rb"\x80[\x02-\x05]")
# A map of msgpack with its first key, a text.
MSGPACKS = re.compile(rb"(\x80$|[\x81-\x8f]|\xde..|\xdf....)([\xa0-\xbf]|\xd9|\xda|$)", re.DOTALL)
# The first members of archives: PyTorch's, NumPy's, Keras'.
MEMBERS = (
    (re.compile(r"[^/]+/(data\.pkl|version|byteorder|data/\d+|\.\w+)"), TORCH),
    (re.compile(r".*\.npy"), NPZ),
    (re.compile(r"(metadata|config)\.json|model\.weights\.h5"), KERAS),
)


def file_type(start: bytes) -> str:
    """Return the type of a file that begins with these bytes, as it follows "it is" in an error.

    >>> file_type(b""), file_type(b"version https://git-lfs.github.com/spec/v1")
    ('empty', 'a git-lfs pointer: run `git lfs pull`')
    """
    if not start:
        return EMPTY
    # Before all others: the length of its header may have any bytes.
    if start[8:9] == b"{" and not any(start[4:8]):
        return SAFETENSORS
    if start.startswith(b"PK\x03\x04"):
        return _archive(start)
    known = next((type_ for beginning, type_ in STARTS if start.startswith(beginning)), None)
    return known or _by_pattern(start)


def _archive(start: bytes) -> str:
    if len(start) < 30:
        return ZIP
    (length,) = struct.unpack("<H", start[26:28])
    name = start[30 : 30 + length].decode(errors="replace")
    return next((type_ for pattern, type_ in MEMBERS if pattern.fullmatch(name)), ZIP)


def _by_pattern(start: bytes) -> str:
    if MARKUP.match(start):
        return HTML
    if start[257:262] == b"ustar":
        return "a tar archive: unpack it first"
    if start[4:8] == b"TFL3":
        return "a TensorFlow Lite model"
    if ONNX_MODELS.match(start):
        return ONNX
    if PICKLES.match(start):
        return PICKLE
    if MSGPACKS.match(start):
        return MSGPACK
    return TEXT if _is_text(start) else UNKNOWN


def _is_text(start: bytes) -> bool:
    return start.isascii() and all(byte >= 32 or byte in b"\t\r\n\f" for byte in start)
