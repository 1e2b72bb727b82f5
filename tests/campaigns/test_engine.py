import math
import random
import uuid
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.campaigns.engine import JOIN, MAX_PER_CAMPAIGN, NEARLY, SAME, Matcher
from headwater.campaigns.exemplars import Exemplar
from headwater.campaigns.index import Index, count_terms
from headwater.campaigns.links import Weights
from headwater.campaigns.reference import reference
from headwater.campaigns.script import MAX_WORDS, read
from tests.campaigns.material import BENIGN, held_out, numbered

CORE = "final notice about the extended vehicle service contract on your car factory warranty expired"
#: Weights by which anything with some words in common joins: for tests of what is kept.
EAGER = Weights(version="eager", prior=-1.0, words=(20, 0, 0, 0), vocabulary=(0, 0, 0), label=0.0, spoken=((0, 0),) * 3)
BACKGROUND = [known.script for known in reference()]


def fill(matcher: Matcher, texts: list[str], first: int = 0) -> list[str]:
    """Place and keep each text; return its campaign."""
    placed = []
    for number, text in enumerate(texts, start=first):
        script = read(text)
        placement = matcher.place(script)
        campaign = placement.campaign_id or f"C{number}"
        matcher.keep(numbered(number), campaign, script, placement)
        placed.append(campaign)
    return placed


def cosine(matcher: Matcher, one: str, other: str) -> float:
    a, b = (matcher.frequencies.weigh(read(text)) for text in (one, other))
    return sum(weight * b.get(term, 0.0) for term, weight in a.items())


def test_no_benign_message_joins_a_scam_campaign():
    matcher = Matcher(BACKGROUND)
    scams = [row["transcript"] for row in held_out() if len(row["transcript"]) > 40]
    founded = set(fill(matcher, scams))

    for text in BENIGN:
        placement = matcher.place(read(text))
        assert placement.campaign_id is None, (text, placement)
    assert len(founded) > 30


def test_the_benign_messages_do_not_join_each_other():
    assert len(set(fill(Matcher(BACKGROUND), BENIGN))) == len(BENIGN)


def test_the_index_finds_what_comparing_all_finds():
    matcher = Matcher(BACKGROUND)
    texts = [row["transcript"] for row in held_out()[:150]]
    vectors = [matcher.frequencies.weigh(read(text)) for text in texts]
    index = Index(matcher.frequencies)
    for text in texts:
        index.add(read(text))
    others = [row["transcript"] for row in held_out()[150:200]]
    for text in others + BENIGN:
        query = matcher.frequencies.weigh(read(text))
        every = [sum(weight * vector.get(term, 0.0) for term, weight in query.items()) for vector in vectors]
        with index.asked(read(text)) as asked:
            found, words = asked.cosines(range(len(vectors)))
            assert asked.cosine(range(len(vectors))).tolist() == found.tolist()
            assert asked.partial(0.0) == pytest.approx(every, abs=2e-6)
            assert (asked.partial(0.1) >= np.array(every) - 0.1).all()
        assert found == pytest.approx(every, abs=2e-6)
        single = {term: weight for term, weight in query.items() if " " not in term}
        own = sum(weight**2 for weight in single.values()) ** 0.5
        for vector, cosine_of_words in zip(vectors, words, strict=True):
            theirs = sum(weight**2 for term, weight in vector.items() if " " not in term) ** 0.5
            products = sum(weight * vector.get(term, 0.0) for term, weight in single.items())
            assert cosine_of_words == pytest.approx(products / (own * theirs or 1.0), abs=2e-6)


def test_a_call_joins_at_the_threshold_and_not_below():
    matcher = Matcher(BACKGROUND)
    fill(matcher, [row["transcript"] for row in held_out()])
    for row in held_out():
        placement = matcher.place(read(row["transcript"]))
        if placement.campaign_id is not None:
            assert placement.support >= JOIN or placement.score >= SAME


def test_the_evidence_that_is_shown_adds_up_to_the_decision():
    matcher = Matcher(BACKGROUND)
    texts = [row["transcript"] for row in held_out()]
    fill(matcher, texts[:250])
    shown = [p for p in (matcher.place(read(text)) for text in texts[250:]) if p.evidence]
    assert len(shown) > 3
    for placement in shown:
        kinds = [reason.kind for reason in placement.evidence]
        assert kinds[:4] == ["prior", "words", "vocabulary", "label"]
        assert set(kinds[4:]) <= {"brand", "callback", "amount"}
        if placement.exemplars == 1:
            odds = sum(reason.weight for reason in placement.evidence)
            assert 1 / (1 + math.exp(-odds)) == pytest.approx(placement.support, abs=1e-4)
        assert placement.support >= JOIN


def test_one_chance_likeness_does_not_chain_campaigns_together():
    # The newcomer is near one odd member, and far from the campaign as a whole.
    odd = "the purple elephant factory wishes everybody a calm and pleasant afternoon by the lake"
    rest = [f"alpha{i} bravo{i} charlie{i} delta{i} echo{i} foxtrot{i} golf{i}" for i in range(6)]
    exemplars = [
        Exemplar(record_id=numbered(i), campaign_id="C", script=read(text), added=i + 1, used=i + 1)
        for i, text in enumerate([*rest, odd])
    ]
    matcher = Matcher(BACKGROUND, exemplars, clock=7)
    newcomer = (
        f"{odd} and invites you to dinner with music on the wooden terrace behind the old mill, "
        "where her brother plays the trumpet all night long for guests"
    )

    placement = matcher.place(read(newcomer))
    assert 0.5 < cosine(matcher, newcomer, odd) < SAME
    assert placement.campaign_id is None
    assert placement.runner_up is not None
    assert placement.runner_up.campaign_id == "C"


def test_the_exact_same_words_need_no_search_and_score_one():
    matcher = Matcher(BACKGROUND)
    fill(matcher, ["Your order of nine hundred dollars was placed, press one to cancel it."])
    placement = matcher.place(read("your ORDER of nine hundred dollars — was placed; press one to cancel it"))
    assert (placement.exact, placement.score, placement.nearest) == (True, 1.0, numbered(0))


def test_a_campaign_keeps_its_founder_and_at_most_as_many_exemplars():
    matcher = Matcher(BACKGROUND, weights=EAGER)
    core = CORE
    texts = [core] + [f"{core} " + " ".join(f"w{n}x{i}" for i in range(22)) for n in range(80)]
    placed = fill(matcher, texts)

    assert set(placed) == {"C0"}
    kept = matcher.exemplars_of("C0")
    assert len(kept) == MAX_PER_CAMPAIGN
    assert kept[0].record_id == numbered(0)
    assert kept[-1].record_id == numbered(80)


def test_a_campaign_of_a_million_calls_weighs_no_more_than_its_exemplars():
    matcher = Matcher(BACKGROUND)
    fill(matcher, ["we are calling about your student loan forgiveness application today"] * 500)
    assert len(matcher) == 1


def test_chinese_is_read_by_characters():
    matcher = Matcher(BACKGROUND)
    placed = fill(
        matcher,
        [
            "国际快递最后一次通知您 您有一个快件已派送两次无人签收 如需查询英文请按1 中文请按2",
            "FedEx国际快递最后一次通知您,您有一个快件已派送两次,无人签收,如需查询请按1",
            "妈妈今天晚上我加班,冰箱里有饺子和汤,你们先吃不用等我回来",
        ],
    )
    assert placed[0] == placed[1] != placed[2]


@settings(max_examples=10)
@given(cut=st.integers(1, 119), seed=st.integers(0, 50))
def test_a_rebuilt_memory_goes_on_as_the_one_that_never_stopped(cut: int, seed: int):
    texts = [row["transcript"] for row in held_out()]
    random.Random(seed).shuffle(texts)
    texts = [text for text in texts[:120] if read(text).is_comparable]
    whole = Matcher(BACKGROUND)
    expected = [follow(whole, number, text, None) for number, text in enumerate(texts)]

    stored: dict[uuid.UUID, Exemplar] = {}
    first = Matcher(BACKGROUND)
    head = [follow(first, number, text, stored) for number, text in enumerate(texts[:cut])]
    rebuilt = Matcher(BACKGROUND, stored.values(), clock=first.clock, epoch=first.epoch)
    tail = [follow(rebuilt, number, text, stored) for number, text in enumerate(texts[cut:], start=cut)]

    assert head + tail == expected


@pytest.mark.parametrize("cut", range(5, 160, 11))
def test_a_rebuilt_memory_goes_on_also_after_exemplars_gave_way(cut: int):
    core = CORE
    texts = [core] + [f"{core} " + " ".join(f"w{n % 67}x{i}" for i in range(22)) for n in range(160)]
    whole = Matcher(BACKGROUND, weights=EAGER)
    expected = [follow(whole, number, text, None) for number, text in enumerate(texts)]

    stored: dict[uuid.UUID, Exemplar] = {}
    first = Matcher(BACKGROUND, weights=EAGER)
    head = [follow(first, number, text, stored) for number, text in enumerate(texts[:cut])]
    rebuilt = Matcher(BACKGROUND, stored.values(), clock=first.clock, epoch=first.epoch, weights=EAGER)
    tail = [follow(rebuilt, number, text, stored) for number, text in enumerate(texts[cut:], start=cut)]

    assert head + tail == expected
    assert any(exemplar.retired for exemplar in stored.values())


def follow(matcher: Matcher, number: int, text: str, stored: dict[uuid.UUID, Exemplar] | None):
    """Place one text, store what changed as the room does, and return everything that was decided."""
    script = read(text)
    placement = matcher.place(script)
    campaign = placement.campaign_id or f"C{number}"
    learnt = matcher.keep(numbered(number), campaign, script, placement)
    if stored is not None:
        if learnt.used:
            stored[learnt.used] = replace(stored[learnt.used], used=learnt.clock)
        if learnt.retired:
            stored[learnt.retired] = replace(stored[learnt.retired], retired=learnt.clock)
        if learnt.added:
            stored[learnt.added.record_id] = learnt.added
    return campaign, placement


@settings(max_examples=200)
@given(st.text(max_size=400))
def test_any_text_is_read_and_placed(text: str):
    script = read(text)
    assert script.words <= MAX_WORDS
    placement = Matcher(BACKGROUND[:5]).place(script)
    assert placement.campaign_id is None


def test_terms_of_one_script_count_once_however_often_it_came():
    script = read("one and the same words in every call of it")
    assert count_terms([script] * 50) == count_terms([script])


def test_what_is_nearly_the_same_is_found_without_a_search_and_is_what_the_search_finds():
    matcher = Matcher(BACKGROUND)
    texts = [row["transcript"] for row in held_out()]
    fill(matcher, texts[:200])
    chance = random.Random(3)
    saved = 0
    for row in held_out()[:200]:
        words = row["transcript"].split()
        noisy = read(" ".join("misheard" if chance.random() < 0.04 else word for word in words))
        if not noisy.is_comparable:
            continue
        gated = matcher.place(noisy)
        with matcher._index.asked(noisy) as asked:
            near = matcher._nearest(asked)
        if gated.campaign_id is not None and gated.score >= NEARLY and gated.runner_up is None:
            saved += 1
            assert (gated.score, gated.nearest) == (near[0][0], matcher._at[near[0][1]].record_id)
    assert saved > 100


def test_a_forgotten_campaign_is_no_candidate_any_more():
    matcher = Matcher(BACKGROUND)
    (campaign,) = fill(matcher, [CORE])
    assert matcher.place(read(CORE + " today")).campaign_id == campaign
    matcher.forget(campaign)
    assert matcher.place(read(CORE + " today")).campaign_id is None
