"""Near duplicates: the same groups as the slow oracle finds, one of each stays, and templates are no copies."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eagdata.curate.near import NearStage
from tests.curate import near_oracle as oracle
from tests.curate.near_oracle import Document
from tests.curate.staging import decide, kept

Family = Callable[..., list[str]]


def stage(**config: object) -> NearStage:
    return NearStage(NearStage.Config(**config))  # type: ignore[arg-type]


def of_texts(texts: Sequence[str], **fields: object) -> list[Document]:
    return [{"id": f"d{i}", "text": text, **fields} for i, text in enumerate(texts)]


def copies(draw: random.Random, documents: int, *, words: tuple[int, int] = (40, 240)) -> list[str]:
    """Originals, and near copies of originals and of copies, from almost the same to half."""
    made: list[list[str]] = []
    for _ in range(documents):
        if made and draw.random() < 0.6:
            made.append(oracle.near_copy(draw, draw.choice(made), draw.choice([0.98, 0.95, 0.9, 0.85, 0.8, 0.75, 0.5])))
        else:
            made.append(oracle.prose(draw, draw.randint(*words)))
    return [" ".join(words) for words in made]


@pytest.mark.parametrize("seed", range(8))
def test_groups_are_those_of_the_slow_oracle(seed: int) -> None:
    draw = random.Random(seed)
    documents = of_texts(copies(draw, 60), problem="p")
    assert oracle.found_groups(documents, decide(stage(), documents)) == oracle.groups(documents, threshold=0.8)


@pytest.mark.parametrize("seed", range(8))
def test_groups_are_those_of_the_slow_oracle_where_problems_and_answers_differ(seed: int) -> None:
    draw = random.Random(100 + seed)
    documents = [
        {**document, "problem": draw.choice(["p", "q"]), "answer": draw.choice([None, "1", "2"])} for document in of_texts(copies(draw, 60))
    ]
    assert oracle.found_groups(documents, decide(stage(), documents)) == oracle.groups(documents, threshold=0.8)


@pytest.mark.parametrize("seed", range(4))
def test_groups_of_texts_alone_are_those_of_the_slow_oracle(seed: int) -> None:
    draw = random.Random(200 + seed)
    originals = [oracle.prose(draw, draw.randint(150, 600)) for _ in range(30)]
    pairs = [oracle.near_copy(draw, words, draw.choice([0.95, 0.92, 0.88, 0.84, 0.7])) for words in originals]
    documents = of_texts([" ".join(words) for words in originals + pairs])
    assert oracle.found_groups(documents, decide(stage(), documents)) == oracle.groups(documents, threshold=0.8)


def test_evidence_names_survivor_link_and_least_similarity_of_the_group() -> None:
    draw = random.Random(1)
    words = oracle.prose(draw, 400)
    chain = [words, oracle.edited(draw, words, 6)]
    chain.append(oracle.edited(draw, chain[1], 6))
    documents = of_texts([" ".join(of) for of in chain], problem="p")
    decisions = decide(stage(), documents)
    assert decisions.drops["reason"].to_pylist() == ["near_duplicate"] * 2
    (stays,) = {0, 1, 2} - set(decisions.drops["row"].to_pylist())
    text = [oracle.compared(document) for document in documents]
    least = min(oracle.jaccard(text[stays], text[row]) for row in range(3))
    for row, found in zip(decisions.drops["row"].to_pylist(), map(json.loads, decisions.drops["evidence"].to_pylist()), strict=True):
        assert found["survivor"] == f"d{stays}"
        assert found["jaccard"] == pytest.approx(oracle.jaccard(text[stays], text[row]), abs=1e-4)
        assert found["link"] >= 0.8
        assert found["group_minimum"] == pytest.approx(least, abs=1e-4)


def test_verified_row_stays_before_longer_and_longer_before_shorter() -> None:
    words = oracle.prose(random.Random(2), 300)
    documents: list[Document] = [
        {"id": "whole", "text": " ".join(words)},
        {"id": "short and verified", "text": " ".join(words[:280]), "verdict": "pass"},
        {"id": "shorter", "text": " ".join(words[:270])},
    ]
    assert [row["id"] for row in kept(stage(), documents)] == ["short and verified"]
    assert [row["id"] for row in kept(stage(), [documents[0], documents[2]])] == ["whole"]
    assert [row["id"] for row in kept(stage(keep="shortest"), [documents[0], documents[2]])] == ["shorter"]


@pytest.mark.parametrize("share", [0.95, 0.9])
@pytest.mark.parametrize("fields", [{}, {"problem": "the same"}], ids=["text alone", "with a problem"])
def test_cluster_of_a_hundred_near_copies_leaves_exactly_one(share: float, fields: dict[str, object]) -> None:
    draw = random.Random(3)
    words = oracle.prose(draw, 600)
    documents = of_texts([" ".join(words), *(" ".join(oracle.near_copy(draw, words, share)) for _ in range(99))], **fields)
    assert len(kept(stage(), documents, shard_rows=40)) == 1


@pytest.mark.parametrize("size", [2, 3, 10, 60])
@pytest.mark.parametrize("family", [oracle.boiler_family, oracle.number_family, oracle.total_family, oracle.graph_family])
def test_texts_of_one_template_stay_whatever_their_number(family: Family, size: int) -> None:
    assert len(kept(stage(), of_texts(family(random.Random(4), size)))) == size


@pytest.mark.parametrize("size", [3, 10, 60])
def test_texts_that_differ_in_words_in_the_same_places_stay(size: int) -> None:
    assert len(kept(stage(), of_texts(oracle.name_family(random.Random(5), size)))) == size


def test_template_kept_apart_is_reported_with_an_example() -> None:
    decisions = decide(stage(), of_texts(oracle.number_family(random.Random(6), 20)))
    apart = decisions.report["kept_apart"]
    assert isinstance(apart, dict)
    assert (apart["groups"], apart["rows"]) == (1, 20)
    assert str(apart["largest"]).startswith("[{'rows': 20, 'example': 'd")


@pytest.mark.parametrize("family", [oracle.boiler_family, oracle.number_family, oracle.name_family])
def test_near_copies_of_a_template_s_texts_go_and_its_texts_stay(family: Family) -> None:
    draw = random.Random(7)
    texts = family(draw, 40)
    near = [" ".join(oracle.edited(draw, text.split(), 5)) for text in texts]
    documents = of_texts(texts + near)
    found = oracle.found_groups(documents, decide(stage(), documents, shard_rows=30))
    assert found == {frozenset({f"d{i}", f"d{i + 40}"}) for i in range(40)}


def test_copies_of_one_text_of_a_template_do_not_outvote_the_others() -> None:
    draw = random.Random(14)
    texts = oracle.name_family(draw, 3)
    near = [" ".join(oracle.edited(draw, texts[0].split(), 1)) for _ in range(5)]
    documents = of_texts(texts + near)
    found = oracle.found_groups(documents, decide(stage(), documents))
    assert found == {frozenset({"d0", *(f"d{i}" for i in range(3, 8))}), frozenset({"d1"}), frozenset({"d2"})}


@pytest.mark.parametrize("field", ["problem", "answer"])
def test_rows_whose_fields_differ_merge_from_095_on(field: str) -> None:
    draw = random.Random(8)
    words = oracle.prose(draw, 600)
    almost, alike = (" ".join(oracle.edited(draw, words, edits)) for edits in (2, 6))
    documents = [{**document, field: f"{i}"} for i, document in enumerate(of_texts([" ".join(words), almost, alike]))]
    assert oracle.found_groups(documents, decide(stage(), documents)) == {frozenset({"d0", "d1"}), frozenset({"d2"})}
    assert len(kept(stage(), [{**document, field: "the same"} for document in documents])) == 1


def test_spelling_of_a_problem_does_not_make_another_problem() -> None:
    draw = random.Random(9)
    texts = oracle.number_family(draw, 2)
    same: list[Document] = [{"id": "a", "problem": "How MANY?", "text": texts[0]}, {"id": "b", "problem": "how  many?", "text": texts[1]}]
    assert len(kept(stage(), same)) == 1


def test_key_problem_compares_problems_and_key_actions_compares_actions() -> None:
    draw = random.Random(10)
    words = oracle.prose(draw, 200)
    near, other = " ".join(oracle.edited(draw, words, 2)), " ".join(oracle.prose(draw, 200))

    def row(name: str, problem: str, action: str) -> Document:
        turns = [{"role": "thought", "text": name * 50, "status": None}, {"role": "action", "text": action, "status": None}]
        return {"id": name, "problem": problem, "text": f"{name} {action}", "turns": turns}

    documents = [row("a", " ".join(words), other), row("b", near, "nothing of the kind"), row("c", "p", other), {"id": "d", "problem": "p"}]
    assert oracle.found_groups(documents, decide(stage(key="problem"), documents)) == {frozenset("ab"), frozenset("cd")}
    assert oracle.found_groups(documents, decide(stage(key="actions"), documents)) == {frozenset("ac"), frozenset("b"), frozenset("d")}


BASES = [oracle.prose(random.Random(seed), 90) for seed in range(2)]
FAMILY = oracle.number_family(random.Random(11), 6, words=110)


@st.composite
def corpora(draw: st.DrawFn) -> list[Document]:
    """Few texts, much alike, with and without fields: every way through the stage."""
    texts = st.one_of(
        st.sampled_from(FAMILY),
        st.builds(
            lambda words, edits, cut: " ".join([*(edits.get(i, word) for i, word in enumerate(words[:cut]))]),
            st.sampled_from(BASES),
            st.dictionaries(st.integers(0, 89), st.sampled_from(["new", "7", "other words"]), max_size=3),
            st.sampled_from([90, 90, 80]),
        ),
        st.sampled_from(["", "one", "two words", "北京大学生前来应聘工作的人很多"]),
    )
    rows = st.fixed_dictionaries(
        {
            "text": texts,
            "problem": st.sampled_from([None, None, "p", "q"]),
            "answer": st.sampled_from([None, None, "1", "2"]),
            "verdict": st.sampled_from([None, "pass"]),
        }
    )
    return [{"id": f"d{i}", **row} for i, row in enumerate(draw(st.lists(rows, max_size=14)))]


@settings(max_examples=60, deadline=None)
@given(documents=corpora(), shuffle=st.randoms(use_true_random=False), shard_rows=st.sampled_from([1, 5, 100]))
def test_order_and_shards_do_not_matter_a_second_run_drops_nothing_and_none_is_lost(
    documents: list[Document], shuffle: random.Random, shard_rows: int
) -> None:
    decisions = decide(stage(), documents)
    rows = decisions.drops["row"].to_pylist()
    assert len(set(rows)) == len(rows)
    assert set(rows) <= set(range(len(documents)))
    found = oracle.found_groups(documents, decisions)
    assert sum(map(len, found)) == len(documents)
    stay = [document for i, document in enumerate(documents) if i not in set(rows)]
    assert len(found) == len(stay)

    other = list(documents)
    shuffle.shuffle(other)
    again = kept(stage(), other, shard_rows=shard_rows)
    assert sorted(str(row["id"]) for row in again) == sorted(str(row["id"]) for row in stay)
    assert not decide(stage(), stay, shard_rows=shard_rows).drops.num_rows


def straggling_copies(seed: int) -> list[Document]:
    """Copies so far from each other that some meet only when others have gone."""
    draw = random.Random(seed)
    words = oracle.prose(draw, 250)
    return of_texts([" ".join(oracle.near_copy(draw, words, draw.choice([0.88, 0.85, 0.8]))) for _ in range(60)], problem="p")


def copied_families(seed: int) -> list[Document]:
    """Small families, whose texts lose the company that tells them from copies when copies of theirs go."""
    draw = random.Random(seed)
    texts = [text for _ in range(4) for text in oracle.name_family(draw, draw.randint(2, 4), words=300)]
    return of_texts(texts + [" ".join(oracle.edited(draw, text.split(), draw.randint(2, 7))) for text in texts])


@pytest.mark.parametrize("documents", [straggling_copies(1), copied_families(0), copied_families(5)], ids=["copies", "family", "families"])
def test_second_run_drops_nothing_though_every_drop_changes_the_company(documents: list[Document]) -> None:
    stay = kept(stage(), documents, shard_rows=100)
    assert not decide(stage(), stay, shard_rows=100).drops.num_rows


@pytest.mark.parametrize("seed", range(3))
def test_order_does_not_matter_where_texts_are_about_as_alike_as_the_threshold(seed: int) -> None:
    documents = straggling_copies(seed)
    stay = {str(row["id"]) for row in kept(stage(), documents, shard_rows=100)}
    for shuffle in range(4):
        other = random.Random(shuffle).sample(documents, len(documents))
        assert {str(row["id"]) for row in kept(stage(), other, shard_rows=9)} == stay


HOSTILE = {
    "empty": "",
    "one word": "word",
    "a megabyte of one character": "a" * (1 << 20),
    "a million spaces": " " * 1_000_000,
    "NULs": "\0" * 1000,
    "a megabyte of Chinese": "漢字" * 170_000,
    "half a character cut": "\N{GRINNING FACE}" * 1000 + "\u3000" * 50,
    "replacement characters": "\ufffd" * 5000,
    "right to left": "שלום עולם " * 500,
}


def test_hostile_texts_are_duplicates_of_nothing_but_themselves() -> None:
    documents = of_texts([*HOSTILE.values(), *HOSTILE.values()])
    stay = [str(row["text"]) for row in kept(stage(), documents)]
    blank = [text for text in HOSTILE.values() if not text.replace("\0", " ").strip()]
    assert sorted(stay) == sorted([*HOSTILE.values(), *blank])


def test_chinese_is_compared_by_characters() -> None:
    draw = random.Random(12)
    text = [chr(draw.randint(0x4E00, 0x9FA0)) for _ in range(400)]
    near = ["他" if i % 80 == 7 else character for i, character in enumerate(text)]
    other = [chr(draw.randint(0x4E00, 0x9FA0)) for _ in range(400)]
    documents = of_texts(["".join(text), "".join(near), "".join(other)], problem="题")
    assert oracle.found_groups(documents, decide(stage(), documents)) == {frozenset({"d0", "d1"}), frozenset({"d2"})}


def test_many_of_the_same_sentence_leave_one_without_comparing_each_with_each() -> None:
    draw = random.Random(13)
    sentence = " ".join(oracle.prose(draw, 30))
    assert len(kept(stage(), of_texts([sentence] * 20_000), shard_rows=10_000)) == 1


@pytest.mark.parametrize("config", [{"threshold": 0.5}, {"threshold": 1.1}])
def test_thresholds_that_the_sketches_cannot_serve_are_refused(config: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="threshold"):
        stage(**config)
