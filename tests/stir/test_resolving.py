import socket

import pytest

from headwater.stir.resolving import NotPublic, public_address

PUBLIC = "93.184.216.34"


def told(*addresses):
    return lambda _host, _port: list(addresses)


def test_the_first_of_public_addresses_is_the_one_that_is_dialled():
    assert public_address("carrier.example", 443, resolve=told(PUBLIC, "1.1.1.1")) == PUBLIC


@pytest.mark.parametrize("private", ["127.0.0.1", "10.0.0.7", "169.254.169.254", "::1", "::ffff:10.0.0.7"])
def test_one_private_answer_among_public_ones_refuses_the_name(private):
    with pytest.raises(NotPublic, match=r"carrier\.example resolves to"):
        public_address("carrier.example", 443, resolve=told(PUBLIC, private))


def test_a_host_that_the_operator_calls_their_own_may_be_private():
    assert public_address("hub.internal", 443, resolve=told("10.0.0.7"), internal=True) == "10.0.0.7"


def test_a_name_without_an_address_says_so():
    with pytest.raises(OSError, match=r"carrier\.example has no address"):
        public_address("carrier.example", 443, resolve=told())


@pytest.mark.parametrize("fault", [socket.gaierror(-2, "Name or service not known"), UnicodeError("label too long")])
def test_a_resolver_that_fails_is_a_name_without_an_address(fault):
    def fails(_host, _port):
        raise fault

    with pytest.raises(OSError, match=r"carrier\.example has no address: "):
        public_address("carrier.example", 443, resolve=fails)
