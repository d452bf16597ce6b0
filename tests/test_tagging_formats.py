import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metalstm.corpora import columns
from metalstm.corpora.tokenise import sentences
from metalstm.errors import UserError
from metalstm.tagging.documents import Document, Mention, TaggedSentence, lay_out, with_evidence
from metalstm.tagging.formats import FORMATS, brat, html, jsonl, render, tsv

LABELS = st.sampled_from(["O", "S-Disease", "B-Drug", "I-Drug", "E-Drug"])
SPACED = st.text(st.sampled_from("aB1.<>&\"'é\u2028\u0085\v \t\n"), max_size=60)


def tagged(row, labels):
    """A sentence whose tokens were read as they stand."""
    return TaggedSentence(tuple(row), tuple(labels), tuple(token.text for token in row))


@st.composite
def documents(draw):
    text = draw(SPACED | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40))
    split = sentences(text)
    return Document(text, tuple(tagged(row, [draw(LABELS) for _ in row]) for row in split))


def example():
    text = "Aspirin for lung\ncancer & <b>gout</b>."
    (row,) = [[token for tokens in sentences(text) for token in tokens]]
    kinds = {"Aspirin": "S-Drug", "lung": "B-Disease", "cancer": "E-Disease", "gout": "S-Disease"}
    return Document(text, (tagged(row, [kinds.get(token.text, "O") for token in row]),))


def test_mentions_have_type_place_and_text():
    assert example().mentions() == [
        Mention("Drug", 0, 7, "Aspirin"),
        Mention("Disease", 12, 23, "lung\ncancer"),
        Mention("Disease", 29, 33, "gout"),
    ]


def test_a_name_that_is_found_twice_is_found_at_its_other_places():
    text = "Gout hurts. Gout swells. Gout is a disease."
    tokens = sentences(text)
    firsts = iter(["S-Disease", "S-Disease", "O"])
    rows = [tagged(row, [next(firsts), *["O"] * (len(row) - 1)]) for row in tokens]
    before, after = (
        Document(text, tuple(rows)),
        with_evidence(Document(text, tuple(rows)), known=None, abbreviations=False, names=True),
    )
    assert [mention.start for mention in before.mentions()] == [0, 12]
    assert [mention.start for mention in after.mentions()] == [0, 12, 25]


@given(documents())
def test_a_mention_is_its_own_place_in_the_text(document):
    for mention in document.mentions():
        assert document.text[mention.start : mention.end] == mention.text


@given(documents())
def test_tsv_keeps_tokens_offsets_and_labels(tmp_path_factory, document):
    path = tmp_path_factory.mktemp("tsv") / "tagged.tsv"
    path.write_text(tsv(document), encoding="utf-8", newline="\n")
    read = columns.read(path)
    assert [sentence.labels for sentence in read] == [sentence.labels for sentence in document.sentences]
    for sentence, rows in zip(document.sentences, tsv(document).split("\n\n"), strict=False):
        for token, row in zip(sentence.tokens, rows.split("\n"), strict=True):
            assert row.split("\t")[:3] == [token.text, str(token.start), str(token.end)]


@given(documents())
def test_jsonl_is_one_line_that_gives_everything_back(document):
    written = jsonl(document)
    assert len(written.splitlines()) == 1
    record = json.loads(written)
    assert record["text"] == document.text
    assert [Mention(e["type"], e["start"], e["end"], e["text"]) for e in record["entities"]] == document.mentions()
    assert len(record["sentences"]) == len(document.sentences)


def test_brat_gives_fragments_for_a_mention_that_crosses_a_line_end():
    assert brat(example()) == "T1\tDrug 0 7\tAspirin\nT2\tDisease 12 16;17 23\tlung cancer\nT3\tDisease 29 33\tgout\n"


@pytest.mark.parametrize("break_", ["\t", "\r\n", "\v", "\x85", "\u2028", " \u2029 "])
def test_brat_gives_fragments_where_a_reader_may_see_the_end_of_a_line_or_column(break_):
    text = f"lung{break_}cancer"
    (row,) = [[token for tokens in sentences(text) for token in tokens]]
    (line,) = brat(Document(text, (tagged(row, ["B-Disease", "E-Disease"]),))).splitlines()
    start = 4 + len(break_)
    assert line.split("\t") == ["T1", f"Disease 0 4;{start} {start + 6}", "lung cancer"]


@given(documents())
def test_brat_fragments_are_places_in_the_text(document):
    lines = brat(document).splitlines()
    assert len(lines) == len(document.mentions())
    for line in lines:
        _, place, words = line.split("\t")
        spans = [tuple(map(int, span.split())) for span in place.split(" ", 1)[1].split(";")]
        assert " ".join(document.text[start:end] for start, end in spans) == words


class Page(HTMLParser):
    """The text of <main>, the marks in it, and whatever refers to another place."""

    def __init__(self, page):
        super().__init__()
        self.inside, self.text, self.marks, self.links, self.tags = False, "", [], [], set()
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.inside |= tag == "main"
        attributes = dict(attrs)
        if self.inside and tag == "mark":
            self.marks.append(attributes["data-type"])
        self.links += [value for name, value in attrs if name in {"src", "href"}]

    def handle_endtag(self, tag):
        self.inside &= tag != "main"

    def handle_data(self, data):
        if self.inside:
            self.text += data


@given(documents())
def test_html_shows_the_text_as_it_is(document):
    page = Page(html(document))
    assert page.text == document.text
    assert page.marks == [mention.type for mention in document.mentions()]
    assert page.links == []
    assert page.tags <= {"html", "meta", "title", "style", "ul", "li", "mark", "main"}


def test_html_has_a_legend_with_one_colour_for_each_type():
    page = html(example())
    legend = re.findall(r'<li><mark style="--hue:(\d+)">(\w+)</mark> (\d+)</li>', page)
    assert [(kind, count) for _, kind, count in legend] == [("Disease", "2"), ("Drug", "1")]
    assert len({hue for hue, _, _ in legend}) == 2
    assert "prefers-color-scheme: dark" in page


@pytest.mark.parametrize("name", list(FORMATS))
def test_every_form_takes_an_empty_document(name):
    assert isinstance(render(Document("", ()), name), str)


def test_an_unknown_form_is_refused():
    with pytest.raises(UserError, match="expected one of tsv, jsonl, brat, html"):
        render(example(), "xml")


@given(st.lists(st.lists(st.text(st.characters(exclude_characters="\n\t\r"), min_size=1), max_size=5), max_size=5))
def test_tokens_without_a_text_are_laid_out_as_one(tokens):
    text, placed = lay_out(tokens)
    assert [[token.text for token in row] for row in placed] == tokens
    assert all(text[token.start : token.end] == token.text for row in placed for token in row)
    assert text.count("\n") == len(tokens)
