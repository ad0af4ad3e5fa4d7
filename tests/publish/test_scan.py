"""What looks like a secret is found wherever it stands, named by its place, masked; mathematics and programs are left alone."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eagdata.publish.scan import MOST_PLACES, NAMES, PERSONAL, SECRETS, Scan, Scanner, local_patterns

LOCAL = local_patterns(home="/home/ada", host="ada-laptop")
REAL = Path(__file__).parents[3] / "shared" / "data"
# Invented, in the form of each kind.
SAMPLES = {
    "anthropic": "sk-ant-api03-" + "aB3-_" * 18 + "AA",
    "openai": "sk-proj-" + "aB3x" * 12 + "T3BlbkFJ" + "Zy9" * 8,
    "hugging_face": "hf_" + "QwErTyUiOp" * 3 + "AsDf",
    "aws": "AKIA" + "IOSFODNN7EXAMPLE"[:16].replace("8", "7"),
    "github": "ghp_" + "a1B2c3" * 6,
    "google": "AIza" + "Sy-_" + "x1Y2z3A" * 4 + "abc",
    "slack": "xoxb-" + "123456789012-123456789012-AbCdEfGh",
    "private_key": "-----BEGIN RSA PRIVATE KEY-----",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dBjftJeZ4CVPmB92K27u",
    "email": "ada.lovelace@engine.co.uk",
    "phone": "+1 415-555-2671",
    "home_path": "/home/ada",
    "host_name": "ada-laptop",
}
OTHER_FORMS = [
    ("openai", "sk-" + "a1b2c3d4" * 4),
    ("openai", "sk-or-v1-" + "0123456789abcdef" * 4),
    ("github", "github_pat_" + "A1b2" * 20),
    ("private_key", "-----BEGIN PRIVATE KEY-----"),
    ("private_key", "-----BEGIN PGP PRIVATE KEY BLOCK-----"),
    ("email", "mail root@host.example.dev."),
    ("phone", "(415) 765-2671"),
    ("phone", "phone: 0171 2345678"),
    ("phone", "+49 (30)-2345-6789"),
    ("home_path", "open('/home/ada/x.py')"),
]
INNOCENT = [
    "3 +1 000 000 - 415 = 999 588",
    "x^2+12-345-6789*4",
    "A@B.reshape(2, -1)",
    "W@x.to(device)",
    "M@v.T",
    "(415) (555) - 2671",
    "2023-11-05",
    "0.4155552671",
    "[415, 555, 2671]",
    "sk-learn and the risk-averse-investor-with-a-long-name",
    "task-1234567890123456789012",
    "f(2)-300-400-5000",
    "call f(123456789)",
    "sha256: " + "0123456789abcdef" * 4,
    "hf_transfer",
    "self@property.setter",
    "user@example.com",
    "git@github.com:a/b.git",
    "\\frac{1}{2} \\pm \\sqrt{1+415-555-2671}",
    "the number 415-555-267",
    "/home/adamant/x",
    "ada-laptops",
    "eyJ.eyJ.",
    "AKIA in lower case akia",
    "-----BEGIN PUBLIC KEY-----",
    "no-reply@github.com",
    "555-0123",
    "(415) 555-0123",
    "9876543210 = 2 * 3 * 5",
    "x=+1-2",
    "@property",
    "a @ b.c",
]


def scanned(*texts: str) -> Scan:
    scanner = Scanner((*SECRETS, *PERSONAL, *LOCAL))
    scanner.text("x", BytesIO("\n".join(texts).encode()))
    return scanner.result


def test_there_is_a_sample_of_every_pattern() -> None:
    assert set(SAMPLES) == set(NAMES)


@pytest.mark.parametrize(("name", "sample"), [*SAMPLES.items(), *OTHER_FORMS])
def test_each_kind_is_found_by_its_name_alone_and_masked(name: str, sample: str) -> None:
    found = scanned("nothing", f"so it is: {sample}, and more")
    assert found.counts == {name: 1}
    [place] = found.findings
    assert (place.path, place.row, place.column) == ("x", 2, None)
    assert sample[:16] not in place.masked
    assert str(place).startswith(f"x, line 2: {name} ")


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(sorted(SAMPLES)), st.text(max_size=20), st.sampled_from(["\n", "\t", " ", '"', "\\", "("]), st.integers(0, 2))
def test_it_is_found_in_json_however_often_that_was_encoded(name: str, before: str, mark: str, times: int) -> None:
    text = f"{before}{mark}{SAMPLES[name]}\n"
    for _ in range(times):
        text = json.dumps({"a": [text]})
    scanner = Scanner((*SECRETS, *PERSONAL, *LOCAL))
    scanner.text("x", BytesIO(text.encode("utf-8", "replace")))
    assert name in scanner.result.counts


@pytest.mark.parametrize("text", INNOCENT)
def test_mathematics_and_programs_are_no_secrets(text: str) -> None:
    assert scanned(text, f"so {text} holds").counts == {}


def test_every_text_of_a_table_is_read_and_told_by_row_and_column(tmp_path: Path) -> None:
    inner = pa.struct([("role", pa.string()), ("parts", pa.list_(pa.string()))])
    schema = pa.schema(
        [("id", pa.int64()), ("plain", pa.large_string()), ("messages", pa.list_(inner)), ("kind", pa.dictionary(pa.int8(), pa.string()))]
    )
    rows = [{"id": i, "plain": None, "messages": [{"role": "user", "parts": ["a", None]}], "kind": "x"} for i in range(2500)]
    rows[7]["plain"] = SAMPLES["github"]
    rows[2100]["messages"] = [{"role": "user", "parts": []}, {"role": None, "parts": ["b", f"c {SAMPLES['aws']}"]}]
    rows[2499]["kind"] = SAMPLES["jwt"]
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), tmp_path / "t.parquet")
    scanner = Scanner((*SECRETS, *PERSONAL, *LOCAL))
    scanner.parquet("data/t.parquet", tmp_path / "t.parquet")
    places = {(found.pattern, found.row, found.column) for found in scanner.result.findings}
    assert places == {("github", 7, "plain"), ("aws", 2100, "messages.parts"), ("jwt", 2499, "kind")}


def test_columns_of_json_are_read_too(tmp_path: Path) -> None:
    kinds = {"one": pa.json_(), "many": pa.list_(pa.json_()), "groups": pa.list_(pa.list_(pa.json_()))}
    said = json.dumps({"content": f'"{SAMPLES["hugging_face"]}"'})
    values = {"one": ["{}", None, said], "many": [["{}", said], [], None], "groups": [[], [["{}"], ["{}", said]], [None]]}
    stored = {"one": pa.string(), "many": pa.list_(pa.string()), "groups": pa.list_(pa.list_(pa.string()))}
    columns = [pa.array(values[name], stored[name]).cast(kind) for name, kind in kinds.items()]
    pq.write_table(pa.table(columns, names=list(kinds)), tmp_path / "t.parquet")
    scanner = Scanner(SECRETS)
    scanner.parquet("data/t.parquet", tmp_path / "t.parquet")
    assert {(found.row, found.column) for found in scanner.result.findings} == {(2, "one"), (0, "many"), (1, "groups")}


def test_a_flood_is_counted_and_shown_in_part() -> None:
    found = scanned(*[SAMPLES["email"]] * 50, SAMPLES["aws"])
    assert found.counts == {"aws": 1, "email": 50}
    assert [place.pattern for place in found.findings] == ["email"] * MOST_PLACES + ["aws"]


def test_a_shared_home_and_a_short_name_of_a_host_give_nobody_away() -> None:
    assert local_patterns(home="/root", host="vm") == ()
    assert [pattern.name for pattern in local_patterns(home="/Users/ada/", host="localhost")] == ["home_path"]
    [word] = local_patterns(home="/", host="orange")
    assert not word.exact.search("an orange, oranges")
    assert word.exact.search("ada@orange: $")


def test_what_is_no_text_is_passed_over() -> None:
    scanner = Scanner(SECRETS)
    scanner.text("x.png", BytesIO(b"\x89PNG\r\n\x1a\n\xff\xfe" + SAMPLES["aws"].encode()))
    assert scanner.result.counts == {}


@pytest.mark.skipif(not REAL.is_dir(), reason="the collection of public samples is not here")
def test_public_mathematics_and_code_hold_nothing_but_two_addresses_of_a_programming_task() -> None:
    scanner = Scanner((*SECRETS, *PERSONAL))
    for path in sorted(REAL.glob("*.jsonl")):
        with path.open("rb") as source:
            scanner.text(path.name, source)
    assert {(found.path, found.pattern) for found in scanner.result.findings} == {("mbpp.jsonl", "email")}
    assert scanner.result.counts == {"email": 2}
