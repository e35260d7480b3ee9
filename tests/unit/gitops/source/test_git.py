"""Pulling real repositories: what is asked, how often, and what happens when history moves."""

from __future__ import annotations

import asyncio
import os
import shutil
from datetime import timedelta

import pytest

from rollouts.gitops.source import (
    BadPath,
    Credentials,
    RevisionNotFound,
    RevisionRef,
    SourceRefused,
    SourceUnreachable,
    TooLarge,
)

MAIN = RevisionRef(branch="main")
MINUTE = timedelta(minutes=1)


def mirrors(cache):
    return sorted((cache.work.parent / "mirrors").iterdir())


def test_a_branch_is_resolved_and_its_files_are_read(cache, repository, wait):
    commit = repository.commit({"apps/a.yaml": "kind: A\n"}, "Add the app\n\nWith a body.")

    async def pull():
        found = await cache.resolve(repository.url, MAIN)
        tree = await cache.checkout(repository.url, found)
        return found, tree, await tree.read(["apps/a.yaml"])

    found, tree, contents = wait(pull())

    assert commit == found
    assert contents == {"apps/a.yaml": b"kind: A\n"}
    assert repository.git("rev-parse", "HEAD:apps") == tree.tree_id("apps")
    assert (
        tree.facts.subject,
        tree.facts.author,
        tree.facts.committed_at_seconds,
    ) == ("Add the app", "Ada", 1767225600)


def test_a_plain_path_is_as_good_as_a_file_url(cache, repository, wait):
    commit = repository.commit()

    assert commit == wait(cache.resolve(str(repository.path), RevisionRef()))


def test_tags_and_ranges_are_resolved(cache, repository, wait):
    first = repository.commit()
    repository.git("tag", "v1.0.0")
    second = repository.commit()
    repository.git("tag", "--annotate", "--message", "x", "v1.1.0")

    assert first == wait(cache.resolve(repository.url, RevisionRef(tag="v1.0.0")))
    assert second == wait(cache.resolve(repository.url, RevisionRef(semver="^1")))
    assert second == wait(cache.resolve(repository.url, RevisionRef(text="v1.1.0")))


def test_one_listing_serves_all_users_of_a_repository(cache, repository, recorder, clock, wait):
    repository.commit()

    async def poll():
        wanted = [
            MAIN,
            RevisionRef(text="main"),
            RevisionRef(),
            RevisionRef(name="refs/heads/main"),
        ]
        await asyncio.gather(
            *(cache.resolve(repository.url, ref, max_age=MINUTE) for ref in wanted * 25)
        )

    wait(poll())
    assert recorder.count("ls-remote") == 1

    clock.advance(59)
    wait(poll())
    assert recorder.count("ls-remote") == 1

    clock.advance(1)
    wait(poll())
    assert recorder.count("ls-remote") == 2


def test_a_refresh_asks_again_at_once(cache, repository, wait):
    repository.commit()
    wait(cache.resolve(repository.url, MAIN, max_age=MINUTE))
    commit = repository.commit()

    assert commit == wait(cache.resolve(repository.url, MAIN))


def test_a_pinned_commit_asks_nobody(cache, repository, recorder, wait):
    commit = repository.commit()

    assert commit == wait(cache.resolve(repository.url, RevisionRef(commit=commit)))
    assert recorder.commands == []


def test_a_second_checkout_of_a_commit_starts_no_program(cache, repository, recorder, wait):
    commit = repository.commit({"a.yaml": "a"})
    wait(cache.checkout(repository.url, commit))
    before = len(recorder.commands)

    wait(cache.checkout(repository.url, commit))

    assert before == len(recorder.commands)


def test_a_new_process_reads_the_mirror_of_the_last_one(make_cache, repository, wait):
    commit = repository.commit({"a.yaml": "a"})
    wait(make_cache().checkout(repository.url, commit))
    moved = repository.path.rename(repository.path.with_name("gone"))

    tree = wait(make_cache().checkout(repository.url, commit))

    assert moved.is_dir()
    assert wait(tree.read(["a.yaml"])) == {"a.yaml": b"a"}


def test_only_the_wanted_commit_is_fetched(cache, repository, wait):
    big = "".join(f"{number} " for number in range(100_000))
    repository.commit({"old": big})
    (repository.path / "old").unlink()
    commit = repository.commit({"new": "small"})

    wait(cache.checkout(repository.url, commit))

    packs = (mirrors(cache)[0] / "objects" / "pack").iterdir()
    assert sum(path.stat().st_size for path in packs) < 20_000


def test_an_old_commit_of_a_branch_can_be_pinned(cache, repository, wait):
    old = repository.commit({"a.yaml": "old"})
    repository.commit({"a.yaml": "new"})

    tree = wait(cache.checkout(repository.url, old))

    assert wait(tree.read(["a.yaml"])) == {"a.yaml": b"old"}


def test_a_commit_that_never_was_is_said_so(cache, repository, wait):
    repository.commit()

    with pytest.raises(RevisionNotFound, match=r"b{40}"):
        wait(cache.checkout(repository.url, "b" * 40))


def test_a_tag_object_is_no_commit(cache, repository, wait):
    repository.commit()
    repository.git("tag", "--annotate", "--message", "x", "v1")

    with pytest.raises((SourceRefused, RevisionNotFound)):
        wait(cache.checkout(repository.url, repository.git("rev-parse", "v1")))


@pytest.mark.parametrize("commit", ["main", "-h", "", "a" * 39, "A" * 40, "HEAD"])
def test_a_checkout_takes_whole_commits_only(cache, repository, wait, commit):
    with pytest.raises(SourceRefused, match="40 hexadecimal"):
        wait(cache.checkout(repository.url, commit))


def test_a_short_commit_is_known_when_a_name_or_the_mirror_has_it(cache, repository, wait):
    old = repository.commit({"a": "1"})
    new = repository.commit({"a": "2"})
    wait(cache.checkout(repository.url, old))

    assert new == wait(cache.resolve(repository.url, RevisionRef(text=new[:8])))
    assert old == wait(cache.resolve(repository.url, RevisionRef(text=old[:8])))
    with pytest.raises(RevisionNotFound, match="all 40"):
        wait(cache.resolve(repository.url, RevisionRef(text="0" * 8)))


def test_an_empty_repository_is_said_so(cache, repository, wait):
    with pytest.raises(RevisionNotFound, match="the repository has none"):
        wait(cache.resolve(repository.url, RevisionRef()))


def test_a_deleted_branch_is_said_so_and_its_files_stay_readable(cache, repository, wait):
    repository.commit()
    repository.git("branch", "feature")
    commit = wait(cache.resolve(repository.url, RevisionRef(branch="feature")))
    tree = wait(cache.checkout(repository.url, commit))
    repository.git("branch", "--delete", "--force", "feature")

    with pytest.raises(RevisionNotFound, match=r"'feature'.*main"):
        wait(cache.resolve(repository.url, RevisionRef(branch="feature")))
    assert tree is wait(cache.checkout(repository.url, commit))


def test_a_forced_push_is_just_another_revision(cache, repository, wait):
    repository.commit({"a.yaml": "base"})
    old = repository.commit({"a.yaml": "old"})
    wait(cache.checkout(repository.url, wait(cache.resolve(repository.url, MAIN))))
    repository.git("reset", "--quiet", "--hard", "HEAD~1")
    new = repository.commit({"a.yaml": "new"})
    repository.git("reflog", "expire", "--expire=now", "--all")
    repository.git("gc", "--quiet", "--prune=now")

    found = wait(cache.resolve(repository.url, MAIN))
    tree = wait(cache.checkout(repository.url, found))

    assert new == found != old
    assert wait(tree.read(["a.yaml"])) == {"a.yaml": b"new"}


def test_a_move_back_to_an_older_commit_works(cache, repository, wait):
    old = repository.commit({"a.yaml": "old"})
    repository.commit({"a.yaml": "new"})
    wait(cache.checkout(repository.url, wait(cache.resolve(repository.url, MAIN))))
    repository.git("reset", "--quiet", "--hard", old)

    tree = wait(cache.checkout(repository.url, wait(cache.resolve(repository.url, MAIN))))

    assert wait(tree.read(["a.yaml"])) == {"a.yaml": b"old"}


@pytest.mark.parametrize("damage", ["packs", "head", "config", "everything", "garbage"])
def test_a_damaged_mirror_is_rebuilt(make_cache, repository, wait, damage):
    commit = repository.commit({"a.yaml": "a"})
    first = make_cache()
    wait(first.checkout(repository.url, commit))
    mirror = mirrors(first)[0]
    match damage:
        case "packs":
            shutil.rmtree(mirror / "objects" / "pack")
        case "head":
            (mirror / "HEAD").unlink()
        case "config":
            (mirror / "config").write_text("[core\n")
        case "everything":
            shutil.rmtree(mirror)
        case "garbage":
            for pack in (mirror / "objects" / "pack").glob("*.pack"):
                pack.chmod(0o600)
                pack.write_bytes(b"garbage")

    tree = wait(make_cache().checkout(repository.url, commit))

    assert wait(tree.read(["a.yaml"])) == {"a.yaml": b"a"}


def test_files_of_a_mirror_that_vanished_are_fetched_again(cache, repository, wait):
    commit = repository.commit({"a.yaml": "a"})
    tree = wait(cache.checkout(repository.url, commit))
    shutil.rmtree(mirrors(cache)[0] / "objects" / "pack")

    assert wait(tree.read(["a.yaml"])) == {"a.yaml": b"a"}


def test_readers_of_a_vanished_mirror_mend_it_once(cache, repository, recorder, wait):
    commit = repository.commit({"a": "x"})
    tree = wait(cache.checkout(repository.url, commit))
    shutil.rmtree(mirrors(cache)[0] / "objects" / "pack")
    before = recorder.count("fetch")

    async def read():
        return await asyncio.gather(*(tree.read(["a"]) for _ in range(5)))

    assert wait(read()) == [{"a": b"x"}] * 5
    assert recorder.count("fetch") == before + 1


def test_locks_of_a_killed_git_do_not_stop_the_next(cache, repository, wait):
    wait(cache.checkout(repository.url, repository.commit({"a": "1"})))
    for name in ("shallow.lock", "config.lock", "packed-refs.lock"):
        (mirrors(cache)[0] / name).touch()
    commit = repository.commit({"a": "2"})

    tree = wait(cache.checkout(repository.url, commit))

    assert wait(tree.read(["a"])) == {"a": b"2"}


def test_a_mirror_forgets_old_commits(cache, repository, wait):
    for number in range(32):
        commit = repository.commit({"a": str(number)})
        wait(cache.checkout(repository.url, commit))

    kept = [path.name for path in (mirrors(cache)[0] / "refs" / "rollouts").iterdir()]

    assert len(kept) < 30
    assert commit in kept


def test_mirrors_are_bounded_and_the_least_used_goes(make_cache, tmp_path, repository, wait):
    commit = repository.commit({"a": "1"})
    cache = make_cache(mirrors_max=2)
    urls = [repository.url, f"{repository.url}/.git", f"{repository.url}/.git/"]
    for url in urls:
        wait(cache.checkout(url, commit))

    assert len(mirrors(cache)) == 2
    assert wait(wait(cache.checkout(urls[0], commit)).read(["a"]))


def test_a_repository_that_is_too_large_is_refused_and_removed(make_cache, repository, wait):
    commit = repository.commit({"big": os.urandom(300_000)})
    cache = make_cache(mirror_bytes_max=100_000)

    with pytest.raises(TooLarge, match="needs more than"):
        wait(cache.checkout(repository.url, commit))

    assert mirrors(cache) == []


def test_a_repository_that_is_not_there_is_unreachable(cache, tmp_path, wait):
    with pytest.raises(SourceUnreachable, match="does not appear to be a git repository"):
        wait(cache.resolve(f"file://{tmp_path}/gone", MAIN))


def test_a_failure_is_shared_for_a_moment_but_a_refresh_tries_again(
    cache, recorder, clock, tmp_path, wait
):
    url = f"file://{tmp_path}/gone"

    def fails(**settings):
        with pytest.raises(SourceUnreachable):
            wait(cache.resolve(url, MAIN, **settings))

    fails(max_age=MINUTE)
    fails(max_age=MINUTE)
    assert recorder.count("ls-remote") == 1

    fails()
    assert recorder.count("ls-remote") == 2

    clock.advance(15)
    fails(max_age=MINUTE)
    assert recorder.count("ls-remote") == 3


def test_users_with_other_credentials_share_nothing(cache, repository, recorder, wait):
    commit = repository.commit()
    wait(cache.resolve(repository.url, MAIN, max_age=MINUTE))
    wait(cache.checkout(repository.url, commit))
    other = Credentials(username="ada", password="hunter2")

    wait(cache.resolve(repository.url, MAIN, other, max_age=MINUTE))
    wait(cache.checkout(repository.url, commit, other))

    assert recorder.count("ls-remote") == 2
    assert len(mirrors(cache)) == 2
    assert all("hunter2" not in path.name for path in mirrors(cache))


def test_a_user_who_gives_up_leaves_the_answer_to_the_others(cache, repository, recorder, wait):
    commit = repository.commit()

    async def poll():
        first = asyncio.create_task(cache.resolve(repository.url, MAIN))
        second = asyncio.create_task(cache.resolve(repository.url, MAIN))
        await asyncio.sleep(0)
        first.cancel()
        return await second

    assert commit == wait(poll())
    assert recorder.count("ls-remote") == 1


def test_concurrent_checkouts_of_one_mirror_take_turns(cache, repository, recorder, wait):
    commits = [repository.commit({"a": str(number)}) for number in range(4)]

    async def pull():
        trees = await asyncio.gather(
            *(cache.checkout(repository.url, commit) for commit in commits * 3)
        )
        return [await tree.read(["a"]) for tree in trees]

    contents = wait(pull())

    assert [{"a": str(number).encode()} for number in range(4)] * 3 == contents
    assert recorder.count("fetch") == 4


def test_a_closed_cache_has_nothing_under_way(cache, repository, wait):
    repository.commit()

    async def poll():
        task = asyncio.create_task(cache.resolve(repository.url, MAIN))
        await asyncio.sleep(0.001)
        await cache.close()
        with pytest.raises(asyncio.CancelledError):
            await task

    wait(poll())


def test_no_temporary_file_is_left(cache, repository, wait):
    wait(cache.checkout(repository.url, repository.commit({"a": "1"})))

    assert [path.name for path in cache.work.iterdir()] == ["gitconfig"]


def test_the_cache_itself_is_no_repository_for_users(cache, repository, wait):
    commit = repository.commit()
    wait(cache.checkout(repository.url, commit))

    with pytest.raises(SourceRefused, match="private"):
        wait(cache.resolve(f"file://{mirrors(cache)[0]}", MAIN))


def test_a_path_that_vanished_with_a_commit_is_named(cache, repository, wait):
    tree = wait(cache.checkout(repository.url, repository.commit({"a/b.yaml": "x"})))

    with pytest.raises(BadPath, match="deploy"):
        tree.directory("deploy")
