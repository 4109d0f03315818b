"""Which servers may stand for those of the data."""

import pytest

from gwsa.gwsa_plugin.core.base.errors import InputError
from gwsa.gwsa_plugin.core.fetching.servers import DUMMY_LOGIN, VARIABLE, Servers


@pytest.mark.parametrize("environment", [{}, {VARIABLE: ""}, {VARIABLE: " "}])
def test_without_the_variable_the_real_servers_are_asked(environment):
    servers = Servers.from_environment(environment)
    assert servers.are_real and servers.token("mine") == "mine"
    assert servers.address("https://host.org/a?b=c") == "https://host.org/a?b=c"


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:8000", "http://localhost:80/", "http://[::1]:9"]
)
def test_a_server_of_this_machine_stands_for_all(address):
    servers = Servers.from_environment({VARIABLE: address})
    assert not servers.are_real
    assert servers.address("https://host.org/a?b=c") == f"{address.rstrip('/')}/host.org/a?b=c"
    assert servers.token("mine") == DUMMY_LOGIN


@pytest.mark.parametrize(
    "address",
    [
        "http://example.org",
        "https://127.0.0.1",
        "http://127.0.0.1.example.org",
        "http://user@example.org#127.0.0.1",
        "http://127.0.0.1@example.org",
        "127.0.0.1:8000",
        "file:///etc",
        "http://[::1",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:port",
    ],
)
def test_no_other_server_does(address):
    with pytest.raises(InputError, match=f"{VARIABLE} is "):
        Servers.from_environment({VARIABLE: address})
