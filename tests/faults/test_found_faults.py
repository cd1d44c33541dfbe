"""Faults that a seed has found, each by its shortest plan."""

from __future__ import annotations

import pytest

from tests.faults.simulation import run_plan, steps_of

PLANS = {
    "a topic that was made anew twice is read on": (
        487,
        "send:370307832, step:95581293, step:296979905, step:833887953, step:966275608, make-anew:514731972, "
        "step:789696739, step:425523254, send:266544549, make-anew:163766789",
    ),
    "a topic that was made anew under a unit that stays open, and again, is read from its beginning": (
        723,
        "send:787011618, late:721675090, step:927150296, crash-at:134362098, make-anew:861769708, step:1008276926, "
        "repeat:697359628, crash-at:930457378, make-anew:433853573, label-correct:332370545",
    ),
    "a topic that is made anew again while its member is silent is read from its beginning": (
        863,
        "send:5981826, step:326100263, step:121203264, make-anew:114988489, label:438830103, step:273570447, "
        "step:380575210, make-anew:700680884, silence:1071466168, write-fault:105193064, send:22140574, "
        "step:1054518308",
    ),
    "a commit that was lost after its log had lost its tail leaves the group nowhere ahead": (
        1055,
        "send:345297590, label:637166102, step:1010735835, step:1073486016, send:266837155, lose-tail:464656176, "
        "step:666291018, away:1030041902, send:809726449, step:283106789",
    ),
    "topics that came and went between two looks are told of": (
        1083,
        "send:496297167, step:409202856, send:835939958, make-anew:92600382, step:202591639, send:785669032, "
        "make-anew:89700545",
    ),
    "topics that came and went are told of to the last": (
        399,
        "send:982413608, send:873414238, join:1036856862, send:61037997, send:856264104, leave:487263631, "
        "step:980569999, make-anew:460259430, out-of-order:613089321, make-anew:788702527",
    ),
    "work that is repeated may end an event otherwise, later in the log": (
        1319,
        "join:450627792, send:302860361, ahead:49466547, write-fault:243946826, step:359981171, step:708330245, "
        "crash-at:497847097, label-correct:443512861, step:537250935, step:234000758, step:992307945, "
        "join:567889173, ahead:192542506, crash-at:863021083",
    ),
    "what expired before a group had read any of its topic leaves nothing behind": (
        439,
        "send:21180611, step:635738490, step:991832299, label:677675568, step:91530107, crash:716969801, "
        "expire:424513515",
    ),
    "a prediction that went with its topic may have an outcome, and so may the one after it": (
        1523,
        "late:32079025, send:1039647107, send:1033417656, label-correct:337180422, step:784351137, "
        "step:581052752, late:682247208, step:428811462, train:853914502, crash-at:590517577, join:1005701705, "
        "join:804032811, write-fault:71870228, step:578062830, crash-at:816661516, step:629570852, "
        "step:837048798, step:357679812, make-anew:611247068",
    ),
    "the same event at another time is a repetition": (1, "send:0, send:0, bad:1, send:0, bad:1"),
    "a commit that was lost after its topic was made anew leaves no lag behind": (
        207,
        "send:728746142, step:89824408, send:334470147, make-anew:713099719, join:211738884, crash-at:1051308129, "
        "step:523375734, join:1030079830, label:47157818, step:436047489, away:650945905, step:489884679, "
        "step:303333045",
    ),
    "a commit after its topic was made anew hides nothing of the new one": (
        35,
        "out-of-order:547542084, out-of-order:1073594542, join:572343697, out-of-order:378199322, send:627278924, "
        "join:1020789811, send:982054041, step:730194762, send:619903496, ahead:285993730, send:1053950233, "
        "make-anew:313193379, send:749344340, crash-at:975987937",
    ),
}


@pytest.mark.parametrize("name", PLANS)
async def test_a_plan_that_found_a_fault_holds_every_invariant(name: str) -> None:
    seed, steps = PLANS[name]
    assert (await run_plan(seed, steps_of(steps))).violations == {}
