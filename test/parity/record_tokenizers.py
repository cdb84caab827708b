"""Trains tiny tokenizers of the kinds in use and records what the Python originals make of a corpus.

    pip install tokenizers sentencepiece protobuf
    python test/parity/record_tokenizers.py

Byte-level BPE comes from `tokenizers`; BPE and Unigram of SentencePiece from `sentencepiece`, converted to
tokenizer.json the way transformers does it (convert_slow_tokenizer.py). Expected ids are those of `tokenizers`
with control tokens off, compared here with sentencepiece's own.
"""
import base64
import gzip
import hashlib
import importlib.metadata
import io
import json
import pathlib
import random

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures" / "parity"
VERSIONS = {name: importlib.metadata.version(name) for name in ["tokenizers", "sentencepiece"]}

CODE = "def f(x):\n    return x**2  # square\n\n\nfor i in range(10):\n\tprint(f(i))\n"
PROSE = [
    "The quick brown fox jumps over the lazy dog, and then it didn't; we'll see what they've done.",
    "How many apples are left if Tom eats 3 of 12? There are 12 - 3 = 9 apples left. #### 9",
    "Zürich liegt an der Limmat, größer als Köln ist es nicht: 1.234,56 Einwohner je Straße?",
    "L'été est déjà là, où êtes-vous ? Ça va très bien, merci.",
    "Привет, мир! Как дела сегодня? Всё хорошо, спасибо большое.",
    "日本語のテキストを分割します。中文，韓文 한국어 단어도 있습니다。",
    "שלום עולם, מה שלומך היום? مرحبا بالعالم كيف حالك اليوم؟",
    "नमस्ते दुनिया, आप कैसे हैं? สวัสดีชาวโลก",
    '{"intent": "light_on", "room": "kitchen", "level": 0.5, "list": [1, 2, 3]}',
    "<div class='x'>&nbsp;</div> https://example.com/a?b=c&d=%20e",
    CODE,
]
TEXTS = [
    "",
    *PROSE,
    "Hello world",
    " leading",
    "  two leading",
    "trailing  ",
    "a\n\nb\n",
    "\n",
    "\n\n\n",
    " ",
    "   ",
    "\ttabs\t\tx",
    "   \n  \n x",
    "\r\n\r\n a \r",
    "x² + y³ = ½ 12345 1,234.56 ٣٤٥ Ⅷ 1234567",
    "don't I'll we've I'M they'RE it's",
    "CamelCaseWords HTTPServer iPhone ÉCOLE élan straßeSTRASSE",
    "😀👍🏽👨‍👩‍👧 é é 🇩🇪 ☃☃ ☃ 🧪🧪🧪",
    "ﬁne ａｂｃ Å Å ㌔ ① ｶﾞ é̂ क्षि \u1112\u1161\u11ab",
    "z̷̖̈́a̶l̵g̸o̴ ń̵̬ combining",
    "a\u0085b a\u00a0b\u2003c\u3000d a\ufeffb \ufeff \u200b\u200d\u200f123\u200f \u2028x",
    "\ue000\ue001 private \uf8ff",
    "\ufffd",
    "▁ a▁▁b ▁",
    "\x00\x01\x07\x1b[0m",
    "long " * 200,
    "0123456789" * 30,
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "!!!???...,,,;;;---===+++",
    "<0x41> <0xE3>",
]
# must stay text: the names of control tokens
WITH_CONTROL = ["<s>", "</s>", "a</s>b <s> <unk><pad>", "stop<|eot_id|>\n<|begin_of_text|>", "<|im_end|>\n<|im_start|>assistant\n", "<end_of_turn>\n<start_of_turn>model\n"]
RANGES = [(0x20, 0x7F)] * 4 + [(0xA0, 0x300), (0x300, 0x370), (0x2000, 0x2100), (0x400, 0x500), (0x590, 0x700), (0x3040, 0x3100)]
RANGES += [(0x4E00, 0x5000), (0xAC00, 0xAD00), (0x1F300, 0x1F700), (0x2150, 0x2190), (0x900, 0x980), (0xFF00, 0xFFF0), (9, 14), (0x20, 0x21), (0x30, 0x3A)]


def random_texts(count):
    rng = random.Random(3)
    one = lambda: chr(rng.randrange(*rng.choice(RANGES)))
    return ["".join(one() for _ in range(rng.randint(1, 40))) for _ in range(count)]


ALL_TEXTS = TEXTS + WITH_CONTROL + random_texts(100)


def long_texts():
    """100,000 characters each; the test makes the same ones."""
    mixed = " ".join(PROSE)
    repeat = lambda text: (text * (100_000 // len(text) + 1))[:100_000]
    return {"mixed": repeat(mixed), "spaces": repeat(" "), "letters": repeat("abc"), "words": repeat("one two three "), "emoji": repeat("😀👍")}


CORPUS = [line for text in PROSE * 20 + random_texts(20) for line in [text]]

GPT_TAIL = r"\s*[\r\n]+|\s+(?!\S)|\s+"
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + GPT_TAIL
QWEN2 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + GPT_TAIL
ENDING = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
GPT4O = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+" + ENDING
    + r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*" + ENDING
    + r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|" + GPT_TAIL
)


def train_bytes():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = regex_then_bytes(LLAMA3)
    trainer = trainers.BpeTrainer(vocab_size=700, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], [tuple(merge) for merge in model["merges"]]


def byte_level(pre, control, normalizer=None, ignore_merges=False, ordinary=()):
    tokenizer = Tokenizer(models.BPE(*BYTES, ignore_merges=ignore_merges))
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in control])
    tokenizer.add_tokens([AddedToken(token, normalized=False) for token in ordinary])
    return tokenizer


def regex_then_bytes(regex, behavior="isolated", invert=False):
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(regex), behavior, invert), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


BYTES = train_bytes()


def train_pieces(kind, **options):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([line for text in CORPUS for line in text.split("\n") if "\0" not in line]),
        model_writer=model, model_type=kind, hard_vocab_limit=False, num_threads=1, minloglevel=2, **options,
    )
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(model.getvalue())
    return processor, proto


def merges_of(proto):
    """All pairs that join to a piece, best score first (transformers, generate_merges)."""
    ids = {piece.piece: i for i, piece in enumerate(proto.pieces)}
    merges = []
    for piece in proto.pieces:
        text = piece.piece
        pairs = [(text[:i], text[i:]) for i in range(1, len(text)) if text[:i] in ids and text[i:] in ids]
        merges += [(*pair, piece.score) for pair in sorted(pairs, key=lambda pair: (ids[pair[0]], ids[pair[1]]))]
    merges.sort(key=lambda merge: (merge[2], len(merge[0]), len(merge[1])), reverse=True)
    return [(left, right) for left, right, _ in merges]


def add_control(tokenizer, proto):
    # CONTROL = 3, UNKNOWN = 2, USER_DEFINED = 4
    tokenizer.add_special_tokens([AddedToken(piece.piece, special=True, normalized=False) for piece in proto.pieces if piece.type in (2, 3)])
    tokenizer.add_tokens([AddedToken(piece.piece, normalized=False) for piece in proto.pieces if piece.type == 4])


FUSED = lambda *more: decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), *more])


def llama(proto, first=False):
    vocab = {piece.piece: i for i, piece in enumerate(proto.pieces)}
    tokenizer = Tokenizer(models.BPE(vocab, merges_of(proto), unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    if first:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first", split=False)
    else:
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = FUSED(decoders.Strip(" ", 1, 0))
    add_control(tokenizer, proto)
    return tokenizer


def gemma(proto):
    vocab = {piece.piece: i for i, piece in enumerate(proto.pieces)}
    tokenizer = Tokenizer(models.BPE(vocab, merges_of(proto), unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tokenizer.decoder = FUSED()
    add_control(tokenizer, proto)
    return tokenizer


def unigram(proto, byte_fallback):
    vocab = [(piece.piece, piece.score) for piece in proto.pieces]
    tokenizer = Tokenizer(models.Unigram(vocab, unk_id=proto.trainer_spec.unk_id, byte_fallback=byte_fallback))
    charsmap = proto.normalizer_spec.precompiled_charsmap
    if charsmap:
        squeeze = normalizers.Replace(Regex(" {2,}"), " ")
        tokenizer.normalizer = normalizers.Sequence([normalizers.Precompiled(charsmap), squeeze])
    # sentencepiece with split_by_whitespace looks at words alone; without, pieces go over spaces
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always", split=not byte_fallback)
    tokenizer.decoder = FUSED(decoders.Strip(" ", 1, 0)) if byte_fallback else decoders.Metaspace(prepend_scheme="always")
    add_control(tokenizer, proto)
    return tokenizer


def record(name, tokenizer, processor=None, control_from=None):
    tokenizer.encode_special_tokens = True
    encode = lambda text: tokenizer.encode(text, add_special_tokens=False).ids
    expected = [encode(text) for text in ALL_TEXTS]
    control = {token["id"] for token in json.loads(tokenizer.to_str())["added_tokens"] if token["special"] and token["content"] != "<unk>"}
    for i, ids in enumerate(expected):
        # Unigram of the library makes pieces of control tokens' names; sentencepiece, whose format this is, does not
        if control.intersection(ids):
            expected[i] = control_from(ALL_TEXTS[i])
            assert not control.intersection(expected[i])
            print(name, "takes from sentencepiece", repr(ALL_TEXTS[i]))
    decoded = [tokenizer.decode(ids, skip_special_tokens=False) for ids in expected[: len(TEXTS)]]
    long = {}
    for key, text in long_texts().items():
        ids = encode(text)
        long[key] = {"count": len(ids), "sha256": hashlib.sha256(json.dumps(ids, separators=(",", ":")).encode()).hexdigest()}
    if processor:
        differ = [t for t, ids in zip(ALL_TEXTS, expected) if processor.encode(t) != ids]
        print(name, "differs from sentencepiece in", len(differ), differ[:8])
    tokenizer.encode_special_tokens = False
    return {"tokenizer": json.loads(tokenizer.to_str()), "ids": expected, "decoded": decoded, "long": long}


def gguf_vocabulary(proto):
    """What llama.cpp's converter writes of a SentencePiece model (its types are ggml's by number)."""
    return {
        "scores": [piece.score for piece in proto.pieces],
        "types": [piece.type for piece in proto.pieces],
        "addSpacePrefix": proto.normalizer_spec.add_dummy_prefix,
    }


def main():
    control = ["<|begin_of_text|>", "<|eot_id|>", "<|im_start|>", "<|im_end|>"]
    kinds = {
        "llama3": record("llama3", byte_level(regex_then_bytes(LLAMA3), control, ignore_merges=True)),
        "qwen2": record("qwen2", byte_level(regex_then_bytes(QWEN2), control, normalizers.NFC(), ordinary=["<think>", "</think>"])),
        "gpt4o": record("gpt4o", byte_level(regex_then_bytes(GPT4O, "removed", True), control)),
        "gpt2-prefix": record("gpt2-prefix", byte_level(pre_tokenizers.ByteLevel(add_prefix_space=True), control)),
        "digits-punctuation": record("digits-punctuation", byte_level(
            pre_tokenizers.Sequence([pre_tokenizers.Digits(False), pre_tokenizers.Punctuation("contiguous"), pre_tokenizers.ByteLevel(add_prefix_space=False)]), control)),
        "whitespace": record("whitespace", byte_level(
            pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Punctuation(), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]), control)),
        "merged": record("merged", byte_level(
            pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(r"\s"), "merged_with_next"), pre_tokenizers.Split("e", "merged_with_previous"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]), control)),
    }
    shared = dict(character_coverage=0.99, byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False, allow_whitespace_only_pieces=True)
    processor, proto = train_pieces("bpe", vocab_size=900, split_digits=True, **shared)
    kinds["llama2"] = {**record("llama2", llama(proto), processor), "gguf": gguf_vocabulary(proto)}
    kinds["llama2-first"] = record("llama2-first", llama(proto, True), processor)
    symbols = ["\n\n", "\n\n\n", "▁▁", "▁▁▁▁", "<table>"]
    processor, proto = train_pieces(
        "bpe", vocab_size=900, add_dummy_prefix=False, user_defined_symbols=symbols, control_symbols=["<start_of_turn>", "<end_of_turn>"], pad_id=0, eos_id=1, bos_id=2, unk_id=3, **shared)
    kinds["gemma"] = {**record("gemma", gemma(proto), processor), "gguf": gguf_vocabulary(proto)}
    processor, proto = train_pieces("unigram", vocab_size=700, character_coverage=0.98, normalization_rule_name="nmt_nfkc", pad_id=3)
    kinds["unigram"] = record("unigram", unigram(proto, False), processor, processor.encode)
    processor, proto = train_pieces("unigram", vocab_size=900, split_by_whitespace=False, pad_id=3, **shared)
    kinds["unigram-bytes"] = record("unigram-bytes", unigram(proto, True), processor, processor.encode)
    vocabularies = {"bytes": kinds["qwen2"], "llama2": kinds["llama2"]}
    parts = {name: {key: kind["tokenizer"]["model"][key] for key in ["vocab", "merges"]} for name, kind in vocabularies.items()}
    for kind in kinds.values():
        model = kind["tokenizer"]["model"]
        for name, shared in parts.items():
            if all(model.get(key) == value for key, value in shared.items()):
                kind["vocabulary"] = name
                del model["vocab"], model["merges"]
                break
    value = {"versions": VERSIONS, "vocabularies": parts, "texts": ALL_TEXTS, "control": [len(TEXTS), len(TEXTS) + len(WITH_CONTROL)], "prose": PROSE, "kinds": kinds}
    text = json.dumps(value, separators=(",", ":"))
    (FIXTURES / "tokenizers.json.gz").write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    print(len(text), (FIXTURES / "tokenizers.json.gz").stat().st_size)


if __name__ == "__main__":
    main()
