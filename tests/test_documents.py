"""The documents that the code cites: they exist, they have the sections named, they ship."""

import re
from importlib.resources import files

import pytest

from tests.conftest import PROJECT

DOCUMENTS = {
    "FORMATS.md": files("spam_pipe.pipeline.serving") / "FORMATS.md",
    "METHOD.md": files("spam_pipe.stages.clustering") / "METHOD.md",
    "METRICS.md": files("spam_pipe.stages.evaluate") / "METRICS.md",
}
_SOURCES = [
    path
    for folder in ("pipeline", "stages", "spam_pipe", "tests")
    for path in sorted((PROJECT / folder).rglob("*.py"))
]
_CITED = re.compile(r"\b([A-Z_]+\.md)(?:, sections? (\d)(?:\D{1,5}(\d))?)?")
"""A document and, after it, one section or a first and a last one."""


def sections(document: str) -> set[int]:
    headings = re.findall(r"^## (\d+)\. ", DOCUMENTS[document].read_text("utf-8"), re.MULTILINE)
    return {int(number) for number in headings}


def cited() -> set[tuple[str, str, int | None]]:
    """Return (file, document, section) of every citation in the code."""
    found = set()
    for path in _SOURCES:
        flowing = re.sub(r"\s*\n\s*(?:# )?", " ", path.read_text("utf-8"))
        for document, first, last in _CITED.findall(flowing):
            numbers = range(int(first), int(last or first) + 1) if first else (None,)
            found |= {(str(path.relative_to(PROJECT)), document, number) for number in numbers}
    return found


CITED = sorted(cited(), key=str)


def test_the_code_cites_its_documents() -> None:
    assert {(document, section) for _, document, section in CITED} >= {
        *(("METHOD.md", number) for number in range(1, 8)),
        ("METRICS.md", 7),
    }


@pytest.mark.parametrize(("path", "document", "section"), CITED)
def test_a_cited_section_exists(path: str, document: str, section: int | None) -> None:
    assert (PROJECT / document).is_file() or document in DOCUMENTS, f"{path} cites {document}"
    assert section is None or section in sections(document), f"{path} cites section {section}"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_what_a_document_names_exists(document: str) -> None:
    text = DOCUMENTS[document].read_text("utf-8")
    for named in re.findall(r"`((?:stages|configs|tests|pipeline)/[\w./*-]+)`", text):
        assert list(PROJECT.glob(named)), f"{document} names {named}"
    numbers = sorted(sections(document))
    assert numbers == list(range(1, len(numbers) + 1))
