"""CSV files as spreadsheets and people leave them, and the rejects file that comes back."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.core.contact import Refusal
from engine.core.enquiry_table import Problem, Reject, Row, Table, read_table, rejects_csv

PROBLEM = (Problem("E-mail", "There is more than one @ in it.", "Write one address."),)


def table(text: str | bytes) -> Table:
    read = read_table(text.encode() if isinstance(text, str) else text)
    assert isinstance(read, Table), read
    return read


def cells(text: str | bytes) -> list[tuple[str, ...]]:
    return [row.cells for row in table(text).rows]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("between", [",", ";", "\t"], ids=["comma", "semicolon", "tab"])
@pytest.mark.parametrize("begin", ["", "\ufeff"], ids=["bare", "BOM"])
def test_line_ends_separators_and_marks_do_not_matter(begin: str, between: str, end: str) -> None:
    lines = [between.join(row) for row in (["Name", "E-mail"], ["Ann", "ann@example.com"], ["李", ""])]
    read = table(begin + end.join(lines) + end)
    assert read.header == ("Name", "E-mail")
    assert [row.cells for row in read.rows] == [("Ann", "ann@example.com"), ("李", "")]


def test_quoted_cells_hold_separators_quotes_and_line_ends() -> None:
    assert cells('Name,Words\r\nAnn,"one, ""two""\r\nthree"\r\n') == [("Ann", 'one, "two"\r\nthree')]


def test_a_quote_inside_an_unquoted_cell_is_a_letter() -> None:
    assert cells("Name,Height\nAnn,5'7\"\n") == [("Ann", "5'7\"")]


def test_a_comma_in_a_quoted_header_does_not_decide_the_separator() -> None:
    assert table('"Pain, if any, where";Name\nknee;Ann\n').header == ("Pain, if any, where", "Name")


def test_excels_separator_line_is_no_header() -> None:
    read = table("sep=;\r\nName;Phone\r\nAnn;1\r\n")
    assert (read.header, read.rows[0].line, read.rows[0].number) == (("Name", "Phone"), 3, 3)


def test_rows_know_their_line_and_their_place_in_a_spreadsheet() -> None:
    rows = table('A,B\n1,"x\ny"\n\n2,z\n').rows
    assert [(row.number, row.line) for row in rows] == [(2, 2), (4, 5)]


def test_short_long_and_blank_rows_are_kept_as_they_are() -> None:
    rows = table("A,B,C\n1\n1,2,3,4\n , ,\n").rows
    assert [row.cells for row in rows] == [("1",), ("1", "2", "3", "4"), (" ", " ", "")]
    assert [row.blank for row in rows] == [False, False, True]


def test_header_names_are_trimmed_and_each_stands_once() -> None:
    read = table("Last name ,E-mail,,e-mail,  E-mail\n")
    assert read.header == ("Last name", "E-mail", "Column 3", "e-mail (2)", "E-mail (3)")
    assert read.as_written == ("Last name ", "E-mail", "", "e-mail", "  E-mail")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "The file is empty."),
        (b"\r\n\r\n", "The file is empty."),
        ("Name\nJosé\n".encode("latin-1"), "not in UTF-8 (line 2"),
        ("Name\nAnn\n".encode("utf-16"), "UTF-16"),
        ("Name\nAnn\n".encode("utf-16-le"), "UTF-16"),
        (b"PK\x03\x04rest", "a workbook, not a CSV file"),
        (b'Name,Words\nAnn,"never closed\nBob,x\n', "begins in line 2"),
        (b'Name,Words\nAnn,x\nBob,"a"b\n', "begins in line 3"),
        (b"Name,Words\nAnn," + b"x" * 200_000, "begins in line 2"),
        (b"Ann,ann@example.com,Yes\n", "holds a person"),
    ],
)
def test_a_file_that_cannot_be_trusted_is_refused_with_a_remedy(data: bytes, says: str) -> None:
    refused = read_table(data)
    assert isinstance(refused, Refusal)
    assert says in refused.problem
    assert refused.remedy


@given(st.binary(max_size=400))
@example(b"\xef\xbb\xbf")
@example(b'"')
@example(b"sep=,")
@example(b"a,b\x00c\r\n\x00")
def test_no_bytes_break_the_reading(data: bytes) -> None:
    read = read_table(data)
    assert isinstance(read, Refusal) or len(read.header) == len(read.as_written)


# ---------------------------------------------------------------------------------------- the rejects file


def reject(number: int, *row: str, blank: bool = False) -> Reject:
    return Reject(number, number, PROBLEM, row, blank)


def test_a_rejects_file_has_the_cells_as_they_came_and_two_columns_more() -> None:
    text = rejects_csv(("E-mail", "Phone"), [reject(7, "ann@@example.com", "(215) 555-0101")])
    assert text == (
        '\ufeff"E-mail","Phone","Problem","What to write"\r\n'
        '"ann@@example.com","(215) 555-0101","E-mail: There is more than one @ in it.",'
        '"Write one address."\r\n'
    )


def test_several_problems_stand_in_one_cell_and_no_remedy_twice() -> None:
    no = Reject(2, 2, (Problem("", "One.", "Do this."), Problem("B", "Two.", "Do this.")), ("x",))
    (row,) = read_raw(rejects_csv(("A",), [no]))
    assert row == ["x", "One. | B: Two.", "Do this."]


def read_raw(text: str) -> list[list[str]]:
    import csv

    return list(csv.reader(text.removeprefix("\ufeff").splitlines(), strict=True))[1:]


def test_blank_rows_need_no_correction() -> None:
    assert read_raw(rejects_csv(("A",), [reject(2, "", blank=True)])) == []


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1 215 555 0101", "-x", "@SUM(A1)", "\t=1", "  =1", "＝1", "'=1", "''+1", "\r=1", "\n"]
)
def test_what_a_spreadsheet_would_run_is_disarmed_and_comes_back(cell: str) -> None:
    text = rejects_csv(("Words",), [reject(2, cell)])
    assert f'"\'{cell}"' in text
    assert cells(text) == [(cell,)]


@pytest.mark.parametrize("cell", ["'tis", "O'Hara", "a=b", "1-2", "'", ""])
def test_what_a_spreadsheet_would_not_run_is_left_alone(cell: str) -> None:
    text = rejects_csv(("Words", "B"), [reject(2, cell, "b")])
    assert f'"{cell}","b"' in text
    assert cells(text) == [(cell, "b")]


def test_an_apostrophe_in_an_ordinary_export_stays() -> None:
    assert cells("Phone\n'+12155550101\n") == [("'+12155550101",)]


def test_cells_too_many_come_back_as_cells_too_many_and_can_be_deleted() -> None:
    text = rejects_csv(("A", "B"), [reject(2, "1", "2", "x", "")])
    assert cells(text) == [("1", "2", "x", "")]
    assert cells(text.replace(',"x",""', "")) == [("1", "2")]


def test_cells_too_few_come_back_empty() -> None:
    assert cells(rejects_csv(("A", "B", "C"), [reject(2, "1")])) == [("1", "", "")]


def test_a_clinics_own_problem_column_is_no_sign_of_a_rejects_file() -> None:
    assert table("Problem,Phone\nknee,1\n").header == ("Problem", "Phone")


_CELL = st.text(st.characters(blacklist_categories=["Cs"]), max_size=12)


@given(
    st.lists(st.sampled_from(["A", "b ", "", "=x", "A", "ü"]), min_size=1, max_size=5),
    st.lists(st.lists(_CELL, min_size=1, max_size=7), max_size=5),
)
def test_a_rejects_file_is_read_back_to_the_same_cells(header: list[str], rows: list[list[str]]) -> None:
    rejects = [reject(i, *row) for i, row in enumerate(rows)]
    read = table(rejects_csv(header, rejects))
    assert read.as_written == tuple(header)
    padded = [tuple(row + [""] * (len(header) - len(row))) for row in rows]
    assert [row.cells for row in read.rows] == padded
    # and once more: correcting may take several rounds
    again = table(rejects_csv(read.as_written, [Reject(r.number, r.line, PROBLEM, r.cells) for r in read.rows]))
    assert [row.cells for row in again.rows] == padded


def test_personal_cells_are_not_in_what_a_log_would_show() -> None:
    shown = repr(Row(2, 2, ("ann@example.com",))) + repr(reject(2, "ann@example.com"))
    assert "ann@" not in shown
