"""What a search is made of: orders, and the sizes of pages."""

import pytest

from jobd.core.errors import BadValue
from jobd.core.history.searching import LARGEST_PAGE, NEWEST, Field, Sort, page_size, parse_sort


def test_orders() -> None:
    """By the name of a field, falling with a sign before it."""
    assert parse_sort("-id") == NEWEST
    for field in Field:
        assert (parse_sort(field.value), parse_sort(f"-{field}")) == (Sort(field, False), Sort(field, True))
    for wrong in ("", "-", "--id", "ID", "colour", "id,name"):
        with pytest.raises(BadValue, match="is no order; there are id, created"):
            parse_sort(wrong)


def test_sizes_of_pages() -> None:
    """More than the largest is the largest; a negative number is none."""
    assert [page_size(size) for size in (0, 1, LARGEST_PAGE, LARGEST_PAGE + 1, 10**40)] == [0, 1, *[LARGEST_PAGE] * 3]
    with pytest.raises(BadValue, match="-1 is negative"):
        page_size(-1)
