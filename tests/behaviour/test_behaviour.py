"""One suite for every place: what a person may expect of the bot, wherever they talk with it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.behaviour.friends import Friend
from tests.behaviour.places import PLACES, Place, at

TAG = re.compile(r"([0-9a-z]{8})`? ·")
"""What stands for a person where admins read of them."""
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=PLACES)
async def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    """A running bot at each place in turn."""
    async with at(request.param, tmp_path_factory.mktemp(request.param)) as there:
        yield there


@pytest.fixture
def ana(place: Place) -> Friend:
    """Somebody new, who reads English."""
    return place.meet("en")


@pytest.fixture
def luis(place: Place) -> Friend:
    """Somebody new, who reads Spanish."""
    return place.meet("es")


async def test_it_greets_in_the_persons_language(ana: Friend, luis: Friend) -> None:
    assert "I am Martín" in (await ana.ask("/start")).text
    assert "oy Martín" in (await luis.ask("/start")).text


async def test_a_question_is_answered_by_the_model(place: Place, ana: Friend) -> None:
    place.model.say = lambda _: "Because of **Rayleigh** scattering."
    answer = await ana.ask("Why is the sky blue?")
    assert "Rayleigh" in answer.text
    assert "scattering" in answer.text


async def test_an_answer_of_any_length_comes_whole_and_in_order(place: Place, ana: Friend) -> None:
    place.model.say = lambda _: "\n\n".join(f"Paragraph number{number} " + "says a thing. " * 20 for number in range(40))
    answer = await ana.ask("Tell me everything.")
    places = [answer.text.index(f"number{number} ") for number in range(40)]
    assert places == sorted(places)


async def test_code_keeps_its_lines(place: Place, ana: Friend) -> None:
    place.model.say = lambda _: "Like so:\n\n```python\nfor one in several:\n    print(one)\n```\n"
    answer = await ana.ask("How do I print several things?")
    assert "for one in several:\n    print(one)" in answer.text


async def test_commands_work_in_both_languages(ana: Friend, luis: Friend) -> None:
    assert "/mydata" in (await ana.ask("/help")).text
    assert "/misdatos" in (await luis.ask("/ayuda")).text


async def test_a_choice_is_taken(ana: Friend) -> None:
    asked = await ana.ask("/language")
    answer = await ana.choose(asked, "Español")
    assert "espa" in answer.text.lower()
    await ana.ask("/language en")


async def test_a_rating_and_its_change_are_thanked(place: Place, ana: Friend) -> None:
    place.model.say = lambda _: "An answer to be rated."
    answer = await ana.ask("Say something.")
    assert await ana.rate(answer, 1)
    assert "right answer" in await ana.rate(answer, -1)
    exported = json.loads(next(iter((await ana.ask("/mydata")).files.values())))
    assert exported["ratings"]["ratings"][-1]["value"] == -1
    assert (
        len([row for row in exported["ratings"]["ratings"] if row["turn_id"] == exported["ratings"]["ratings"][-1]["turn_id"]])
        == 1
    )


async def test_a_correction_counts_from_the_next_question_on(place: Place, ana: Friend) -> None:
    place.model.say = lambda _: "The meeting is on Monday."
    answer = await ana.ask("When is the meeting of the gardeners?")
    await ana.rate(answer, -1)
    assert "correction" in await ana.correct(answer, "The meeting of the gardeners is on Thursday at seven.")
    prompts: list[str] = []

    def listen(prompt: str) -> str:
        prompts.append(prompt)
        return "As you told me."

    place.model.say = listen
    await ana.ask("And when is the meeting of the gardeners?")
    assert any("Thursday at seven" in prompt for prompt in prompts)


async def test_stop_ends_the_generation_within_a_second(place: Place, ana: Friend) -> None:
    place.model.say = lambda _: "A long story without any end to it. " * 200
    place.model.between_tokens_s = 0.1
    try:
        place.model.left.clear()
        await ana.begin("Tell me a story.")
        began = asyncio.get_running_loop().time()
        stopping = asyncio.create_task(ana.stop())
        await place.model.left.wait()
        took_s = asyncio.get_running_loop().time() - began
        answer = await stopping
    finally:
        place.model.between_tokens_s = 0.0
    assert "A long story" in answer.text
    assert len(answer.text) < 5_000
    assert took_s < 3, "1 s on a quiet machine"


async def test_nonsense_gets_an_answer_and_harms_nothing(place: Place, ana: Friend) -> None:
    place.model.say = lambda _: "I do not understand."
    for nonsense in ("???", "﷽" * 50, "a" * 3_900, "/nosuchcommand", "```", "\u202e<script>alert(1)</script>", "🧑‍🧑‍🧒‍🧒" * 30):
        assert (await ana.ask(nonsense)).text


async def test_an_admin_sees_how_everything_is_and_nobody_else_does(place: Place, ana: Friend) -> None:
    shown = (await place.admin.ask("/admin status")).text
    assert "running for" in shown
    assert "Nightly jobs" in shown
    assert "broadcast" in (await place.admin.ask("/admin")).text
    assert "status" in (await place.admin.ask("/admin audit")).text
    if place.name != "console":  # who is there owns it
        refused = (await ana.ask("/admin status")).text
        assert "not for you" in refused
        assert "running for" not in refused


async def test_an_admin_has_files_made_after_a_question(place: Place) -> None:
    asked = await place.admin.ask("/admin night run")
    assert "Shall I?" in asked.text
    await place.admin.choose(asked, "Yes")  # a step may take so long that what stands there seems to be all
    shown = (await place.admin.ask("/admin noche estado")).text
    assert "ended" in shown
    assert "rated answers" in shown


async def test_whom_an_admin_keeps_out_hears_nothing_more_until_they_are_let_in(place: Place, luis: Friend) -> None:
    if place.name == "console":
        pytest.skip("whoever uses the console owns it")
    place.model.say = lambda _: "Una respuesta."
    assert (await luis.ask("¿Hola?")).text
    people = (await place.admin.ask("/admin users 2")).text
    tags = TAG.findall(people)
    for tag in tags:
        asked = await place.admin.ask(f"/admin block {tag}")
        if "Shall I" in asked.text:  # one of the two is the admin
            break
    assert "kept out" in (await place.admin.choose(asked, "Yes")).text
    if place.name == "web":
        assert "no te deja entrar" in (await luis.ask("¿Sigues ahí?")).text
    else:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(4):
                await luis.ask("¿Sigues ahí?")
    assert "no longer" in (await place.admin.ask(f"/admin unblock {tag}")).text
    assert "Una respuesta" in (await luis.ask("¿Y ahora?")).text


async def test_a_correction_answers_everybody_once_its_author_agrees_and_no_longer_than_they_like(
    place: Place, ana: Friend, luis: Friend
) -> None:
    if place.name == "console":
        pytest.skip("whoever uses the console is always the same person")
    question, right = "¿A qué hora abre la sala de lectura del barrio?", "A las once y cuarto, salvo los lunes."
    await luis.choose(await luis.ask("/empezar"), "Sí")
    place.model.say = lambda _: "Abre a las ocho."
    answer = await luis.ask(question)
    await luis.rate(answer, -1)
    await luis.correct(answer, right)

    async def reaches_ana(asked: str) -> bool:
        prompts: list[str] = []

        def listen(prompt: str) -> str:
            prompts.append(prompt)
            return "Eso es lo que sé."

        place.model.say = listen
        await ana.ask(asked)
        return any("once y cuarto" in prompt for prompt in prompts)

    assert not await reaches_ana(question)
    shown = await place.admin.ask("/admin answers")
    assert "once y cuarto" in shown.text
    assert "ask whoever wrote it" in (await place.admin.choose(shown, "Yes, ask its author")).text
    assert not await reaches_ana("¿a qué hora abre la sala de lectura del barrio, por favor?")
    asked = await luis.ask("/compartir")
    assert "once y cuarto" in asked.text
    await luis.choose(asked, "Sí, que las tenga todo el mundo")
    assert await reaches_ana("¿La sala de lectura del barrio a qué hora abre?")
    assert "Shared: 1" in (await place.admin.ask("/admin answers list")).text
    await luis.choose(await luis.ask("/compartir"), "Retirar la 1")
    assert "Nothing is shared" in (await place.admin.ask("/admin answers list")).text
    assert not await reaches_ana("Dime a qué hora abre la sala de lectura del barrio.")
