import gzip
import lzma
import tracemalloc

import pytest

from metalstm.errors import UserError
from metalstm.vectors.paragraphs import read

PLAIN = "First line.\n\n  Second, with β and\u2028a separator.  \r\nThird"
PARAGRAPHS = ["First line.", "Second, with β and\u2028a separator.", "Third"]
ARTICLE = """<PubmedArticle><MedlineCitation><PMID>1</PMID><Article>
<ArticleTitle>Effects of H<sub>2</sub>O &amp; <i>p53</i>.</ArticleTitle>
<Abstract><AbstractText Label="METHODS" NlmCategory="METHODS">We looked
 on.</AbstractText><AbstractText Label="UNLABELLED">Nothing.</AbstractText>
<CopyrightInformation>c</CopyrightInformation>
</Abstract></Article><OtherAbstract><AbstractText>Rien.</AbstractText></OtherAbstract></MedlineCitation></PubmedArticle>
"""
HEAD = '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD" "http://none/p.dtd">\n'
PUBMED = f"{HEAD}<PubmedArticleSet>{ARTICLE}<DeleteCitation><PMID>3</PMID></DeleteCitation></PubmedArticleSet>"


def packed(name, text):
    data = text.encode()
    return {".gz": gzip.compress, ".xz": lzma.compress}.get(name[-3:], bytes)(data)


@pytest.mark.parametrize("name", ["text.txt", "text", "text.txt.gz", "text.XZ", "text.v2.gz"])
def test_a_line_is_a_paragraph(tmp_path, name):
    (tmp_path / name).write_bytes(packed(name.lower(), PLAIN))
    assert list(read(tmp_path / name)) == PARAGRAPHS


def test_a_byte_order_mark_is_no_text(tmp_path):
    (tmp_path / "text.txt").write_text("First", encoding="utf-8-sig")
    assert list(read(tmp_path / "text.txt")) == ["First"]


@pytest.mark.parametrize("name", ["pubmed.xml", "pubmed.xml.gz", "pubmed.xml.xz"])
def test_an_article_is_a_paragraph(tmp_path, name):
    (tmp_path / name).write_bytes(packed(name, PUBMED))
    assert list(read(tmp_path / name)) == ["Effects of H2O & p53.\n\nMETHODS: We looked on.\n\nNothing."]


def test_a_large_set_of_articles_is_never_in_memory(tmp_path):
    path = tmp_path / "pubmed.xml"
    with path.open("w", encoding="utf-8") as file:
        file.write("<PubmedArticleSet>")
        for _ in range(4000):
            file.write(ARTICLE)
        file.write("</PubmedArticleSet>")
    tracemalloc.start()
    articles = sum(1 for _ in read(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert articles == 4000
    assert path.stat().st_size > 1_500_000
    assert peak < 600_000


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("text.txt", b"good\nb\xe9d\n", r":2: expected UTF-8, but found byte 0xe9"),
        ("text.txt", b"good\nb\0d\n", r":2: expected text, but found a NUL"),
        ("text.gz", gzip.compress(PLAIN.encode(), mtime=0)[:-9], "damaged or ends too soon"),
        ("text.gz", b"plain", "damaged or ends too soon"),
        ("text.xz", lzma.compress(PLAIN.encode())[:-9], "damaged or ends too soon"),
        ("text.xz", b"plain", "damaged or ends too soon"),
        ("pubmed.xml", PUBMED[:-30].encode(), r":\d+: not well-formed"),
        ("pubmed.xml", b"<articles><article/></articles>", "no PubmedArticle"),
        ("pubmed.xml.gz", gzip.compress(PUBMED.encode(), mtime=0)[:-9], "damaged or ends too soon"),
    ],
)
def test_a_broken_file_is_the_users_to_mend(tmp_path, name, data, message):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UserError, match=message) as caught:
        list(read(tmp_path / name))
    assert str(caught.value).startswith(str(tmp_path / name))


def test_a_missing_file_is_the_users_to_mend(tmp_path):
    with pytest.raises(UserError, match=r"none\.txt: cannot be read"):
        list(read(tmp_path / "none.txt"))
