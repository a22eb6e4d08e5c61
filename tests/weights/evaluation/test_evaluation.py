"""Evaluation: images read, counted and compared, whatever is done by whom and when."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.columns import tensors_of
from weights import ArgumentError, FormatError, GhostError, write_file
from weights.evaluation import engines, evaluate, page
from weights.evaluation.examples import read_examples
from weights.evaluation.journal import Journal, digest
from weights.evaluation.scores import Evaluation, score
from weights.evaluation.work import Scores, Work

CLASSES = ("cat", "dog", "eel")
SETTINGS: Any = {"divide_by": 255, "layout": "NHWC", "mean": [0.5] * 3, "std": [0.25] * 3}
SHORT = '{"batch": 0, "scores": {"torch": [[[0, 1, 2]], [0.5]]}}'
PIXELS = np.random.default_rng(0).integers(0, 256, (7, 8, 8, 3), np.uint8)
LABELS = np.array([0, 0, 1, 1, 1, 2, 2])


def folder(path: Path, names: tuple[str, ...] = CLASSES) -> Path:
    """The pixels as files, in a folder for each class."""
    image = pytest.importorskip("PIL.Image")
    for index, label in enumerate(LABELS):
        (path / names[label]).mkdir(parents=True, exist_ok=True)
        image.fromarray(PIXELS[index]).save(path / names[label] / f"{index}.png")
    return path


def listed(path: Path) -> Path:
    lines = [f"{CLASSES[n]}/{i}.png {CLASSES[n] if i % 2 else n}" for i, n in enumerate(LABELS)]
    folder(path)
    (path / "images.txt").write_text("\n".join(lines) + "\n\n")
    return path / "images.txt"


def arrays(path: Path) -> Path:
    np.savez(path / "images.npz", images=PIXELS, labels=LABELS)
    return path / "images.npz"


def network(path: Path, **config: Any) -> Path:
    config = {"num_classes": 3, **config}
    tensors = tensors_of("ghost_resnet20", **config)
    write_file(path / "a.safetensors", "ghost_resnet20", config, tensors, classes=list(CLASSES))
    return path / "a.safetensors"


@pytest.mark.parametrize("make", [folder, listed, arrays])
def test_images_in_any_form_are_the_same_examples(make: Any, tmp_path: Path) -> None:
    examples = read_examples(make(tmp_path), 3, CLASSES)

    np.testing.assert_array_equal(examples.labels, LABELS)
    for index in range(len(LABELS)):
        np.testing.assert_array_equal(examples.image(index, 3), PIXELS[index])


def test_folders_of_other_names_are_classes_in_their_order(tmp_path: Path) -> None:
    examples = read_examples(folder(tmp_path, ("a", "b", "c")), 3, CLASSES)

    np.testing.assert_array_equal(examples.labels, LABELS)


def test_folders_of_numbers_are_those_of_classes(tmp_path: Path) -> None:
    examples = read_examples(folder(tmp_path, ("2", "9", "10")), 11)

    assert sorted(examples.labels.tolist()) == sorted(np.array([2, 9, 10])[LABELS].tolist())


def test_a_tab_goes_before_a_class_of_several_words(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("my cat.png\tgreat white cat\nb.png\t0\n")

    examples = read_examples(tmp_path / "a.txt", 2, ("cat", "great white cat"))

    assert (list(examples.names), examples.labels.tolist()) == (["my cat.png", "b.png"], [1, 0])


def refused_list(path: Path) -> Path:
    (path / "a.txt").write_text("cat/0.png cat\ndog/1.png wolf\n")
    return path / "a.txt"


def no_labels(path: Path) -> Path:
    np.savez(path / "a.npz", images=PIXELS)
    return path / "a.npz"


def refused_arrays(path: Path) -> Path:
    np.savez(path / "a.npz", images=PIXELS.astype(np.float32), labels=LABELS)
    return path / "a.npz"


def too_many(path: Path) -> Path:
    np.savez(path / "a.npz", images=PIXELS, labels=LABELS + 1)
    return path / "a.npz"


def empty(path: Path) -> Path:
    np.savez(path / "a.npz", images=PIXELS[:0], labels=LABELS[:0])
    return path / "a.npz"


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (
            lambda path: folder(path, ("a", "b", "b")),
            "must have a folder for each of the 3 classes, or folders by their names, got 2: a, b",
        ),
        (
            lambda path: folder(path, ("cat", "dog", "eal")),
            "must have folders by the names or numbers of the network's classes, or none such, got "
            "beside them eal",
        ),
        (lambda path: path / "a.txt", "a.txt: No such file or directory"),
        (lambda path: path / "a.npz", "a.npz: No such file or directory"),
        (no_labels, "must have arrays `images` and `labels`, got ['images']"),
        (
            refused_list,
            "a line must be a path and the number or name of a class, got 'dog/1.png wolf' in "
            "line 2",
        ),
        (
            refused_arrays,
            "`images` must be (N, H, W, C) of uint8 and `labels` (N,), got (7, 8, 8, 3) of float32 "
            "and (7,)",
        ),
        (too_many, "labels must be from 0 to 2, the network's classes, got 3"),
        (empty, "must have images, got none"),
    ],
)
def test_what_holds_no_labelled_images_is_refused(make: Any, text: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError) as caught:
        read_examples(make(tmp_path), 3, CLASSES)

    assert str(caught.value).endswith(text)


def test_of_equal_logits_the_first_class_is_said() -> None:
    best, margins = score(np.array([[1.0, 1.0, 0.0], [0.0, 2.0, 5.0]]))

    assert (best.tolist(), margins.tolist()) == ([[0, 1, 2], [2, 1, 0]], [0.0, 3.0])


def test_logits_that_are_not_finite_are_refused() -> None:
    with pytest.raises(GhostError, match="the logits must be finite"):
        score(np.array([[1.0, np.nan]]))


def test_figures_are_counted_by_network_and_compared_image_by_image() -> None:
    best = {"a": np.array([[0, 1], [1, 0], [2, 1]]), "b": np.array([[0, 1], [0, 1], [2, 0]])}
    margins = {"a": np.array([1.0, 2.0, 3.0]), "b": np.array([1.0, 0.5, 3.0])}
    evaluation = Evaluation(np.array([0, 1, 1]), best, margins, ["x", "y", "z"], 3)

    document = evaluation.to_dict()

    assert document == {
        "images": 3,
        "networks": {
            "a": {"top1": 2, "top5": 3, "confusion": [[1, 0, 0], [0, 1, 1], [0, 0, 0]]},
            "b": {"top1": 1, "top5": 2, "confusion": [[1, 0, 0], [1, 0, 1], [0, 0, 0]]},
        },
        "agreement": [{"networks": ("a", "b"), "same": 2}],
        "differences": [
            {
                "image": "y",
                "label": 1,
                "said": {
                    "a": {"best": [1, 0], "margin": 2.0},
                    "b": {"best": [0, 1], "margin": 0.5},
                },
            }
        ],
    }


def backwards(work: Work, numbers: Iterable[int]) -> Iterator[tuple[int, Scores]]:
    yield from engines.local(work, reversed(list(numbers)))


@pytest.mark.slow
def test_figures_do_not_depend_on_batch_decoders_or_order(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    given: Any = (network(tmp_path), folder(tmp_path / "images"), ["torch"])

    found = [
        evaluate.evaluate(*given, settings=SETTINGS, **options)[1].to_dict()
        for options in (
            {"batch": 7},
            {"batch": 2},
            {"batch": 3, "decoders": 1},
            {"batch": 2, "engine": backwards},
        )
    ]

    assert found[0]["images"] == 7
    assert found[1:] == found[:1] * 3


@pytest.mark.slow
def test_a_run_that_was_stopped_goes_on(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    given: Any = (network(tmp_path), arrays(tmp_path), ["torch"])
    options: Any = {"settings": SETTINGS, "batch": 2}
    wanted = evaluate.evaluate(*given, **options)[1].to_dict()
    journal, asked = tmp_path / "journal.jsonl", []

    def stopped(work: Work, numbers: Iterable[int]) -> Iterator[tuple[int, Scores]]:
        yield from engines.local(work, list(numbers)[:2])
        raise KeyboardInterrupt

    def counted(work: Work, numbers: Iterable[int]) -> Iterator[tuple[int, Scores]]:
        asked.extend(numbers)
        yield from engines.local(work, asked)

    with pytest.raises(KeyboardInterrupt):
        evaluate.evaluate(*given, **options, engine=stopped, journal=journal)
    text = journal.read_text()
    journal.write_text(text[: len(text) - 5])  # as a machine that failed leaves it
    found = evaluate.evaluate(*given, **options, engine=counted, journal=journal)[1].to_dict()

    assert (asked, found) == ([1, 2, 3], wanted)
    with pytest.raises(GhostError, match="must be the journal of this evaluation"):
        evaluate.evaluate(*given, settings=SETTINGS, batch=3, journal=journal)


@pytest.mark.slow
def test_the_page_has_a_picture_of_every_difference(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("jinja2")
    given: Any = (network(tmp_path), arrays(tmp_path), ["torch"])
    work, evaluation = evaluate.evaluate(*given, settings=SETTINGS)
    flipped = evaluation.best["torch"].copy()
    flipped[[1, 4]] = np.roll(flipped[[1, 4]], 1, axis=1)
    other = Evaluation(
        evaluation.labels,
        {"torch": evaluation.best["torch"], "jax": flipped},
        dict.fromkeys(("torch", "jax"), evaluation.margins["torch"]),
        ["0", "<b>", *"23456"],
        3,
    )
    two = Work(work.file, ("torch", "jax"), work.examples, SETTINGS, 64, 1)

    text = page.render(two, other, CLASSES.__getitem__)

    assert text.count("data:image/png;base64,") == 2
    assert "&lt;b&gt;: cat" in text
    assert "torch and jax say the same of 5 images, and differ on 2." in text
    assert text.count('<div class="scroll" tabindex="0"') == 2  # by keyboard too


def test_an_artefact_of_other_weights_is_refused(monkeypatch: Any, tmp_path: Path) -> None:
    from weights import read_file
    from weights.deployment.notes import Notes
    from weights.evaluation import work

    file = read_file(network(tmp_path))
    notes = Notes("ghost_resnet20", file.config, "0" * 64)
    monkeypatch.setattr(work, "read_notes", lambda path: (None, notes))
    path = tmp_path / "net.onnx"
    path.touch()

    with pytest.raises(ArgumentError) as caught:
        work.chosen_networks([str(path)], file)

    text = f"{path} must be an artefact of the weight file, got one of others"
    assert str(caught.value) == text


def test_what_is_no_network_is_refused(tmp_path: Path) -> None:
    from weights import read_file
    from weights.evaluation import work

    with pytest.raises(ArgumentError) as caught:
        work.chosen_networks(["tensorflow"], read_file(network(tmp_path)))

    assert str(caught.value) == (
        "a network must be one of torch, jax, tf, all, or the path of an artefact, got 'tensorflow'"
    )


def some_work(path: Path, networks: tuple[str, ...] = ("torch",)) -> Work:
    from weights import read_file

    examples = read_examples(path / "images", 3, CLASSES)
    return Work(read_file(path / "a.safetensors"), networks, examples, SETTINGS, 4, 1)


def test_other_images_or_another_artefact_under_a_name_are_other_work(tmp_path: Path) -> None:
    network(tmp_path)
    image, artefact = folder(tmp_path / "images") / "cat" / "0.png", tmp_path / "a.onnx"
    artefact.write_bytes(b"float")
    networks = ("torch", str(artefact))
    found = [digest(some_work(tmp_path, networks))]
    artefact.write_bytes(b"int8")
    found.append(digest(some_work(tmp_path, networks)))
    image.write_bytes(image.read_bytes() + b" ")
    found.append(digest(some_work(tmp_path, networks)))

    assert len(set(found)) == 3
    image.unlink()
    work = some_work(tmp_path)
    image.with_name("1.png").unlink()
    with pytest.raises(FormatError, match=r"cannot read .*1\.png: No such file"):
        digest(work)


@pytest.mark.parametrize(
    "line", ["{", "null", '{"x": 1}', '{"batch": 9, "scores": {"torch": [[], []]}}', SHORT]
)
def test_a_damaged_line_of_a_journal_is_done_again(line: str, tmp_path: Path) -> None:
    network(tmp_path)
    folder(tmp_path / "images")
    path, work = tmp_path / "journal.jsonl", some_work(tmp_path)
    whole: Scores = {"torch": ([[0, 1, 2]] * 3, [0.5] * 3)}
    Journal(work, path).add(1, whole)
    with path.open("a") as stream:
        stream.write(f"{line}\n")

    assert Journal(work, path).done == {1: {"torch": [*whole["torch"]]}}
    path.write_text(f"{line}\n")
    with pytest.raises(GhostError, match="must be the journal of this evaluation"):
        Journal(work, path)


@pytest.mark.slow
def test_the_command_prints_one_document_and_writes_a_page(tmp_path: Path) -> None:
    from click.testing import CliRunner

    from weights.commands.cli import main

    pytest.importorskip("torch")
    given = ["evaluate", str(network(tmp_path)), str(arrays(tmp_path)), "--framework", "torch"]
    options = ["--preprocess", json.dumps(SETTINGS), "--report", str(tmp_path / "r"), "--json"]

    done = CliRunner().invoke(main, [*given, *options])

    assert (done.exit_code, json.loads(done.stdout)["images"]) == (0, 7)
    assert json.loads(done.stdout)["not_run"] == {}
    names = {"evaluation.json", "index.html", "journal.jsonl"}
    assert {path.name for path in (tmp_path / "r").iterdir()} == names
    assert json.loads((tmp_path / "r" / "evaluation.json").read_text()) == json.loads(done.stdout)
    wrong = CliRunner().invoke(main, [*given, "--workers", "2"])
    assert (wrong.exit_code, "--address and --workers are for --engine ray" in wrong.stderr) == (
        2,
        True,
    )
