"""The JSON surface over real HTTP: streams, replays, histories, ratings, and errors of one shape."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from hashlib import sha256

import pytest

from bot.types import Address, ChannelName, Kind, OutboxId, Outgoing, OutgoingKind, Reply
from tests.fakes import FakeParts
from tests.web.client import ANA, BEA, at_home, error_of, events, reply, say, stream


async def test_a_message_is_accepted_streams_and_ends_in_one_reply() -> None:
    async with at_home() as (_, client):
        seen = await say(client, "slow one two three", event_id="my-1")
    names = [name for name, _ in seen]
    assert names[0] == "accepted"
    assert names[-1] == "reply"
    assert "preview" in names
    assert names.count("reply") == 1
    assert seen[0][1]["event_id"] == "my-1"
    assert seen[0][1]["turn_id"] == seen[-1][1]["turn_id"]
    assert {"turn_id", "text", "choices", "rateable", "model", "flags"} <= set(seen[-1][1])
    assert seen[-1][1]["text"] == "one two three"


async def test_previews_carry_the_whole_text_so_far() -> None:
    async with at_home() as (_, client):
        previews = [data["text"] for name, data in await say(client, "slow one two three") if name == "preview"]
    assert all("one two three".startswith(text) for text in previews)
    assert previews == sorted(previews, key=len)


async def test_the_same_event_again_repeats_the_stored_reply_without_a_second_turn() -> None:
    async with at_home() as (house, client):
        first = await reply(client, "hello", event_id="e1")
        second = await reply(client, "hello", event_id="e1")
        assert second["turn_id"] == first["turn_id"]
        assert second["text"] == first["text"]
        assert len(house.rows) == 1


async def test_the_same_event_while_the_turn_runs_joins_it() -> None:
    async with at_home() as (house, client):
        first = asyncio.create_task(say(client, "hold this", event_id="e1"))
        await _until(lambda: len(house.rows) == 1)
        second = asyncio.create_task(say(client, "hold this", event_id="e1"))
        await asyncio.sleep(0.1)
        house.release.set()
        assert (await first)[-1][1]["turn_id"] == (await second)[-1][1]["turn_id"]
        assert len(house.rows) == 1


async def test_who_joins_late_sees_what_is_written_at_once() -> None:
    async with at_home() as (house, client):
        house.word_s = 30
        async with client.stream("POST", "/api/messages", json={"text": "slow one two", "event_id": "e"}, headers=ANA):
            await _until(lambda: len(house.rows) == 1)
            await asyncio.sleep(0.05)
        async for name, data in stream(client, "/api/messages", {"text": "slow one two", "event_id": "e"}, headers=ANA):
            if name == "preview":
                assert data["text"] == "one"
                break
        assert house.rows


async def test_another_text_under_a_known_event_id_is_a_conflict() -> None:
    async with at_home() as (_, client):
        await say(client, "hello", event_id="e1")
        response = await client.post("/api/messages", json={"text": "other", "event_id": "e1"}, headers=ANA)
        assert response.status_code == 409
        assert error_of(response) == "event_id_taken"


async def test_the_same_event_id_of_another_session_is_another_message() -> None:
    async with at_home() as (house, client):
        await say(client, "hello", event_id="e1")
        assert (await reply(client, "other", BEA, event_id="e1"))["text"] == "You said: other"
        assert len(house.rows) == 2


async def test_a_session_reaches_the_core_as_its_hash_only() -> None:
    async with at_home() as (house, client):
        await say(client, "hello", event_id="e1")
    (row,) = house.rows.values()
    digest = sha256(b"ana-has-a-session").hexdigest()
    assert row.message.address == Address(channel=ChannelName.WEB, chat=digest, user=digest)
    assert "ana-has-a-session" not in repr(row.message)


async def test_a_client_that_leaves_does_not_stop_its_turn() -> None:
    async with at_home() as (house, client):
        async for name, _ in stream(client, "/api/messages", {"text": "hold on", "event_id": "e1"}, headers=ANA):
            assert name == "accepted"
            break
        await asyncio.sleep(0.05)
        house.release.set()
        assert (await reply(client, "hold on", event_id="e1"))["text"] == "You said: hold on"


async def test_a_notice_for_a_refused_message_is_an_error_event() -> None:
    async with at_home() as (_, client):
        name, data = (await say(client, "refuse me", event_id="e1"))[-1]
        assert (name, data["message"]) == ("error", "Too many messages at once.")
        assert (await say(client, "refuse me", event_id="e1"))[-1][0] == "error"


async def test_a_turn_that_says_nothing_ends_the_stream_all_the_same() -> None:
    async with at_home() as (_, client):
        seen = await asyncio.wait_for(say(client, "quiet"), 3)
    assert seen[-1][0] == "reply"
    assert seen[-1][1]["text"] == ""


async def test_typed_stop_ends_the_running_answer_and_comes_back_at_once() -> None:
    async with at_home() as (_, client):
        assert (await asyncio.wait_for(say(client, "/stop"), 3))[-1][0] == "reply"


async def test_stopping_keeps_what_is_written_and_says_so() -> None:
    async with at_home() as (house, client):
        house.word_s = 0.05
        running = asyncio.create_task(say(client, "slow " + "word " * 200))
        await _until(lambda: len(house.rows) == 1)
        await asyncio.sleep(0.15)
        (row,) = house.rows.values()
        response = await client.post(f"/api/turns/{row.id}/stop", headers=ANA)
        assert response.json()["stopped"] is True
        data = (await running)[-1][1]
        assert data["flags"] == ["partial", "stopped"]
        assert 0 < len(data["text"].split()) < 200


async def test_nobody_stops_another_sessions_answer() -> None:
    async with at_home() as (house, client):
        running = asyncio.create_task(say(client, "hold"))
        await _until(lambda: len(house.rows) == 1)
        (row,) = house.rows.values()
        response = await client.post(f"/api/turns/{row.id}/stop", headers=BEA)
        assert (response.status_code, error_of(response)) == (404, "unknown_turn")
        assert not row.stop.is_set()
        house.release.set()
        await running


async def test_stopping_an_answer_that_is_there_already_is_late_and_no_mistake() -> None:
    async with at_home() as (_, client):
        turn_id = (await reply(client, "hello"))["turn_id"]
        response = await client.post(f"/api/turns/{turn_id}/stop", headers=ANA)
        assert (response.status_code, response.json()["stopped"]) == (200, False)


async def test_stopping_or_repeating_an_unknown_turn_and_somebody_elses_look_the_same() -> None:
    async with at_home() as (house, client):
        turn_id = (await reply(client, "hello"))["turn_id"]
        await say(client, "mine", BEA)
        count = len(house.rows)
        for verb in ("stop", "again"):
            responses = [
                await client.post(f"/api/turns/{id}/{verb}", headers=BEA) for id in (turn_id, "0123456789abcdefghjkmnpqrs")
            ]
            assert {(response.status_code, error_of(response)) for response in responses} == {(404, "unknown_turn")}
            assert responses[0].text == responses[1].text
        assert [row.message.kind for row in house.rows.values()][count:] == [Kind.STOP, Kind.STOP]


async def test_who_writes_on_while_too_much_waits_is_asked_to_wait() -> None:
    async with at_home() as (_, client):
        name, data = (await say(client, "flood"))[-1]
        assert name == "error"
        assert "wait a moment" in data["message"]
        spanish = (await say(client, "flood more", ANA | {"Accept-Language": "es"}))[-1][1]["message"]
        assert spanish.startswith("Todavía estoy respondiendo")


async def test_again_streams_another_answer_to_the_same_question() -> None:
    async with at_home() as (_, client):
        first = await reply(client, "hello")
        async for name, data in stream(client, f"/api/turns/{first['turn_id']}/again", {}, headers=ANA):
            if name == "reply":
                assert data["text"] == "Once more: hello"


async def test_a_choice_streams_its_reply_and_is_marked_in_the_history() -> None:
    async with at_home() as (_, client):
        asked = await reply(client, "choose")
        assert [choice["key"] for choice in asked["choices"]] == ["a", "b", "c"]
        seen = [e async for e in stream(client, "/api/choices", {"turn_id": asked["turn_id"], "key": "b"}, headers=ANA)]
        assert seen[-1][1]["text"] == "You chose b."
        history = (await client.get("/api/messages", headers=ANA)).json()
        assert history["messages"][0]["chosen"] == "b"


async def test_a_rating_its_reason_and_its_correction_come_back_with_the_history() -> None:
    async with at_home() as (_, client):
        turn_id = (await reply(client, "hello"))["turn_id"]
        for change in ({"value": -1}, {"value": -1, "reason": "long"}, {"value": -1, "correction": "Say hi."}):
            response = await client.post("/api/ratings", json={"turn_id": turn_id, **change}, headers=ANA)
            assert response.status_code == 200
            assert response.json()["message"] == "Noted."
        (message,) = (await client.get("/api/messages", headers=ANA)).json()["messages"]
        assert message["rating"] == {"value": -1, "reason": "long", "correction": "Say hi."}
        await client.post("/api/ratings", json={"turn_id": turn_id, "value": 0}, headers=ANA)
        (message,) = (await client.get("/api/messages", headers=ANA)).json()["messages"]
        assert message["rating"]["value"] == 0


async def test_rating_an_unknown_turn_and_somebody_elses_look_the_same() -> None:
    async with at_home() as (house, client):
        turn_id = (await reply(client, "hello"))["turn_id"]
        responses = [
            await client.post("/api/ratings", json={"turn_id": id, "value": 1}, headers=BEA)
            for id in (turn_id, "0123456789abcdefghjkmnpqrs", "../../etc/passwd")
        ]
        assert {response.status_code for response in responses} == {404}
        assert {response.text for response in responses} == {responses[0].text}
        assert house.turn(turn_id).past.rating is None  # type: ignore[union-attr]  # it was just answered


BAD_INPUT: list[tuple[str, object, int, str]] = [
    ("/api/messages", {}, 422, "invalid"),
    ("/api/messages", {"text": 7}, 422, "invalid"),
    ("/api/messages", {"text": "   \n"}, 422, "empty"),
    ("/api/messages", {"text": "x" * 16_001}, 422, "text_too_long"),
    ("/api/messages", {"text": "x", "event_id": "a b"}, 422, "bad_event_id"),
    ("/api/messages", {"text": "x", "event_id": "e" * 129}, 422, "bad_event_id"),
    ("/api/messages", ["text"], 422, "invalid"),
    ("/api/choices", {"turn_id": "x"}, 422, "invalid"),
    ("/api/choices", {"turn_id": "x", "key": ""}, 422, "invalid"),
    ("/api/choices", {"turn_id": "né", "key": "a"}, 404, "unknown_turn"),
    ("/api/ratings", {"turn_id": "x", "value": 2}, 422, "invalid"),
    ("/api/ratings", {"turn_id": "x", "value": True}, 422, "invalid"),
    ("/api/ratings", {"turn_id": "x", "value": 1, "reason": "dull"}, 422, "invalid"),
    ("/api/turns/!/again", {}, 404, "unknown_turn"),
    ("/api/nothing", {}, 404, "not_found"),
    ("/health/live", {}, 405, "method_not_allowed"),
]


async def test_bad_input_is_told_what_was_expected() -> None:
    async with at_home() as (house, client):
        for path, body, status, code in BAD_INPUT:
            response = await client.post(path, json=body, headers=ANA)
            assert (response.status_code, error_of(response)) == (status, code), (path, body)
        assert not house.rows


async def test_a_validation_error_names_the_field_and_what_it_takes() -> None:
    async with at_home() as (_, client):
        response = await client.post("/api/ratings", json={"turn_id": "x", "value": 1, "reason": "dull"}, headers=ANA)
        assert "$.reason" in response.json()["error"]["message"]


async def test_errors_speak_the_clients_language_and_the_core_hears_of_it() -> None:
    async with at_home() as (_, client):
        spanish = {"Accept-Language": "es-MX,es;q=0.9,en;q=0.5"}
        response = await client.post("/api/messages", json={"text": "x" * 20_000}, headers=ANA | spanish)
        assert error_of(response) == "text_too_long"
        assert response.json()["error"]["message"].startswith("Ese texto es demasiado largo")
        async with at_home() as (house, other):
            await say(other, "hola", ANA | spanish)
            (row,) = house.rows.values()
            assert row.message.locale == "es-MX"


@pytest.mark.parametrize("is_announced", [True, False])
async def test_a_body_beyond_one_mebibyte_is_refused_announced_or_not(is_announced: bool) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(24):
            yield b" " * 64 * 1024

    async with at_home() as (house, client):
        content = b" " * (1024 * 1024 + 1) if is_announced else pieces()
        headers = ANA | {"Content-Type": "application/json"}
        response = await client.post("/api/messages", content=content, headers=headers)
        assert response.status_code == 413
        assert error_of(response) == "body_too_large"
        assert not house.rows


async def test_what_is_not_json_is_told_so() -> None:
    async with at_home() as (_, client):
        form = await client.post("/api/messages", data={"text": "hi"}, headers=ANA)
        assert (form.status_code, error_of(form)) == (415, "not_json")
        for content in (b"{", b"\xff\xfe", b'{"text": "\\ud800"}', b"[" * 200_000, b'{"text": ' + b"9" * 9000 + b"}"):
            broken = await client.post("/api/messages", content=content, headers=ANA | {"Content-Type": "application/json"})
            assert broken.status_code in (400, 422)


async def test_a_full_disk_is_a_503_that_says_when_to_come_back() -> None:
    async with at_home() as (house, client):
        house.is_full = True
        for response in (
            await client.post("/api/messages", json={"text": "hi"}, headers=ANA),
            await client.get("/api/messages", headers=ANA),
        ):
            assert (response.status_code, error_of(response)) == (503, "unavailable")
            assert int(response.headers["retry-after"]) > 0
        house.is_full = False
        assert (await reply(client, "hi"))["text"] == "You said: hi"


async def test_while_the_bot_drains_messages_are_refused_with_503() -> None:
    async with at_home() as (house, client):
        house.web.drain()
        response = await client.post("/api/messages", json={"text": "hi"}, headers=ANA)
        assert (response.status_code, error_of(response)) == (503, "unavailable")


async def test_the_history_pages_backwards_and_is_the_sessions_own() -> None:
    async with at_home() as (_, client):
        ids = [(await reply(client, f"message {count}"))["turn_id"] for count in range(5)]
        await say(client, "not yours", BEA)
        page = (await client.get("/api/messages?limit=2", headers=ANA)).json()
        assert ([m["turn_id"] for m in page["messages"]], page["more"]) == (ids[3:], True)
        page = (await client.get(f"/api/messages?limit=3&before={ids[3]}", headers=ANA)).json()
        assert ([m["turn_id"] for m in page["messages"]], page["more"]) == (ids[:3], False)
        assert (await client.get("/api/messages?limit=0", headers=ANA)).status_code == 422


async def test_the_history_names_what_is_still_being_answered() -> None:
    async with at_home() as (house, client):
        running = asyncio.create_task(say(client, "hold", event_id="e1"))
        await _until(lambda: len(house.rows) == 1)
        (open,) = (await client.get("/api/messages", headers=ANA)).json()["running"]
        assert (open["event_id"], open["text"]) == ("e1", "hold")
        house.release.set()
        await running
        assert (await client.get("/api/messages", headers=ANA)).json()["running"] == []


async def test_another_tab_hears_what_was_said_answered_and_rated() -> None:
    async with at_home() as (_, client), client.stream("GET", "/api/events", headers=ANA) as tab:
        heard = events(tab)
        data = await reply(client, "hello", event_id="e1")
        name, said = await anext(heard)
        assert (name, said["text"], said["event_id"]) == ("said", "hello", "e1")
        name, answered = await anext(heard)
        assert (name, answered["turn_id"]) == ("reply", data["turn_id"])
        await client.post("/api/ratings", json={"turn_id": data["turn_id"], "value": 1}, headers=ANA)
        name, rated = await anext(heard)
        assert (name, rated["value"]) == ("rating", 1)


async def test_another_session_hears_nothing() -> None:
    async with at_home() as (_, client), client.stream("GET", "/api/events", headers=BEA) as tab:
        heard = asyncio.ensure_future(anext(events(tab)))
        await say(client, "hello")
        await asyncio.sleep(0.3)
        assert not heard.done()
        await say(client, "mine", BEA)
        assert (await heard)[1]["text"] == "mine"


async def test_a_due_message_reaches_an_open_page() -> None:
    async with at_home() as (house, client), client.stream("GET", "/api/events", headers=ANA) as tab:
        await say(client, "hello")
        (row,) = house.rows.values()
        due = Outgoing(
            id=OutboxId("due1"), kind=OutgoingKind.DUE, address=row.message.address, reply=Reply(text="Remember!"), nonce="n"
        )
        heard = events(tab)
        assert await house.web.deliver(due, FakeParts()) == ()
        assert [(await anext(heard))[0] for _ in range(2)] == ["said", "reply"]
        name, data = await anext(heard)
        assert (name, data["text"], data["kind"]) == ("reply", "Remember!", "due")


async def test_silence_on_a_stream_is_filled_with_heartbeats() -> None:
    async with at_home() as (_, client), client.stream("GET", "/api/events", headers=ANA) as tab:
        lines = tab.aiter_lines()
        beats = [await anext(lines) for _ in range(6)]
        assert beats.count(":") >= 2


async def test_health_tells_living_from_ready() -> None:
    async with at_home() as (house, client):
        assert (await client.get("/health/live")).status_code == 200
        ready = await client.get("/health/ready")
        assert (ready.status_code, ready.json()["checks"]) == (200, {"store": "ok"})
        house.checks = {"store": "ok", "model": "not reachable"}
        assert (await client.get("/health/ready")).status_code == 503
        assert (await client.get("/health/live")).status_code == 200
        house.is_stuck = True
        assert (await client.get("/health/live")).status_code == 503


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)
