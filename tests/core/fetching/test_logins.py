"""The hosts that a token belongs to, and the sentences that help with it."""

import pytest

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.fetching.logins import (
    Account,
    checked_token,
    read_logins,
    secrets_of,
)

EARTHDATA = read_logins()["earthdata"]


@pytest.mark.parametrize("host", EARTHDATA.hosts)
def test_the_token_belongs_to_the_hosts_of_its_login(host):
    assert EARTHDATA.belongs_to(f"https://{host}/a")
    assert EARTHDATA.belongs_to(f"https://{host.upper()}:443/a")


@pytest.mark.parametrize(
    "url",
    [
        f"http://{EARTHDATA.hosts[0]}/a",
        f"https://{EARTHDATA.hosts[0]}:8443/a",
        f"https://{EARTHDATA.hosts[0]}.example.org/a",
        f"https://example.org/{EARTHDATA.hosts[0]}",
        f"https://{EARTHDATA.hosts[0]}@example.org/a",
        f"https://{EARTHDATA.login_host}/a",
        "https://cmr.earthdata.nasa.gov/search",
    ],
)
def test_it_belongs_to_no_other(url):
    assert not EARTHDATA.belongs_to(url)


def test_the_sentences_name_the_page_to_open():
    assert EARTHDATA.account in EARTHDATA.missing and EARTHDATA.tokens in EARTHDATA.missing
    assert EARTHDATA.tokens in EARTHDATA.refused("a-token")
    assert EARTHDATA.tokens in EARTHDATA.refused(Account("user", "password"))
    sentence = EARTHDATA.not_approved("opendap.earthdata.nasa.gov")
    assert EARTHDATA.approvals in sentence and "opendap.earthdata.nasa.gov" in sentence


@pytest.mark.parametrize(
    ("user", "secret", "held"),
    [
        ("", "any-token", "any-token"),
        ("me", "eyJ0eXAi.eyJ0eXBl.c2lnbg", "eyJ0eXAi.eyJ0eXBl.c2lnbg"),
        ("me", "a password", Account("me", "a password")),
        ("me", "eyJ.b", Account("me", "eyJ.b")),
    ],
)
def test_an_entry_holds_a_token_or_an_account(user, secret, held):
    assert secrets_of(user, secret) == {"appeears": held, "earthdata": held}


@pytest.mark.parametrize("user", ["", "me"])
def test_an_entry_without_a_secret_holds_nothing(user):
    assert secrets_of(user, "") == {}


@pytest.mark.parametrize(
    "token",
    [
        "a b",
        "Bearer abc",
        "abc\ndef",
        "abc\r\nX-Other: 1",
        '"abc"',
        "tok\u00e9n",
        "\U0001f511abc",
        "=a",
    ],
)
def test_a_text_that_is_no_token_is_refused_and_not_shown(token):
    with pytest.raises(InputError, match="copy it again") as caught:
        secrets_of("", token)
    assert token not in str(caught.value)
    with pytest.raises(InputError, match="copy it again"):
        checked_token(token)


def test_a_password_can_have_any_character():
    held = Account("me", 'a "p\u00e4ssword"')
    assert secrets_of(*held) == {"appeears": held, "earthdata": held}
