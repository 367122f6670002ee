"""The word of a running box: written whole, believed only while it is true, for programs to use."""

import json
import os
import socket
from dataclasses import replace

import pytest

from absolute.desk.box_state import BoxState, clear_state, read_state, state_of, write_state
from absolute.domain.errors import UserError


@pytest.fixture
def state():
    """The word of a box that lives, as far as a process and a port can tell."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield BoxState(
            pid=os.getpid(),
            host="127.0.0.1",
            port=listening.getsockname()[1],
            proxy_port=1234,
            ca="box.ca",
            hosts={"bybit": ("api.bybit.com",), "box": ("box.absolute.invalid",)},
            keys={"bybit:demo": {"key": "k", "secret": "s"}},
        )


def test_what_was_written_is_read_back_and_only_this_user_may_read_it(state, tmp_path):
    path = write_state(state, tmp_path / "new")
    assert read_state(tmp_path / "new") == state
    assert path.stat().st_mode & 0o077 == 0
    assert [each.name for each in path.parent.iterdir()] == ["box.json"]


def test_what_serve_prints_is_a_state_as_well(state):
    assert state_of(json.loads(json.dumps(state.to_json()))) == state


def test_where_no_box_runs_one_sentence_says_so(state, tmp_path):
    silent = replace(state, port=1)
    gone = replace(state, pid=2**22 - 3)
    for word in (None, "{", "[]", "{}", silent, gone):
        if isinstance(word, BoxState):
            write_state(word, tmp_path)
        elif word is not None:
            (tmp_path / "box.json").write_text(word)
        with pytest.raises(UserError, match="absolute exchange serve") as mistake:
            read_state(tmp_path)
        assert mistake.value.code == "BOX_NOT_RUNNING"


def test_a_box_takes_back_its_own_word_and_no_others(state, tmp_path):
    other = replace(state, proxy_port=99)
    write_state(other, tmp_path)
    clear_state(state, tmp_path)
    assert read_state(tmp_path) == other
    clear_state(other, tmp_path)
    clear_state(other, tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_environment_leads_every_kind_of_program_to_the_proxy_and_to_no_other_trust(state):
    told = state.environment()
    assert {told[name] for name in ("HTTPS_PROXY", "https_proxy")} == {"http://127.0.0.1:1234"}
    assert {
        told[name]
        for name in (
            "SSL_CERT_FILE",
            "REQUESTS_CA_BUNDLE",
            "CURL_CA_BUNDLE",
            "WEBSOCKET_CLIENT_CA_BUNDLE",
            "NODE_EXTRA_CA_CERTS",
        )
    } == {"box.ca"}
    assert told["NO_PROXY"] == told["no_proxy"] == ""


def test_the_address_names_every_host_that_is_shown(state):
    assert state.address.names == {"api.bybit.com", "box.absolute.invalid"}
