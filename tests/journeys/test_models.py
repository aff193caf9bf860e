"""A whole bot with language models: where text goes, what a stop does, and what comes back after a crash."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.setting_types import is_loopback
from tests.journeys.process import command, person, running, say, watched
from tests.servers import mistral
from tests.servers.ollama import Layer, OllamaServer, cloud
from tests.servers.openai import OpenAiServer

KEY = "a-key-that-happens-to-be-there"
FOREIGN = {
    "MISTRAL_API_KEY": KEY,
    "OPENAI_API_KEY": KEY,
    "OLLAMA_HOST": "https://ollama.example.com",
    "MARTIN_MODELS__OPENAI__BASE_URL": "https://api.example.com/v1",
    "MARTIN_MODELS__OPENAI__API_KEY": KEY,
    "HTTPS_PROXY": "http://proxy.example.com:3128",
    "HTTP_PROXY": "http://proxy.example.com:3128",
    "MARTIN_MODELS__PROVIDER": "auto",
}


def hosts(ledger: Path) -> set[str]:
    """Every host in a socket ledger that is not this machine."""
    seen = {line.partition(" ")[2] for line in ledger.read_text().splitlines()}
    return {host for host in seen if not is_loopback(host) and host not in ("", "None")}


@pytest.mark.timeout(120)
async def test_with_keys_and_addresses_around_but_nothing_named_not_one_byte_leaves(tmp_path: Path) -> None:
    ledger = tmp_path / "sockets"
    ledger.touch()
    async with watched(tmp_path / "data", ledger, **FOREIGN) as bot, person(bot.address, "a-private-person") as ana:
        reply = await say(ana, "¿Qué sabes de mí?")
        assert reply["model"] == "offline"
        assert "fallback" not in reply["flags"]
        await say(ana, "/about")
        assert await bot.end() == 0
    status, written = await command(tmp_path / "data", "doctor", **FOREIGN)
    assert status == 0, written
    assert hosts(ledger) == set()


@pytest.mark.timeout(120)
async def test_the_ledger_would_see_a_remote_host_that_is_named(tmp_path: Path) -> None:
    ledger = tmp_path / "sockets"
    ledger.touch()
    settings = {**FOREIGN, "MARTIN_MODELS__PROVIDER": "openai", "HTTPS_PROXY": "", "HTTP_PROXY": ""}
    async with watched(tmp_path / "data", ledger, **settings) as bot, person(bot.address, "a-private-person") as ana:
        reply = await say(ana, "hello")
        assert reply["model"] == "offline"
        assert "fallback" in reply["flags"]
    assert "api.example.com" in hosts(ledger)


@pytest.mark.timeout(120)
async def test_a_cloud_model_of_the_local_server_is_never_asked_by_itself(tmp_path: Path) -> None:
    async with OllamaServer(cloud(), cloud("kimi-k2:cloud", remote_host="")) as server:
        settings = {"MARTIN_MODELS__PROVIDER": "auto", "OLLAMA_HOST": server.address}
        async with running(tmp_path, **settings) as bot, person(bot.address, "a-private-person") as ana:
            reply = await say(ana, "hello")
            assert reply["model"] == "offline"
        assert server.generations == 0
        assert server.models_asked == []


@pytest.mark.timeout(120)
async def test_auto_finds_the_local_server_and_says_that_text_stays(tmp_path: Path) -> None:
    async with OllamaServer() as server:
        settings = {"MARTIN_MODELS__PROVIDER": "auto", "OLLAMA_HOST": server.address}
        async with running(tmp_path, **settings) as bot, person(bot.address, "a-curious-person") as ana:
            reply = await say(ana, "What is the colour of the sea?")
            assert reply["model"].startswith("ollama/")
            assert "What is the colour of the sea?" in reply["text"]
            about = await say(ana, "/about")
            assert "stays on the machine" in about["text"]
        assert server.problems == []


@pytest.mark.parametrize("backend", ["ollama", "openai", "mistral"])
@pytest.mark.timeout(120)
async def test_stop_ends_the_generation_and_the_server_sees_the_connection_close(backend: str, tmp_path: Path) -> None:
    servers = {"ollama": OllamaServer, "openai": OpenAiServer, "mistral": mistral.MistralServer}
    async with servers[backend]() as server:
        server.between_tokens_s = 0.2
        server.say = lambda _: "A long story without any end to it. " * 50
        settings = {
            "MARTIN_MODELS__PROVIDER": backend,
            "MARTIN_MODELS__OLLAMA__HOST": server.address,
            "MARTIN_MODELS__OPENAI__BASE_URL": f"{server.address}/v1",
            "MARTIN_MODELS__MISTRAL__SERVER_URL": server.address,
            "MARTIN_MODELS__MISTRAL__API_KEY": mistral.KEY,
        }
        async with running(tmp_path, **settings) as bot, person(bot.address, "an-impatient-person") as ana:
            server.left.clear()
            asking = asyncio.create_task(say(ana, "Tell me a story."))
            async with asyncio.timeout(60):
                while not server.running:
                    assert not asking.done(), asking.result()
                    await asyncio.sleep(0.05)
                turn_id = ""
                while not turn_id:
                    open_turns = (await ana.get("/api/messages")).json()["running"]
                    turn_id = open_turns[0]["turn_id"] if open_turns else ""
                await asyncio.sleep(0.6)
                began = asyncio.get_running_loop().time()
                stopped = await ana.post(f"/api/turns/{turn_id}/stop")
                assert stopped.json()["stopped"]
                await server.left.wait()
            took_s = asyncio.get_running_loop().time() - began
            reply = await asking
            assert "stopped" in reply["flags"]
            assert reply["text"].startswith("A long story")
            assert reply["model"].startswith(backend)
            assert took_s < 5, "1 s on a quiet machine"
        assert server.problems == []


async def test_a_model_is_downloaded_from_the_command_line_with_its_progress(tmp_path: Path) -> None:
    async with OllamaServer() as server:
        server.library["ministral-3:3b"] = [Layer(size=3_000_000_000, parts=20), Layer(size=1000)]
        settings = {"MARTIN_MODELS__PROVIDER": "auto", "OLLAMA_HOST": server.address}
        status, written = await command(tmp_path, "model-pull", **settings)
        assert status == 0, written
        assert "50 %" in written
        assert "1.5 of 3.0 GB" in written
        assert "ministral-3:3b is here" in written
        assert written.count("\n") < 20, "a line for every tenth where there is no terminal"
        assert "ministral-3:3b" in server.models
        assert server.problems == []


@pytest.mark.parametrize(
    ("arguments", "settings", "status", "says"),
    [
        (("no-such-model",), {}, 1, "There is no such model"),
        (("two words",), {}, 1, "There is no such model"),
        (("x",), {"OLLAMA_HOST": "http://127.0.0.1:1"}, 1, "The local server does not answer"),
        (("x",), {"MARTIN_MODELS__PROVIDER": "offline"}, 2, "No Ollama server is asked"),
    ],
    ids=["unknown", "no name", "no server", "not asked for"],
)
async def test_a_download_that_cannot_be_says_what_to_do(
    arguments: tuple[str, ...], settings: dict[str, str], status: int, says: str, tmp_path: Path
) -> None:
    async with OllamaServer() as server:
        given = {"MARTIN_MODELS__PROVIDER": "auto", "OLLAMA_HOST": server.address, **settings}
        ended, written = await command(tmp_path, "model-pull", *arguments, **given)
        assert says in written
        assert "Traceback" not in written
        assert ended == status


async def test_doctor_tries_the_model_and_says_how_soon_it_began_to_answer(tmp_path: Path) -> None:
    async with OllamaServer() as server:
        settings = {"MARTIN_MODELS__PROVIDER": "ollama", "OLLAMA_HOST": server.address}
        status, written = await command(tmp_path, "doctor", **settings)
        assert status == 0, written
        assert "ollama/llama3.2" in written
        assert "first token after" in written
        server.models.clear()
        status, written = await command(tmp_path, "doctor", LANG="es_ES.UTF-8", **settings)
        assert status == 0, written
        assert "Descárgalo: `python -m bot model-pull ministral-3:3b`" in written
