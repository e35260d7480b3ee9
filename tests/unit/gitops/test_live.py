"""What is known of live objects, from watches and from our own calls."""

from shell.gitops_words import APP, FLUX, declared, key, live

from rollouts.api.refs import CONFIG_MAP
from rollouts.gitops.live import LiveObjects

ONE = declared()


def caring(*units):
    known = LiveObjects()
    for unit in units or (APP,):
        known.care(unit, [ONE.key])
    known.watch(CONFIG_MAP)
    return known


def test_nothing_is_known_before_it_is_learned():
    assert caring().known(ONE.key, CONFIG_MAP) == (False, None)


def test_absence_is_knowledge_too():
    known = caring()
    known.learn(ONE.key, None)

    assert known.known(ONE.key, CONFIG_MAP) == (True, None)


def test_what_is_not_watched_is_not_trusted():
    known = LiveObjects()
    known.care(APP, [ONE.key])
    known.learn(ONE.key, live(ONE))

    assert known.known(ONE.key, CONFIG_MAP) == (False, None)


def test_what_was_learned_before_the_watch_stood_is_read_anew():
    known = LiveObjects()
    known.care(APP, [ONE.key])
    known.learn(ONE.key, live(ONE))
    known.watch(CONFIG_MAP)

    assert known.known(ONE.key, CONFIG_MAP) == (False, None)


def test_what_nobody_cares_for_is_not_kept():
    known = LiveObjects()
    known.watch(CONFIG_MAP)
    known.learn(ONE.key, live(ONE))

    assert known.observe(ONE.key, live(ONE)) == ()
    assert known.known(ONE.key, CONFIG_MAP) == (False, None)


def test_an_event_concerns_all_units_that_care():
    assert caring(APP, FLUX).observe(ONE.key, live(ONE)) == (APP, FLUX)
    assert caring().observe(key(name="other"), live(ONE)) == ()


def test_old_news_and_the_echo_of_our_own_write_concern_nobody():
    known = caring()
    known.learn(ONE.key, live(ONE, version="7"))

    assert known.observe(ONE.key, live(ONE, version="6")) == ()
    assert known.observe(ONE.key, live(ONE, version="7")) == ()
    assert known.observe(ONE.key, live(ONE, version="8")) == (APP,)


def test_a_late_answer_does_not_undo_a_newer_event():
    known = caring()
    known.observe(ONE.key, live(ONE, version="10"))
    known.learn(ONE.key, live(ONE, version="9"))

    assert known.known(ONE.key, CONFIG_MAP)[1]["metadata"]["resourceVersion"] == "10"


def test_an_object_told_in_another_version_is_read_anew():
    known = caring()
    known.learn(ONE.key, {**live(ONE), "apiVersion": "v2"})

    assert known.known(ONE.key, CONFIG_MAP) == (False, None)


def test_a_deletion_is_learned_and_forgetting_means_reading_again():
    known = caring()
    known.learn(ONE.key, live(ONE))
    assert known.observe(ONE.key, live(ONE, version="9"), deleted=True) == (APP,)
    assert known.known(ONE.key, CONFIG_MAP) == (True, None)

    known.forget(ONE.key)
    assert known.known(ONE.key, CONFIG_MAP) == (False, None)


def test_an_object_is_dropped_with_the_last_unit_that_cares():
    known = caring(APP, FLUX)
    known.learn(ONE.key, live(ONE))
    known.care(APP, [])
    assert known.known(ONE.key, CONFIG_MAP)[0]
    assert APP not in known.units

    known.care(FLUX, [key(name="other")])
    assert not known.known(ONE.key, CONFIG_MAP)[0]
    assert FLUX in known.units
