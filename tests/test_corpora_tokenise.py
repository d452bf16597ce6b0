import re
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metalstm.corpora.tokenise import _STOP, sentences, tokenise
from metalstm.spelling import in_ascii

CORPORA = "raw.githubusercontent.com/cambridgeltl/MTL-Bioinformatics-2016"
ANY_TEXT = st.text() | st.text(alphabet="aA1.?!()\"' \n\r\t-éβ\u0301\u00ad\u2028\u0085", max_size=80)


def shown(text):
    return [text[tokens[0].start : tokens[-1].end] for tokens in sentences(text)]


@given(ANY_TEXT)
def test_a_token_is_its_own_place_in_the_text(text):
    for token in tokenise(text):
        assert text[token.start : token.end] == token.text
        assert token.text
        assert not any(character.isspace() for character in token.text)


@given(ANY_TEXT)
def test_nothing_but_white_space_is_lost(text):
    together = [token for tokens in sentences(text) for token in tokens]
    assert together == tokenise(text)
    assert "".join(token.text for token in together) == "".join(text.split())


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("p53 and IL-2", "p53 and IL - 2"),
        ("(0.05%)", "( 0 . 05 % )"),
        ("NF-κB/RelA", "NF - κB / RelA"),
        ("Parkinson's 5'-end", "Parkinson ' s 5 ' - end"),
        ("a_b p<0.001", "a _ b p < 0 . 001"),
        ("5 µM, 37°C", "5 µM , 37 ° C"),
        ("naïve e\u0301tude inter\u00adleukin", "naïve e\u0301tude inter\u00adleukin"),
        ("[3H]GABA+/-", "[ 3H ] GABA + / -"),
        (" \n\t ", ""),
    ],
)
def test_tokens_are_those_of_the_corpora(text, tokens):
    assert [token.text for token in tokenise(text)] == tokens.split()


def test_a_part_of_a_text_keeps_the_offsets_of_the_whole():
    assert [token.start for token in tokenise("one two three", 4, 7)] == [4]


@pytest.mark.parametrize(
    "sentence",
    [
        "Drugs, e.g. Aspirin, were given i.v. as in Fig. 2 and Figs. S3 and 4A.",
        "Smith et al. (2001) and J. K. Doe vs. Mr. White disagreed.",
        "E. coli and S. Typhimurium grew at pH 7.4.",
        "Values were 0.05 and .5 approx. 3 times.",
        "See ref. 12, no. 3, vol. II and Eq. (4).",
        "It is ca. 40% (i.e. less than half) by Dr. Ruud.",
    ],
)
def test_a_stop_inside_a_sentence_does_not_end_it(sentence):
    assert shown(sentence) == [sentence]


@pytest.mark.parametrize(
    "parts",
    [
        ["He had hepatitis B.", "Mice did not."],
        ["It was kept at 37 °C.", "It grew."],
        ["It lasted for 6 h.", "Rats were fed."],
        ["We did it like Doe et al.", "The end."],
        ["Was it p53?", "p53 was low!", "mRNA too.", "c-Myc was not."],
        ['He said "yes."', "(They did not.)", "[1] says so."],
        ["There were several of them, etc.", "We stopped."],
        ["The answer was no.", "We went on."],
        ["1. Methods were used.", "2. Results came."],
        ["TNF was up...", "IL-2 was not."],
    ],
)
def test_a_stop_at_the_end_of_a_sentence_ends_it(parts):
    assert shown(" ".join(parts)) == parts


def test_a_blank_line_ends_a_paragraph_and_its_sentence():
    assert shown("Methods\n\nwe did\r\n \r\nResults") == ["Methods", "we did", "Results"]


def test_a_line_by_itself_is_a_sentence():
    assert shown("A title without a stop\nThe abstract. It ends.\n") == [
        "A title without a stop",
        "The abstract.",
        "It ends.",
    ]


def test_the_lines_of_a_filled_paragraph_are_one_text():
    text = (
        "Patients were given a high dose of aspirin for the\n"
        "treatment of pain, which was relieved after 2 h. Then\n"
        "they slept."
    )
    assert [" ".join(sentence.split()) for sentence in shown(text)] == [
        "Patients were given a high dose of aspirin for the treatment of pain, which was relieved after 2 h.",
        "Then they slept.",
    ]


@pytest.mark.parametrize("end", ["\r\n", " \n", "\t\r\n"])
def test_what_ends_a_line_changes_no_sentence(end):
    words = ("Mutations of the gene were found in " + "many large families of patients and " * 9 + "others.").split()
    for width in range(50, 100):
        text = textwrap.fill(" ".join(words), width)
        assert [sentence.split() for sentence in shown(text.replace("\n", end))] == [words]


@pytest.mark.parametrize(
    "text",
    [
        *["A. " * 50_000, ". " * 50_000, "x" * 200_000, "\n" * 100_000, "e.g. " * 50_000],
        *["." * 200_000, "?!" * 100_000, "." + ")" * 200_000, " " * 50_000 + "e.g. A " * 50_000],
        "i" * 50_000 + " e.g. A" * 50_000,
    ],
    ids=lambda text: f"{text[:4]}...{text[-4:]}",
)
@pytest.mark.timeout(20)
def test_odd_text_takes_no_longer_than_other_text(text):
    assert sum(map(len, sentences(text))) == len(tokenise(text))


@given(ANY_TEXT | st.text(alphabet="..?!…)'\" aA1i\n", max_size=40))
def test_a_run_of_stops_is_one_stop(text):
    plain = re.compile(r"[.?!…]+[\"'”’»)\]]*(?=\s)")
    assert [stop.span() for stop in _STOP.finditer(text)] == [stop.span() for stop in plain.finditer(text)]


@pytest.mark.parametrize(
    ("token", "spelled"),
    [
        *[("TNFα", "TNFalpha"), ("±", "+/-"), ("naïve", "naive"), ("µg", "microg"), ("x²", "x2"), ("ΔF", "DeltaF")],
        *[("≥", ">="), ("ά", "alpha"), ("中", "中"), ("\u0301", "\u0301"), ("ascii", "ascii")],
        *[("carci\u00adnoma", "carcinoma"), ("T\u200d-cell", "T-cell"), ("\u2122\ufe0f", "(TM)"), ("\u00ad", "\u00ad")],
    ],
)
def test_spelling_follows_the_corpora(token, spelled):
    assert in_ascii(token) == spelled


def _corpus_sentences(mirror, corpus):
    files = sorted((mirror / CORPORA).glob(f"*/data/{corpus}-IOB/devel.tsv"))
    if not files:
        pytest.skip(f"the mirror has no {corpus}")
    blocks = re.split(r"\n\n+", files[0].read_text(encoding="utf-8").replace("\r\n", "\n").strip("\n"))
    return [[line.split("\t")[0] for line in block.split("\n")] for block in blocks[:1500]]


def _printed(tokens):
    """Tokens as a journal would print them: no space around hyphens, slashes and decimal points, nor before commas."""
    text = re.sub(r" ([,;:)\]%?!'.])", r"\1", " ".join(tokens))
    text = re.sub(r"([(\[]) ", r"\1", text)
    text = re.sub(r" ?([-/]) ?", r"\1", text)
    return re.sub(r"(?<=\d)\. (?=\d)", ".", text)


@pytest.mark.parametrize("corpus", ["BC5CDR", "NCBI-disease", "BioNLP11ID", "BioNLP13CG", "CRAFT", "linnaeus"])
def test_sentences_of_the_corpora_are_tokenised_as_they_were(mirror, corpus):
    original = _corpus_sentences(mirror, corpus)
    same = sum([token.text for token in tokenise(_printed(tokens))] == tokens for tokens in original)
    # CRAFT and linnaeus have some tokens such as `+/-`, which were one character before they were made ASCII.
    assert same / len(original) > (0.98 if corpus in {"CRAFT", "linnaeus"} else 0.9999)


@pytest.mark.parametrize("corpus", ["BC5CDR", "NCBI-disease", "BioNLP13CG"])
def test_abstracts_of_the_corpora_are_split_where_they_were(mirror, corpus):
    original = _corpus_sentences(mirror, corpus)
    text, ends, characters = "", set(), 0
    for tokens in original:
        characters += sum(map(len, tokens))
        ends.add(characters)
        text += _printed(tokens) + (" " if tokens[-1] in {".", "?"} else "\n\n")
    found, characters = set(), 0
    for tokens in sentences(text):
        characters += sum(len(token.text) for token in tokens)
        found.add(characters)
    assert len(found & ends) / len(found) > 0.98
    assert len(found & ends) / len(ends) > 0.98
