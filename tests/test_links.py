"""Only the hosts that a person named stay links, whatever an address is dressed up as."""

from __future__ import annotations

import time

import pytest

from bot.links import LONGEST_LINK, addresses, hosts, is_active, names

ASKED = "Resume https://docs.python.org/3/ y www.Example.COM, gracias"


def found(text: str) -> list[str]:
    return [address.text for address in addresses(text)]


def test_addresses_are_found_without_the_punctuation_around_them() -> None:
    text = "Mira (https://a.org/x_(y)), «http://b.org/?q=1»; c.example/z. Fin"
    assert found(text) == ["https://a.org/x_(y)", "http://b.org/?q=1", "c.example/z"]
    assert [text[address.start : address.end] for address in addresses(text)] == found(text)


@pytest.mark.parametrize("text", ["3.14", "v1.2.3", "EE.UU.", "fin.Luego", "10:30", "p.ej.", "a.b", "...", "1.2.3.999"])
def test_ordinary_writing_is_no_address(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    "text",
    [
        *(
            "evil.com",
            "WWW.EVIL.COM",
            "evil.cOm",
            "a.evil.com.x1/y",
            "10.0.0.1:80/x",
            "discord.gg/abc",
            "t.me/x",
            "xn--80ak6aa92e.xn--p1ai",
        ),
        *("кремль.рф", "tg://user?id=1", "ftp://x", "3.14/evil.com", "...evil.com", "a@evil.com"),
        *("a@evil.com__https://x.gg", "WWW.EVIL.COM@here10.0.0.1:80", "_x.y://z", "a.b@c.d@evil.com"),
    ],
)
def test_whatever_a_client_may_make_into_a_link_is_found(text: str) -> None:
    assert found(text)


def test_an_e_mail_address_is_one_address() -> None:
    assert found("a@b.c y ana.b+c@example.org, z") == ["ana.b+c@example.org"]
    assert not is_active("ana@example.org", hosts("ana@example.org, example.org"))


def test_hosts_are_compared_without_case_and_www() -> None:
    assert hosts(ASKED) == {"docs.python.org", "example.com"}
    assert is_active("https://DOCS.python.org:443/3/library?q=a#b", hosts(ASKED))
    assert is_active("example.com/x", hosts(ASKED))


@pytest.mark.parametrize(
    "address",
    [
        *("https://evil.org/", "https://python.org/", "https://docs.python.org.evil.org/", "https://x.docs.python.org/"),
        *("https://docs.python.org@evil.org/", "https://docs.python.org\\@evil.org/", "https://evil.org\\docs.python.org/"),
        *("tg://docs.python.org", "javascript://docs.python.org", "ftp://docs.python.org/", "docs.python.org@example.com"),
        *(
            "https://docs.python.org/ x",
            "https://docs.python.org/\x00",
            "https://[docs.python.org/",
            "https:///docs.python.org",
        ),
        *("https://docs.python.org/https://evil.org/", "https://docs.python.org/`x`", ""),
    ],
)
def test_what_only_looks_like_a_named_host_is_no_link(address: str) -> None:
    assert not is_active(address, hosts(ASKED))


def test_an_address_that_carries_much_data_is_no_link() -> None:
    begin = "https://docs.python.org/?"
    assert is_active(begin + "x" * (LONGEST_LINK - len(begin)), hosts(ASKED))
    assert not is_active(begin + "x" * LONGEST_LINK, hosts(ASKED))


def test_names_are_found_wherever_they_stand() -> None:
    assert [name.text for name in names("@ana y (@luis_2), a@b, x@everyone")] == ["@ana", "@luis_2", "@everyone"]


@pytest.mark.parametrize("unit", ["a.", "https://", "a-b", "@ab", "((((", "x@", "1.", ":/"])
def test_a_long_text_takes_time_in_line_with_its_length(unit: str) -> None:
    began = time.perf_counter()
    addresses(unit * 10_000)
    addresses("https://a.org/" + ")" * 10_000)
    assert time.perf_counter() - began < 2.0
