"""Settings come from variables, are checked, and say what is wrong."""

import pytest

from app import settings
from app.relay_settings import nodes_of
from app.settings import BadSettings, Settings, every_setting, feed_keys, load

SECRET = "s" * 32
PRODUCTION = {
    "ENVIRONMENT": "production",
    "JWT_SECRET": SECRET,
    "PUSHER_APP_SECRET": SECRET,
    "DATABASE_URL": "postgresql://there/x",
    "REDIS_URL": "redis://there/0",
}


def test_without_variables_everything_has_its_default():
    assert load({}) == Settings()


def test_an_empty_variable_counts_as_not_set():
    assert load({found.name: "" for found in every_setting()}) == Settings()


def test_variables_reach_their_place_in_their_type():
    found = load({"PORT": "9000", "REPLAY_SPEED": "2.5", "ANONYMOUS_ACCESS": "false"})
    assert found.api.port == 9000
    assert found.replay.speed == 2.5
    assert found.access.anonymous_access is False


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("ENVIRONMENT", "staging"),
        ("JWT_SECRET", "short"),
        ("PUSHER_APP_SECRET", "short"),
        ("PUSHER_APP_KEY", "a/b"),
        ("REPLAY_SPEED", "0"),
        ("REPLAY_SPEED", "nan"),
        ("ANONYMOUS_ACCESS", "perhaps"),
        ("DATABASE_POOL_MAX", "1"),
    ],
)
def test_a_wrong_value_is_refused_by_name(name: str, value: str):
    with pytest.raises(BadSettings, match=name):
        load({name: value})


def test_everything_that_is_wrong_is_said_at_once():
    with pytest.raises(BadSettings, match=r"LOG_LEVEL.*PORT"):
        load({"PORT": "x", "LOG_LEVEL": "loud"})


@pytest.mark.parametrize("name", ["FORWARDED_ALLOW_IPS", "METRICS_ALLOW_IPS"])
def test_a_list_of_networks_is_one(name: str):
    assert load({name: "*, 10.0.0.1/8, ::1"})
    with pytest.raises(BadSettings, match=f"{name}.*localhost"):
        load({name: "127.0.0.1, localhost"})


def test_production_starts_with_everything_of_its_own():
    assert load(PRODUCTION).environment == "production"


@pytest.mark.parametrize("name", ["JWT_SECRET", "PUSHER_APP_SECRET", "DATABASE_URL", "REDIS_URL"])
def test_production_refuses_what_was_made_for_development(name: str):
    with pytest.raises(BadSettings, match=name):
        load(PRODUCTION | {name: ""})


def test_production_confirms_addresses_by_mail_that_leaves():
    with pytest.raises(BadSettings, match="MAIL_COMMAND"):
        load(PRODUCTION | {"EMAIL_VERIFICATION": "true"})
    assert load(PRODUCTION | {"EMAIL_VERIFICATION": "true", "MAIL_COMMAND": "sendmail"})


def test_every_variable_is_named_once_and_explained():
    found = list(every_setting())
    assert len({one.name for one in found}) == len(found)
    assert all(one.description for one in found)


def test_nodes_of_a_relay_are_addresses_and_no_password_is_told():
    urls = "redis://:secret@one:7000, rediss://two:7001"
    assert nodes_of(urls) == ["redis://:secret@one:7000", "rediss://two:7001"]
    assert nodes_of("", otherwise="redis://one") == ["redis://one"]
    with pytest.raises(BadSettings, match="RELAY_URLS: address 2 begins") as refused:
        load({"RELAY_URLS": "redis://one,:secret@two:7001"})
    assert "secret" not in str(refused.value)


def test_secrets_are_marked():
    secret = {one.name for one in every_setting() if one.secret}
    ours = {
        "DATABASE_URL",
        "DATABASE_LISTEN_URL",
        "DATABASE_REPLICA_URL",
        "REDIS_URL",
        "RELAY_URLS",
        "JWT_SECRET",
        "FEED_KEYS",
        "JWT_SECRET_BEFORE",
        "PUSHER_APP_SECRET",
        "PAYMENT_HOOK_SECRET",
    }
    theirs = {"API_FOOTBALL_KEY", "THESPORTSDB_KEY", "ODDS_API_KEY"}
    mail = {"MAIL_COMMAND", "MAIL_WEBHOOK_URL", "MAIL_WEBHOOK_SECRET"}
    assert secret == ours | theirs | mail | {"BETFAIR_APP_KEY", "BETFAIR_PASSWORD"}
    assert settings.DEVELOPMENT_SECRET not in {one.name for one in every_setting()}


KEY = "k" * 32


def test_feed_keys_are_read_by_feed_and_a_feed_may_have_two():
    keys = feed_keys(f"north:{KEY}, south:a:{KEY},north:{KEY[:-1]}2,")
    assert keys == {"north": (KEY, KEY[:-1] + "2"), "south": (f"a:{KEY}",)}
    assert feed_keys("") == {}


@pytest.mark.parametrize(
    "text", [f":{KEY}", KEY, f"North:{KEY}", f"redis:{KEY}", "north:short-one", f"north:{'ö' * 32}"]
)
def test_nonsense_for_feed_keys_is_refused_and_no_secret_is_told(text: str):
    with pytest.raises(BadSettings, match="FEED_KEYS") as raised:
        load({"FEED_KEYS": text})
    told = str(raised.value)
    assert KEY not in told
    assert "short-one" not in told
